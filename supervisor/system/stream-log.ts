import { writeSync } from 'node:fs'
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
import type { LogFileHooks } from './log-file.ts'
import { isWritable, sendNow } from './native-sockets.ts'

/** ms: the other side has taken nothing for so long: it is stuck */
const STUCK = 1_000
/** ms between two attempts to write to it */
const LONGEST_RETRY = 250

/** Writes what fits without waiting: bytes taken; 0 or SystemError EAGAIN when nothing fits. */
export type Put = (descriptor: number, data: Uint8Array) => number

export const putNonBlocking: Put = (descriptor, data) => writeSync(descriptor, data)
/** The flags of a description that we share with others stay as they are: what is writable takes this much at once. */
export const putShared: Put = (descriptor, data) =>
  isWritable(descriptor) ? writeSync(descriptor, data.subarray(0, 4096)) : 0

export const putSocket: Put = sendNow

/**
 * Anything that may make a writer wait: terminal, pipe, socket, device. Written without waiting; what does not fit is
 * queued, and tried again while there is any. While the other side is slow the source is asked to pause; once it is stuck
 * the source goes on, and what it writes is lost.
 */
export class StreamLog implements LogTarget {
  readonly #descriptor: number
  readonly #put: Put
  readonly #losses: Losses
  readonly #backlog: Backlog
  #retryDelay = 1
  #latestProgress = 0
  #retrying = false
  #closing = false

  constructor(descriptor: number, put: Put, hooks: LogFileHooks, losses: Losses) {
    this.#descriptor = descriptor
    this.#put = put
    this.#losses = losses
    this.#backlog = new Backlog(hooks)
  }

  write(chunk: Uint8Array): void {
    const done = this.#backlog.first ? 0 : this.#take(chunk)
    if (done === chunk.length) return
    const rest = chunk.subarray(done)
    if (this.#isStuck() || !this.#backlog.add(rest)) this.#losses.add(rest.length, 'EAGAIN')
    if (this.#backlog.first && !this.#retrying) {
      this.#latestProgress = now()
      this.#retryDelay = 1
      this.#retryLater()
    }
  }

  close(): void {
    this.#closing = true
    if (this.#retrying) finishesLater(this)
    else this.#closeNow()
  }

  #isStuck(): boolean {
    return this.#retrying && now() - this.#latestProgress > STUCK
  }

  /** How much of it is done with: written, or lost for a reason other than that it would have to wait. */
  #take(data: Uint8Array): number {
    let done = 0
    try {
      while (done < data.length) {
        const taken = this.#put(this.#descriptor, data.subarray(done))
        if (taken === 0) return done
        done += taken
      }
      this.#losses.written()
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return done
      this.#losses.add(data.length - done, codeOf(error))
    }
    return data.length
  }

  #retryLater(): void {
    this.#retrying = true
    setTimeout(() => this.#retry(), this.#retryDelay)
  }

  #retry(): void {
    for (let first = this.#backlog.first; first; first = this.#backlog.first) {
      const done = this.#take(first)
      if (done > 0) this.#progressed(done)
      if (done < first.length) break
    }
    if (this.#isStuck()) {
      this.#backlog.letFlow()
      if (this.#closing) this.#losses.add(this.#backlog.drop(), 'EAGAIN')
    }
    this.#retrying = false
    if (this.#backlog.first) {
      this.#retryLater()
      this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY)
    } else if (this.#closing) this.#closeNow()
  }

  #progressed(bytes: number): void {
    this.#backlog.taken(bytes)
    this.#latestProgress = now()
    this.#retryDelay = 1
  }

  #closeNow(): void {
    closeQuietly(this.#descriptor)
    this.#losses.tell()
    hasFinished(this)
  }
}
