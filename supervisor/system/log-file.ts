/**
 * Where logs end up. Whatever happens to a target, `write` neither throws nor waits for a reader: a full disk or a
 * consumer that is stuck costs the bytes it cannot take, which are counted and told once.
 * Source: contract 6.3, 6.4; design.md 3
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { allFinished, codeOf, type LogTarget, Losses } from './log-backlog.ts'
import { setAside } from './log-generations.ts'
import { duplicate } from './native.ts'
import { ownDescriptor } from './own-descriptors.ts'
import { OPEN_LOG, RegularLog } from './regular-log.ts'
import { putNonBlocking, putShared, putSocket, StreamLog } from './stream-log.ts'

/** `code` is that of the SystemError; EAGAIN means that it takes no more for now. */
export type LogTrouble =
  | { readonly type: 'losing' | 'cannotRotate' | 'cannotReopen'; readonly path: string; readonly code: string }
  /** It can be written to again, or has been closed; so much is missing. */
  | { readonly type: 'lost'; readonly path: string; readonly bytes: number }
  /** A write took so long. Nothing is missing: from now on it is written in the background. */
  | { readonly type: 'slow'; readonly path: string; readonly ms: number }

export interface LogFileOptions {
  readonly path: string
  /** Rotate once it has this size; ≤ 0: never. Only regular files rotate. */
  readonly maxBytes: number
  /** ≤ 0: no old file is kept, the log starts over */
  readonly backups: number
  /** Never write in the background: a line is in the file when `write` returns. Default: false */
  readonly synchronous?: boolean
  /** of a file that is made, before the umask. Default: 0666 */
  readonly mode?: number
  /** Begin a new file: what is there is set aside as `x.old` (log-generations.ts). Default: false */
  readonly beginsAnew?: boolean
}

export interface LogFileHooks {
  trouble(trouble: LogTrouble): void
  /** false: much is waiting to be written, the source had better pause; true: it may go on. */
  flow?(ready: boolean): void
}

export interface LogFile {
  readonly path: string
  /** The chunk may be reused when this returns. */
  write(chunk: Uint8Array): void
  /** Goes on in a new file if the path leads to another one by now. Trouble with it leaves everything as it is. */
  reopen(): void
  /**
   * Empties it: a regular file is unlinked and made anew, behind a symbolic link it is truncated.
   * 'kept': it is no regular file, nothing was done.
   * @throws SystemError
   */
  clear(): 'cleared' | 'kept'
  /** What still waits is written in the background, unless the other side is stuck. */
  close(): void
}

export interface LogFiles {
  /** @throws SystemError: EISDIR, EACCES, ENOENT … */
  open(options: LogFileOptions, hooks: LogFileHooks): LogFile
  /** Makes an empty file that only its owner may read. false: the name is taken. @throws SystemError */
  createNew(path: string): boolean
  /** Before we end: resolves once what closed logs still had to write is written, or after so many ms. */
  allFinished(atMostMs: number): Promise<void>
}

const OPEN_STREAM = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
// with a reading end of our own a fifo can be opened, and written to as far as it goes, while nobody reads it
const OPEN_FIFO = constants.O_RDWR | constants.O_NONBLOCK
const NULL_DEVICE = (1 << 8) | 3

/** The null device: takes everything and costs nothing. */
const nowhere: LogTarget = { write() {}, close() {} }

const isNullDevice = (stats: Stats): boolean => stats.isCharacterDevice() && stats.rdev === NULL_DEVICE

/** `/var/log/x.log`, a link to `/dev/stdout`, means our descriptor, too. */
function ownDescriptorBehind(path: string): number | null {
  let place = path
  for (let links = 0; links < 8; links++) {
    const own = ownDescriptor(place)
    if (own !== null) return own
    try {
      place = resolve(dirname(place), readlinkSync(place))
    } catch {
      return null
    }
  }
  return null
}

/** Where possible through an open file description of our own: O_NONBLOCK on a shared one would break who shares it. */
function openOwn(descriptor: number, options: LogFileOptions, hooks: LogFileHooks, losses: Losses): LogTarget {
  const stats = fstatSync(descriptor)
  if (isNullDevice(stats)) return nowhere
  // a second description would have an offset of its own, and both would overwrite each other
  if (stats.isFile()) return new RegularLog(duplicate(descriptor), false, options, hooks, losses)
  if (stats.isSocket()) return new StreamLog(duplicate(descriptor), putSocket, hooks, losses)
  try {
    return new StreamLog(openSync(`/proc/self/fd/${descriptor}`, OPEN_STREAM), putNonBlocking, hooks, losses)
  } catch {
    // EACCES: it belongs to the user that we were before
    return new StreamLog(duplicate(descriptor), putShared, hooks, losses)
  }
}

function openTarget(options: LogFileOptions, hooks: LogFileHooks, losses: Losses, mode: number): LogTarget {
  const { path } = options
  const own = ownDescriptorBehind(path)
  if (own !== null) return openOwn(own, options, hooks, losses)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats || stats.isFile() || stats.isDirectory())
    return new RegularLog(openSync(path, OPEN_LOG, mode), true, options, hooks, losses)
  if (isNullDevice(stats)) return nowhere
  return new StreamLog(openSync(path, stats.isFIFO() ? OPEN_FIFO : OPEN_STREAM), putNonBlocking, hooks, losses)
}

function open(options: LogFileOptions, hooks: LogFileHooks): LogFile {
  const { path } = options
  const losses = new Losses(path, hooks)
  const mode = options.mode ?? 0o666
  const problem = options.beginsAnew ? setAside(path, options.backups) : null
  let target = openTarget(options, hooks, losses, mode)
  if (problem) hooks.trouble({ type: 'cannotRotate', path, code: problem })

  const replace = () => {
    // a log that only its owner may read stays so
    const next = openTarget(options, hooks, losses, target instanceof RegularLog ? target.mode : mode)
    target.close()
    target = next
  }

  return {
    path,
    write: chunk => target.write(chunk),
    reopen() {
      if (ownDescriptorBehind(path) !== null) return
      try {
        replace()
      } catch (error) {
        hooks.trouble({ type: 'cannotReopen', path, code: codeOf(error) })
      }
    },
    clear() {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      if (stats?.isSymbolicLink() && target instanceof RegularLog && ownDescriptorBehind(path) === null) {
        target.truncate()
        return 'cleared'
      }
      if (ownDescriptorBehind(path) !== null || (stats && !stats.isFile())) return 'kept'
      if (stats) unlinkSync(path)
      replace()
      return 'cleared'
    },
    close() {
      target.close()
      target = nowhere
    },
  }
}

function createNew(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

export const logFiles: LogFiles = { open, createNew, allFinished }
