import type { Cancel, Clock } from './system.ts'

/** setTimeout takes 31 bits of milliseconds; a later deadline is reached in hops. */
const LONGEST = 2 ** 31 - 1

function at(deadline: number, wake: () => void): Cancel {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = deadline - performance.now()
    // libuv counts whole milliseconds and may be early by a part of one
    if (left <= 0) wake()
    else timer = setTimeout(arm, Math.min(Math.ceil(left), LONGEST))
  }
  timer = setTimeout(arm, Math.max(0, Math.min(Math.ceil(deadline - performance.now()), LONGEST)))
  return () => clearTimeout(timer)
}

export const clock: Clock = {
  wall: Date.now,
  monotonic: () => performance.now(),
  at,
  defer: work => void setImmediate(work),
}
