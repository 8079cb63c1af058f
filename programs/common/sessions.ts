/**
 * Sessions and links that let somebody in: signed texts that expire, and say nothing else. They are bound to the instance and
 * to its credentials: with others, all of them end. Source: contract 14 (13); contract/aidock-and-codechips.md D.2 (S6, S7)
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Credentials } from './credentials.ts'

/** As the cookie of the original lasted. Source: contract 5.3 */
export const SESSION_SECONDS = 604_800
/** Time to follow a link that a page or a command has just shown. */
export const LINK_SECONDS = 300

export type Pass = 'session' | 'link'

const kinds = {
  session: { prefix: 's1', seconds: SESSION_SECONDS },
  link: { prefix: 'l1', seconds: LINK_SECONDS },
} as const

/** `s1.tkd3c0.…`: expiry in seconds by base 36, what makes it unique, and a signature of both. */
const FORM = /^([a-z]1)\.([0-9a-z]{1,8})\.([\w-]{22})\.([\w-]{43})$/

export interface Passes {
  /** @param now ms since the epoch, like all of them here */
  issue(kind: Pass, now?: number): string
  /** The pass, if we have issued it and it is still good; `over`: we have, and it is not; undefined: no pass of this kind. */
  check(kind: Pass, text: string, now?: number): { readonly id: string; readonly expires: number } | 'over' | undefined
}

/** @param label of the instance: passes of a copy of it do not open it */
export function openPasses(key: Uint8Array, credentials: Credentials, label: string): Passes {
  const { username, password, token } = credentials
  const own = createHmac('sha256', key)
    .update(JSON.stringify([label, username, password, token]))
    .digest()
  const sign = (text: string): string => createHmac('sha256', own).update(text).digest('base64url')
  return {
    issue(kind, now = Date.now()) {
      const { prefix, seconds } = kinds[kind]
      const expires = Math.floor(now / 1000) + seconds
      const text = `${prefix}.${expires.toString(36)}.${randomBytes(16).toString('base64url')}`
      return `${text}.${sign(text)}`
    },
    check(kind, text, now = Date.now()) {
      const [, prefix, expiry, id, signature] = FORM.exec(text) ?? []
      if (prefix !== kinds[kind].prefix) return undefined
      const expected = Buffer.from(sign(`${prefix}.${expiry}.${id}`))
      if (!timingSafeEqual(expected, Buffer.from(signature!))) return undefined
      const expires = Number.parseInt(expiry!, 36) * 1000
      return expires > now ? { id: id!, expires } : 'over'
    },
  }
}

/** Whether it looks like a pass, of whatever key: nobody guesses these, and so a wrong one is no attempt to. */
export const looksLikePass = (text: string): boolean => FORM.test(text)
