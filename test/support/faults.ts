/** What every test of a fault asks: does the daemon answer, is nobody else's log touched, is there one line about it? */
import { mkdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../supervisor/client/client.ts'
import { Lab, until } from './lab.ts'
import { NumberedLog } from './numbered-log.ts'
import { inNamespaces, works } from './proc.ts'

export const PROGRAMS = resolve(import.meta.dirname, '../fixtures/programs')

/** A mount namespace of one's own. */
export const MOUNT = inNamespaces('--mount')
export const canMount = works([...MOUNT, 'mount', '-t', 'tmpfs', 'none', '/mnt'])

const FAULTY_DISK = resolve(import.meta.dirname, 'faulty-disk.ts')
const faultyDisk = (kept: string, mountpoint: string): string[] => [
  ...MOUNT,
  ...[process.execPath, FAULTY_DISK, kept, mountpoint],
]
/** fuse, and the right to mount it */
export const hasFaultyDisk = works([...faultyDisk('/tmp', '/mnt'), 'true'])

/** What the daemon is to be started with: `disk` in the lab is a faulty disk then, whose files lie in `kept`. */
export function onFaultyDisk(lab: Lab): string[] {
  for (const name of ['disk', 'kept']) mkdirSync(lab.path(name))
  return faultyDisk(lab.path('kept'), lab.path('disk'))
}

/** ms: how long the daemon may take to answer, most of the time, whatever goes on around it */
const PROMPT_ANSWER = 1_000
/** ms: and once in a while, when others want the processors */
const LONGEST_ANSWER = 10_000

/** A lab with a program `other`, which has nothing to do with the fault. */
export const labWithOther = (conf: string): Lab =>
  new Lab(`[program:other]
command=${PROGRAMS}/numbers-its-lines 20 0.02
stdout_logfile=%(here)s/other.log
${conf}`)

/** A client that gives up sooner or later. */
export async function ask<T>(lab: Lab, question: (client: ReturnType<typeof openClient>) => Promise<T>): Promise<T> {
  const client = openClient(`unix://${lab.path('s.sock')}`)
  const tooLate = new AbortController()
  try {
    return await Promise.race([
      question(client),
      sleep(LONGEST_ANSWER, null, { signal: tooLate.signal }).then(() => {
        throw new Error(`no answer within ${LONGEST_ANSWER} ms`)
      }),
    ])
  } finally {
    tooLate.abort()
    client.close()
  }
}

/** The daemon answers on new connections, several times in a row, and `other` is being logged meanwhile. */
export async function expectAnswers(lab: Lab): Promise<void> {
  const logged = (): number => statSync(lab.path('other.log')).size
  const before = logged()
  const took: number[] = []
  for (let n = 0; n < 5; n++) {
    const asked = performance.now()
    const { statename } = await ask(lab, ({ supervisor }) => supervisor.getState())
    if (statename !== 'RUNNING') throw new Error(`the daemon is ${statename}`)
    await ask(lab, ({ supervisor }) => supervisor.getAllProcessInfo())
    took.push(performance.now() - asked)
  }
  if (took.sort((a, b) => a - b)[2]! > PROMPT_ANSWER) throw new Error(`answers took ${took.map(Math.round)} ms`)
  await until('other is being logged', () => logged() > before)
}

/** Stops `other`: each of its lines is in its log. Returns how many. */
export async function expectOtherComplete(lab: Lab): Promise<number> {
  await ask(lab, ({ supervisor }) => supervisor.stopProcess('other'))
  return completeLines(lab.read('other.log'))
}

/** Everything that numbers-its-lines wrote in lives that have ended. @throws Error that says what is missing */
export function completeLines(text: string): number {
  const log = new NumberedLog().feed(Buffer.from(text))
  if (log.problems.length > 0) throw new Error(log.problems.join('\n'))
  if (log.lives === 0 || log.current > 0) throw new Error(`the end is missing after line ${log.current}`)
  return log.lines
}

/** The lines of the activity log that match, without their time. */
export const said = (lab: Lab, pattern: RegExp): string[] =>
  lab
    .read('supervisord.log')
    .split('\n')
    .map(line => line.slice(24))
    .filter(line => pattern.test(line))
