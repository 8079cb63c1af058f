/**
 * What the fuzz scripts share: options, random numbers, and the loop that throws inputs at a parser and watches it.
 *
 *     node scripts/dev/fuzz-NAME.ts [--count N] [--seconds S] [--seed X]
 *
 * Stops after whichever comes first (default: a million inputs, two minutes). A failure prints its input and the seed with
 * which it comes again, and the exit status is 1.
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})

/** mulberry32: the same numbers for the same seed, on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** 0 ≤ n < 1 */
export const random = randomNumbers(Number(options.seed))
export const below = (limit: number): number => Math.floor(random() * limit)
export const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!

export interface Target<Input> {
  /** Makes the next one out of random numbers. */
  readonly input: () => Input
  /** What became of it, a word each to be counted. Anything thrown is a failure. */
  readonly run: (input: Input) => readonly string[]
  /** For who reads about a failure. */
  readonly show: (input: Input) => unknown
  /** ms of processor time that one input may take, on a slow machine, too */
  readonly slow: number
}

const HEAP_GROWTH = 64 * 1024 * 1024
/** inputs between two looks at the heap; the first is when the code is warm */
const HEAP_EVERY = 50_000

/** ms that this thread has worked: what else the machine is busy with does not count. */
function worked(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

export function fuzz<Input>({ input, run, show, slow }: Target<Input>): void {
  const began = performance.now()
  const outcomes: Record<string, number> = {}
  let done = 0
  let heapBefore = 0

  const fail = (why: string, given: Input): never => {
    console.error(`${why}\nseed ${options.seed}, input ${done}:\n${JSON.stringify(show(given))}`)
    process.exit(1)
  }

  for (; done < Number(options.count) && performance.now() - began < Number(options.seconds) * 1000; done++) {
    const given = input()
    const started = worked()
    try {
      for (const outcome of run(given)) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    } catch (error) {
      fail((error as Error).stack ?? String(error), given)
    }
    // a collection of garbage may have come in between: only what is slow twice is slow
    if (worked() - started > slow) {
      const again = worked()
      run(given)
      const took = worked() - again
      if (took > slow) fail(`took ${Math.round(took)} ms`, given)
    }
    if (done % HEAP_EVERY === 0) {
      collectGarbage()
      const { heapUsed } = process.memoryUsage()
      if (done === HEAP_EVERY) heapBefore = heapUsed
      if (done > HEAP_EVERY && heapUsed - heapBefore > HEAP_GROWTH) fail(`heap grew to ${heapUsed} bytes`, given)
    }
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${done} inputs in ${seconds} s, seed ${options.seed}: ${JSON.stringify(outcomes)}`)
}
