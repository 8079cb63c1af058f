import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { Lab, until } from '../support/lab.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures/listeners')
const PROGRAMS = 200
const WARM_UP = 5_000
const STORM = 12_000
const STUCK_BUFFER = 100

/** As fast as these programs restart, a listener that takes its time has less to do than fits into the buffer. */
const pool = (name: string, command: string, more = ''): string =>
  `[eventlistener:${name}]\ncommand=${fixtures}/${command}\nevents=PROCESS_STATE,REMOTE_COMMUNICATION\nbuffer_size=20000\n${more}`

interface Heard {
  readonly serial: number
  readonly poolserial: number
  /** `PROCESS_STATE_EXITED processname:p7 …` */
  readonly text: string
}

/** All that the processes of a pool noted, in the order of the pool. */
function heardIn(lab: Lab, ...files: readonly string[]): Heard[] {
  const lines = files.flatMap(file => lab.read(file).split('\n').slice(0, -1))
  const heard = lines.map(line => {
    const [{ serial, poolserial, eventname }, payload] = JSON.parse(line)
    return { serial: Number(serial), poolserial: Number(poolserial), text: `${eventname} ${payload}` }
  })
  return heard.sort((a, b) => a.poolserial - b.poolserial)
}

/** KiB that belong to this process alone */
const privateMemory = (pid: number): number =>
  [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce((sum, [, kib]) => sum + Number(kib), 0)

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))

test('5 pools, one of them stuck, 200 programs restarting: nothing lost for the healthy, memory flat', { timeout: 90_000 }, async () => {
  await using lab = await new Lab(`
[supervisord]
minfds=4096
${pool('a', 'diary.py {dir}/a.txt')}
${pool('b', 'diary.py {dir}/b.txt')}
${pool('c', 'diary.py {dir}/c.txt')}
${pool('pair', 'diary.py {dir}/%(process_num)d.txt', 'numprocs=2\nprocess_name=pair%(process_num)d\n')}
${pool('stuck', 'stuck.py {dir}/stuck.txt', `buffer_size=${STUCK_BUFFER}\n`)}
[program:p]
command=sleep 1
process_name=p%(process_num)d
numprocs=${PROGRAMS}
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
`).start()
  const { supervisor } = openClient(`unix://${lab.path('s.sock')}`)
  const memory: number[] = []
  const answers: number[] = []
  const end = Date.now() + WARM_UP + STORM
  const measured = Date.now() + WARM_UP
  while (Date.now() < end) {
    const asked = performance.now()
    expect((await supervisor.getAllProcessInfo()).length).toBe(PROGRAMS + 6)
    answers.push(performance.now() - asked)
    if (Date.now() > measured) memory.push(privateMemory(lab.daemon!.pid!))
    await sleep(100)
  }
  await supervisor.stopProcessGroup('p')
  await supervisor.sendRemoteCommEvent('the', 'end')
  const healthy = { a: ['a.txt'], b: ['b.txt'], c: ['c.txt'], pair: ['0.txt', '1.txt'] }
  const finished = (files: readonly string[]) => files.some(file => lab.read(file).includes('REMOTE_COMMUNICATION'))
  await until('everybody has heard the end', () => Object.values(healthy).every(finished))
  const thirds = [memory.slice(0, memory.length / 3), memory.slice(memory.length * 2 / 3)]
  console.log(memory.join(' '), thirds.map(median), answers.length, median(answers), Math.max(...answers), heardIn(lab, 'a.txt').length)
})
