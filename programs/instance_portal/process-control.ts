/** Starts, stops and restarts programs for somebody in front of the page. Source: contract 6.2, trap 11 */
import { spawn } from 'node:child_process'
import type { Client } from '../../supervisor/client/client.ts'
import { XmlRpcFault } from '../../supervisor/xmlrpc/codec.ts'
import { type FaultName, faults } from '../../supervisor/xmlrpc/faults.ts'

/** supervisord does not do it; the message is its own. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

export interface ProcessControl {
  /** Resolves when it has stayed up for as long as supervisord wants. @throws RefusedError, or Node's error of the socket */
  start(namespec: string): Promise<void>
  /** Resolves when it has ended. @throws likewise */
  stop(namespec: string): Promise<void>
  /** Stops it if it runs, and starts it. Our own program: resolves before that begins. @throws likewise */
  restart(namespec: string): Promise<void>
}

/**
 * `self`: namespec of our own program; a restart of it is handed over to a supervisorctl that is no child of ours and not in
 * our session, so that it outlives us.
 */
export function openProcessControl(client: Client, self: string | undefined): ProcessControl {
  const { supervisor } = client
  const start = (namespec: string): Promise<void> => refusals(supervisor.startProcess(namespec))
  const stop = (namespec: string): Promise<void> => refusals(supervisor.stopProcess(namespec))
  return {
    start,
    stop,
    async restart(namespec) {
      if (namespec === self) return restartFromOutside(client.url, namespec)
      await refusals(supervisor.stopProcess(namespec), 'NOT_RUNNING')
      await start(namespec)
    },
  }
}

async function refusals(call: Promise<unknown>, except?: FaultName): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof XmlRpcFault)) throw error
    if (except === undefined || error.code !== faults[except]) throw new RefusedError(error.text)
  }
}

function restartFromOutside(url: string, namespec: string): void {
  const words = ['--fork', 'supervisorctl', '-s', url, 'restart', namespec]
  spawn('setsid', words, { stdio: 'ignore', cwd: '/' }).on('error', () => {})
}
