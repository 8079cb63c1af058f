import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUTO } from '../../../supervisor/config/config.ts'
import { ConfigError } from '../../../supervisor/config/config-error.ts'
import { openRpcInterface } from '../../../supervisor/rpc/dispatch.ts'
import { files } from '../../../supervisor/system/files.ts'
import { parseResponse, renderResponse, type XmlRpcValue } from '../../../supervisor/xmlrpc/codec.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeDaemon, fakeDaemon } from '../../support/fake-daemon.ts'
import { processConfig } from '../../support/process-config.ts'

/** An RPC interface over a daemon: `ask` gives what a client would read, or throws the fault. */
function given(groups: Parameters<typeof fakeDaemon>[0] | FakeDaemon, namespaces = ['supervisor']) {
  const daemon = groups instanceof FakeDaemon ? groups : fakeDaemon(groups)
  const clock = new FakeClock()
  const rpc = openRpcInterface(namespaces, { daemon, clock, files })
  const gone = new AbortController()
  const call = (method: string, ...params: XmlRpcValue[]) =>
    rpc.call(method.includes('.') ? method : `supervisor.${method}`, params, gone.signal)
  /** answered at once */
  const ask = (method: string, ...params: XmlRpcValue[]): XmlRpcValue => {
    const answer = call(method, ...params)
    if (answer instanceof Promise) throw new Error(`${method} waits`)
    return parseResponse(renderResponse(answer))
  }
  /** answered later */
  const wait = (method: string, ...params: XmlRpcValue[]) => {
    const answer = call(method, ...params)
    if (!(answer instanceof Promise)) throw new Error(`${method} does not wait`)
    const outcome: { value?: unknown; fault?: unknown } = {}
    const settled = answer.then(
      value => Object.assign(outcome, { value }),
      fault => Object.assign(outcome, { fault: fault.text }),
    )
    return { outcome, settled }
  }
  return { daemon, clock, ask, wait, gone }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const ok = (name: string, group = name) => ({ name, group, status: 80, description: 'OK' })

describe('the daemon', () => {
  test('tells who it is', () => {
    const { ask } = given({})
    expect([ask('getAPIVersion'), ask('getVersion'), ask('getSupervisorVersion')]).toEqual(['3.0', '3.0', '4.3.0'])
    expect([ask('getIdentification'), ask('getPID')]).toEqual(['supervisor', 4242])
    expect(ask('getState')).toEqual({ statecode: 1, statename: 'RUNNING' })
  })

  test('refuses every supervisor method but sendRemoteCommEvent while it stops', () => {
    const { ask, daemon } = given({ x: [{}] })
    expect(ask('shutdown')).toBe(true)
    for (const name of ask('system.listMethods') as string[]) {
      if (!name.startsWith('supervisor.') || name.endsWith('RemoteCommEvent')) continue
      const count = (ask('system.methodSignature', name) as string[]).length - 1
      expect(() => ask(name, ...Array(count).fill('x')), name).toThrow(/^SHUTDOWN_STATE$/)
    }
    expect(ask('sendRemoteCommEvent', 'a', 'b')).toBe(true)
    expect(daemon.done).toEqual(['shutdown', 'event a b'])
  })

  test('a wrong number of parameters is told before the shutdown', () => {
    const { ask, daemon } = given({})
    daemon.state = 'RESTARTING'
    expect(() => ask('getState', 1)).toThrow(/^INCORRECT_PARAMETERS$/)
  })

  test('restart with a broken configuration is refused and does nothing', () => {
    const { ask, daemon } = given({})
    daemon.onReread = () => {
      throw new ConfigError('not good', {})
    }
    expect(() => ask('restart')).toThrow(/^CANT_REREAD: not good$/)
    expect(() => ask('reloadConfig')).toThrow(/^CANT_REREAD: not good$/)
    expect(daemon.done).toEqual([])
  })

  test('reloadConfig answers [[added, changed, removed]]', () => {
    const { ask, daemon } = given({})
    daemon.changes = { added: ['a'], changed: [], removed: ['r', 's'] }
    expect(ask('reloadConfig')).toEqual([[['a'], [], ['r', 's']]])
  })

  test('groups are added and removed', () => {
    const { ask } = given({ x: [{}], y: [{}] })
    expect(() => ask('addProcessGroup', 'x')).toThrow(/^ALREADY_ADDED: x$/)
    expect(() => ask('addProcessGroup', 'ghost')).toThrow(/^BAD_NAME: ghost$/)
    expect(ask('removeProcessGroup', 'x')).toBe(true)
    expect(() => ask('removeProcessGroup', 'x')).toThrow(/^BAD_NAME: x$/)
    expect(ask('addProcessGroup', 'x')).toBe(true)
  })

  test('a group with a process that runs is not removed', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING', { pid: 7 })
    expect(() => ask('removeProcessGroup', 'x')).toThrow(/^STILL_RUNNING: x$/)
  })

  test('remote events take anything, as Python writes it', () => {
    const { ask, daemon } = given({})
    expect(ask('sendRemoteCommEvent', null, [1, 'a', true, { a: "it's" }])).toBe(true)
    expect(daemon.done).toEqual([`event None [1, 'a', True, {'a': "it's"}]`])
  })

  test('the namespace is unknown without its section', () => {
    const { ask } = given({}, [])
    expect(() => ask('getPID')).toThrow(/^UNKNOWN_METHOD$/)
    expect(ask('system.listMethods')).toHaveLength(4)
  })
})

describe('names', () => {
  test.each(['ghost', '', ':', '*', 'x:ghost', 'ghost:*', 'a:b:c', 'g'])('%j is nobody', spec => {
    const { ask } = given({ x: [{}], g: [{ name: 'a' }] })
    for (const method of ['startProcess', 'stopProcess', 'getProcessInfo', 'clearProcessLogs'])
      expect(() => ask(method, spec), method).toThrow(`BAD_NAME: ${spec}`)
  })

  test('methods for one process do not take a group', () => {
    const { ask } = given({ g: [{ name: 'a' }] })
    const calls: [string, ...XmlRpcValue[]][] = [
      ['getProcessInfo', 'g:*'],
      ['clearProcessLogs', 'g:*'],
      ['sendProcessStdin', 'g:*', 'x'],
      ['readProcessStdoutLog', 'g:*', 0, 0],
      ['tailProcessStdoutLog', 'g:*', 0, 0],
    ]
    for (const [method, ...params] of calls) expect(() => ask(method, ...params)).toThrow('BAD_NAME: g:*')
  })

  test('faults name the process as it was asked for', () => {
    const { ask } = given({ x: [{}] })
    expect(() => ask('stopProcess', 'x:x')).toThrow(/^NOT_RUNNING: x:x$/)
  })

  test.each<[string, ...XmlRpcValue[]]>([
    ['getProcessInfo', 5],
    ['startProcess', null],
    ['stopProcess', ['x']],
    ['readLog', 'abc', 0],
    ['readLog', null, 0],
    ['system.multicall', 5],
    ['system.methodHelp', 5],
  ])('%s(%j) has the wrong type: fault 2', (method, ...params) => {
    expect(() => given({ x: [{}] }).ask(method, ...params)).toThrow(/^INCORRECT_PARAMETERS$/)
  })
})

describe('starting', () => {
  test('waits until the process runs', async () => {
    const { wait, daemon } = given({ x: [{}] })
    const { outcome, settled } = wait('startProcess', 'x')
    expect(daemon.process('x').state).toBe('STARTING')
    await turn()
    expect(outcome).toEqual({})
    daemon.process('x').become('RUNNING')
    await settled
    expect(outcome).toEqual({ value: true })
    expect(daemon.process('x').watched).toBe(0)
  })

  test('that ends too soon is a SPAWN_ERROR', async () => {
    const { wait, daemon } = given({ x: [{}] })
    const { outcome, settled } = wait('startProcess', 'x:x', true)
    daemon.process('x').become('BACKOFF', { spawnerr: 'Exited too quickly (process log may have details)' })
    await settled
    expect(outcome).toEqual({ fault: 'SPAWN_ERROR: x:x' })
  })

  test('that is stopped meanwhile is an ABNORMAL_TERMINATION', async () => {
    const { wait, daemon } = given({ x: [{}] })
    const { outcome, settled } = wait('startProcess', 'x')
    daemon.process('x').become('STOPPING')
    await settled
    expect(outcome).toEqual({ fault: 'ABNORMAL_TERMINATION: x' })
  })

  test('without waiting answers once there is a child', () => {
    const { ask, daemon } = given({ x: [{}] })
    expect(ask('startProcess', 'x', false)).toBe(true)
    expect(daemon.process('x').watched).toBe(0)
  })

  test('that cannot spawn is a SPAWN_ERROR, waited for or not', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').onStart = () => daemon.process('x').become('BACKOFF', { spawnerr: 'too many open files' })
    expect(() => ask('startProcess', 'x', false)).toThrow(/^SPAWN_ERROR: x$/)
    daemon.process('x').become('STOPPED')
    expect(() => ask('startProcess', 'x', true)).toThrow(/^SPAWN_ERROR: x$/)
  })

  test('startsecs=0 answers at once', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').onStart = () => daemon.process('x').become('RUNNING', { pid: 7 })
    expect(ask('startProcess', 'x')).toBe(true)
  })

  test.each(['STARTING', 'RUNNING', 'BACKOFF'] as const)('%s is ALREADY_STARTED', state => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become(state)
    expect(() => ask('startProcess', 'x')).toThrow(/^ALREADY_STARTED: x$/)
  })

  test('UNKNOWN is FAILED', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('UNKNOWN')
    expect(() => ask('startProcess', 'x')).toThrow(/^FAILED: x is in an unknown process state$/)
  })

  test('while STOPPING is an ABNORMAL_TERMINATION, or true when nobody waits', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('STOPPING')
    expect(() => ask('startProcess', 'x')).toThrow(/^ABNORMAL_TERMINATION: x$/)
    expect(ask('startProcess', 'x', false)).toBe(true)
    expect(daemon.process('x').state).toBe('STOPPING')
  })

  test('a bad command is told first, and the process is not touched', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').commandProblem = { fault: 'NO_FILE', text: "can't find command '/no'" }
    daemon.process('x').become('RUNNING')
    expect(() => ask('startProcess', 'x')).toThrow(/^NO_FILE: can't find command '\/no'$/)
    daemon.process('x').commandProblem = { fault: 'NOT_EXECUTABLE', text: 'command is empty' }
    expect(() => ask('startProcess', 'x')).toThrow(/^NOT_EXECUTABLE: command is empty$/)
    expect(daemon.process('x').done).toEqual([])
  })

  test.each<[XmlRpcValue, boolean]>([
    [0, false],
    [1, true],
    ['', false],
    ['0', true],
    [null, false],
    [[], false],
    [[0], true],
    [{}, false],
    [0.5, true],
  ])('wait=%j counts as %j', (given_, waits) => {
    const { ask, wait } = given({ x: [{}] })
    if (waits) expect(() => wait('startProcess', 'x', given_)).not.toThrow()
    else expect(ask('startProcess', 'x', given_)).toBe(true)
  })

  test('nobody is waited for once the client has gone', async () => {
    const { wait, daemon, gone } = given({ x: [{}] })
    const { outcome } = wait('startProcess', 'x')
    gone.abort()
    expect(daemon.process('x').watched).toBe(0)
    daemon.process('x').become('RUNNING')
    await turn()
    expect(outcome).toEqual({})
  })
})

describe('stopping', () => {
  test('waits until the process has stopped, and says so every two seconds', async () => {
    const { wait, daemon, clock } = given({ x: [{}] })
    daemon.process('x').become('RUNNING')
    const { outcome, settled } = wait('stopProcess', 'x')
    const lines = () => daemon.log.at('INFO')
    expect(lines()).toEqual(['INFO waiting for x to stop'])
    clock.advance(1999)
    expect(lines()).toHaveLength(1)
    clock.advance(2001)
    expect(lines()).toHaveLength(3)
    daemon.process('x').become('STOPPED')
    await settled
    expect(outcome).toEqual({ value: true })
    expect(clock.pending).toBe(0)
  })

  test('without waiting answers at once', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING')
    expect(ask('stopProcess', 'x', false)).toBe(true)
    expect(daemon.process('x').state).toBe('STOPPING')
    expect(daemon.log.at('INFO')).toEqual([])
  })

  test('in BACKOFF is done at once', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').onStop = () => daemon.process('x').become('STOPPED')
    daemon.process('x').become('BACKOFF')
    expect(ask('stopProcess', 'x')).toBe(true)
  })

  test.each(['STOPPED', 'STOPPING', 'EXITED', 'FATAL', 'UNKNOWN'] as const)('%s is NOT_RUNNING', state => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become(state)
    expect(() => ask('stopProcess', 'x')).toThrow(/^NOT_RUNNING: x$/)
  })

  test('a signal that cannot be sent is FAILED', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING')
    daemon.process('x').signalProblem = 'unknown problem killing x (7):EPERM'
    expect(() => ask('stopProcess', 'x')).toThrow(/^FAILED: unknown problem killing x \(7\):EPERM$/)
  })

  test('the reports end when the client goes', () => {
    const { wait, daemon, clock, gone } = given({ x: [{}] })
    daemon.process('x').become('RUNNING')
    wait('stopProcess', 'x')
    gone.abort()
    expect([clock.pending, daemon.process('x').watched]).toEqual([0, 0])
  })
})

describe('groups and all processes', () => {
  const three = {
    g: [
      { name: 'a', priority: 3 },
      { name: 'b', priority: 1 },
      { name: 'c', priority: 2 },
    ],
  }

  test('start by priority; results in the order of completion, what is decided at once first', async () => {
    const { wait, daemon } = given(three)
    const order: string[] = []
    for (const process of daemon.group('g')!.processes) {
      const { onStart } = process
      process.onStart = () => {
        order.push(process.config.name)
        onStart()
      }
    }
    daemon.process('g:a').commandProblem = { fault: 'NO_FILE', text: 'gone' }
    const { outcome, settled } = wait('startProcessGroup', 'g')
    expect(order).toEqual(['b', 'c'])
    daemon.process('g:c').become('RUNNING')
    await turn()
    daemon.process('g:b').become('BACKOFF', { spawnerr: 'Exited too quickly' })
    await settled
    expect(outcome.value).toEqual([
      { name: 'a', group: 'g', status: 20, description: 'NO_FILE: gone' },
      ok('c', 'g'),
      { name: 'b', group: 'g', status: 50, description: 'SPAWN_ERROR: g:b' },
    ])
  })

  test('g:* of startProcess and stopProcess is the group', () => {
    const { ask } = given(three)
    expect(ask('startProcess', 'g:*', false)).toEqual([ok('b', 'g'), ok('c', 'g'), ok('a', 'g')])
    expect(ask('startProcess', 'g:', false)).toEqual([])
    expect(ask('stopProcess', 'g:*', false)).toEqual([ok('b', 'g'), ok('c', 'g'), ok('a', 'g')])
    expect(ask('stopProcessGroup', 'g', false)).toEqual([])
  })

  test('all signals of a stop are sent before the first wait is logged', async () => {
    const { wait, daemon } = given(three)
    for (const process of daemon.group('g')!.processes) {
      process.become('RUNNING')
      process.onStop = () => {
        daemon.log.debug(`kill ${process.config.name}`)
        process.become('STOPPING')
      }
    }
    const { settled } = wait('stopAllProcesses')
    expect(daemon.log.at('DEBG', 'INFO')).toEqual([
      ...['DEBG kill b', 'DEBG kill c', 'DEBG kill a'],
      ...['INFO waiting for b to stop', 'INFO waiting for c to stop', 'INFO waiting for a to stop'],
    ])
    for (const process of daemon.group('g')!.processes) process.become('STOPPED')
    await settled
  })

  test('all follow the priority of their groups', () => {
    const { ask } = given({ z: [{}], a: [{}] })
    expect(ask('startAllProcesses', false)).toEqual([ok('z'), ok('a')])
    expect(ask('startAllProcesses')).toEqual([])
    expect(ask('stopAllProcesses', false)).toEqual([ok('z'), ok('a')])
    expect(ask('stopAllProcesses')).toEqual([])
  })

  test('unknown group is BAD_NAME', () => {
    const { ask } = given(three)
    for (const method of ['startProcessGroup', 'stopProcessGroup'])
      expect(() => ask(method, 'ghost')).toThrow('BAD_NAME: ghost')
    expect(() => ask('signalProcessGroup', 'ghost', 'HUP')).toThrow('BAD_NAME: ghost')
  })
})

describe('signals', () => {
  test.each<[XmlRpcValue, number]>([
    ['HUP', 1],
    ['SIGUSR1', 10],
    ['usr2', 12],
    ['28', 28],
    [18, 18],
    ['0', 0],
  ])('%j is sent as %d', (name, number) => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('STOPPING')
    expect(ask('signalProcess', 'x', name)).toBe(true)
    expect(daemon.process('x').done).toEqual([`signal ${number}`])
  })

  test('a bad signal is told before a process that does not run', () => {
    const { ask } = given({ x: [{}] })
    expect(() => ask('signalProcess', 'x', 'BOGUS')).toThrow(/^BAD_SIGNAL: BOGUS$/)
    expect(() => ask('signalProcess', 'x', 99)).toThrow(/^BAD_SIGNAL: 99$/)
    expect(() => ask('signalProcess', 'x', 'HUP')).toThrow(/^NOT_RUNNING: x$/)
  })

  test('BACKOFF cannot be signalled', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('BACKOFF')
    expect(() => ask('signalProcess', 'x', 'HUP')).toThrow(/^NOT_RUNNING: x$/)
  })

  test('only processes with a child appear in the results', () => {
    const { ask, daemon } = given({ a: [{}], b: [{}], c: [{}] })
    daemon.process('a').become('RUNNING')
    daemon.process('c').become('STARTING')
    expect(ask('signalAllProcesses', 'CONT')).toEqual([ok('a'), ok('c')])
    expect(ask('signalProcess', 'a:*', 'CONT')).toEqual([ok('a')])
    expect(ask('signalProcessGroup', 'b', 'CONT')).toEqual([])
    expect(ask('signalProcessGroup', 'a', 'BOGUS')).toEqual([
      { name: 'a', group: 'a', status: 11, description: 'BAD_SIGNAL: BOGUS' },
    ])
    daemon.process('a').signalProblem = 'no way'
    expect(() => ask('signalProcess', 'a', 'HUP')).toThrow(/^FAILED: no way$/)
  })
})

describe('logs', () => {
  let directory: string
  let path: string
  beforeAll(() => {
    directory = mkdtempSync('/tmp/rpc-logs-')
    path = join(directory, 'x.log')
    writeFileSync(path, '0123456789\n')
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  const logged = () => {
    const lab = given({ x: [{}] })
    lab.daemon.process('x').logfiles.stdout = path
    lab.daemon.logfile = path
    return lab
  }

  test.each<[XmlRpcValue, XmlRpcValue, string]>([
    [2, 3, '234'],
    [-4, 0, '789\n'],
    [8, 0, '89\n'],
    [-1000, 0, '0123456789\n'],
    [1000, 0, ''],
    ['1', '5', '12345'],
    [1.5, 5, '12345'],
    [true, ' 1_0 ', '123456789\n'],
  ])('from %j, %j bytes', (offset, length, text) => {
    const { ask } = logged()
    expect(ask('readProcessStdoutLog', 'x', offset, length)).toBe(text)
    expect(ask('readProcessLog', 'x', offset, length)).toBe(text)
    expect(ask('readLog', offset, length)).toBe(text)
    expect(ask('readMainLog', offset, length)).toBe(text)
  })

  test.each([
    [-4, 2],
    [0, -1],
  ])('from %d, %d bytes are BAD_ARGUMENTS', (offset, length) => {
    expect(() => logged().ask('readProcessStdoutLog', 'x', offset, length)).toThrow(/^BAD_ARGUMENTS$/)
  })

  test('a log that is none, or missing, is NO_FILE for reading and empty for tailing', () => {
    const { ask, daemon } = logged()
    expect(() => ask('readProcessStderrLog', 'x', 0, 0)).toThrow(/^NO_FILE$/)
    expect(ask('tailProcessStderrLog', 'x', 0, 10)).toEqual(['', 0, false])
    daemon.process('x').logfiles.stderr = '/no/such.log'
    expect(() => ask('readProcessStderrLog', 'x', 0, 0)).toThrow(/^NO_FILE: \/no\/such\.log$/)
    expect(ask('tailProcessStderrLog', 'x', 0, 10)).toEqual(['', 0, false])
  })

  test('tail answers text, size and overflow', () => {
    const { ask } = logged()
    expect(ask('tailProcessStdoutLog', 'x', 0, 4)).toEqual(['789\n', 11, true])
    expect(ask('tailProcessLog', 'x', 7, 4)).toEqual(['789\n', 11, false])
  })

  test('what is read is where the output can be read back as text', () => {
    const { ask, daemon } = logged()
    daemon.process('x').logfiles.stdout = '/dev/stdout'
    expect(() => ask('readProcessStdoutLog', 'x', 0, 0)).toThrow(/^(FAILED|NO_FILE)/)
    daemon.process('x').readableLogs.stdout = { text: path }
    expect(ask('readProcessStdoutLog', 'x', 0, 3)).toBe('012')
    expect(ask('tailProcessStdoutLog', 'x', 0, 4)).toEqual(['789\n', 11, true])
  })

  test('a main log that is syslog or missing is NO_FILE', () => {
    const { ask, daemon } = logged()
    expect(ask('clearLog')).toBe(true)
    daemon.logfile = '/no/such.log'
    expect(() => ask('readLog', 0, 0)).toThrow(/^NO_FILE: \/no\/such\.log$/)
    expect(() => ask('clearLog')).toThrow(/^NO_FILE$/)
    daemon.logfile = null
    expect(() => ask('readLog', 0, 0)).toThrow(/^NO_FILE: syslog$/)
    expect(() => ask('clearLog')).toThrow(/^NO_FILE$/)
    expect(daemon.done).toEqual(['clearLog'])
  })

  test('a main log that cannot be cleared is FAILED', () => {
    const { ask, daemon } = logged()
    daemon.onClearLog = () => {
      throw Object.assign(new Error(), { code: 'EACCES' })
    }
    expect(() => ask('clearLog')).toThrow(/^FAILED$/)
  })

  test('clearing is for processes with a child; the others are a success that touches nothing', () => {
    const { ask, daemon } = given({ on: [{}], off: [{}] })
    daemon.process('on').become('RUNNING', { pid: 7 })
    expect(ask('clearAllProcessLogs')).toEqual([ok('on'), ok('off')])
    expect(ask('clearProcessLogs', 'off')).toBe(true)
    expect(ask('clearProcessLog', 'on')).toBe(true)
    expect([daemon.process('on').done, daemon.process('off').done]).toEqual([['clear', 'clear'], []])
  })

  test('a log that cannot be cleared is FAILED', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING', { pid: 7 })
    daemon.process('x').onClear = () => {
      throw new Error('EACCES')
    }
    expect(() => ask('clearProcessLogs', 'x')).toThrow(/^FAILED: x$/)
    expect(ask('clearAllProcessLogs')).toEqual([{ name: 'x', group: 'x', status: 30, description: 'FAILED: x' }])
  })
})

describe('stdin', () => {
  test('text is written as UTF-8', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING', { pid: 7 })
    expect(ask('sendProcessStdin', 'x', 'héllo\n')).toBe(true)
    expect(daemon.process('x').done).toEqual(['stdin héllo\n'])
  })

  test.each<[XmlRpcValue, string]>([
    [5, '5'],
    [[1, 'a', true, null, { a: 1 }], "[1, 'a', True, None, {'a': 1}]"],
  ])('%j is no text, which is told first', (chars, shown) => {
    expect(() => given({}).ask('sendProcessStdin', 'ghost', chars)).toThrow(`INCORRECT_PARAMETERS: ${shown}`)
  })

  test('a process that does not run, or is being stopped, is NOT_RUNNING', () => {
    const { ask, daemon } = given({ x: [{}] })
    expect(() => ask('sendProcessStdin', 'x', 'a')).toThrow(/^NOT_RUNNING: x$/)
    daemon.process('x').become('STOPPING', { pid: 7 })
    expect(() => ask('sendProcessStdin', 'x', 'a')).toThrow(/^NOT_RUNNING: x$/)
  })

  test('a closed stdin is NO_FILE, one that nobody reads is FAILED', () => {
    const { ask, daemon } = given({ x: [{}] })
    daemon.process('x').become('RUNNING', { pid: 7 })
    daemon.process('x').stdinAnswer = 'closed'
    expect(() => ask('sendProcessStdin', 'x', 'a')).toThrow(/^NO_FILE: x$/)
    daemon.process('x').stdinAnswer = 'full'
    expect(() => ask('sendProcessStdin', 'x', 'a')).toThrow(/^FAILED: x does not read its stdin/)
  })
})

describe('configuration', () => {
  test('has 29 members; what is not set is `none`', () => {
    const { ask } = given({ x: [{}] })
    expect(ask('getAllConfigInfo')).toEqual([
      {
        ...{ autostart: true, directory: 'none', uid: 'none', command: '/bin/cat', exitcodes: [0], group: 'x' },
        ...{ group_prio: 999, inuse: true, killasgroup: false, name: 'x', process_prio: 999, redirect_stderr: false },
        ...{ startretries: 3, startsecs: 1, stopsignal: 15, stopwaitsecs: 10, serverurl: 'none' },
        ...{ stdout_capture_maxbytes: 0, stdout_events_enabled: false, stdout_logfile: 'none', stdout_syslog: false },
        ...{ stdout_logfile_backups: 10, stdout_logfile_maxbytes: 50 << 20 },
        ...{ stderr_capture_maxbytes: 0, stderr_events_enabled: false, stderr_logfile: 'none', stderr_syslog: false },
        ...{ stderr_logfile_backups: 10, stderr_logfile_maxbytes: 50 << 20 },
      },
    ])
  })

  test('automatic logs have names while the group of the configuration runs, and are `auto` after a reread', () => {
    const { ask, daemon } = given({ x: [{ stdout_logfile: AUTO, stderr_logfile: '' }] })
    daemon.process('x').logfiles.stdout = '/tmp/x-stdout.log'
    const logs = () =>
      (ask('getAllConfigInfo') as { [member: string]: XmlRpcValue }[]).map(info => [
        info.inuse,
        info.stdout_logfile,
        info.stderr_logfile,
      ])
    expect(logs()).toEqual([[true, '/tmp/x-stdout.log', '']])
    const fresh = fakeDaemon({ x: [{ stdout_logfile: AUTO }], new: [{ stdout_logfile: AUTO }] })
    daemon.latestConfig = fresh.latestConfig
    expect(logs()).toEqual([
      [false, 'auto', 'none'],
      [true, 'auto', 'none'],
    ])
  })

  test('is sorted by process name only', () => {
    const { ask } = given({ z: [{ name: 'a' }], g: [{ name: 'c' }, { name: 'b' }] })
    expect((ask('getAllConfigInfo') as { name: string }[]).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('a limit beyond 32 bits is told as it is', () => {
    const { ask } = given(
      new FakeDaemon([
        { name: 'x', priority: 1, listener: null, processes: [processConfig({ stdout_logfile_maxbytes: 2 ** 31 })] },
      ]),
    )
    expect(ask('getAllConfigInfo')).toEqual([expect.objectContaining({ stdout_logfile_maxbytes: 2 ** 31 })])
  })
})
