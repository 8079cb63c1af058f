import { constants, fstatSync, ftruncateSync, openSync, renameSync, write, writeSync } from 'node:fs'
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

/** What reads of the original yield at most, hence by how much its files exceed maxBytes at most. */
const PIECE = 128 * 1024
/** ms: a write that takes longer is done in the background from then on */
const SLOW = 50
/** ms: a write that takes longer is told, once for as long as the log is open */
const TELLING = 250

export const OPEN_LOG = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY

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
  }

  write(chunk: Uint8Array): void {
    if (this.#slow) {
      this.#writeLater(chunk)
      return
    }
    const started = performance.now()
    if (this.#size + chunk.length < this.#rotateAt) this.#writeNow(chunk)
    else for (let at = 0; at < chunk.length; at += PIECE) this.#writeNow(chunk.subarray(at, at + PIECE))
    if (!this.#options.synchronous) this.#took(performance.now() - started)
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
    if (this.#writing) finishesLater(this)
    else this.#closeNow()
  }

  #writeNow(chunk: Uint8Array): void {
    let done = 0
    try {
      // libuv goes on after EINTR by itself
      while (done < chunk.length) done += writeSync(this.#descriptor, chunk, done, chunk.length - done)
      this.#losses.written()
    } catch (error) {
      this.#losses.add(chunk.length - done, codeOf(error))
    }
    this.#grown(done)
  }

  #writeLater(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE)
      if (!this.#backlog.add(piece)) this.#losses.add(piece.length, 'EAGAIN')
    }
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const chunk = this.#backlog.first
    this.#writing = chunk !== undefined
    if (!chunk) {
      if (this.#closing) this.#closeNow()
      return
    }
    const started = performance.now()
    write(this.#descriptor, chunk, 0, chunk.length, null, (error, done) => {
      this.#backlog.taken(error ? chunk.length : done)
      if (error) this.#losses.add(chunk.length, codeOf(error))
      else if (done === chunk.length) this.#losses.written()
      if (!error) this.#grown(done)
      const took = performance.now() - started
      if (!this.#backlog.first || took > SLOW) this.#took(took)
      this.#writeNext()
    })
  }

  #took(ms: number): void {
    this.#slow = ms > SLOW
    if (ms < TELLING || this.#toldAboutSlowness) return
    this.#toldAboutSlowness = true
    this.#hooks.trouble({ type: 'slow', path: this.#options.path, ms: Math.round(ms) })
  }

  #grown(bytes: number): void {
    this.#size += bytes
    if (this.#size >= this.#rotateAt) this.#rotate()
  }

  /** Whatever fails, the log goes on in the file that is open; the next attempt comes when it has grown by maxBytes. */
  #rotate(): void {
    const { path, maxBytes, backups } = this.#options
    let problem = backups > 0 ? shiftBackups(path, backups) : null
    try {
      const next = openSync(path, backups > 0 ? OPEN_LOG : OPEN_LOG | constants.O_TRUNC, this.mode)
      closeQuietly(this.#descriptor)
      this.#descriptor = next
      this.#size = fstatSync(next).size
    } catch (error) {
      problem ??= codeOf(error)
    }
    this.#rotateAt = this.#size < maxBytes ? maxBytes : this.#size + maxBytes
    if (problem && !this.#toldAboutRotation) this.#hooks.trouble({ type: 'cannotRotate', path, code: problem })
    this.#toldAboutRotation = problem !== null
  }

  #closeNow(): void {
    closeQuietly(this.#descriptor)
    this.#losses.tell()
    hasFinished(this)
  }
}

/** `x.2` → `x.3`, `x.1` → `x.2`, `x` → `x.1`. Goes on after a failure; returns the code of the first one. */
function shiftBackups(path: string, backups: number): string | null {
  let problem: string | null = null
  for (let n = backups - 1; n >= 0; n--) {
    try {
      renameSync(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') problem ??= codeOf(error)
    }
  }
  return problem
}
