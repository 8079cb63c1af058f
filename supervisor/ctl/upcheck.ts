/** Is the daemon there, and does it speak our version? Source: contract 9.3 */
import { XmlRpcFault } from '../xmlrpc/codec.ts'
import { faults } from '../xmlrpc/faults.ts'
import type { Context } from './command.ts'
import { type ExitStatus, exitStatus } from './exit-status.ts'

const API_VERSION = '3.0'

export interface Unreachable {
  readonly text: string
  readonly status: ExitStatus
}

/** `unix:///x no such file`; null when the error is about something else. Clients grep for these words. */
export function renderUnreachable(error: unknown, url: string): Unreachable | null {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ECONNREFUSED':
      return { text: `${url} refused connection`, status: exitStatus.CONNECTION_REFUSED }
    case 'ENOENT':
      return { text: `${url} no such file`, status: exitStatus.NOT_RUNNING }
    default:
      return null
  }
}

/** null when all is well. @throws whatever else is wrong: 401, fault 6, EACCES … */
export async function upcheck({ supervisor, url }: Context): Promise<Unreachable | null> {
  try {
    const version = await supervisor.getVersion()
    if (version === API_VERSION) return null
    return {
      text:
        `Sorry, this version of supervisorctl expects to talk to a server with API version ${API_VERSION}, ` +
        `but the remote version is ${version}.`,
      status: exitStatus.OTHER_API_VERSION,
    }
  } catch (error) {
    if (error instanceof XmlRpcFault && error.code === faults.UNKNOWN_METHOD) {
      return {
        text:
          'Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses ' +
          'to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file ' +
          '(see sample.conf).',
        status: exitStatus.NO_NAMESPACE,
      }
    }
    const unreachable = renderUnreachable(error, url)
    if (unreachable) return unreachable
    throw error
  }
}
