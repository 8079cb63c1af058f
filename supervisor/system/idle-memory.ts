/**
 * Gives memory back when the work that needed it is over. V8 collects no more than it has to, and the C library keeps what
 * is freed: after the start of 1000 programs and one `status` 12 of 31 MiB are used by nobody. So once there was work, and
 * then none for a moment, and there is more than after the last time, everything is collected, which takes 12 ms with 10
 * programs, 30 with 1000. Without work nothing runs. Measured in docs/performance.md.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { now } from './clock.ts'
import { trimHeap } from './native.ts'

/** ms without work after which it is over */
const QUIET = 500
/** ms between two collections: who asks every second shall not pay for it each time */
const SELDOM = 60_000
/** bytes that are worth it */
const WORTHWHILE = 1 << 20

/** Compiled code goes as well, 0.6 MiB: the first restart or request after that takes 5 ms longer. */
const THOROUGH = ['--flush-baseline-code', '--bytecode-old-age=1']
/** as V8 has them */
const USUAL = ['--no-flush-baseline-code', '--bytecode-old-age=6']

let latestWork = 0
let latestCollection = Number.NEGATIVE_INFINITY
let usedThen = 0
let waiting = false
let collect: NodeJS.GCFunction | null = null

/** To be called when something was done that needed memory. */
export function worked(): void {
  latestWork = now()
  if (!waiting) waitUntilIdle()
}

function waitUntilIdle(): void {
  const left = Math.max(latestWork + QUIET, latestCollection + SELDOM) - now()
  waiting = left > 0
  if (waiting) setTimeout(waitUntilIdle, Math.ceil(left))
  else if (process.memoryUsage().heapUsed > usedThen + WORTHWHILE) giveBack()
}

function giveBack(): void {
  collect ??= findCollector()
  for (const flag of THOROUGH) setFlagsFromString(flag)
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  for (const flag of USUAL) setFlagsFromString(flag)
  trimHeap()
  latestCollection = now()
  usedThen = process.memoryUsage().heapUsed
}

/**
 * On the command line `--expose-gc` costs 14 ms of each start: with any flag of V8's that could matter to code, Node's own
 * code does not come from its cache. A context that is made later has `gc` as well, and is gone after the first use.
 */
function findCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  const found: NodeJS.GCFunction = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return found
}
