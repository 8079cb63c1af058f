/**
 * Who asks, and what they may do. Everybody who gets here may look: the portal listens on loopback, and what comes from
 * outside has passed Caddy's login. To change anything takes the local token, which Caddy's gate adds for those who have
 * logged in; and from a browser a page of ours as well, as others may make it send requests: other sites, and the
 * instances of other people behind other ports of the same address. Source: contract 14 (36), traps 36, 67
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { localTokenHeader } from '../common/local-token.ts'

export interface Visitor {
  /** The address that the browser shows, as what stands before us says; undefined: nothing stands before us. */
  readonly outside: Outside | undefined
  /** Has logged in, or is root on this instance. */
  readonly trusted: boolean
}

export interface Outside {
  readonly scheme: 'http' | 'https'
  /** `203.0.113.7:40123`, `abc.trycloudflare.com` */
  readonly host: string
  readonly hostname: string
  /** '' for the one of the scheme */
  readonly port: string
}

const OWN_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

/** Another name for us in a browser is that of a page which has made its own name mean our address (DNS rebinding). */
export const isOwnHost = (host: string | undefined): boolean => host === undefined || OWN_HOST.test(host)

export function visitorOf(headers: IncomingHttpHeaders, localToken: string): Visitor {
  return { outside: outsideOf(headers), trusted: isSame(single(headers[localTokenHeader]), localToken) }
}

function outsideOf(headers: IncomingHttpHeaders): Outside | undefined {
  const host = single(headers['x-forwarded-host'])
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i.test(host)) return undefined
  const scheme = single(headers['x-forwarded-proto']) === 'https' ? 'https' : 'http'
  const { hostname, port, host: normal } = new URL(`${scheme}://${host}`)
  return { scheme, host: normal, hostname, port }
}

const single = (value: string | readonly string[] | undefined): string =>
  typeof value === 'string' ? value : (value?.at(-1) ?? '')

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** What forms of our pages carry, and nobody else can read. */
export const formToken = (localToken: string): string =>
  createHmac('sha256', localToken).update('form').digest('base64url')

/** Why the visitor may not change anything by this request; undefined: go ahead. */
export function whyNot(
  headers: IncomingHttpHeaders,
  visitor: Visitor,
  givenFormToken: string | undefined,
  localToken: string,
): string | undefined {
  if (!visitor.trusted)
    return visitor.outside === undefined
      ? `this takes the token of ${localTokenHeader}, see /run/bosun/portal-token`
      : 'this page was not opened through the login of the instance'
  if (isForeign(headers, visitor)) return 'the request comes from another site'
  const fromBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
  if (fromBrowser && !isSame(givenFormToken ?? '', formToken(localToken)))
    return 'this page is older than the instance: load it again'
  return undefined
}

/** Another page makes the browser send it: one that cannot have our token, and need not have our answer. */
export function isForeign({ origin, referer, ...headers }: IncomingHttpHeaders, { outside }: Visitor): boolean {
  const site = single(headers['sec-fetch-site'])
  if (site !== '' && site !== 'same-origin') return true
  const own = outside === undefined ? `http://${headers.host}` : `${outside.scheme}://${outside.host}`
  return [origin, referer].some(from => from !== undefined && originOf(from) !== own)
}

function originOf(address: string): string {
  try {
    return new URL(address).origin
  } catch {
    return 'null'
  }
}
