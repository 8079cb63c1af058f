import { close, constants, fstatSync, ftruncateSync, open, openSync, rename, renameSync, writev } from 'node:fs'
import { promisify } from 'node:util'
import { now } from './clock.ts'
import {
  Backlog,
  closeQuietly,
  codeOf,
  finishesLater,
  hasFinished,
  type LogTarget,
  type Losses,
} from './log-backlog.ts'
import type { LogFileHooks, LogFileOptions } from './log-file.ts'
import { writeNow } from './native.ts'

/** What reads of the original yield at most, hence by how much its files exceed maxBytes at most. */
const PIECE = 128 * 1024
const NEWLINE = 0x0a
/** bytes per write in the background */
const MOST_AT_ONCE = 1 << 20
/** ms: a write that takes longer is done in the background from then on */
const SLOW = 50
/** ms: a write that takes longer is told, once for as long as the log is open */
const TELLING = 250

/** path → the latest log that was closed, and is still being written in the background */
const closing = new Map<string, RegularLog>()

const later = { rename: promisify(rename), open: promisify(open) }

export const OPEN_LOG = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY

/** They end with a line where one ends, since a log is rotated between them. */
function* piecesOf(chunk: Uint8Array): Iterable<Uint8Array> {
  for (let rest = chunk; rest.length > 0; ) {
    const most = rest.subarray(0, PIECE)
    const piece = most.subarray(0, most.lastIndexOf(NEWLINE) + 1 || most.length)
    yield piece
    rest = rest.subarray(piece.length)
  }
}

/**
 * A regular file, rotated after the write that reaches maxBytes. Written synchronously, which is twice as cheap as anything
 * else (research/node-feasibility.md 2); on a disk that turns out slow in the background, until it has become quick again.
 * Source: contract 6.3
 */
export class RegularLog implements LogTarget {
  #descriptor: number
  #size: number
  /** bytes: the size at which it is rotated next */
  #rotateAt = Number.POSITIVE_INFINITY
  #toldAboutRotation = false
  #slow = false
  #toldAboutSlowness = false
  #writing = false
  #closing = false
  #successor: (() => void) | null = null
  readonly #backlog: Backlog
  readonly #options: LogFileOptions
  readonly #hooks: LogFileHooks
  readonly #losses: Losses

  constructor(descriptor: number, rotates: boolean, options: LogFileOptions, hooks: LogFileHooks, losses: Losses) {
    this.#descriptor = descriptor
    this.#options = options
    this.#hooks = hooks
    this.#losses = losses
    this.#backlog = new Backlog(hooks)
    this.#size = fstatSync(descriptor).size
    if (rotates && options.maxBytes > 0) this.#rotateAt = options.maxBytes
    this.#waitForPredecessor()
  }

  write(chunk: Uint8Array): void {
    if (this.#slow || this.#writing) {
      this.#writeLater(chunk)
      return
    }
    const started = now()
    if (this.#size + chunk.length < this.#rotateAt) this.#writeNow(chunk)
    else for (const piece of piecesOf(chunk)) this.#writeNow(piece)
    if (!this.#options.synchronous) this.#took(now() - started)
  }

  get mode(): number {
    return fstatSync(this.#descriptor).mode & 0o777
  }

  truncate(): void {
    ftruncateSync(this.#descriptor, 0)
    this.#size = 0
  }

  close(): void {
    this.#closing = true
    if (!this.#writing) {
      this.#closeNow()
      return
    }
    closing.set(this.#options.path, this)
    finishesLater(this)
  }

  /** The log of the life before may still be written, on a slow disk: ours begins after its end. */
  #waitForPredecessor(): void {
    const predecessor = closing.get(this.#options.path)
    if (!predecessor) return
    this.#writing = true
    predecessor.#successor = () => {
      this.#size = fstatSync(this.#descriptor).size
      this.#writeNext()
    }
  }

  #writeNow(chunk: Uint8Array): void {
    let done = 0
    try {
      // a regular file takes all of it, or as much as fits on the disk; signals do not interrupt it
      while (done < chunk.length) done += writeNow(this.#descriptor, done === 0 ? chunk : chunk.subarray(done))
      this.#losses.written()
    } catch (error) {
      this.#losses.add(chunk.length - done, codeOf(error))
    }
    this.#size += done
    if (this.#size >= this.#rotateAt) this.#rotate()
  }

  #writeLater(chunk: Uint8Array): void {
    for (const piece of piecesOf(chunk)) {
      if (!this.#backlog.add(piece)) this.#losses.add(piece.length, 'EAGAIN')
    }
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    // much at once: on a slow disk each write takes its time
    const room = this.#closing ? MOST_AT_ONCE : Math.min(MOST_AT_ONCE, this.#rotateAt - this.#size)
    const chunks = this.#backlog.upTo(room)
    this.#writing = chunks.length > 0
    if (!this.#writing) {
      if (this.#closing) this.#closeNow()
      return
    }
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    const started = now()
    writev(this.#descriptor, chunks, (error, done) => {
      this.#backlog.taken(error ? bytes : done)
      if (error) this.#losses.add(bytes, codeOf(error))
      else if (done === bytes) this.#losses.written()
      if (!error) this.#size += done
      const took = now() - started
      if (!this.#backlog.first || took > SLOW) this.#took(took)
      // a log that is closed leaves the rotation to its successor
      if (this.#closing || this.#size < this.#rotateAt) this.#writeNext()
      else this.#rotateLater().then(() => this.#writeNext())
    })
  }

  #took(ms: number): void {
    this.#slow = ms > SLOW
    if (ms < TELLING || this.#toldAboutSlowness) return
    this.#toldAboutSlowness = true
    this.#hooks.trouble({ type: 'slow', path: this.#options.path, ms: Math.round(ms) })
  }

  /** Whatever fails, the log goes on in the file that is open; the next attempt comes when it has grown by maxBytes. */
  #rotate(): void {
    const { path } = this.#options
    let problem: string | null = null
    for (const [from, to] of this.#moves) {
      try {
        renameSync(from, to)
      } catch (error) {
        problem ??= troubleOf(error)
      }
    }
    try {
      const next = openSync(path, this.#flags, this.mode)
      closeQuietly(this.#descriptor)
      this.#goOnIn(next)
    } catch (error) {
      problem ??= codeOf(error)
    }
    this.#rotated(problem)
  }

  /** The same on a slow disk, where each step may take long. */
  async #rotateLater(): Promise<void> {
    const { path } = this.#options
    let problem: string | null = null
    for (const [from, to] of this.#moves) {
      await later.rename(from, to).catch(error => (problem ??= troubleOf(error)))
    }
    try {
      const next = await later.open(path, this.#flags, this.mode)
      close(this.#descriptor, () => {})
      this.#goOnIn(next)
    } catch (error) {
      problem ??= codeOf(error)
    }
    this.#rotated(problem)
  }

  /** `x.2` → `x.3`, `x.1` → `x.2`, `x` → `x.1` */
  get #moves(): readonly (readonly [from: string, to: string])[] {
    const { path, backups } = this.#options
    const nameOf = (n: number): string => (n === 0 ? path : `${path}.${n}`)
    return Array.from(
      { length: Math.max(0, backups) },
      (_, n) => [nameOf(backups - n - 1), nameOf(backups - n)] as const,
    )
  }

  get #flags(): number {
    return this.#options.backups > 0 ? OPEN_LOG : OPEN_LOG | constants.O_TRUNC
  }

  #goOnIn(descriptor: number): void {
    this.#descriptor = descriptor
    this.#size = fstatSync(descriptor).size
  }

  #rotated(problem: string | null): void {
    const { path, maxBytes } = this.#options
    this.#rotateAt = this.#size < maxBytes ? maxBytes : this.#size + maxBytes
    if (problem && !this.#toldAboutRotation) this.#hooks.trouble({ type: 'cannotRotate', path, code: problem })
    this.#toldAboutRotation = problem !== null
  }

  #closeNow(): void {
    closeQuietly(this.#descriptor)
    this.#losses.tell()
    if (closing.get(this.#options.path) === this) closing.delete(this.#options.path)
    this.#successor?.()
    hasFinished(this)
  }
}

/** A backup that is not there yet is none. */
function troubleOf(error: unknown): string | null {
  const code = codeOf(error)
  return code === 'ENOENT' ? null : code
}
