import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { isOriginal, Lab, until } from '../support/lab.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures/listeners')
const PROGRAMS = 200
/** ms */
const WARM_UP = 5_000
const STORM = 10_000
const STUCK_BUFFER = 100

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

/** KiB that a process shares with nobody */
const privateMemory = (pid: number): number =>
  [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+: +(\d+) kB/gm)]
    .map(([, kib]) => Number(kib))
    .reduce((sum, kib) => sum + kib)

/** The first group of the pattern, sorted. */
const numbersIn = (texts: readonly string[], pattern: RegExp): number[] =>
  texts
    .flatMap(text => pattern.exec(text)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** Asks for everything ten times a second until the storm is over. */
async function watch(lab: Lab) {
  const { supervisor } = openClient(`unix://${lab.path('s.sock')}`)
  /** ms */
  const answers: number[] = []
  /** KiB */
  const memory: number[] = []
  const begin = performance.now()
  for (let now = begin; now < begin + WARM_UP + STORM; now = performance.now()) {
    expect(await supervisor.getAllProcessInfo()).toHaveLength(PROGRAMS + 6)
    if (now > begin + WARM_UP) {
      answers.push(performance.now() - now)
      memory.push(privateMemory(lab.daemon!.pid!))
    }
    await new Promise(next => setTimeout(next, 100))
  }
  await supervisor.stopProcessGroup('p')
  await supervisor.sendRemoteCommEvent('the', 'end')
    console.log(memory.join(" "))
  const third = Math.floor(memory.length / 3)
  return {
    typicalAnswer: answers.sort((a, b) => a - b)[answers.length >> 1],
    slowestAnswer: answers.at(-1),
    // at the least: what the collector has not yet taken is no growth
    growth: Math.min(...memory.slice(-third)) - Math.min(...memory.slice(0, third)),
  }
}

const diaries = { a: ['a.txt'], b: ['b.txt'], c: ['c.txt'], pair: ['pair0.txt', 'pair1.txt'] }

// the original has time for about one event a second then, and falls behind without end
test.skipIf(isOriginal)(
  '5 pools, one of them stuck, 200 programs restarting each second: the healthy lose nothing, memory stays',
  { timeout: 120_000 },
  async () => {
    await using lab = await new Lab(`
[supervisord]
minfds=4096
${pool('a', 'diary.py {dir}/a.txt', 'buffer_size=5000')}
${pool('b', 'diary.py {dir}/b.txt', 'buffer_size=5000')}
${pool('c', 'diary.py {dir}/c.txt', 'buffer_size=5000')}
${pool('pair', 'diary.py {dir}/pair%(process_num)d.txt', 'buffer_size=5000\nnumprocs=2\nprocess_name=pair%(process_num)d')}
${pool('stuck', 'stuck.py {dir}/stuck.txt', `buffer_size=${STUCK_BUFFER}`)}
[program:p]
command=sleep 1
process_name=p%(process_num)d
numprocs=${PROGRAMS}
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
`).start()
    const { typicalAnswer, slowestAnswer, growth } = await watch(lab)
    const heardTheEnd = (file: string) => lab.read(file).includes('REMOTE_COMMUNICATION')
    await until('all have heard the end', () => Object.values(diaries).every(files => files.some(heardTheEnd)), 30)

    const [heard, ...others] = Object.values(diaries).map(files => heardIn(lab, files))
    const all = heard!.map((_, at) => at)
    expect(heard!.map(({ poolserial }) => poolserial)).toEqual(all)
    expect(heard!.map(({ serial }) => serial)).toEqual(all)
    for (const other of others) expect(other).toEqual(heard)

    // what the log says of lives and deaths is what they heard
    const log = lab.read('supervisord.log').split('\n')
    const texts = heard!.map(({ text }) => text)
    const spawned = numbersIn(log, /spawned: 'p\d+' with pid (\d+)/)
    expect(spawned.length).toBeGreaterThan((PROGRAMS * (WARM_UP + STORM)) / 1_000 / 3)
    expect(numbersIn(texts, /^PROCESS_STATE_RUNNING processname:p\d+ .* pid:(\d+)$/)).toEqual(spawned)
    expect(numbersIn(texts, /^PROCESS_STATE_(?:EXITED|STOPPED) processname:p\d+ .* pid:(\d+)$/)).toEqual(spawned)

    // the stuck one is busy with an event, some wait for it, and the loss of each of the others is told
    const [busyWith] = heardIn(lab, ['stuck.txt'])
    const lost = numbersIn(log, /ERRO pool stuck event buffer overflowed, discarding event (\d+)$/)
    expect([...lost, busyWith!.serial].sort((a, b) => a - b)).toEqual(all.slice(0, -STUCK_BUFFER))
    expect(log.filter(line => line.includes(' ERRO '))).toHaveLength(lost.length)

    expect(typicalAnswer).toBeLessThan(100)
    expect(slowestAnswer).toBeLessThan(2_000)
    expect(growth).toBeLessThan(2_000)
  },
)
