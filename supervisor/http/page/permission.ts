/**
 * Whose request is it: of the person who sits in front of the page, or of another site that makes the browser send it?
 * The original does not ask, and acts on any GET. Source: contract 7.6 "no CSRF protection"; docs/differences.md
 */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who asks, as far as the server knows. */
export interface Visitor {
  /** Came through a unix socket, or gave the password. */
  readonly trusted: boolean
}

type Headers = IncomingMessage['headers']

/** A header of newer browsers; they set it themselves, a page cannot. */
const site = (headers: Headers): string | undefined => headers['sec-fetch-site'] as string | undefined

function isOf(host: string | undefined, address: string): boolean {
  try {
    return new URL(address).host === host
  } catch {
    return false // `Origin: null`
  }
}

/** The browser says that another site is behind it. What says nothing is no browser of these days, or a bookmark. */
export function isForeign({ host, origin, referer, ...headers }: Headers): boolean {
  const from = site(headers)
  if (from !== undefined) return from !== 'same-origin' && from !== 'none'
  return (origin !== undefined && !isOf(host, origin)) || (referer !== undefined && !isOf(host, referer))
}

function isSame(given: string | null, token: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(token)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/**
 * A form of our own page carries the token, or comes from our own origin (a page may be older than the daemon). Without
 * either, as from bookmarks and scripts, it takes a visitor who could do the same over XML-RPC; and never a prefetch.
 */
export function mayAct(
  { method, headers }: IncomingMessage,
  { trusted }: Visitor,
  given: string | null,
  token: string,
) {
  if (method === 'POST') {
    if (site(headers) === 'same-origin') return true
    if (site(headers) === undefined && headers.origin !== undefined && isOf(headers.host, headers.origin)) return true
    // behind a proxy that changes Host our own origin looks like a foreign one; a foreign site does not have the token
    if (site(headers) !== 'cross-site' && isSame(given, token)) return true
    if (headers.origin !== undefined) return false
  }
  return trusted && !isForeign(headers) && headers['sec-purpose'] === undefined && headers.purpose === undefined
}
