import { expect, test } from 'vitest'
import { type Facts, type FileFacts, type Gate, type GateName, gates } from '../../../../programs/gates/gates.ts'

/** A machine where nothing is: no files, no commands, a quiet start. */
const nothing: Facts = {
  env: {},
  program: 'app',
  late: false,
  exists: () => false,
  launchMode: () => 'args',
  read: () => ({ text: '', quietMs: 0 }),
  findLine: () => ({ found: false }),
  findCommand: () => undefined,
}

const ask = (name: GateName, facts: Partial<Facts> = {}, argument = '') =>
  (gates[name] as Gate).decide({ ...nothing, ...facts }, argument)

const file =
  (text: string, quietMs = 60_000, problem?: string): Facts['read'] =>
  (): FileFacts => ({ text, quietMs, ...(problem === undefined ? {} : { problem }) })

const entry = (name: string): string =>
  `  ${name}: { hostname: localhost, external_port: 1, internal_port: 2, open_path: / }\n`
const LISTED = `applications:\n${entry('My App')}`

test.each(Object.entries(gates))('%s says what it is for', (_, gate: Gate) => {
  expect(gate.doc).toMatch(/^[A-Z].*\.$/)
  expect(gate.limitMs === undefined || gate.watch !== undefined).toBe(true)
})

test('serverless: a go unless SERVERLESS is true', () => {
  expect(ask('serverless').verdict).toBe('go')
  expect(ask('serverless', { env: { SERVERLESS: 'tRue' } })).toMatchObject({
    verdict: 'skip',
    says: 'Skipping app startup (Serverless)',
  })
})

test('portal: an application by its name, before any line of the file is looked at', () => {
  const findLine: Facts['findLine'] = () => {
    throw new Error('not asked')
  }
  expect(ask('portal', { read: file(LISTED), findLine }, 'my app')).toEqual({
    verdict: 'go',
    reason: '/etc/portal.yaml lists My App',
  })
})

test('portal: a name that is no regular expression is a name all the same', () => {
  const findLine: Facts['findLine'] = () => ({ found: false, problem: 'Unmatched (' })
  expect(ask('portal', { read: file(`applications:\n${entry('C++ (beta)')}`), findLine }, 'C++ (beta)').verdict).toBe(
    'go',
  )
})

test('portal: else a line, by the expression that launchers have always used', () => {
  const asked: string[] = []
  const findLine: Facts['findLine'] = (expression, text) => {
    asked.push(expression, text)
    return { found: true, number: 7, line: '    open_path: /x' }
  }
  expect(ask('portal', { read: file(LISTED), findLine }, 'open.path')).toEqual({
    verdict: 'go',
    reason: 'line 7 of /etc/portal.yaml matches open.path: open_path: /x',
  })
  expect(asked).toEqual(['^[^#].*open.path', LISTED])
})

test('portal: nothing is skipped while the file is being written', () => {
  expect(ask('portal', { read: file(LISTED, 400) }, 'x')).toMatchObject({ verdict: 'wait', againMs: 600 })
  expect(ask('portal', { read: file(LISTED, 1000) }, 'x')).toMatchObject({ verdict: 'skip' })
  expect(ask('portal', { read: file('applications:\n  My', 1000) }, 'x')).toMatchObject({
    verdict: 'wait',
    againMs: 4000,
  })
  expect(ask('portal', { read: file('applications:\n  My', 5000) }, 'x')).toMatchObject({ verdict: 'skip' })
})

test('portal: at its limit it decides on what is there, and cannot on nothing', () => {
  expect(ask('portal', { read: file('half', 0), late: true }, 'x')).toMatchObject({ verdict: 'skip' })
  expect(ask('portal', { late: false }, 'x')).toMatchObject({ verdict: 'wait' })
  expect(ask('portal', { late: true }, 'x')).toMatchObject({
    verdict: 'error',
    says: 'ERROR: /etc/portal.yaml is still missing or empty after 120 s, cannot start app',
  })
  expect(ask('portal', { read: file('', 0, 'cannot be read: EACCES') }, 'x')).toMatchObject({ verdict: 'error' })
})

test.each(['ssh', 'args'] as const)('launch-managed: nothing to refuse in mode %s', mode => {
  expect(ask('launch-managed', { launchMode: () => mode }).verdict).toBe('go')
})

test("launch-managed: the platform's Jupyter server is the only one, unless JUPYTER_OVERRIDE", () => {
  const launchMode = (): 'jupyter' => 'jupyter'
  expect(ask('launch-managed', { launchMode })).toMatchObject({
    verdict: 'skip',
    says: 'Refusing to start app (/.launch managing)',
  })
  expect(ask('launch-managed', { launchMode, env: { JUPYTER_OVERRIDE: 'TRUE' } }).verdict).toBe('go')
})

test('provisioning: a wait as long as /.provisioning is there', () => {
  const only = (path: string) => ({ exists: (asked: string) => asked === path })
  expect(ask('provisioning', only('/.provisioning'))).toMatchObject({ verdict: 'wait' })
  expect(ask('provisioning', only('/.provisioning_failed'))).toEqual({
    verdict: 'go',
    reason: 'provisioning has failed',
  })
  expect(ask('provisioning')).toEqual({ verdict: 'go', reason: 'provisioning is over' })
})

test('installed: where the command is', () => {
  expect(ask('installed', { findCommand: () => '/usr/bin/x' }, 'x')).toEqual({
    verdict: 'go',
    reason: '/usr/bin/x is installed',
  })
  expect(ask('installed', {}, 'x')).toMatchObject({ verdict: 'skip', reason: 'x is not installed' })
})

test('pyworker: only in a serverless instance, and only if nobody else starts it', () => {
  const SERVERLESS = 'true'
  expect(ask('pyworker')).toMatchObject({ verdict: 'skip', says: 'Skipping app startup (not serverless)' })
  expect(ask('pyworker', { env: { SERVERLESS } }).verdict).toBe('go')
  expect(ask('pyworker', { env: { SERVERLESS, SUPERVISOR_SKIP_PYWORKER: 'True' } }).verdict).toBe('skip')
  expect(ask('pyworker', { env: { SERVERLESS }, read: file('cd pyworker') }).verdict).toBe('skip')
  expect(ask('pyworker', { env: { SERVERLESS }, read: file('wget x/start_server.sh') }).verdict).toBe('skip')
})
