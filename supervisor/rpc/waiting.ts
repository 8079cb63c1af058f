/** Answers that come later: when processes have got where they were sent. Nothing polls. Source: contract 8.3 */
import type { Process } from '../daemon/api.ts'
import { isStopped } from '../process/states.ts'
import type { Cancel } from '../system/system.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import type { Call } from './surroundings.ts'

/** Done, or what has to be waited for. */
export type Doing = true | (() => true | Promise<true>)

/**
 * Asks `outcome` now and after each change of the process, until it has something to say; then `done` is called, also
 * when the caller has gone. In that case the promise stays open for ever, and goes with whoever held it.
 */
function settle(
  call: Call,
  process: Process,
  outcome: () => true | undefined,
  done: Cancel = () => {},
): true | Promise<true> {
  if (outcome() === true) return true
  return new Promise((resolve, reject) => {
    const unwatch = process.watch(() => {
      try {
        if (outcome() === undefined) return
        resolve(true)
      } catch (error) {
        reject(error)
      }
      stop()
    })
    const stop = (): void => {
      unwatch()
      done()
      call.abandoned.removeEventListener('abort', stop)
    }
    call.abandoned.addEventListener('abort', stop)
  })
}

/** RUNNING is what was asked for; who leaves STARTING for anything else has failed. */
export const untilRunning = (call: Call, process: Process, spec: string) => (): true | Promise<true> =>
  settle(call, process, () => {
    if (process.spawnerr !== '') throw new RpcFault('SPAWN_ERROR', spec)
    if (process.state === 'RUNNING') return true
    if (process.state !== 'STARTING') throw new RpcFault('ABNORMAL_TERMINATION', spec)
    return undefined
  })

const REPORT_EVERY_MS = 2000

/** `waiting for web to stop` in the log: at once, then every two seconds. Source: contract 6.2 */
function reportWaiting(call: Call, process: Process): Cancel {
  const { clock, daemon } = call
  let cancel: Cancel
  const report = (): void => {
    daemon.log.info(`waiting for ${process.config.name} to stop`)
    cancel = clock.at(clock.monotonic() + REPORT_EVERY_MS, report)
  }
  report()
  return () => cancel()
}

export const untilStopped = (call: Call, process: Process) => (): true | Promise<true> => {
  if (isStopped(process.state)) return true
  const cancelReports = reportWaiting(call, process)
  return settle(call, process, () => (isStopped(process.state) ? true : undefined), cancelReports)
}
