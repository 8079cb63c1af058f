/**
 * Reads what a child writes. Each pipe is read into one buffer that all readers share, so reading makes no garbage.
 *
 * A quiet child is read when it writes: the kernel wakes us. One that has written twice within QUIET ms is busy: it is left
 * alone for a moment, 5 ms at most, until its pipe should be 40 % full, and then simply read. All busy children are read
 * together, so that 100 of them cost 200 wake-ups a second however much they write, and no system call besides read(2) and
 * write(2). A pipe that was found full is enlarged, and read again at once: its writer waits for us. A child that has
 * written nothing for QUIET ms is quiet again, and where nothing flows no timer runs. One read (1 MiB at most) is all that
 * a child gets per turn. A child that waits for our answer is never left alone: each of its answers would come 5 ms later.
 * Measured in docs/performance.md and research/node-feasibility.md 1, appendix A.
 */
import { Socket } from 'node:net'
import { now } from './clock.ts'
import { growPipe, readNow } from './native.ts'
import type { PipeReader, PipeReaderHandlers } from './system.ts'

/** Asks for a larger pipe: returns the new capacity in bytes, or −1. */
export type GrowPipe = (descriptor: number, bytes: number) => number

/** bytes: what a pipe may be enlarged to */
const LARGEST = 1 << 20
/** bytes per read: the writer is kept out of its pipe meanwhile, and what is read is still in the processor's cache when it is written */
const AT_ONCE = 1 << 18
/** What a new pipe holds. */
const INITIAL_CAPACITY = 1 << 16
/** ms without a read after which a child counts as quiet */
const QUIET = 20
/** ms: how long a line of a busy child may wait in the pipe */
const LONGEST_WAIT = 5
/** Part of the capacity that should wait for the next read. */
const WORTHWHILE = 0.4

// memory that was never read into costs nothing, and Buffer's own ways to allocate touch all of it
const shared = Buffer.from(new ArrayBuffer(AT_ONCE))

/** Busy children that wait equally long share one timer. Index: ms; 0 is the next turn of the event loop. */
const busy: ChildPipe[][] = Array.from({ length: LONGEST_WAIT + 1 }, () => [])

function readIn(ms: number, reader: ChildPipe): void {
  if (busy[ms]!.push(reader) > 1) return
  if (ms === 0) setImmediate(readAll, ms)
  else setTimeout(readAll, ms, ms)
}

function readAll(ms: number): void {
  const readers = busy[ms]!
  busy[ms] = []
  for (const reader of readers) reader.readBusy()
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

  /** The kernel woke us; false: from now on it shall not. */
  #received(length: number): boolean {
    this.#handlers.data(shared.subarray(0, length))
    const wait = this.#nextRead(length)
    if (wait === null) return !this.#paused
    this.#readIn(wait)
    return false
  }

  readBusy(): void {
    this.#scheduled = false
    const length = this.#readNow(true)
    if (this.#paused || this.#isClosed()) return
    const wait = this.#nextRead(length)
    if (wait === null) this.#socket.resume()
    else this.#readIn(wait)
  }

  /**
   * Hands over what is in the pipe, one pipe full at most: a writer that goes on must not hold us here. Returns how much it
   * was. Never waits: libuv has made our end non-blocking.
   */
  #readNow(mayPause: boolean): number {
    const most = this.#capacity
    let sum = 0
    while (sum < most && !this.#isClosed() && !(mayPause && this.#paused)) {
      const length = readNow(this.#descriptor, shared)
      if (length <= 0) break
      sum += length
      this.#handlers.data(shared.subarray(0, length))
      if (length < shared.length) break
    }
    return sum
  }

  /** Returns after how many ms the pipe is to be read again; null: when the child writes again. */
  #nextRead(length: number): number | null {
    const time = now()
    const elapsed = time - this.#lastRead
    if (length > 0) this.#lastRead = time
    if (this.#isClosed()) return null
    const full = length >= this.#capacity * 0.9
    if (full) this.#enlarge()
    if (elapsed > QUIET || this.#handlers.isDialogue) {
      this.#rate = 0
      return null
    }
    // how much more it would have written in this time is unknown
    if (full) return 0
    if (length === 0) this.#rate /= 2
    else this.#rate += (length / Math.max(elapsed, 0.05) - this.#rate) / 4
    const wait = Math.round((WORTHWHILE * this.#capacity) / this.#rate)
    // on one processor with us a writer gets its turn only while we wait
    return Math.min(length === 0 ? Math.max(wait, 1) : wait, LONGEST_WAIT)
  }

  #readIn(ms: number): void {
    this.#scheduled = true
    readIn(ms, this)
  }

  #enlarge(): void {
    if (!this.#mayGrow) return
    const wanted = Math.min(this.#capacity * 4, LARGEST)
    const granted = this.#grow(this.#descriptor, wanted)
    if (granted >= wanted) this.#capacity = wanted
    // EPERM: this user's pipes may not take more memory; the old size stays
    this.#mayGrow = granted >= wanted && wanted < LARGEST
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
    this.#readNow(false)
    this.#socket.destroy()
    this.#end()
  }

  /** At the end of the stream the descriptor is closed, and its number free for others, before `close` tells us. */
  #isClosed(): boolean {
    return this.#ended || this.#socket.destroyed
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
