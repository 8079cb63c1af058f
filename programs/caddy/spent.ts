/** Passes that count no more before their time: sessions that were ended, links that were followed. They stay so after a restart. */
import { readTextFile, writeFileAtomically } from '../common/atomic-file.ts'
import type { Spend } from './auth.ts'

/** Each takes one who was let in; beyond that those that end first are forgotten first. */
const MOST = 10_000

export interface Spent {
  has(id: string): boolean
  /** @throws Node's error when it cannot be kept; it counts all the same */
  add(pass: Spend, now: number): void
}

/** `{"id":1795241637000}`: until when it would have been good, in ms since the epoch. A file that is none is an empty one. */
export function openSpent(path: string): Spent {
  const spent = read(path)
  return {
    has: id => spent.has(id),
    add({ id, expires }, now) {
      spent.set(id, expires)
      const left = [...spent].filter(([, end]) => end > now).toSorted(([, one], [, other]) => one - other)
      spent.clear()
      for (const [each, end] of left.slice(-MOST)) spent.set(each, end)
      writeFileAtomically(path, `${JSON.stringify(Object.fromEntries(spent))}\n`, { mode: 0o600 })
    },
  }
}

function read(path: string): Map<string, number> {
  try {
    const entries: [string, unknown][] = Object.entries(JSON.parse(readTextFile(path) || '{}'))
    return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
  } catch {
    return new Map()
  }
}
