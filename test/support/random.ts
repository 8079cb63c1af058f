/** Numbers that look random and can be had again: a failing property names its seed. */

export interface Random {
  readonly seed: number
  /** from 0 up to, and without, the limit */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
  /** that many, each made anew */
  many<T>(count: number, make: () => T): T[]
}

/** `SEED=17 vitest run …` gives the same again. */
export function openRandom(seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))): Random {
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  return {
    seed,
    below,
    pick: items => items[below(items.length)]!,
    many: (count, make) => Array.from({ length: count }, make),
  }
}
