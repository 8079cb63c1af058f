/**
 * Who guesses at our secrets is slowed down: after a few different wrong ones from one place, the next is looked at only after
 * a wait, twice as long each time. The same wrong one again is no other guess: an old link or cookie of a whole page of
 * requests is one mistake. Source: contract 14 (14)
 */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'

const FREE_GUESSES = 5
const FIRST_WAIT_MS = 1000
/** Long enough that no password is found, and short enough for who shares an address with somebody who guesses. */
const LONGEST_WAIT_MS = 60_000
/** Whoever has been quiet for so long begins anew. */
const FORGET_MS = 900_000
/** Recent wrong ones that are known again. */
const REMEMBERED = 8
const MOST_CLIENTS = 10_000

interface Client {
  readonly wrong: number
  readonly blockedUntil: number
  readonly last: number
  /** digests */
  readonly recent: readonly string[]
}

/** Times are in ms, on one clock of the caller's. */
export class Guesses {
  readonly #clients = new Map<string, Client>()

  /** @returns ms until this client may try again; 0: now */
  waitOf(client: string, now: number): number {
    return Math.max(0, (this.#known(client, now)?.blockedUntil ?? 0) - now)
  }

  /** They were wrong. */
  add(client: string, guesses: readonly string[], now: number): void {
    const before = this.#known(client, now)
    const recent = before?.recent ?? []
    const news = guesses.map(digest).filter(guess => !recent.includes(guess))
    if (news.length === 0) return
    const wrong = (before?.wrong ?? 0) + news.length
    const doublings = wrong - FREE_GUESSES
    const wait = doublings < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** doublings, LONGEST_WAIT_MS)
    // the newest are last: the map forgets from its beginning
    this.#clients.delete(client)
    this.#clients.set(client, {
      wrong,
      blockedUntil: now + wait,
      last: now,
      recent: [...recent, ...news].slice(-REMEMBERED),
    })
    if (this.#clients.size > MOST_CLIENTS) this.#clients.delete(this.#clients.keys().next().value!)
  }

  #known(client: string, now: number): Client | undefined {
    const known = this.#clients.get(client)
    return known !== undefined && now - known.last < FORGET_MS ? known : undefined
  }
}

const digest = (guess: string): string => createHash('sha256').update(guess).digest('base64')

/**
 * Who is at the other end. What Cloudflare says counts only from a tunnel, which ends on this machine: everybody else can
 * write what they like.
 */
export const addressOf = (peer: string, cfConnectingIp: string): string =>
  isLoopback(peer) && cfConnectingIp !== '' ? cfConnectingIp : peer

const isLoopback = (address: string): boolean => address === '::1' || unmapped(address).startsWith('127.')

/** `::ffff:10.0.0.1` → `10.0.0.1` */
const unmapped = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

/** Who has an IPv6 address has 2^64 of them: `2001:db8:1:2::5` → `2001:db8:1:2::/64` */
export function clientOf(address: string): string {
  const plain = unmapped(address).replace(/%.*/, '')
  if (!isIPv6(plain)) return plain
  const [head, tail] = plain.split('::') as [string, string?]
  const [front, back] = [head, tail ?? ''].map(part => (part === '' ? [] : part.split(':'))) as [string[], string[]]
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
  return `${groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
