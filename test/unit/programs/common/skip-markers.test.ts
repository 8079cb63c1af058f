import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readBootJournal } from '../../../../programs/common/boot-journal.ts'
import { readGateVerdicts, readSkipMarkers } from '../../../../programs/common/skip-markers.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync('/tmp/skip-markers-')
})
afterEach(() => rmSync(directory, { recursive: true }))

const put = (name: string, text: string): void => writeFileSync(join(directory, name), text)

test('a marker is the term that was not found, on one line', () => {
  put('comfyui', 'ComfyUI\n')
  put('odd', '\u001b[31mred\r\n')
  put('empty', '')
  expect([...readSkipMarkers(directory)].sort()).toEqual([
    ['comfyui', 'ComfyUI'],
    ['empty', ''],
    ['odd', '[31mred'],
  ])
})

test('no directory is no markers', () => {
  expect(readSkipMarkers(join(directory, 'none')).size).toBe(0)
  expect(readGateVerdicts(join(directory, 'none')).size).toBe(0)
})

test('links, directories and endless text lead nowhere', () => {
  symlinkSync('/etc/passwd', join(directory, 'link'))
  mkdirSync(join(directory, 'directory'))
  put('long', 'x'.repeat(100_000))
  expect([...readSkipMarkers(directory)]).toEqual([['long', 'x'.repeat(200)]])
})

test('what is no verdict is left out', () => {
  put('a.json', '{"gate":"portal","verdict":"skip","reason":"not in\\nit","since":5}')
  put('b.json', '{"gate":"portal","verdict":"maybe","reason":"","since":5}')
  put('c.json', '{"gate":"portal"')
  put('d.json', 'null')
  put('e', '{"gate":"portal","verdict":"go","reason":"","since":5}')
  expect([...readGateVerdicts(directory)]).toEqual([
    ['a', { gate: 'portal', verdict: 'skip', reason: 'not in it', since: 5 }],
  ])
})

test.each([
  ['nothing', undefined],
  ['half of one', '{"started":1,"steps":['],
  ['another shape', '{"started":1,"steps":[{}],"phase":"boot"}'],
  ['another phase', '{"started":1,"steps":[],"phase":"lunch"}'],
])('%s is no boot journal', (_, text) => {
  if (text !== undefined) put('boot.json', text)
  expect(readBootJournal(join(directory, 'boot.json'))).toBeUndefined()
})

test('a boot journal is read as it was written', () => {
  const step = { name: 'prep-env', file: '10-prep-env.sh', started: 1, ended: null, result: 'running', message: '' }
  const journal = { started: 1, steps: [step], phase: 'boot' }
  put('boot.json', JSON.stringify(journal))
  expect(readBootJournal(join(directory, 'boot.json'))).toEqual(journal)
})
