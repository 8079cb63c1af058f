/** What every log target has in common: bytes that wait, bytes that are lost, and closing. */
import { closeSync } from 'node:fs'
import { now } from './clock.ts'
import type { LogFileHooks } from './log-file.ts'

/** bytes that may wait: the source pauses above the first, goes on below the second; beyond the third they are lost */
const HIGH_WATER = 2 << 20
const LOW_WATER = 1 << 20
const MOST_QUEUED = 4 << 20
/** ms without a loss after which it is over */
const OVER = 1_000

export interface LogTarget {
  write(chunk: Uint8Array): void
  close(): void
}

/** Closed, but something of theirs is still to be written. */
const unfinished = new Set<LogTarget>()
let whenFinished = (): void => {}

export const finishesLater = (target: LogTarget): void => void unfinished.add(target)

export function hasFinished(target: LogTarget): void {
  unfinished.delete(target)
  if (unfinished.size === 0) whenFinished()
}

/** Resolves once nothing of any closed log is still to be written, or after so many ms. */
export function allFinished(atMostMs: number): Promise<void> {
  if (unfinished.size === 0) return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(resolve, atMostMs)
    whenFinished = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // network file systems tell late write errors here; the descriptor is gone all the same
  }
}

/** Bytes that could not be written: told when it begins, and how many when it is over. */
export class Losses {
  #bytes = 0
  #latest = 0
  readonly #path: string
  readonly #hooks: LogFileHooks

  constructor(path: string, hooks: LogFileHooks) {
    this.#path = path
    this.#hooks = hooks
  }

  add(bytes: number, code: string): void {
    const first = this.#bytes === 0
    this.#bytes += bytes
    this.#latest = now()
    if (first && bytes > 0) this.#hooks.trouble({ type: 'losing', path: this.#path, code })
  }

  /** A whole chunk was written. On a disk that is all but full small ones still succeed now and then. */
  written(): void {
    if (this.#bytes > 0 && now() - this.#latest > OVER) this.tell()
  }

  tell(): void {
    const bytes = this.#bytes
    this.#bytes = 0
    if (bytes > 0) this.#hooks.trouble({ type: 'lost', path: this.#path, bytes })
  }
}

/** Copies of chunks that wait, and what their number means for the source. */
export class Backlog {
  readonly #chunks: Uint8Array[] = []
  /** index of the first chunk that still waits */
  #head = 0
  #bytes = 0
  #shut = false
  readonly #flow: (ready: boolean) => void

  constructor(hooks: LogFileHooks) {
    this.#flow = ready => hooks.flow?.(ready)
  }

  get first(): Uint8Array | undefined {
    return this.#chunks[this.#head]
  }

  /** false: there is no room for it. */
  add(chunk: Uint8Array): boolean {
    if (this.#bytes + chunk.length > MOST_QUEUED) return false
    this.#chunks.push(new Uint8Array(chunk))
    this.#bytes += chunk.length
    if (!this.#shut && this.#bytes > HIGH_WATER) this.#setShut(true)
    return true
  }

  /** The first chunks, as long as they have not so many bytes together; one in any case. */
  upTo(bytes: number): readonly Uint8Array[] {
    let end = this.#head
    for (let sum = 0; end < this.#chunks.length; end++) {
      sum += this.#chunks[end]!.length
      if (sum > bytes && end > this.#head) break
    }
    return this.#chunks.slice(this.#head, end)
  }

  /** So much of the first chunks is done. */
  taken(bytes: number): void {
    this.#bytes -= bytes
    for (let left = bytes; left > 0; ) {
      const first = this.#chunks[this.#head]!
      if (left < first.length) this.#chunks[this.#head] = first.subarray(left)
      else this.#head++
      left -= Math.min(left, first.length)
    }
    // moved down now and then only: many small chunks must not cost their square
    if (this.#head === this.#chunks.length || this.#head > 1_000) {
      this.#chunks.splice(0, this.#head)
      this.#head = 0
    }
    if (this.#bytes < LOW_WATER) this.letFlow()
  }

  letFlow(): void {
    if (this.#shut) this.#setShut(false)
  }

  /** Returns how much it was. */
  drop(): number {
    const bytes = this.#bytes
    this.#chunks.length = 0
    this.#head = 0
    this.#bytes = 0
    this.letFlow()
    return bytes
  }

  #setShut(shut: boolean): void {
    this.#shut = shut
    this.#flow(!shut)
  }
}
