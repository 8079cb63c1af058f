/**
 * Directories that move to the workspace, which several instances may share and start from at once: one copies, the others
 * wait. `mkdir` of the directory is the lock, `.synced` in it says that all is there; older images know both. While we copy,
 * `.syncing` in it changes every few seconds: one that no longer does belonged to an instance that is gone, and whoever sees
 * that first takes over. Source: contract 2.4 (35, 37), 13 (20), 14 (42)
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { writeFileAtomically } from '../../programs/common/atomic-file.ts'
import { paths } from '../../programs/common/paths.ts'

const PACE = {
  beatMs: 3000,
  /** Of somebody who beats: six beats, as network volumes show changes late. */
  deadAfterMs: 20_000,
  /** Changes of a shared volume by other machines raise no event here. */
  lookEveryMs: 2000,
}

export interface SharedCopy {
  readonly directory: string
  /** May run on top of what an earlier one has left half done. */
  readonly copy: () => Promise<void>
  /** A tree from before there was `.synced`. */
  readonly isComplete?: () => boolean
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** For tests. */
  readonly pace?: typeof PACE
}

/** @throws Error when the copy fails, or when the signal comes first */
export async function copyOnce(task: SharedCopy): Promise<void> {
  const { directory, isComplete = () => false, say, signal, pace = PACE } = task
  const [synced, syncing] = [join(directory, '.synced'), join(directory, '.syncing')]
  mkdirSync(dirname(directory), { recursive: true })
  let seen = { beat: '', looks: 0 }
  let told = false
  for (;;) {
    if (existsSync(synced)) return
    if (takes(directory)) return copyAndTell(task, synced, syncing)
    if (!existsSync(syncing) && isComplete()) return writeFileSync(synced, '')
    const beat = readText(syncing)
    seen = { beat, looks: beat === seen.beat ? seen.looks + 1 : 0 }
    // looks, not time: a machine that stood still has stopped us, too, and not only the one that copies. One without a beat
    // is of an older image: nobody can tell whether it lives
    if (beat !== '' && seen.looks * pace.lookEveryMs > pace.deadAfterMs && takesOver(syncing)) {
      say(`The instance that copied to ${directory} is gone; this one goes on`)
      return copyAndTell(task, synced, syncing)
    }
    if (!told) say(`Waiting for another instance that copies to ${directory}`)
    told = true
    await wait(pace.lookEveryMs, undefined, { signal })
  }
}

function takes(directory: string): boolean {
  try {
    mkdirSync(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Of several that see it, one can rename it. */
function takesOver(syncing: string): boolean {
  const mine = `${syncing}.${hostname()}`
  try {
    renameSync(syncing, mine)
    rmSync(mine)
    return true
  } catch {
    return false
  }
}

async function copyAndTell({ copy, pace = PACE }: SharedCopy, synced: string, syncing: string): Promise<void> {
  let beats = 0
  const beat = (): void => writeFileAtomically(syncing, `${hostname()} ${++beats}\n`)
  beat()
  const timer = setInterval(beat, pace.beatMs)
  try {
    await copy()
  } finally {
    clearInterval(timer)
  }
  writeFileSync(synced, '')
  rmSync(syncing, { force: true })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * The directory becomes a link to its copy.
 * @throws Error when something is mounted in it; it is as it was then
 */
export function replaceByLink(directory: string, copy: string): void {
  const mount = mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), directory)[0]
  if (mount !== undefined) throw new Error(`${directory} stays where it is: ${mount} is mounted there`)
  rmSync(directory, { recursive: true, force: true })
  symlinkSync(copy, directory)
}

/** Mount points that are the directory or in it, of /proc/self/mountinfo. */
export const mountsBelow = (mountinfo: string, directory: string): readonly string[] =>
  mountinfo
    .split('\n')
    .map(line =>
      (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter(point => point === directory || point.startsWith(`${directory}/`))

/** A line for people and for tests, of this boot: '' takes back what an earlier one has said. */
export function recordBootFailure(step: string, failure: string): void {
  const others = readText(paths.bootFailures)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith(`${step}:`))
  if (failure !== '') appendFileSync(paths.bootFailures, `${step}: ${failure}\n`)
  else if (others.length > 0) writeFileSync(paths.bootFailures, `${others.join('\n')}\n`)
  else rmSync(paths.bootFailures, { force: true })
}
