import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import type { SupervisorApi } from '../../supervisor/client/supervisor-api.ts'
import { isOriginal, Lab, until } from '../support/lab.ts'
import { privateMemoryOf } from '../support/proc.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures/listeners')
const collects = resolve(import.meta.dirname, '../fixtures/collects-garbage.cjs')
const PROGRAMS = 200
const STUCK_BUFFER = 100
/** lives of programs: then the code is compiled and the heap has the size that it needs */
const WARM_UP = 7 * PROGRAMS
/** lives, at the least, between two looks at what the daemon holds; three events each */
const BETWEEN = 11 * PROGRAMS
/** bytes: 300 for each event that happens in the meantime would be more */
const TOLERATED = 2_000_000
/** bytes that the C library keeps of what is freed, or that lie between what is used */
const KEPT = 16_000_000

const pool = (name: string, command: string, more: string): string =>
  `[eventlistener:${name}]\ncommand=${fixtures}/${command}\nevents=PROCESS_STATE,REMOTE_COMMUNICATION\n${more}\n`

interface Heard {
  readonly serial: number
  readonly poolserial: number
  /** `PROCESS_STATE_RUNNING processname:p7 …` */
  readonly text: string
}

/** What the processes of a pool noted, in the order in which the pool had it. */
function heardIn(lab: Lab, files: readonly string[]): Heard[] {
  const lines = files.flatMap(file => lab.read(file).split('\n').slice(0, -1))
  const heard = lines.map(line => {
    const [{ serial, poolserial, eventname }, payload] = JSON.parse(line)
    return { serial: Number(serial), poolserial: Number(poolserial), text: `${eventname} ${payload}` }
  })
  return heard.sort((a, b) => a.poolserial - b.poolserial)
}

/** The first group of the pattern, sorted. */
const numbersIn = (texts: readonly string[], pattern: RegExp): number[] =>
  texts
    .flatMap(text => pattern.exec(text)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** How many lives have begun. */
const livesIn = (lab: Lab): number => lab.read('supervisord.log').match(/spawned: 'p\d+'/g)?.length ?? 0

/** The storm, for so many lives; a client asks for everything ten times a second, and gets it. */
async function storm(lab: Lab, supervisor: SupervisorApi, lives: number): Promise<void> {
  await supervisor.startProcessGroup('p', false)
  for (const enough = livesIn(lab) + lives; livesIn(lab) < enough; ) {
    for (let asked = 0; asked < 5; asked++) {
      expect(await supervisor.getAllProcessInfo()).toHaveLength(PROGRAMS + 6)
      await sleep(100)
    }
  }
}

/**
 * The storm passes, and everybody has heard of all of it: on a busy machine events may wait for their listeners for a while.
 * What the daemon needs then, and what it holds, bytes.
 */
async function calm(lab: Lab, supervisor: SupervisorApi, mark: string) {
  await supervisor.stopProcessGroup('p')
  await supervisor.sendRemoteCommEvent('the', mark)
  const heard = (file: string): boolean => lab.read(file).includes(`type:the\\n${mark}`)
  await until(`all have heard ${mark}`, () => Object.values(diaries).every(files => files.some(heard)), 120)
  // the first time brings to an end what the second collects
  let needs = 0
  for (let times = 0; times < 3; times++) {
    lab.daemon!.kill('SIGPWR')
    needs = await until('garbage is collected', () => Number(lab.read('collected')) || null)
    rmSync(lab.path('collected'))
  }
  return { needs, holds: privateMemoryOf(lab.daemon!.pid!) }
}

const diaries = { a: ['a.txt'], b: ['b.txt'], c: ['c.txt'], pair: ['pair0.txt', 'pair1.txt'] }

// the original has time for about one event a second then, and falls behind without end
test.skipIf(isOriginal)(
  '5 pools, one of them stuck, 200 programs restarting each second: the healthy lose nothing, memory stays',
  { timeout: 600_000 },
  async () => {
    await using lab = new Lab(`
[supervisord]
minfds=4096
${pool('a', 'diary.py {dir}/a.txt', 'buffer_size=20000')}
${pool('b', 'diary.py {dir}/b.txt', 'buffer_size=20000')}
${pool('c', 'diary.py {dir}/c.txt', 'buffer_size=20000')}
${pool('pair', 'diary.py {dir}/pair%(process_num)d.txt', 'buffer_size=20000\nnumprocs=2\nprocess_name=pair%(process_num)d')}
${pool('stuck', 'stuck.py {dir}/stuck.txt', `buffer_size=${STUCK_BUFFER}`)}
[program:p]
command=sleep 1
process_name=p%(process_num)d
numprocs=${PROGRAMS}
startsecs=0
autostart=false
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
`)
    const collecting = { BOSUN_NODE_OPTIONS: `--require=${collects}`, COLLECTED: lab.path('collected') }
    await lab.start({ env: { ...process.env, ...collecting } })
    const { supervisor } = openClient(`unix://${lab.path('s.sock')}`)
    await storm(lab, supervisor, WARM_UP)
    const atFirst = await calm(lab, supervisor, 'beginning')
    await storm(lab, supervisor, BETWEEN)
    const atLast = await calm(lab, supervisor, 'end')
    expect(atLast.needs - atFirst.needs).toBeLessThan(TOLERATED)
    expect(atLast.holds - atFirst.holds).toBeLessThan(KEPT)

    const [heard, ...others] = Object.values(diaries).map(files => heardIn(lab, files))
    const all = heard!.map((_, at) => at)
    expect(heard!.map(({ poolserial }) => poolserial)).toEqual(all)
    expect(heard!.map(({ serial }) => serial)).toEqual(all)
    for (const other of others) expect(other).toEqual(heard)

    // what the log says of lives and deaths is what they heard
    const log = lab.read('supervisord.log').split('\n')
    const texts = heard!.map(({ text }) => text)
    const spawned = numbersIn(log, /spawned: 'p\d+' with pid (\d+)/)
    expect(spawned.length).toBeGreaterThan(5 * PROGRAMS)
    expect(numbersIn(texts, /^PROCESS_STATE_RUNNING processname:p\d+ .* pid:(\d+)$/)).toEqual(spawned)
    expect(numbersIn(texts, /^PROCESS_STATE_(?:EXITED|STOPPED) processname:p\d+ .* pid:(\d+)$/)).toEqual(spawned)

    // the stuck one is busy with an event, some wait for it, and the loss of each of the others is told
    const [busyWith] = heardIn(lab, ['stuck.txt'])
    const lost = numbersIn(log, /ERRO pool stuck event buffer overflowed, discarding event (\d+)$/)
    expect([...lost, busyWith!.serial].sort((a, b) => a - b)).toEqual(all.slice(0, -STUCK_BUFFER))
    expect(log.filter(line => line.includes(' ERRO '))).toHaveLength(lost.length)
  },
)
