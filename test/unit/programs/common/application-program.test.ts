import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { gateTermOf, programOf, readGateTerm } from '../../../../programs/common/application-program.ts'
import type { Program } from '../../../../programs/common/supervisor-watch.ts'

const directory = mkdtempSync('/tmp/gate-term-')
afterAll(() => rmSync(directory, { recursive: true }))

const programs = (...names: readonly string[]): Program[] =>
  names.map(name => ({ namespec: name, name: name.split(':').at(-1)!, group: name.split(':')[0]! }) as Program)

const application = (name: string, extra: Readonly<Record<string, unknown>> = {}) => ({
  name,
  hostname: 'localhost',
  external_port: 1111,
  internal_port: 11111,
  open_path: '/',
  extra,
})

const hints = (terms: Readonly<Record<string, string>> = {}, listeners: readonly [number, string][] = []) => ({
  terms: new Map(Object.entries(terms)),
  listeners: new Map(listeners),
})

test.each([
  ['the one that portal.yaml names', application('X', { program: 'b' }), hints({ a: 'X' }), 'b'],
  ['the one that portal.yaml names by group', application('X', { program: 'g:c' }), hints(), 'g:c'],
  ['none rather than another, when that one is not there', application('a', { program: 'z' }), hints(), undefined],
  ['the one whose gate looks for it', application('Llama-cpp UI'), hints({ b: 'Llama.cpp' }), 'b'],
  [
    'of several terms that fit the one that says most',
    application('ACE Step UI'),
    hints({ a: 'ace step', b: 'ace step ui' }),
    'b',
  ],
  [
    'of programs with the same term the one of that name',
    application('Instance Portal'),
    hints({ a: 'instance portal', instance_portal: 'instance portal' }),
    'instance_portal',
  ],
  ['a term that is no expression is text', application('C++ (dev'), hints({ b: '(dev' }), 'b'],
  ['the one of the same name', application('ACE Step'), hints(), 'ace-step'],
  ['whoever listens on its port', application('Something'), hints({}, [[11111, 'a']]), 'a'],
  ['none', application('Something'), hints({ a: 'else' }, [[1111, 'a']]), undefined],
] as const)('%s', (_, app, known, namespec) => {
  expect(programOf(app, programs('a', 'b', 'g:c', 'ace-step', 'instance_portal'), known)?.namespec).toBe(namespec)
})

test.each([
  ['. "$utils/exit_portal.sh" "Open WebUI"', 'Open WebUI'],
  ["source /opt/supervisor-scripts/utils/exit_portal.sh 'jupyter'", 'jupyter'],
  ['. /opt/supervisor-scripts/utils/exit_portal.sh ollama && true', 'ollama'],
  ['# . exit_portal.sh "no"\n. exit_portal.sh "yes"', 'yes'],
  ['. "$utils/exit_serverless.sh"', undefined],
  ['. "$utils/exit_portal.sh"', undefined],
])('%s looks for %s', (script, term) => {
  expect(gateTermOf(script)).toBe(term)
})

test('the script of a command line is read, wherever it stands, and nothing else is', () => {
  const script = join(directory, 'x.sh')
  writeFileSync(script, '#!/bin/bash\n. exit_portal.sh "My App"\n')
  expect(readGateTerm(script)).toBe('My App')
  expect(readGateTerm(`bash -e ${script} --now`)).toBe('My App')
  expect(readGateTerm('/nowhere/x.sh')).toBeUndefined()
  expect(readGateTerm(directory)).toBeUndefined()
  expect(readGateTerm('/bin/sleep 5')).toBeUndefined()
})
