/** THE table of what the buttons of the page do, and the words they end with. Source: contract 7.6 */

import type { Daemon } from '../../daemon/api.ts'
import type { RpcInterface } from '../../rpc/dispatch.ts'
import { resolveSpec } from '../../rpc/namespec.ts'
import type { Clock } from '../../system/system.ts'
import type { XmlRpcValue } from '../../xmlrpc/codec.ts'
import { type FaultName, RpcFault } from '../../xmlrpc/faults.ts'
import { ctime } from '../access-log.ts'

export interface ActionSurroundings {
  readonly daemon: Daemon
  readonly clock: Pick<Clock, 'wall'>
  /** with the namespace `supervisor`, whatever the configuration offers to others */
  readonly rpc: RpcInterface
}

interface Action {
  /** of its button */
  readonly label: string
  readonly needsProcess: boolean
  /** Nothing changes by it: anybody may ask for it, also by a link. */
  readonly harmless?: true
  /** Resolves with the message when it is done. @throws RpcFault */
  run(surroundings: ActionSurroundings, spec: string): Promise<string>
}

const startErrors: Partial<Record<FaultName, string>> = {
  NO_FILE: 'no such file',
  NOT_EXECUTABLE: 'file not executable',
  ALREADY_STARTED: 'already started',
  SPAWN_ERROR: 'spawn error',
  ABNORMAL_TERMINATION: 'abnormal termination',
}

export const faultText = ({ code, text }: RpcFault): string => `unexpected rpc fault [${code}] ${text}`

/**
 * What was begun is brought to its end, also for a browser that has gone: a restart must not stay half done. Every wait
 * ends with its process, so nothing piles up.
 */
const forNobody = new AbortController().signal

const call = async ({ rpc }: ActionSurroundings, method: string, ...params: readonly XmlRpcValue[]): Promise<unknown> =>
  rpc.call(`supervisor.${method}`, params, forNobody)

/** A restart goes on whatever the stop and the start say; only a daemon that is ending does neither. */
async function whateverItSays(called: Promise<unknown>): Promise<void> {
  try {
    await called
  } catch (error) {
    if (!(error instanceof RpcFault) || error.name === 'SHUTDOWN_STATE') throw error
  }
}

export const actions: Readonly<Record<string, Action>> = {
  refresh: {
    label: 'Refresh',
    needsProcess: false,
    harmless: true,
    run: async ({ clock }) => `Page refreshed at ${ctime(clock.wall())}`,
  },
  stopall: {
    label: 'Stop All',
    needsProcess: false,
    async run(surroundings) {
      await call(surroundings, 'stopAllProcesses')
      return `All stopped at ${ctime(surroundings.clock.wall())}`
    },
  },
  restartall: {
    label: 'Restart All',
    needsProcess: false,
    async run(surroundings) {
      await call(surroundings, 'stopAllProcesses')
      await call(surroundings, 'startAllProcesses')
      return `All restarted at ${ctime(surroundings.clock.wall())}`
    },
  },
  start: {
    label: 'Start',
    needsProcess: true,
    async run(surroundings, spec) {
      try {
        await call(surroundings, 'startProcess', spec)
        return `Process ${spec} started`
      } catch (error) {
        if (!(error instanceof RpcFault)) throw error
        return `ERROR: Process ${spec}: ${startErrors[error.name] ?? faultText(error)}`
      }
    },
  },
  stop: {
    label: 'Stop',
    needsProcess: true,
    async run(surroundings, spec) {
      await call(surroundings, 'stopProcess', spec)
      return `Process ${spec} stopped`
    },
  },
  restart: {
    label: 'Restart',
    needsProcess: true,
    async run(surroundings, spec) {
      await whateverItSays(call(surroundings, 'stopProcess', spec))
      await whateverItSays(call(surroundings, 'startProcess', spec))
      return `Process ${spec} restarted`
    },
  },
  clearlog: {
    label: 'Clear Log',
    needsProcess: true,
    async run(surroundings, spec) {
      await call(surroundings, 'clearProcessLogs', spec)
      return `Log for ${spec} cleared`
    },
  },
}

/** Resolves with the message for the page. Rejects with what is no fault: a mistake of ours. */
export async function perform(action: Action, spec: string, surroundings: ActionSurroundings): Promise<string> {
  if (action.needsProcess && !resolveSpec(surroundings.daemon, spec)?.process) return `No such process named ${spec}`
  try {
    return await action.run(surroundings, spec)
  } catch (error) {
    if (error instanceof RpcFault) return faultText(error)
    throw error
  }
}
