/** What every test of a fault asks: does the daemon answer, is nobody else's log touched, is there one line about it? */
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
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

/** The trouble that the faulty disk of a lab has from now on, as faulty-disk.ts knows it; null: none. */
export function setFault(lab: Lab, fault: string | null): void {
  if (fault === null) rmSync(lab.path('fault'))
  // at once: there is no moment without any
  else renameSync(lab.write('fault.new', fault), lab.path('fault'))
}

/** ms: who has not answered then never does. Not how quick answers are: that is the benchmark's business. */
const LONGEST_ANSWER = 60_000

/** A lab with a program `other`, which has nothing to do with the fault. */
export const labWithOther = (conf: string): Lab =>
  new Lab(`[program:other]
command=${PROGRAMS}/numbers-its-lines 20 0.02
stdout_logfile=%(here)s/other.log
stopwaitsecs=50
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
  const logged = (): number => statSync(lab.path('other.log'), { throwIfNoEntry: false })?.size ?? 0
  const before = logged()
  for (let n = 0; n < 5; n++) {
    const { statename } = await ask(lab, ({ supervisor }) => supervisor.getState())
    if (statename !== 'RUNNING') throw new Error(`the daemon is ${statename}`)
    await ask(lab, ({ supervisor }) => supervisor.getAllProcessInfo())
  }
  await until('other is being logged', () => logged() > before)
}

/** Stops `other`: each of its lines comes into its log. Returns how many. */
export async function expectOtherComplete(lab: Lab): Promise<number> {
  await ask(lab, ({ supervisor }) => supervisor.stopProcess('other'))
  return untilComplete('other.log', () => lab.read('other.log'))
}

/**
 * Everything that numbers-its-lines wrote in lives that have ended. A disk that was slow for a moment, as on a machine that
 * is busy, is written in the background: the last lines may come after the end. Rejects with what is missing.
 */
export async function untilComplete(what: string, read: () => string): Promise<number> {
  let log = new NumberedLog()
  await until(
    () => `${what} is complete: ${log.problems.join('\n') || `the end is missing after line ${log.current}`}`,
    () => {
      log = new NumberedLog().feed(Buffer.from(read()))
      return log.problems.length === 0 && log.lives > 0 && log.current === 0
    },
  )
  return log.lines
}

/** The lines of the activity log that match, without their time. */
export const said = (lab: Lab, pattern: RegExp): string[] =>
  lab
    .read('supervisord.log')
    .split('\n')
    .map(line => line.slice(24))
    .filter(line => pattern.test(line))
