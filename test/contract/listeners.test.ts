import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { freePort, isOriginal, Lab, SUPERVISORCTL, SUPERVISORD, until } from '../support/lab.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures')

/** A section whose command is one of the fixtures; `events` as in the option. */
const listener = (name: string, command: string, events: string, more = 'buffer_size=1000\n'): string =>
  `[eventlistener:${name}]\ncommand=${fixtures}/listeners/${command}\nevents=${events}\n${more}`

const rpcOf = (lab: Lab) => openClient(`unix://${lab.path('s.sock')}`).supervisor

/** Whole lines only. */
const linesOf = (lab: Lab, file: string): string[] => lab.read(file).split('\n').slice(0, -1)

interface Heard {
  readonly serial: number
  readonly poolserial: number
  /** as diary.mjs and diary.sh note it: `PROCESS_GROUP_ADDED groupname:x|` */
  readonly text: string
}

/** What diary.py noted so far. */
const heardIn = (lab: Lab, file: string): Heard[] =>
  linesOf(lab, file).map(line => {
    const [{ serial, poolserial, eventname }, payload] = JSON.parse(line)
    return {
      serial: Number(serial),
      poolserial: Number(poolserial),
      text: `${eventname} ${payload.replaceAll('\n', '|')}`,
    }
  })

test('what superlance does works unchanged: memmon, httpok, crashmail, fatalmailbatch', {
  timeout: 300_000,
}, async () => {
  const port = await freePort()
  await using lab = await new Lab(`
${listener('memmon', 'restarts-the-fat.py fat 40000 {dir}/memmon.txt', 'TICK_5')}
${listener('httpok', `restarts-the-unwell.py web ${port} {dir}/httpok.txt`, 'TICK_5')}
${listener('crashmail', 'mails-crashes.py {dir}/crashmail.txt', 'PROCESS_STATE_EXITED')}
${listener('fatalmailbatch', 'mails-fatals-in-batches.py {dir}/fatalmailbatch.txt', 'PROCESS_STATE,TICK_5')}
${listener('ticks', 'diary.py {dir}/ticks.txt', 'TICK_5')}
[program:fat]
command=${fixtures}/programs/fat-at-first {dir}/fat-lived
[program:lean]
command=sleep 1000
[program:web]
command=${fixtures}/programs/unwell-at-first ${port} {dir}/web-lived
startsecs=6
[program:fine]
command=/bin/sh -c 'read line; exit 0'
[program:crash]
command=/bin/sh -c 'read line; exit 3'
autorestart=false
[group:crew]
programs=fine,crash
[program:hopeless]
command=/bin/false
process_name=hopeless%(process_num)d
numprocs=2
autostart=false
startsecs=60
startretries=0
`).start()
  const rpc = rpcOf(lab)
  for (const name of ['crashmail', 'fatalmailbatch', 'fat', 'web', 'crew:fine', 'crew:crash'])
    await lab.untilState(name, 'RUNNING')
  const { pid } = await rpc.getProcessInfo('crew:crash')

  await rpc.sendProcessStdin('crew:fine', '\n')
  await rpc.sendProcessStdin('crew:crash', '\n')
  await rpc.startProcessGroup('hopeless', false)

  await lab.untilState('crew:fine', 'EXITED')
  await lab.untilFile('crashmail.txt', /\n/)
  expect(linesOf(lab, 'crashmail.txt')).toEqual([`crew:crash (pid ${pid}) left RUNNING`])
  // in one batch, or in two
  await expect
    .poll(() => lab.read('fatalmailbatch.txt').trim().split(/\s/).sort())
    .toEqual(['hopeless:hopeless0', 'hopeless:hopeless1'])

  await lab.untilFile('memmon.txt', /\n/)
  await lab.untilFile('httpok.txt', /\n/)
  await lab.untilState('fat', 'RUNNING')
  await lab.untilState('web', 'RUNNING')
  expect(lab.read('memmon.txt')).toMatch(/^fat:fat after \d+ s\n$/)
  expect(lab.read('httpok.txt')).toBe('web answered 503\n')
  const spawned = lab.read('supervisord.log').match(/spawned: '(fat|lean|web)'/g)
  expect(spawned!.sort()).toEqual(['fat', 'fat', 'lean', 'web', 'web'].map(name => `spawned: '${name}'`))

  const ticks = (): number[] =>
    heardIn(lab, 'ticks.txt').map(({ text }) => Number(/^TICK_5 when:(\d+)$/.exec(text)![1]))
  // a machine that stands still for so long misses one
  await until('a tick follows another after 5 s', () => ticks().some((when, at) => ticks()[at + 1] === when + 5))
  expect(ticks().filter(when => when % 5 !== 0)).toEqual([])
})

/** How a process came to a state, as its event tells it. */
const became = (state: string, name: string, from: string): string =>
  `PROCESS_STATE_${state} processname:${name} groupname:${name} from_state:${from}`

test('listeners in Python, Node and bash hear the same, character by character', async () => {
  const types =
    'PROCESS_STATE,PROCESS_GROUP,PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE'
  const names = ['python', 'node', 'bash'] as const
  await using lab = await new Lab(`
${listener('python', 'diary.py {dir}/python.txt', types)}
${listener('node', 'diary.mjs {dir}/node.txt', types)}
${listener('bash', 'diary.sh {dir}/bash.txt', types)}
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; exec sleep 1000'
stopwaitsecs=100
`).start()
  const rpc = rpcOf(lab)
  for (const name of [...names, 'stubborn']) await lab.untilState(name, 'RUNNING')
  lab.write(
    'conf.d/late.conf',
    `[program:half]
command=${fixtures}/programs/writes-in-pieces 'caf\\xc3' '\\xa9 na\\xc3\\xafve\\n'
autostart=false
startsecs=0
stdout_events_enabled=true
priority=1001
[program:talker]
command=${fixtures}/programs/writes-in-pieces 'what is long enough to be passed on at once <!--XSUPERV' 'ISOR:BEGIN-->the first half of the secr\\xc3' '\\xa9t, and the second half<!--XSUPERVISO' 'R:END-->and more that is long enough to be passed on\\n'
autostart=false
startsecs=0
stdout_capture_maxbytes=1MB
stdout_logfile={dir}/talker.log
`,
  )
  await rpc.reloadConfig()
  await rpc.addProcessGroup('half')
  await rpc.addProcessGroup('talker')
  await rpc.startProcess('half')
  await lab.untilFile('python.txt', /(PROCESS_LOG_STDOUT.*){2}/s)
  await rpc.startProcess('talker')
  await lab.untilFile('python.txt', /PROCESS_COMMUNICATION_STDOUT/)
  const [stubborn, half, talker] = await Promise.all(
    ['stubborn', 'half', 'talker'].map(async name => (await rpc.getProcessInfo(name)).pid),
  )
  await rpc.sendRemoteCommEvent('größe', '😀 in two\nlines\n')
  await rpc.stopProcess('talker')
  await rpc.removeProcessGroup('talker')
  await rpc.sendRemoteCommEvent('', '')
  for (const name of names) await lab.untilFile(`${name}.txt`, /REMOTE_COMMUNICATION.*type:(\\n|\|)"?/)

  // a process that takes its time to end leaves the listeners time to hear of it
  const ended = lab.stop()
  for (const name of names) await lab.untilFile(`${name}.txt`, /STOPPING.*processname:stubborn/)
  process.kill(stubborn!, 'SIGKILL')
  expect(await ended).toBe(0)
  expect(lab.read('supervisord.log').match(/stopped: \w+/g)).toEqual(
    ['talker', 'half', 'stubborn', 'python', 'node', 'bash'].map(name => `stopped: ${name}`),
  )

  const notes = heardIn(lab, 'python.txt')
  expect(notes.map(({ poolserial }) => poolserial)).toEqual(notes.map((_, at) => at))
  const heard = {
    python: notes.map(({ text }) => text),
    node: linesOf(lab, 'node.txt'),
    bash: linesOf(lab, 'bash.txt'),
  }
  // not what the listeners hear of each other, which depends on who is first, and not what comes when they are asked to stop
  const ours = (texts: readonly string[]) =>
    texts.filter(text => !/name:(python|node|bash)\b/.test(text) && !/_STOPPED processname:stubborn/.test(text))
  expect(ours(heard.python)).toEqual([
    'PROCESS_GROUP_ADDED groupname:stubborn|',
    'SUPERVISOR_STATE_CHANGE_RUNNING ',
    became('STARTING', 'stubborn', 'STOPPED tries:0'),
    became('RUNNING', 'stubborn', `STARTING pid:${stubborn}`),
    'PROCESS_GROUP_ADDED groupname:half|',
    'PROCESS_GROUP_ADDED groupname:talker|',
    became('STARTING', 'half', 'STOPPED tries:0'),
    became('RUNNING', 'half', `STARTING pid:${half}`),
    // each read is told as it is: one that ends within a character is no text
    `PROCESS_LOG_STDOUT processname:half groupname:half pid:${half} channel:stdout|Undecodable: b'caf\\xc3'`,
    `PROCESS_LOG_STDOUT processname:half groupname:half pid:${half} channel:stdout|Undecodable: b'\\xa9 na\\xc3\\xafve\\n'`,
    became('STARTING', 'talker', 'STOPPED tries:0'),
    became('RUNNING', 'talker', `STARTING pid:${talker}`),
    `PROCESS_COMMUNICATION_STDOUT processname:talker groupname:talker pid:${talker}|the first half of the secrét, and the second half`,
    'REMOTE_COMMUNICATION type:größe|😀 in two|lines|',
    became('STOPPING', 'talker', `RUNNING pid:${talker}`),
    became('STOPPED', 'talker', `STOPPING pid:${talker}`),
    'PROCESS_GROUP_REMOVED groupname:talker|',
    'REMOTE_COMMUNICATION type:|',
    'SUPERVISOR_STATE_CHANGE_STOPPING ',
    became('STOPPING', 'half', `RUNNING pid:${half}`),
    became('STOPPED', 'half', `STOPPING pid:${half}`),
    became('STOPPING', 'stubborn', `RUNNING pid:${stubborn}`),
  ])
  expect(ours(heard.node)).toEqual(ours(heard.python))
  expect(ours(heard.bash)).toEqual(ours(heard.python))
  await expect
    .poll(() => lab.read('talker.log'))
    .toBe('what is long enough to be passed on at once and more that is long enough to be passed on\n')
})

const messages = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `REMOTE_COMMUNICATION type:n|${at}`)

async function sendMessages(lab: Lab, count: number): Promise<void> {
  const rpc = rpcOf(lab)
  for (let at = 0; at < count; at++) await rpc.sendRemoteCommEvent('n', String(at))
}

test('an event that was rejected, or whose listener died, comes again before all others, with the same serials', async () => {
  // of different priorities: the original gives what one rejects to every pool that has the same
  await using lab = await new Lab(`
${listener('dies', 'dies-busy.py {dir}/dies.txt', 'REMOTE_COMMUNICATION', 'startsecs=0\nautorestart=true\npriority=1\n')}
${listener('rejects', 'rejects-first.py {dir}/rejects.txt', 'REMOTE_COMMUNICATION', 'priority=2\n')}
`).start()
  await lab.untilState('rejects', 'RUNNING')
  await sendMessages(lab, 6)
  await lab.untilFile('rejects.txt', /(.*\n){12}/)
  expect(linesOf(lab, 'rejects.txt')).toEqual([0, 1, 2, 3, 4, 5].flatMap(at => [`${at} ${at}`, `${at} ${at}`]))
  expect(lab.read('supervisord.log').match(/WARN rejects: event was rejected$/gm)).toHaveLength(6)
  await lab.untilFile('dies.txt', /(.*\n){3}/)
  expect(new Set(linesOf(lab, 'dies.txt'))).toEqual(new Set(['0 0']))
})

test('listeners that cannot be told, or talk out of turn, take nothing from those beside them; what is lost is told', async () => {
  await using lab = new Lab(`
[supervisord]
loglevel=debug
[eventlistener:mixed]
command={dir}/mixed%(process_num)d
process_name=mixed%(process_num)d
numprocs=4
events=REMOTE_COMMUNICATION
priority=1
${listener('deaf', 'closes-stdin.sh', 'REMOTE_COMMUNICATION', 'buffer_size=2\npriority=2\n')}
`)
  const commands = [
    'closes-stdin.sh',
    'dies-busy.py {dir}/dies.txt',
    'talks-out-of-turn.sh {dir}/talks.txt',
    'diary.py {dir}/diary.txt',
  ]
  for (const [at, command] of commands.entries())
    lab.write(`mixed${at}`, `#!/bin/sh\nexec ${fixtures}/listeners/${command}\n`)
  await lab.start()
  for (const name of ['mixed:mixed1', 'mixed:mixed2', 'mixed:mixed3', 'deaf']) await lab.untilState(name, 'RUNNING')
  // all of them: who is not READY when an event comes is not asked
  for (const name of ['mixed0', 'mixed1', 'mixed2', 'mixed3', 'deaf'])
    await lab.untilFile('supervisord.log', new RegExp(`${name}: ACKNOWLEDGED -> READY`))
  await lab.untilFile(
    'supervisord.log',
    /mixed2: has entered the UNKNOWN state and will no longer receive events, this usually/,
  )
  await sendMessages(lab, 6)

  await lab.untilFile('diary.txt', /(.*\n){6}/)
  const heard = heardIn(lab, 'diary.txt').toSorted((a, b) => a.serial - b.serial)
  expect(heard).toEqual(messages(6).map((text, at) => ({ serial: at, poolserial: at, text })))
  expect(lab.read('dies.txt')).toBe('0 0\n')
  expect(lab.read('talks.txt')).toBe('')
  await lab.untilFile('supervisord.log', /(pool deaf event buffer overflowed, discarding event.*){4}/s)
  const told = lab
    .read('supervisord.log')
    .match(/^\S+ \S+ ERRO .*/gm)
    ?.map(line => line.slice(24))
  expect(told).toEqual([0, 1, 2, 3].map(serial => `ERRO pool deaf event buffer overflowed, discarding event ${serial}`))
  for (const name of ['deaf', 'mixed:mixed2']) await lab.untilState(name, 'RUNNING')
})

test.each([
  ['[eventlistener:x]', 'command=cat\nevents=TICK\nresult_handler', SUPERVISORD],
  ['[rpcinterface:x]', 'supervisor.rpcinterface_factory', SUPERVISORD],
  ['[ctlplugin:x]', 'supervisor.ctl_factory', SUPERVISORCTL],
])('what only Python could load, in %s, is told with its place', async (label, option, command) => {
  await using lab = new Lab(`${label}\n${option}=my.module:thing\n`)
  const flags = command === SUPERVISORD ? ['-n'] : []
  const { status, stderr } = lab.run(command, ...flags, '-c', lab.path('supervisord.conf'))
  const [error, help, place] = stderr.split('\n')
  expect({ status, error }).toEqual({ status: 2, error: `Error: my.module:thing cannot be resolved within ${label}` })
  expect(help).toBe(`For help, use ${command} -h`)
  if (isOriginal) return
  const lines = lab.read('supervisord.conf').trimEnd().split('\n')
  expect(place).toContain(`${lab.path('supervisord.conf')}:${lines.length}: ${label} ${lines.at(-1)}`)
  expect(place).toMatch(/(handlers|plugins) in Python cannot be loaded; remove the (option|section)/)
})
