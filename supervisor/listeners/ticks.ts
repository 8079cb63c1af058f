/**
 * TICK events: told when the wall clock enters another period, with the moment at which that began. Nothing is told at the
 * start. A clock that is set is followed in both directions: within NOTICE_MS, or at the next tick if that is sooner.
 * A timer runs only while somebody wants ticks.
 * Source: contract 11.1 (notes), 4.5
 */
import type { Cancel, Clock } from '../system/system.ts'
import { type TickType, tickPeriods } from './event-types.ts'

/** ms: how often to look whether the wall clock was set, or the machine slept */
const NOTICE_MS = 5000

const tickTypes = Object.keys(tickPeriods) as readonly TickType[]

/** The multiple of the period, in seconds since the epoch, at or before this moment in ms. */
const periodAt = (wall: number, type: TickType): number => {
  const seconds = Math.floor(wall / 1000)
  return seconds - (seconds % tickPeriods[type])
}

export class Ticks {
  readonly #clock: Clock
  readonly #tell: (type: TickType, when: number) => void
  /** type → its current period */
  readonly #current = new Map<TickType, number>()
  #cancel: Cancel | null = null

  constructor(clock: Clock, tell: (type: TickType, when: number) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** These ticks are wanted from now on, and no others. */
  follow(wanted: (type: TickType) => boolean): void {
    for (const type of tickTypes) {
      if (!wanted(type)) this.#current.delete(type)
      else if (!this.#current.has(type)) this.#current.set(type, periodAt(this.#clock.wall(), type))
    }
    this.#arm()
  }

  #arm(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.#current.size === 0) return
    const wall = this.#clock.wall()
    // the shortest period that is followed ends first: longer ones are multiples of it
    const shortest = tickTypes.find(type => this.#current.has(type))!
    const left = (periodAt(wall, shortest) + tickPeriods[shortest]) * 1000 - wall
    this.#cancel = this.#clock.at(this.#clock.monotonic() + Math.min(left, NOTICE_MS), () => this.#look())
  }

  #look(): void {
    const wall = this.#clock.wall()
    for (const type of tickTypes) {
      const when = periodAt(wall, type)
      const before = this.#current.get(type)
      if (before === undefined || before === when) continue
      this.#current.set(type, when)
      this.#tell(type, when)
    }
    this.#arm()
  }
}
