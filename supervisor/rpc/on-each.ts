/** What the methods on groups and on all processes share: one result struct per process. Source: contract 8.2 */
import type { Process } from '../daemon/api.ts'
import { faults, RpcFault } from '../xmlrpc/faults.ts'
import type { Doing } from './waiting.ts'

export type ProcessResult = {
  readonly name: string
  readonly group: string
  readonly status: number
  readonly description: string
}

const result = (process: Process, status: number, description: string): ProcessResult => ({
  name: process.config.name,
  group: process.group.name,
  status,
  description,
})

const success = (process: Process): ProcessResult => result(process, faults.SUCCESS, 'OK')

function failure(process: Process, error: unknown): ProcessResult {
  if (!(error instanceof RpcFault)) throw error
  return result(process, error.code, error.text)
}

/**
 * Acts on all of them at once. Results stand in the order of completion: first what was done or refused at once, in the
 * order given, then what had to be waited for.
 */
export function onEach(
  processes: readonly Process[],
  act: (process: Process) => Doing,
): readonly ProcessResult[] | Promise<readonly ProcessResult[]> {
  const results: ProcessResult[] = []
  const pending: { readonly process: Process; readonly wait: Exclude<Doing, true> }[] = []
  for (const process of processes) {
    try {
      const wait = act(process)
      if (wait === true) results.push(success(process))
      else pending.push({ process, wait })
    } catch (error) {
      results.push(failure(process, error))
    }
  }
  if (pending.length === 0) return results
  const ends = pending.map(async ({ process, wait }) => {
    try {
      await wait()
      results.push(success(process))
    } catch (error) {
      results.push(failure(process, error))
    }
  })
  return Promise.all(ends).then(() => results)
}
