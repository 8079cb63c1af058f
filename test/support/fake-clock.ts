import type { Cancel, Clock } from '../../supervisor/system/system.ts'

/**
 * A clock that stands until it is told otherwise. `advance` moves both scales and calls what becomes due, in order of its
 * deadline, each at its moment; `setWall` is somebody setting the date.
 */
export class FakeClock implements Clock {
  #wall: number
  #monotonic: number
  #alarms: { readonly deadline: number; readonly wake: () => void }[] = []

  constructor({ wall = 1_700_000_000_000, monotonic = 1000 } = {}) {
    this.#wall = wall
    this.#monotonic = monotonic
  }

  wall(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  at(deadline: number, wake: () => void): Cancel {
    const alarm = { deadline, wake }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter(other => other !== alarm)
    }
  }

  /** A later turn is the next `advance`, by however little. */
  defer(work: () => void): void {
    this.at(this.#monotonic, work)
  }

  /** How many wake-ups are asked for: 0 means that nothing would ever happen. */
  get pending(): number {
    return this.#alarms.length
  }

  advance(ms: number): void {
    const end = this.#monotonic + ms
    for (;;) {
      const due = this.#alarms
        .filter(({ deadline }) => deadline <= end)
        .reduce<{ deadline: number; wake: () => void } | null>(
          (first, alarm) => (first === null || alarm.deadline < first.deadline ? alarm : first),
          null,
        )
      if (due === null) break
      this.#alarms = this.#alarms.filter(other => other !== due)
      this.#pass(Math.max(0, due.deadline - this.#monotonic))
      due.wake()
    }
    this.#pass(end - this.#monotonic)
  }

  setWall(ms: number): void {
    this.#wall = ms
  }

  #pass(ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }
}
