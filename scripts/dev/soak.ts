/**
 * Endurance: a daemon under everything at once for hours. Programs that crash, log, fork and listen; reloads, updates,
 * reopened and cleared logs; tails that are dropped and clients that go in the middle of an answer. Memory, descriptors and
 * threads have to stay flat, every line and every event has to arrive, no zombie may stay, and when everything is stopped
 * nothing may wake up: no timer was left behind.
 *
 *     npm run soak -- [--minutes 2 | --hours H] [--out samples.csv] [--svg curve.svg]
 *
 * Takes less than a third of one core with all its programs. Where namespaces are allowed the daemon is PID 1 of its own, so
 * that it has orphans to bury. Ends only what it started. Exit status 1: something was not flat, was lost, or failed.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Client, openClient } from '../../supervisor/client/client.ts'
import { XmlRpcFault } from '../../supervisor/xmlrpc/codec.ts'
import { type FaultName, faults } from '../../supervisor/xmlrpc/faults.ts'
import { Lab, SUPERVISORD, until } from '../../test/support/lab.ts'
import { NumberedLog, RotatedLog } from '../../test/support/numbered-log.ts'
import {
  childrenOf,
  cpuTimeOf,
  descriptorsOf,
  inNamespaces,
  privateMemoryOf,
  stateOf,
  tasksOf,
  wakeupsOf,
  works,
} from '../../test/support/proc.ts'
import { growthOf, renderSoakCurve, type Sample } from './soak-curve.ts'

const { values: options } = parseArgs({
  options: {
    hours: { type: 'string' },
    minutes: { type: 'string', default: '2' },
    out: { type: 'string' },
    svg: { type: 'string' },
  },
})
const DURATION_MS = options.hours ? Number(options.hours) * 3_600_000 : Number(options.minutes) * 60_000
if (!(DURATION_MS >= 30_000)) throw new Error('--minutes or --hours: half a minute at least')

/**
 * What may be gained over the second half of a run, however long it is: more than that is a leak. In a short run the heap may
 * still be growing to the size at which it is collected, and the number of clients that come and go matters.
 */
const ALLOWED =
  DURATION_MS < 1_800_000
    ? ({ privateMegabytes: 8, descriptors: 6, threads: 0.5 } as const)
    : ({ privateMegabytes: 2, descriptors: 1, threads: 0.5 } as const)
/** The one for inotify stays open once somebody has followed a file. */
const IDLE_DESCRIPTORS = 1
/** s: the longest that a client may wait for the status of everything, on a machine that is slow and busy, too */
const LONGEST_ANSWER = 10
/** How often anything may wake up in 5 s in which nothing is going on. */
const IDLE_WAKEUPS = 0

const PROGRAMS = resolve(import.meta.dirname, '../../test/fixtures/programs')
const BACKUPS = 5
/** numbers-its-lines with these arguments: about 2000 lines per second in all */
const loggers = {
  steady: '20 0.05',
  bursts: '4000 5',
  crashes: '100 0.2 25 3',
  isKilled: '100 0.1 60 kill',
} as const
type Logger = keyof typeof loggers
const loggerNames = Object.keys(loggers) as Logger[]

const CONF = `[supervisord]
logfile_maxbytes=500KB
logfile_backups=2
${loggerNames
  .map(
    name => `[program:${name}]
command=${PROGRAMS}/numbers-its-lines ${loggers[name]}
autorestart=true
stdout_logfile=%(here)s/${name}.log
stdout_logfile_maxbytes=500KB
stdout_logfile_backups=${BACKUPS}
stderr_logfile=%(here)s/${name}.err`,
  )
  .join('\n')}
[program:both]
command=${PROGRAMS}/numbers-its-lines 20 0.1
redirect_stderr=true
stdout_logfile=%(here)s/both.log
stdout_logfile_maxbytes=500KB
stdout_logfile_backups=1
stdout_capture_maxbytes=1KB
stdout_events_enabled=true
[program:hasty]
command=/bin/false
startretries=2
[program:missing]
command=/nonexistent/program
autostart=false
[program:forks]
command=${PROGRAMS}/leaves-a-grandchild 1.5
numprocs=2
process_name=forks%(process_num)d
autorestart=true
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:slow]
command=cat
autostart=false
startsecs=2
[program:echo]
command=cat
stdout_logfile=%(here)s/echo.log
stdout_logfile_maxbytes=500KB
stdout_logfile_backups=1
[eventlistener:counts]
command=${PROGRAMS}/counts-its-events
events=PROCESS_STATE,TICK_5,PROCESS_LOG,REMOTE_COMMUNICATION
buffer_size=10000
stderr_logfile=%(here)s/events.log
stderr_logfile_maxbytes=0
`

interface Soak {
  readonly lab: Lab
  /** of the daemon */
  readonly pid: number
  readonly random: () => number
  ended: boolean
  /** true while a reload is under way: who needs an answer waits then */
  reloading: boolean
  reloads: number
  /** how many wait for an answer that they need */
  waiting: number
}

/** Done again and again, `seconds` after it was done the last time. */
interface Activity {
  readonly name: string
  readonly seconds: number
  /** goes on while the daemon reloads */
  readonly indifferent?: boolean
  run(soak: Soak, client: Client): Promise<unknown>
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Sends it on a connection of its own and drops that when something comes back, or after so many ms. */
function sendAndDrop({ lab }: Soak, request: string, ms: number, onFirst: 'drop' | 'read' | 'ignore'): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket: Socket = connect(lab.path('s.sock'), () => socket.write(request))
  const timer = setTimeout(() => socket.destroy(), ms)
  if (onFirst === 'drop') socket.once('data', () => socket.destroy())
  if (onFirst === 'read') socket.resume()
  socket.on('error', () => {})
  socket.once('close', () => {
    clearTimeout(timer)
    resolve()
  })
  return promise
}

const get = (address: string): string => `GET ${address} HTTP/1.1\r\nHost: localhost\r\n\r\n`

function callOf(method: string, ...params: readonly string[]): string {
  const values = params.map(param => `<param><value>${param}</value></param>`).join('')
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`
  return `POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const int = (value: number): string => `<int>${value}</int>`
const pick = <T>(soak: Soak, items: readonly T[]): T => items[Math.floor(soak.random() * items.length)]!

/** For what a process may do by itself at the same time. */
const unless =
  (name: FaultName) =>
  (error: unknown): void => {
    if (!(error instanceof XmlRpcFault && error.code === faults[name])) throw error
  }

const answerTimes: number[] = []

const activities: readonly Activity[] = [
  {
    name: 'status',
    seconds: 0.5,
    async run(_soak, client) {
      const started = performance.now()
      await client.supervisor.getAllProcessInfo()
      answerTimes.push((performance.now() - started) / 1000)
    },
  },
  { name: 'stdin', seconds: 1, run: (_, client) => client.supervisor.sendProcessStdin('echo', 'hello\n'.repeat(200)) },
  {
    name: 'a tail is dropped',
    seconds: 0.7,
    indifferent: true,
    run: soak =>
      sendAndDrop(
        soak,
        get(`/logtail/${pick(soak, loggerNames)}/stdout`),
        50 + soak.random() * 2000,
        pick(soak, ['drop', 'read', 'ignore']),
      ),
  },
  {
    name: 'the main tail is dropped',
    seconds: 3,
    indifferent: true,
    run: soak => sendAndDrop(soak, get('/mainlogtail'), 1500, 'read'),
  },
  {
    name: 'the page',
    seconds: 3,
    indifferent: true,
    run: soak => sendAndDrop(soak, get(pick(soak, ['/', '/tail.html?processname=steady&limit=5000'])), 400, 'read'),
  },
  {
    name: 'a page that is open',
    seconds: 5,
    indifferent: true,
    run: soak => sendAndDrop(soak, get(pick(soak, ['/events', '/events?processname=steady&limit=5000'])), 9000, 'read'),
  },
  {
    name: 'a client goes in the middle of a long answer',
    seconds: 2,
    indifferent: true,
    run: soak =>
      sendAndDrop(soak, callOf('supervisor.readProcessStdoutLog', 'bursts', int(0), int(400_000)), 1000, 'drop'),
  },
  {
    name: 'a client goes in the middle of a request',
    seconds: 1,
    indifferent: true,
    run(soak) {
      const request = callOf('supervisor.getAllProcessInfo')
      return sendAndDrop(soak, request.slice(0, Math.floor(soak.random() * request.length)), 30, 'ignore')
    },
  },
  {
    name: 'a client does not wait for a start',
    seconds: 4,
    async run(soak, client) {
      await sendAndDrop(soak, callOf('supervisor.startProcess', 'slow'), 200, 'ignore')
      // it may have gone before it was heard
      await client.supervisor.stopProcess('slow').catch(unless('NOT_RUNNING'))
    },
  },
  {
    name: 'garbage',
    seconds: 5,
    indifferent: true,
    run: soak => sendAndDrop(soak, '\x16\x03\x01\x02garbage\r\n\r\n', 500, 'read'),
  },
  {
    name: 'a body that is too large',
    seconds: 10,
    indifferent: true,
    run: soak =>
      sendAndDrop(
        soak,
        `POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n${'x'.repeat(100_000)}`,
        500,
        'read',
      ),
  },
  {
    name: 'commands that cannot be started',
    seconds: 7,
    run: (_, client) =>
      client.supervisor
        .startProcess('missing')
        .catch(() => client.supervisor.startProcess('hasty', false))
        .catch(() => {}),
  },
  {
    name: 'stop and start',
    seconds: 9,
    async run(soak, client) {
      const name = pick(soak, loggerNames)
      // who is between two lives is not running
      await client.supervisor.stopProcess(name).catch(unless('NOT_RUNNING'))
      await client.supervisor.startProcess(name, false).catch(unless('ALREADY_STARTED'))
    },
  },
  { name: 'event', seconds: 2, run: (_, client) => client.supervisor.sendRemoteCommEvent('soak', 'höchste Zeit') },
  { name: 'clear', seconds: 13, run: (_, client) => client.supervisor.clearProcessLogs('echo') },
  { name: 'reopen', seconds: 17, run: async soak => process.kill(soak.pid, 'SIGUSR2') },
  {
    name: 'update',
    seconds: 19,
    async run({ lab, random }, { supervisor }) {
      lab.write('conf.d/extra.conf', `[program:extra]\ncommand=sleep ${1000 + Math.floor(random() * 1000)}\n`)
      const [[added, changed]] = await supervisor.reloadConfig()
      for (const group of changed) {
        await supervisor.stopProcessGroup(group)
        await supervisor.removeProcessGroup(group)
      }
      for (const group of [...added, ...changed]) await supervisor.addProcessGroup(group)
    },
  },
  {
    name: 'reload',
    seconds: Math.min(61, DURATION_MS / 5000),
    indifferent: true,
    async run(soak) {
      const { lab, pid } = soak
      const written = () => statSync(lab.path('supervisord.pid'), { throwIfNoEntry: false })?.mtimeMs ?? null
      soak.reloading = true
      while (soak.waiting > 0) await sleep(10)
      const before = written()
      process.kill(pid, 'SIGHUP')
      await until('the daemon has reloaded', () => written() !== before && lab.ctl('pid').status === 0)
      await lab.untilState('echo', 'RUNNING')
      soak.reloads++
      soak.reloading = false
    },
  },
]

/** What went wrong so far; the first few of a kind are enough. */
const problems = new Map<string, number>()
const problem = (text: string): void => void problems.set(text, (problems.get(text) ?? 0) + 1)

async function repeat({ name, seconds, indifferent = false, run }: Activity, soak: Soak): Promise<void> {
  const client = openClient(`unix://${soak.lab.path('s.sock')}`)
  // not all of them at once, and never in step
  await sleep(soak.random() * seconds * 1000)
  while (!soak.ended) {
    if (!soak.reloading || indifferent) {
      if (!indifferent) soak.waiting++
      await run(soak, client).catch(error => problem(`${name}: ${(error as Error).message}`))
      if (!indifferent) soak.waiting--
    }
    await sleep(seconds * (0.8 + 0.4 * soak.random()) * 1000)
  }
  client.close()
}

/** Everything that must arrive: lines of the loggers, serials of the events. */
class Receipts {
  readonly #logs: { readonly name: Logger; readonly file: RotatedLog; readonly log: NumberedLog }[]
  readonly #events: RotatedLog
  #rest = ''
  #serial = -1
  events = 0

  constructor(lab: Lab) {
    this.#logs = loggerNames.map(name => ({
      name,
      file: new RotatedLog(lab.path(`${name}.log`), BACKUPS),
      log: new NumberedLog(),
    }))
    this.#events = new RotatedLog(lab.path('events.log'), 0)
  }

  get lines(): number {
    return this.#logs.reduce((sum, { log }) => sum + log.lines, 0)
  }

  get lives(): number {
    return this.#logs.reduce((sum, { log }) => sum + log.lives, 0)
  }

  read(): void {
    for (const { file, log } of this.#logs) file.read(bytes => log.feed(bytes))
    this.#events.read(bytes => this.#feed(bytes))
  }

  /** Call it when everything has been stopped. */
  check(): void {
    this.read()
    for (const { name, log } of this.#logs) {
      for (const text of log.problems) problem(`${name}.log: ${text}`)
      if (log.current > 0) problem(`${name}.log: the end of the last life is missing`)
    }
  }

  #feed(bytes: Buffer): void {
    const lines = (this.#rest + bytes).split('\n')
    this.#rest = lines.pop()!
    for (const serial of lines.map(Number)) {
      // a reload begins anew
      if (serial !== this.#serial + 1 && serial !== 0) problem(`event ${serial} came after ${this.#serial}`)
      this.#serial = serial
      this.events++
    }
  }
}

/** How often the daemon wakes up while nothing is going on: in the best of a few windows, for V8 has things to tidy up. */
async function idleWakeups(pid: number): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY
  for (let window = 0; window < 5 && fewest > 0; window++) {
    const before = wakeupsOf(pid)
    await sleep(5000)
    fewest = Math.min(fewest, wakeupsOf(pid) - before)
  }
  return fewest
}

const NAMESPACE = inNamespaces('--fork', '--pid', '--mount-proc', '--kill-child')

async function main(): Promise<boolean> {
  await using lab = new Lab(CONF)
  lab.write('conf.d/extra.conf', '')
  const alone = works([...NAMESPACE, 'true'])
  await lab.start({ prefix: alone ? NAMESPACE : [] })
  const pid = alone ? childrenOf(lab.daemon!.pid!)[0]! : lab.daemon!.pid!
  process.once('exit', () => lab.daemon?.kill('SIGKILL'))
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))

  const client = openClient(`unix://${lab.path('s.sock')}`)
  await client.supervisor.stopAllProcesses()
  client.close()
  await until('orphans have ended', () => childrenOf(pid).length === 0)
  await sleep(200)
  const descriptorsBefore = descriptorsOf(pid)
  await client.supervisor.startAllProcesses(false)
  client.close()

  let seed = 1
  const random = () => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff
  const soak: Soak = { lab, pid, random, ended: false, reloading: false, reloads: 0, waiting: 0 }
  const seconds = DURATION_MS / 1000
  console.log(`soak: ${SUPERVISORD}, pid ${pid}${alone ? ', PID 1 of its own' : ''}, ${seconds} s, ${lab.directory}`)

  const receipts = new Receipts(lab)
  const samples: Sample[] = []
  const loops = activities.map(activity => repeat(activity, soak))
  const began = performance.now()
  const cpuBefore = cpuTimeOf(pid)
  for (let at = 1000; at <= DURATION_MS; at += 1000) {
    await sleep(began + at - performance.now())
    receipts.read()
    if (lab.daemon!.exitCode !== null)
      throw new Error(`the daemon has ended: ${lab.read('supervisord.log').slice(-2000)}`)
    // 600 samples say it all
    if (samples.length > 0 && (at / DURATION_MS) * 600 < samples.length) continue
    const { lines } = receipts
    samples.push({
      seconds: at / 1000,
      privateMegabytes: privateMemoryOf(pid) / 1e6,
      descriptors: descriptorsOf(pid),
      threads: tasksOf(pid).length,
      cpuSeconds: cpuTimeOf(pid) - cpuBefore,
      lines,
    })
    if (options.out) writeFileSync(options.out, renderSamples(samples))
  }
  const cpu = cpuTimeOf(pid) - cpuBefore
  soak.ended = true
  await Promise.all(loops)

  await client.supervisor.stopAllProcesses()
  receipts.check()
  // its ticks are the one thing that would still be due
  await client.supervisor.removeProcessGroup('counts')
  client.close()
  await until('orphans have ended', () => childrenOf(pid).length === 0)
  const wakeups = await idleWakeups(pid)
  const zombies = childrenOf(pid).filter(child => stateOf(child) === 'Z').length
  const descriptorsLeft = descriptorsOf(pid) - descriptorsBefore
  const log = readFileSync(lab.path('supervisord.log'), 'utf8')
  for (const [line] of log.matchAll(
    /^.* (ERRO|CRIT) (?!Server 'unix_http_server'|Supervisor is running as root).*$/gm,
  )) {
    problem(`activity log: ${line.slice(24)}`)
  }
  const ended = new Promise(resolve => lab.daemon!.once('exit', resolve))
  process.kill(pid, 'SIGTERM')
  const status = await ended
  if (status !== 0) problem(`exit status ${status}`)
  if (options.svg) writeFileSync(options.svg, renderSoakCurve(samples))

  const spanHours = DURATION_MS / 2 / 3_600_000
  const slowest = Math.max(...answerTimes)
  const rows: (readonly [what: string, value: string, limit: string, good: boolean])[] = [
    ...(['privateMegabytes', 'descriptors', 'threads'] as const).map(key => {
      const gained = growthOf(samples, key)
      return [
        `${key} gained in the second half`,
        `${gained.toFixed(2)} (${(gained / spanHours).toFixed(2)}/h)`,
        `${ALLOWED[key]} (${(ALLOWED[key] / spanHours).toFixed(2)}/h)`,
        gained <= ALLOWED[key],
      ] as const
    }),
    ['descriptors left behind', String(descriptorsLeft), String(IDLE_DESCRIPTORS), descriptorsLeft <= IDLE_DESCRIPTORS],
    ['zombies', String(zombies), '0', zombies === 0],
    ['wake-ups in 5 s when idle', String(wakeups), String(IDLE_WAKEUPS), wakeups <= IDLE_WAKEUPS],
    ['slowest status, s', slowest.toFixed(3), String(LONGEST_ANSWER), slowest <= LONGEST_ANSWER],
    ['problems', String([...problems.values()].reduce((a, b) => a + b, 0)), '0', problems.size === 0],
  ]
  for (const [what, value, limit, good] of rows)
    console.log(`${good ? 'ok  ' : 'FAIL'}  ${what.padEnd(45)} ${value.padStart(18)}   at most ${limit}`)
  for (const [text, times] of problems) console.log(`      ${times}× ${text}`)
  const first = samples[0]!
  const last = samples.at(-1)!
  console.log(
    `${receipts.lines} lines in ${receipts.lives} lives and ${receipts.events} events; ` +
      `${answerTimes.length} answers, ${soak.reloads} reloads; private memory ${first.privateMegabytes.toFixed(1)} → ` +
      `${last.privateMegabytes.toFixed(1)} MB; daemon ${((cpu / seconds) * 100).toFixed(1)} % of a core`,
  )
  return rows.every(([, , , good]) => good)
}

function renderSamples(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0]!) as (keyof Sample)[]
  return `${[names, ...samples.map(sample => names.map(name => sample[name]))].map(row => row.join(',')).join('\n')}\n`
}

process.exitCode = (await main()) ? 0 : 1
