import { expect, test } from 'vitest'
import { openRpcInterface } from '../../../supervisor/rpc/dispatch.ts'
import { methods } from '../../../supervisor/rpc/methods.ts'
import { renderRpcReference } from '../../../supervisor/rpc/render-reference.ts'
import { files } from '../../../supervisor/system/files.ts'
import type { XmlRpcValue } from '../../../supervisor/xmlrpc/codec.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { fakeDaemon } from '../../support/fake-daemon.ts'

function given() {
  const daemon = fakeDaemon({ x: [{}] })
  const rpc = openRpcInterface(['supervisor'], { daemon, clock: new FakeClock(), files })
  const gone = new AbortController()
  return { daemon, gone, call: (method: string, ...params: XmlRpcValue[]) => rpc.call(method, params, gone.signal) }
}

// Contract 8.2: what `methodSignature` answers.
const signatures: Readonly<Record<string, string>> = {
  'supervisor.addProcessGroup': 'boolean string',
  'supervisor.clearAllProcessLogs': 'array',
  'supervisor.clearLog': 'boolean',
  'supervisor.clearProcessLog': 'boolean string',
  'supervisor.clearProcessLogs': 'boolean string',
  'supervisor.getAPIVersion': 'string',
  'supervisor.getAllConfigInfo': 'array',
  'supervisor.getAllProcessInfo': 'array',
  'supervisor.getIdentification': 'string',
  'supervisor.getPID': 'int',
  'supervisor.getProcessInfo': 'struct string',
  'supervisor.getState': 'struct',
  'supervisor.getSupervisorVersion': 'string',
  'supervisor.getVersion': 'string',
  'supervisor.readLog': 'string int int',
  'supervisor.readMainLog': 'string int int',
  'supervisor.readProcessLog': 'string string int int',
  'supervisor.readProcessStderrLog': 'string string int int',
  'supervisor.readProcessStdoutLog': 'string string int int',
  'supervisor.reloadConfig': 'array',
  'supervisor.removeProcessGroup': 'boolean string',
  'supervisor.restart': 'boolean',
  'supervisor.sendProcessStdin': 'boolean string string',
  'supervisor.sendRemoteCommEvent': 'boolean string string',
  'supervisor.shutdown': 'boolean',
  'supervisor.signalAllProcesses': 'array string',
  'supervisor.signalProcess': 'boolean string string',
  'supervisor.signalProcessGroup': 'array string string',
  'supervisor.startAllProcesses': 'array boolean',
  'supervisor.startProcess': 'boolean string boolean',
  'supervisor.startProcessGroup': 'array string boolean',
  'supervisor.stopAllProcesses': 'array boolean',
  'supervisor.stopProcess': 'boolean string boolean',
  'supervisor.stopProcessGroup': 'array string boolean',
  'supervisor.tailProcessLog': 'array string int int',
  'supervisor.tailProcessStderrLog': 'array string int int',
  'supervisor.tailProcessStdoutLog': 'array string int int',
  'system.listMethods': 'array',
  'system.methodHelp': 'string string',
  'system.methodSignature': 'array string',
  'system.multicall': 'array array',
}

test('listMethods names them all, sorted', () => {
  expect(given().call('system.listMethods')).toEqual(Object.keys(signatures))
})

test.each(Object.entries(signatures))('%s: %s', (name, signature) => {
  const { call } = given()
  expect(call('system.methodSignature', name)).toEqual(signature.split(' '))
  expect(call('system.methodHelp', name)).toMatch(/^\S.*\n\n(@param \w+ \w+ {2}\S.*\n)*@return \w+ result {2}\S.*$/)
})

test('help has a line per parameter and one for the result', () => {
  expect(given().call('system.methodHelp', 'supervisor.startProcess')).toMatch(
    /^Start a process.*@param string name .*@param boolean wait .*@return boolean/s,
  )
})

test('what does not exist has neither help nor signature', () => {
  const { call } = given()
  for (const method of ['system.methodHelp', 'system.methodSignature'])
    expect(() => call(method, 'supervisor.nothing')).toThrow(/^SIGNATURE_UNSUPPORTED$/)
})

test.each([
  'supervisor.nothing',
  'nothing.getState',
  'getState',
  'supervisor._update',
  'a.b.c',
  '__proto__',
  'toString',
  '',
])('%j is UNKNOWN_METHOD', name => expect(() => given().call(name)).toThrow(/^UNKNOWN_METHOD$/))

test.each(Object.keys(methods))('%s counts its parameters', name => {
  const { call } = given()
  expect(() => call(name, ...Array(9).fill('x'))).toThrow(/^INCORRECT_PARAMETERS$/)
})

test('multicall: bare results and fault structs, each in its place', async () => {
  const { call } = given()
  const calls = [
    { methodName: 'supervisor.getAPIVersion', params: [] },
    { methodName: 'supervisor.nothing' },
    { methodName: 'supervisor.getProcessInfo', params: ['ghost'] },
    { params: [] },
    { methodName: 'system.multicall', params: [[]] },
    { methodName: 'supervisor.getIdentification' },
    5,
    { methodName: 5 },
    { methodName: 'supervisor.getPID', params: 5 },
  ]
  expect(await call('system.multicall', calls)).toEqual([
    '3.0',
    { faultCode: 1, faultString: 'UNKNOWN_METHOD' },
    { faultCode: 10, faultString: 'BAD_NAME: ghost' },
    { faultCode: 2, faultString: 'INCORRECT_PARAMETERS: No methodName' },
    { faultCode: 2, faultString: 'INCORRECT_PARAMETERS: Recursive system.multicall forbidden' },
    'supervisor',
    { faultCode: 2, faultString: 'INCORRECT_PARAMETERS' },
    { faultCode: 2, faultString: 'INCORRECT_PARAMETERS' },
    { faultCode: 2, faultString: 'INCORRECT_PARAMETERS' },
  ])
  expect(await call('system.multicall', [])).toEqual([])
})

test('multicall: one after another, what waits is waited for', async () => {
  const { call, daemon } = given()
  const answer = call('system.multicall', [
    { methodName: 'supervisor.startProcess', params: ['x'] },
    { methodName: 'supervisor.stopProcess', params: ['x', false] },
  ])
  await new Promise(resolve => setImmediate(resolve))
  expect(daemon.process('x').done).toEqual(['start'])
  daemon.process('x').become('RUNNING')
  expect(await answer).toEqual([true, true])
  expect(daemon.process('x').done).toEqual(['start', 'stop'])
})

test('multicall: what nobody waits for is not done', async () => {
  const { call, daemon, gone } = given()
  call('system.multicall', [
    { methodName: 'supervisor.startProcess', params: ['x'] },
    { methodName: 'supervisor.shutdown' },
  ])
  gone.abort()
  daemon.process('x').become('RUNNING')
  await new Promise(resolve => setImmediate(resolve))
  expect(daemon.done).toEqual([])
})

test('multicall: an error of ours is FAILED', async () => {
  const { call, daemon } = given()
  daemon.onReread = () => {
    throw new RangeError('oh')
  }
  expect(await call('system.multicall', [{ methodName: 'supervisor.reloadConfig' }])).toEqual([
    { faultCode: 30, faultString: "FAILED: <class 'RangeError'>:oh" },
  ])
})

test('calls and their outcomes are logged at level trace', async () => {
  const { call, daemon } = given()
  call('supervisor.getPID')
  expect(() => call('supervisor.getProcessInfo', 'ghost')).toThrow()
  const waiting = call('supervisor.startProcess', 'x')
  daemon.process('x').become('FATAL')
  await expect(waiting).rejects.toThrow()
  expect(daemon.log.at('TRAC')).toEqual([
    'TRAC XML-RPC method called: supervisor.getPID()',
    'TRAC XML-RPC method supervisor.getPID() returned successfully',
    'TRAC XML-RPC method called: supervisor.getProcessInfo()',
    'TRAC XML-RPC method supervisor.getProcessInfo() returned fault: [10] BAD_NAME: ghost',
    'TRAC XML-RPC method called: supervisor.startProcess()',
    'TRAC XML-RPC method supervisor.startProcess() returned fault: [40] ABNORMAL_TERMINATION: x',
  ])
})

test('the reference page has a row per method and per fault', () => {
  const page = renderRpcReference()
  for (const name of Object.keys(methods)) expect(page).toContain(`\`${name.split('.')[1]}(`)
  expect(page).toContain('| `startProcess(string name, boolean wait=true)` | boolean |')
  expect(page).toContain('| 92 | CANT_REREAD |')
})
