/**
 * What a person can do about a daemon that does not answer. Goes to stderr, and only when a person reads that: the lines
 * on stdout stay those that clients know.
 */
import { HttpStatusError } from '../client/client.ts'
import { exitStatus } from './exit-status.ts'

/** Where the url came from. */
export interface Origin {
  /** given by `-s` */
  readonly flag: boolean
  /** the configuration that was used; null: none was found */
  readonly file: string | null
}

/** `hint: …`; '' when there is nothing to say. `problem` is an error, or what upcheck returned. */
export function renderHint(problem: unknown, url: string, { flag, file }: Origin): string {
  const { code, status } = problem as { readonly code?: unknown; readonly status?: unknown }
  const origin = flag
    ? 'the url is that of -s'
    : file
      ? `the url is that of ${file}`
      : 'no configuration file was found'
  const elsewhere = 'name another daemon with -s URL, or its configuration with -c FILE'
  if (problem instanceof HttpStatusError)
    return problem.status === 401
      ? `hint: give -u USER and -p PASSWORD, or username= and password= in [supervisorctl] of ${file ?? 'the configuration'}`
      : ''
  if (code === 'EACCES' || code === 'EPERM')
    return `hint: you may not use this socket; see chmod= and chown= in [unix_http_server], or try as root`
  if (code === 'ENOENT' || status === exitStatus.NOT_RUNNING)
    return `hint: no supervisord has its socket at ${url} (${origin}); is it running? Or ${elsewhere}`
  if (code === 'ECONNREFUSED' || status === exitStatus.CONNECTION_REFUSED)
    return `hint: nothing listens at ${url} (${origin}); is supervisord running? Or ${elsewhere}`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `hint: ${url} (${origin}) names an unknown host`
  return ''
}
