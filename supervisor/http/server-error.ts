/** A server that cannot be opened, in the words of the original. Source: contract 3.6 */
import { getSystemErrorName } from 'node:util'

/** `message` stands behind `Error: ` on stderr; the exit status is 2. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
}

export const alreadyListening = (): ServerError =>
  new ServerError(
    'Another program is already listening on a port that one of our HTTP servers is configured to use.  ' +
      'Shut this program down first before starting supervisord.',
  )

/** What Python's getaddrinfo calls the errors for which there is no errno. */
const lookupErrors: Readonly<Record<string, number>> = { ENOTFOUND: -2, EAI_NONAME: -2, EAI_AGAIN: -3, EAI_FAIL: -4 }

/** `errno.ENOENT (2)`, `-2`, or the text itself. */
function pythonErrno(error: NodeJS.ErrnoException): string {
  const { code, errno } = error
  if (code !== undefined && lookupErrors[code] !== undefined) return String(lookupErrors[code])
  if (code === undefined || errno === undefined) return error.message
  return `errno.${errno < 0 ? getSystemErrorName(errno) : code} (${Math.abs(errno)})`
}

/** `hint` says what the original leaves to be guessed. */
export function cannotOpen(error: unknown, hint = ''): ServerError {
  if (error instanceof ServerError) return error
  const reason = pythonErrno(error as NodeJS.ErrnoException)
  return new ServerError(`Cannot open an HTTP server: socket.error reported ${reason}${hint}`, { cause: error })
}
