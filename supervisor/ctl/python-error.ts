/**
 * Errors that no command expects, in the form that clients grep for: `error: <class 'T'>, <text>: file: F line: N`.
 * Class and text are those that the original prints; file and line are where ours was thrown.
 * Source: contract 9.3, 13.2; clients.md 6, 10
 */
import { HttpStatusError } from '../client/client.ts'
import { HttpProtocolError } from '../client/response-reader.ts'
import { ServerUrlError } from '../client/server-address.ts'
import { pythonRepr } from '../config/python-repr.ts'
import { XmlRpcFault, XmlRpcSyntaxError } from '../xmlrpc/codec.ts'

/** Input ended where an answer was needed. */
export class EndOfInputError extends Error {
  override readonly name = 'EndOfInputError'
}

/** A number that a method should not have answered with. */
export class UnknownResultError extends Error {
  override readonly name = 'UnknownResultError'
}

/** What Node calls errors of sockets and files → class, number and words in Python. */
const systemErrors: Readonly<Record<string, readonly [className: string, errno: number, text: string]>> = {
  EACCES: ['PermissionError', 13, 'Permission denied'],
  ECONNABORTED: ['ConnectionAbortedError', 103, 'Software caused connection abort'],
  ECONNREFUSED: ['ConnectionRefusedError', 111, 'Connection refused'],
  ECONNRESET: ['ConnectionResetError', 104, 'Connection reset by peer'],
  EHOSTUNREACH: ['OSError', 113, 'No route to host'],
  ELOOP: ['OSError', 40, 'Too many levels of symbolic links'],
  EMFILE: ['OSError', 24, 'Too many open files'],
  ENAMETOOLONG: ['OSError', 36, 'File name too long'],
  ENETUNREACH: ['OSError', 101, 'Network is unreachable'],
  ENOENT: ['FileNotFoundError', 2, 'No such file or directory'],
  ENOTDIR: ['NotADirectoryError', 20, 'Not a directory'],
  ENOTFOUND: ['socket.gaierror', -2, 'Name or service not known'],
  ENOTSOCK: ['OSError', 88, 'Socket operation on non-socket'],
  EAI_AGAIN: ['socket.gaierror', -3, 'Temporary failure in name resolution'],
  EPERM: ['PermissionError', 1, 'Operation not permitted'],
  EPIPE: ['BrokenPipeError', 32, 'Broken pipe'],
  ETIMEDOUT: ['TimeoutError', 110, 'Connection timed out'],
}

/** → class and text. */
function inPython(error: Error & { readonly code?: unknown; readonly errno?: unknown }): readonly [string, string] {
  if (error instanceof XmlRpcFault) return ['xmlrpc.client.Fault', `<Fault ${error.code}: ${pythonRepr(error.text)}>`]
  if (error instanceof HttpStatusError) {
    // the original always names this host
    const text = `<ProtocolError for 127.0.0.1${error.path}: ${error.status} ${error.reason}>`
    return ['xmlrpc.client.ProtocolError', text]
  }
  if (error instanceof HttpProtocolError) return ['http.client.RemoteDisconnected', error.message]
  if (error instanceof XmlRpcSyntaxError) return ['xml.parsers.expat.ExpatError', error.message]
  if (error instanceof ServerUrlError || error instanceof UnknownResultError) return ['ValueError', error.message]
  if (error instanceof EndOfInputError) return ['EOFError', error.message]
  if (typeof error.code === 'string') {
    const known = systemErrors[error.code]
    if (known) return [known[0], `[Errno ${known[1]}] ${known[2]}`]
    if (typeof error.errno === 'number') return ['OSError', `[Errno ${-error.errno}] ${error.message}`]
  }
  return ['RuntimeError', error.message]
}

// `    at run (/opt/x/supervisorctl:12:3)`, `    at file:///opt/x/session.ts:12:3`
const frame = /^\s+at .*?(?:file:\/\/)?(\/[^():]*):(\d+):\d+\)?$/m

/** `program` stands in for the file when the error comes out of Node and knows no place of ours. */
export function renderUnexpected(error: unknown, program: string): string {
  const known = error instanceof Error ? error : new Error(String(error))
  const [className, text] = inPython(known)
  const [, file = program, line = '1'] = frame.exec(known.stack ?? '') ?? []
  return `error: <class '${className}'>, ${text}: file: ${file} line: ${line}`
}
