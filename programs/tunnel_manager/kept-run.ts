import type { Run } from './cloudflared.ts'

export interface Backoff {
  readonly firstMs: number
  readonly longestMs: number
  /** who ran this long begins anew at `firstMs` */
  readonly steadyMs: number
}

export const backoff: Backoff = { firstMs: 1000, longestMs: 300_000, steadyMs: 60_000 }

/** A program that is started again when it ends, twice as late each time it does not last. */
export class KeptRun {
  readonly #start: () => Run
  readonly #ended: (reason: string, nextInMs: number) => void
  readonly #backoff: Backoff
  #run: Run
  #timer: NodeJS.Timeout | undefined
  #delay: number
  #closed = false

  /** @param ended is told why, and when the next start is due; not of an end that `close` asked for */
  constructor(start: () => Run, ended: (reason: string, nextInMs: number) => void, times: Backoff = backoff) {
    this.#start = start
    this.#ended = ended
    this.#backoff = times
    this.#delay = times.firstMs
    this.#run = this.#begin()
  }

  #begin(): Run {
    const since = performance.now()
    const run = this.#start()
    void run.ended.then(reason => {
      if (this.#closed) return
      const { firstMs, longestMs, steadyMs } = this.#backoff
      if (performance.now() - since >= steadyMs) this.#delay = firstMs
      this.#timer = setTimeout(() => {
        this.#run = this.#begin()
      }, this.#delay)
      this.#ended(reason, this.#delay)
      this.#delay = Math.min(this.#delay * 2, longestMs)
    })
    return run
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#run.stop()
  }
}
