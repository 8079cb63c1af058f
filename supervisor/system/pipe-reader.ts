/**
 * Reads what a child writes. Each pipe is read through one buffer that all readers share, so reading makes no garbage.
 *
 * A child that writes line by line is cheapest when it is left alone for a moment: after each read of a busy child the
 * reader waits until the pipe should be 40 % full, 5 ms at most. A pipe that was found full is enlarged. A quiet child is
 * read at once, and where nothing flows no timer runs. One read (1 MiB at most) is all that a busy child gets per turn.
 * A child that waits for our answer is never left alone: each of its answers would come 5 ms later.
 * Measured in research/node-feasibility.md 1, appendix A.
 */
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { growPipe } from './native.ts'
import type { PipeReader, PipeReaderHandlers } from './system.ts'

/** Asks for a larger pipe: returns the new capacity in bytes, or −1. */
export type GrowPipe = (descriptor: number, bytes: number) => number

const LARGEST = 1 << 20
/** What a new pipe holds. */
const INITIAL_CAPACITY = 1 << 16
/** ms without a read after which a child counts as quiet */
const QUIET = 20
/** ms: how long a line of a busy child may wait in the pipe */
const LONGEST_WAIT = 5
/** Part of the capacity that should wait for the next read. */
const WORTHWHILE = 0.4

// memory that was never read into costs nothing, and Buffer's own ways to allocate touch all of it
const shared = Buffer.from(new ArrayBuffer(LARGEST))

/** Readers that wait equally long share one timer. Index: ms; 0 is the next turn of the event loop. */
const waiting: Set<ChildPipe>[] = []

function wakeIn(ms: number, reader: ChildPipe): void {
  const others = (waiting[ms] ??= new Set())
  others.add(reader)
  if (others.size > 1) return
  const wake = () => {
    waiting[ms] = new Set()
    for (const each of others) each.wake()
  }
  if (ms === 0) setImmediate(wake)
  else setTimeout(wake, ms)
}

class ChildPipe implements PipeReader {
  readonly #descriptor: number
  readonly #handlers: PipeReaderHandlers
  readonly #grow: GrowPipe
  readonly #socket: Socket
  #capacity = INITIAL_CAPACITY
  #mayGrow = true
  #lastRead = 0
  /** bytes per ms, smoothed */
  #rate = 0
  #scheduled = false
  #paused = false
  #ended = false

  constructor(descriptor: number, handlers: PipeReaderHandlers, grow: GrowPipe) {
    this.#descriptor = descriptor
    this.#handlers = handlers
    this.#grow = grow
    // an object literal: @types/node does not know that `onread` goes with `fd`
    const options = {
      fd: descriptor,
      readable: true,
      writable: false,
      onread: { buffer: shared, callback: (length: number) => this.#received(length) },
    }
    this.#socket = new Socket(options)
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#end())
  }

  /** Returns false when reading is to stop until `wake`. */
  #received(length: number): boolean {
    const now = performance.now()
    const elapsed = now - this.#lastRead
    this.#lastRead = now
    if (length >= this.#capacity * 0.9) this.#enlarge()
    this.#handlers.data(shared.subarray(0, length))
    if (this.#ended) return false
    if (elapsed > QUIET || this.#handlers.isDialogue) {
      this.#rate = 0
      return !this.#paused
    }
    this.#rate += (length / Math.max(elapsed, 0.05) - this.#rate) / 4
    const wait = (WORTHWHILE * this.#capacity) / this.#rate
    this.#scheduled = true
    wakeIn(wait < 0.7 ? 0 : Math.min(Math.round(wait), LONGEST_WAIT), this)
    return false
  }

  #enlarge(): void {
    if (!this.#mayGrow) return
    const wanted = Math.min(this.#capacity * 4, LARGEST)
    const granted = this.#grow(this.#descriptor, wanted)
    if (granted >= wanted) this.#capacity = wanted
    // EPERM: this user's pipes may not take more memory; the old size stays
    this.#mayGrow = granted >= wanted && wanted < LARGEST
  }

  wake(): void {
    this.#scheduled = false
    if (!this.#paused && !this.#isClosed()) this.#socket.resume()
  }

  pause(): void {
    this.#paused = true
    if (!this.#isClosed()) this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (!this.#scheduled && !this.#isClosed()) this.#socket.resume()
  }

  drainAndClose(): void {
    // one pipe full and no more: a grandchild that goes on writing must not hold us here
    for (let left = this.#capacity; left > 0 && !this.#isClosed(); ) {
      const length = this.#readNow(left)
      if (length === 0) break
      left -= length
      this.#handlers.data(shared.subarray(0, length))
    }
    this.#socket.destroy()
    this.#end()
  }

  /** At the end of the stream the descriptor is closed, and its number free for others, before `close` tells us. */
  #isClosed(): boolean {
    return this.#ended || this.#socket.destroyed
  }

  /** Never waits: libuv has made our end of the pipe non-blocking. */
  #readNow(atMost: number): number {
    for (;;) {
      try {
        return readSync(this.#descriptor, shared, 0, atMost, null)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINTR') return 0
      }
    }
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#handlers.end()
  }
}

/** Takes over the descriptor, the read end of a pipe. Source: contract 5.4 */
export function openPipeReader(
  descriptor: number,
  handlers: PipeReaderHandlers,
  grow: GrowPipe = growPipe,
): PipeReader {
  return new ChildPipe(descriptor, handlers, grow)
}
