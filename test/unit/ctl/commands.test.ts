/** What each command prints, and its exit status. Source: contract 9.4, 10.2 */
import { describe, expect, test } from 'vitest'
import { HttpStatusError } from '../../../supervisor/client/client.ts'
import { HttpProtocolError } from '../../../supervisor/client/response-reader.ts'
import { fault, given, info, says, settled, socketError, URL } from './given.ts'

const helpOf = async (name: string) => (await says({}, `help ${name}`))[1]

const off = info('off', 'STOPPED', 'Not started', 0)
const everything = [off, info('one'), info('team:m0'), info('team:m1')]
const daemon = {
  getAllProcessInfo: () => everything,
  getProcessInfo: (name: string) =>
    everything.find(each => name === each.name || name === `${each.group}:${each.name}`) ?? fault('BAD_NAME', name),
}
const line = (name: string, rest: string) => `${name}${' '.repeat(33 - name.length)}${rest}\n`
const up = 'RUNNING   pid 12, uptime 0:00:01'

describe('status', () => {
  const all = line('off', 'STOPPED   Not started') + line('one', up) + line('team:m0', up) + line('team:m1', up)

  test('lists everything; 3 when something does not run', async () => {
    expect(await says(daemon, 'status')).toEqual([3, all])
    expect(await says(daemon, 'status one all')).toEqual([3, all])
    expect(await says({ getAllProcessInfo: () => [] }, 'status')).toEqual([0, ''])
  })

  test('lists names and groups as asked for, twice if asked for twice', async () => {
    expect(await says(daemon, 'status team:* one one')).toEqual([
      0,
      line('team:m0', up) + line('team:m1', up) + line('one', up) + line('one', up),
    ])
  })

  test('tells unknown names first; 4, but 3 when something listed does not run', async () => {
    expect(await says(daemon, 'status one ghost')).toEqual([4, `ghost: ERROR (no such process)\n${line('one', up)}`])
    expect(await says(daemon, 'status ghost:')).toEqual([4, 'ghost: ERROR (no such group)\n'])
    expect(await says(daemon, 'status team:ghost')).toEqual([4, 'team:ghost: ERROR (no such process)\n'])
    expect((await says(daemon, 'status ghost off'))[0]).toBe(3)
  })

  test.each([
    ['STARTING', 0],
    ['RUNNING', 0],
    ['BACKOFF', 0],
    ['STOPPING', 0],
    ['STOPPED', 3],
    ['EXITED', 3],
    ['FATAL', 3],
    ['UNKNOWN', 3],
  ])('%s is %i, and padded to ten', async (state, status) => {
    const getProcessInfo = () => info('x', state, '')
    expect(await says({ getProcessInfo }, 'status x')).toEqual([status, line('x', state.padEnd(10))])
  })

  test('widens for long names, counted in characters', async () => {
    const long = '𝒙'.repeat(40)
    const infos = [info('a', 'STARTING', ''), info(long, 'STARTING', '')]
    expect((await says({ getAllProcessInfo: () => infos }, 'status'))[1]).toBe(
      `a${' '.repeat(42)}STARTING  \n${long}   STARTING  \n`,
    )
  })
})

describe('start, stop, signal', () => {
  test('without a name show their help', async () => {
    expect(await says({}, 'start')).toEqual([2, `Error: start requires a process name\n${await helpOf('start')}`])
    expect(await says({}, 'stop')).toEqual([1, `Error: stop requires a process name\n${await helpOf('stop')}`])
    expect(await says({}, 'restart')).toEqual([1, `Error: restart requires a process name\n${await helpOf('restart')}`])
    expect(await says({}, 'clear')).toEqual([1, `Error: clear requires a process name\n${await helpOf('clear')}`])
    const text = `Error: signal requires a signal name and a process name\n${await helpOf('signal')}`
    expect(await says({}, 'signal')).toEqual([1, text])
    expect(await says({}, 'signal HUP')).toEqual([1, text])
  })

  test('call the daemon for each word', async () => {
    const answers = { startProcess: () => true, startProcessGroup: () => [] }
    const { session, out, calls } = given(answers)
    expect(await session.run('start one team:m0 team:*')).toBe(0)
    expect(out()).toBe('one: started\nteam:m0: started\n')
    expect(calls).toEqual(['startProcess("one")', 'startProcess("team:m0")', 'startProcessGroup("team")'])
  })

  test('an unknown group is 2 for start, 1 for the others', async () => {
    const group = () => fault('BAD_NAME', 'ghost')
    const answers = { startProcessGroup: group, stopProcessGroup: group, signalProcessGroup: group }
    const text = 'ghost: ERROR (no such group)\n'
    expect(await says(answers, 'start ghost:*')).toEqual([2, text])
    expect(await says(answers, 'stop ghost:*')).toEqual([1, text])
    expect(await says(answers, 'signal HUP ghost:*')).toEqual([1, text])
    expect(await says(answers, 'restart ghost:*')).toEqual([2, text + text])
  })

  test('`all` among the words means all, and shows what the daemon returned', async () => {
    const results = [
      { group: 'off', name: 'off', status: 80, description: 'OK' },
      { group: 'team', name: 'm0', status: 50, description: 'SPAWN_ERROR: team:m0' },
    ]
    expect(await says({ startAllProcesses: () => results }, 'start one all')).toEqual([
      7,
      'off: started\nteam:m0: ERROR (spawn error)\n',
    ])
    expect(await says({ stopAllProcesses: () => [] }, 'stop all')).toEqual([0, ''])
    const { session, calls } = given({ signalAllProcesses: () => [] })
    await session.run('signal HUP all')
    expect(calls).toEqual(['signalAllProcesses("HUP")'])
  })

  test('the last failing word decides the exit status', async () => {
    const startProcess = (name: string) =>
      name === 'quick' ? fault('SPAWN_ERROR', name) : name === 'ghost' ? fault('BAD_NAME', name) : true
    expect((await says({ startProcess }, 'start quick ghost web'))[0]).toBe(1)
    expect((await says({ startProcess }, 'start ghost quick web'))[0]).toBe(7)
  })

  test('a fault without meaning ends the command', async () => {
    const startProcess = () => fault('FAILED', 'x is in an unknown process state')
    const [status, out] = await says({ startProcess }, 'start x y')
    expect(status).toBe(1)
    expect(out).toMatch(/^error: <class 'ValueError'>, Unknown result code 30 for x: file: .* line: \d+\n$/)
  })

  test('restart is stop and start, whatever ran before', async () => {
    const answers = { stopProcess: () => fault('NOT_RUNNING', 'x'), startProcess: () => true }
    expect(await says(answers, 'restart x')).toEqual([0, 'x: ERROR (not running)\nx: started\n'])
    const ghost = () => fault('BAD_NAME', 'x')
    expect((await says({ stopProcess: ghost, startProcess: () => true }, 'restart x'))[0]).toBe(1)
  })
})

test('clear tells what became of each; of groups it knows nothing', async () => {
  const clearProcessLogs = (name: string) => (/:|ghost/.test(name) ? fault('BAD_NAME', name) : true)
  expect(await says({ clearProcessLogs }, 'clear one ghost')).toEqual([
    1,
    'one: cleared\nghost: ERROR (no such process)\n',
  ])
  expect(await says({ clearProcessLogs }, 'clear team:*')).toEqual([1, 'team:None: ERROR (no such process)\n'])
  const results = [{ group: 'a', name: 'a', status: 30, description: 'FAILED: a' }]
  expect(await says({ clearAllProcessLogs: () => results }, 'clear all')).toEqual([1, 'a: ERROR (failed)\n'])
})

test('pid prints pids; 7 for one that is 0, 1 for an unknown one, the last decides', async () => {
  expect(await says({ getPID: () => 99 }, 'pid')).toEqual([0, '99\n'])
  expect(await says(daemon, 'pid one all')).toEqual([0, '0\n12\n12\n12\n'])
  expect(await says(daemon, 'pid off')).toEqual([7, '0\n'])
  expect(await says(daemon, 'pid ghost off one')).toEqual([7, 'No such process ghost\n0\n12\n'])
  expect(await says(daemon, 'pid off ghost')).toEqual([1, '0\nNo such process ghost\n'])
})

test('version is that of the daemon', async () => {
  expect(await says({ getSupervisorVersion: () => '4.3.0' }, 'version')).toEqual([0, '4.3.0\n'])
})

test('avail shows use, start and priorities', async () => {
  const configs = [
    { group: 'team', name: 'm0', inuse: true, autostart: true, group_prio: 5, process_prio: 999 },
    { group: 'new', name: 'new', inuse: false, autostart: false, group_prio: -1, process_prio: 1 },
  ]
  expect(await says({ getAllConfigInfo: () => configs }, 'avail')).toEqual([
    0,
    `${'team:m0'.padEnd(32)} in use    auto      5:999\n${'new'.padEnd(32)} avail     manual    -1:1\n`,
  ])
  const stopping = { getAllConfigInfo: () => fault('SHUTDOWN_STATE') }
  expect(await says(stopping, 'avail')).toEqual([1, 'ERROR: supervisor shutting down\n'])
})

describe('reread', () => {
  test('names what differs, by name', async () => {
    const reloadConfig = () => [[['c', 'a-b'], ['a'], ['b']]]
    expect(await says({ reloadConfig }, 'reread')).toEqual([
      0,
      'a: changed\na-b: available\nb: disappeared\nc: available\n',
    ])
    expect(await says({ reloadConfig: () => [[[], [], []]] }, 'reread')).toEqual([
      0,
      'No config updates to processes\n',
    ])
  })

  test('shows why it could not', async () => {
    const broken = { reloadConfig: () => fault('CANT_REREAD', 'no such section') }
    expect(await says(broken, 'reread')).toEqual([1, 'ERROR: CANT_REREAD: no such section\n'])
    const stopping = { reloadConfig: () => fault('SHUTDOWN_STATE') }
    expect(await says(stopping, 'reread')).toEqual([1, 'ERROR: supervisor shutting down\n'])
    const [status, out] = await says({ reloadConfig: socketError('ENOENT') }, 'reread')
    expect(status).toBe(1)
    expect(out).toMatch(/^error: <class 'FileNotFoundError'>, \[Errno 2\] No such file or directory: file: /)
  })
})

describe('update', () => {
  const answers = {
    ...daemon,
    reloadConfig: () => [[['comes'], ['changes'], ['goes']]],
    stopProcessGroup: () => [],
    removeProcessGroup: () => true,
    addProcessGroup: () => true,
  }
  const goes = 'goes: stopped\ngoes: removed process group\n'
  const changes = 'changes: stopped\nchanges: updated process group\n'
  const comes = 'comes: added process group\n'

  test('removes, replaces, adds', async () => {
    const { session, out, calls } = given(answers)
    expect(await session.run('update')).toBe(0)
    expect(out()).toBe(goes + changes + comes)
    expect(calls).toEqual([
      'reloadConfig()',
      'stopProcessGroup("goes")',
      'removeProcessGroup("goes")',
      'stopProcessGroup("changes")',
      'removeProcessGroup("changes")',
      'addProcessGroup("changes")',
      'addProcessGroup("comes")',
    ])
  })

  test('of some groups leaves the others, and names unknown ones', async () => {
    expect(await says(answers, 'update comes one')).toEqual([0, comes])
    expect(await says(answers, 'update ghost changes')).toEqual([1, `ERROR: no such group: ghost\n${changes}`])
    expect(await says(answers, 'update one all')).toEqual([0, goes + changes + comes])
  })

  test('does not remove what cannot be stopped', async () => {
    const stopProcessGroup = (group: string) => [{ group, name: 'x', status: 30, description: 'FAILED: x' }]
    const { session, out, calls } = given({ ...answers, stopProcessGroup })
    expect(await session.run('update goes comes')).toBe(1)
    expect(out()).toBe(`goes: stopped\ngoes: has problems; not removing\n${comes}`)
    expect(calls).not.toContain('removeProcessGroup("goes")')
  })

  test('shows a broken file in the general form, unlike reread', async () => {
    const [status, out] = await says({ reloadConfig: () => fault('CANT_REREAD', "it's bad") }, 'update')
    expect(status).toBe(1)
    expect(out).toMatch(/^error: <class 'xmlrpc.client.Fault'>, <Fault 92: "CANT_REREAD: it's bad">: file: .*\n$/)
    const stopping = { reloadConfig: () => fault('SHUTDOWN_STATE') }
    expect(await says(stopping, 'update')).toEqual([1, 'ERROR: already shutting down\n'])
  })
})

test('add and remove tell what became of each group', async () => {
  const addProcessGroup = (name: string) =>
    name === 'active' ? fault('ALREADY_ADDED', name) : name === 'ghost' ? fault('BAD_NAME', name) : true
  expect(await says({ addProcessGroup }, 'add active new')).toEqual([
    0,
    'ERROR: process group already active\nnew: added process group\n',
  ])
  expect(await says({ addProcessGroup }, 'add ghost new')).toEqual([
    1,
    'ERROR: no such process/group: ghost\nnew: added process group\n',
  ])
  const stopping = { addProcessGroup: () => fault('SHUTDOWN_STATE') }
  expect(await says(stopping, 'add x')).toEqual([1, 'ERROR: shutting down\n'])
  expect(await says({}, 'add')).toEqual([0, ''])

  const removeProcessGroup = (name: string) =>
    name === 'up' ? fault('STILL_RUNNING', name) : name === 'ghost' ? fault('BAD_NAME', name) : true
  expect(await says({ removeProcessGroup }, 'remove down up ghost')).toEqual([
    1,
    'down: removed process group\nERROR: process/group still running: up\nERROR: no such process/group: ghost\n',
  ])
  expect(await says({}, 'remove')).toEqual([0, ''])
})

describe('reload and shutdown', () => {
  const answers = { restart: () => true, shutdown: () => true }

  test('do it unasked for a script', async () => {
    expect(await says(answers, 'reload')).toEqual([0, 'Restarted supervisord\n'])
    expect(await says(answers, 'shutdown')).toEqual([0, 'Shut down\n'])
  })

  test('ask a person, who has to begin with y', async () => {
    for (const [answer, agreed] of [
      ['y', true],
      ['Yes', true],
      ['', false],
      ['n', false],
      [' y', false],
    ] as const) {
      const { session, out, calls } = given(answers, { interactive: true, typed: [answer, answer] })
      expect(await session.run('shutdown')).toBe(0)
      expect(await session.run('reload')).toBe(0)
      expect(out()).toBe(
        `Really shut the remote supervisord process down y/N? ${agreed ? 'Shut down\n' : ''}` +
          `Really restart the remote supervisord process y/N? ${agreed ? 'Restarted supervisord\n' : ''}`,
      )
      expect(calls.length).toBe(agreed ? 2 : 0)
    }
    const { session, out } = given(answers, { interactive: true, typed: [null] })
    expect(await session.run('shutdown')).toBe(1)
    expect(out()).toMatch(/y\/N\? error: <class 'EOFError'>, EOF when reading a line: file: /)
  })

  test('that it is under way already is 0 for shutdown, 1 for reload', async () => {
    const stopping = { restart: () => fault('SHUTDOWN_STATE'), shutdown: () => fault('SHUTDOWN_STATE') }
    expect(await says(stopping, 'reload')).toEqual([1, 'ERROR: already shutting down\n'])
    expect(await says(stopping, 'shutdown')).toEqual([0, 'ERROR: already shutting down\n'])
  })

  test('shutdown of what is down has words of its own', async () => {
    expect(await says({ shutdown: socketError('ECONNREFUSED') }, 'shutdown')).toEqual([
      1,
      `ERROR: ${URL} refused connection (already shut down?)\n`,
    ])
    expect(await says({ shutdown: socketError('ENOENT') }, 'shutdown')).toEqual([
      1,
      `ERROR: ${URL} no such file (already shut down?)\n`,
    ])
  })
})

test('open turns to another daemon and shows its status', async () => {
  const { session, out, opened } = given(daemon)
  expect(await session.run('open http://localhost:9001')).toBe(0)
  expect(opened.at(-1)!.url).toBe('http://localhost:9001')
  expect(out()).toContain('RUNNING')
  expect(await says({}, 'open nowhere')).toEqual([1, 'ERROR: url must be http:// or unix://\n'])
  expect(await says({}, 'open')).toEqual([1, 'ERROR: url must be http:// or unix://\n'])
  expect(await says({ getVersion: socketError('ENOENT') }, 'open unix:///x')).toEqual([0, 'unix:///x no such file\n'])
})

describe('tail', () => {
  const answers = { readProcessStdoutLog: () => 'out\n', readProcessStderrLog: () => 'err\n', readLog: () => 'log\n' }
  const call = async (line: string) => {
    const { session, calls } = given(answers)
    await session.run(line)
    return calls[0]
  }

  test('prints the end of a log and a newline', async () => {
    expect(await says(answers, 'tail one')).toEqual([0, 'out\n\n'])
    expect(await says(answers, 'tail one stderr')).toEqual([0, 'err\n\n'])
    expect(await says(answers, 'maintail')).toEqual([0, 'log\n\n'])
  })

  test('1600 bytes, or as many as asked for', async () => {
    expect(await call('tail one')).toBe('readProcessStdoutLog("one", -1600, 0)')
    expect(await call('tail -3 one stderr')).toBe('readProcessStderrLog("one", -3, 0)')
    expect(await call('tail -1_000 one')).toBe('readProcessStdoutLog("one", -1000, 0)')
    expect(await call('tail --3 one')).toBe('readProcessStdoutLog("one", 3, 0)')
    expect(await call('maintail')).toBe('readLog(-1600, 0)')
    expect(await call('maintail -20')).toBe('readLog(-20, 0)')
  })

  test.each([
    ['tail -f', 'Error: tail requires process name'],
    ['tail -3', 'Error: tail requires process name'],
    ['tail one bogus', "Error: bad channel 'bogus'"],
    ['tail a b c', "Error: bad channel 'c'"],
    ['tail -f one bogus', "Error: bad channel 'bogus'"],
    ['tail -x one bogus', "Error: bad channel 'bogus'"],
    ['tail -x one', 'Error: bad argument -x'],
    ['tail - one', 'Error: bad argument -'],
    ['maintail x', 'Error: bad argument x'],
    ['maintail 20', 'Error: bad argument 20'],
    ['maintail -0x10', 'Error: bad argument -0x10'],
  ])('%s is wrong', async (line, text) => {
    expect(await says(answers, line)).toEqual([1, `${text}\n`])
  })

  test.each([
    ['tail', 'few'],
    ['tail a b c d', 'many'],
    ['maintail a b', 'many'],
  ])('%s shows the help', async (line, what) => {
    const help = await helpOf(line.split(' ')[0]!)
    expect(await says(answers, line)).toEqual([1, `Error: too ${what} arguments\n${help}`])
  })

  test.each([
    ['NO_FILE', 'no log file'],
    ['FAILED', 'unknown error reading log'],
    ['BAD_NAME', 'no such process name'],
  ] as const)('%s has words of its own', async (name, words) => {
    expect(await says({ readProcessStdoutLog: () => fault(name) }, 'tail x')).toEqual([1, `x: ERROR (${words})\n`])
    expect(await says({ readLog: () => fault(name) }, 'maintail')).toEqual([1, `supervisord: ERROR (${words})\n`])
  })
})

describe('tail -f', () => {
  const banner = '==> Press Ctrl-C to exit <==\n'

  test('shows what comes until Ctrl-C', async () => {
    const { session, out, followed, interrupt } = given({})
    const ran = session.run('tail -f one')
    await settled()
    followed.get('/logtail/one/stdout')!.write('hello\n')
    expect(out()).toBe(`${banner}hello\n`)
    interrupt()
    expect(await ran).toBe(0)
    expect(out()).toBe('\n')
  })

  test('maintail -f follows the activity log', async () => {
    const { session, followed } = given({})
    const ran = session.run('maintail -f')
    await settled()
    followed.get('/mainlogtail')!.end()
    expect(await ran).toBe(0)
  })

  test('an unknown log is told on stderr, and 0', async () => {
    const { session, out, errors, followed } = given({})
    const ran = session.run('tail -f ghost stderr')
    await settled()
    followed.get('/logtail/ghost/stderr')!.end(new HttpStatusError(404, 'Not Found', '/'))
    expect(await ran).toBe(0)
    expect([out(), errors()]).toEqual([banner, `${URL}/logtail/ghost/stderr Cannot read, status code 404\n`])
  })

  test('the end of the daemon ends it without a word', async () => {
    const { session, out, errors, followed } = given({})
    const ran = session.run('tail -f one')
    await settled()
    followed.get('/logtail/one/stdout')!.end(new HttpProtocolError('Remote end closed connection'))
    expect([await ran, out(), errors()]).toEqual([0, banner, ''])
  })
})

describe('fg', () => {
  test.each([
    ['fg one off', 'ERROR: too many process names supplied\n'],
    ['fg ghost', 'ERROR: bad process name supplied\n'],
    ['fg off', 'ERROR: process not running\n'],
  ])('%s is refused', async (line, text) => {
    expect(await says(daemon, line)).toEqual([1, text])
  })

  test('needs a name', async () => {
    expect(await says({}, 'fg')).toEqual([1, `ERROR: no process name supplied\n${await helpOf('fg')}`])
  })

  const banner = '==> Press Ctrl-C to exit <==\n'

  test('sends lines and shows both logs until the end of input', async () => {
    const sent = Promise.withResolvers<void>()
    const answers = { ...daemon, sendProcessStdin: () => sent.promise.then(() => true) }
    const { session, out, calls, followed, questions } = given(answers, { typed: ['typed', null] })
    const ran = session.run('fg one')
    await settled()
    followed.get('/logtail/one/stdout')!.write('out\n')
    followed.get('/logtail/one/stderr')!.write('err\n')
    sent.resolve()
    expect(await ran).toBe(0)
    expect(out()).toBe(`${banner}out\nerr\nExiting foreground\n`)
    expect(calls.at(-1)).toBe('sendProcessStdin("one", "typed\\n")')
    expect(questions.every(({ question }) => question.plain)).toBe(true)
    expect([...followed.values()].every(({ stopped }) => stopped)).toBe(true)
  })

  test('is left by Ctrl-C', async () => {
    const { session, out, interrupt } = given(daemon)
    const ran = session.run('fg one')
    await settled()
    interrupt()
    expect(await ran).toBe(0)
    expect(out()).toBe(`${banner}Exiting foreground\n`)
  })

  test('notices the death of the process at the next line', async () => {
    const answers = { ...daemon, sendProcessStdin: () => fault('NOT_RUNNING', 'one') }
    const { session, out } = given(answers, { typed: ['x'] })
    expect(await session.run('fg one')).toBe(0)
    expect(out()).toBe(`${banner}Process got killed\nExiting foreground\n`)
  })
})

describe('help', () => {
  test('lists every command but itself in columns', async () => {
    expect((await says({}, 'help'))[1]).toBe(`
default commands (type help <topic>):
=====================================
add    exit      open  reload  restart   start   tail   
avail  fg        pid   remove  shutdown  status  update 
clear  maintail  quit  reread  signal    stop    version

`)
  })

  test('of an unknown topic is no failure', async () => {
    expect(await says({}, 'help x')).toEqual([0, '*** No help on x\n'])
    expect(await says({}, 'help start x')).toEqual([0, '*** No help on start x\n'])
  })
})
