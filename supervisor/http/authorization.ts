import { createHash, timingSafeEqual } from 'node:crypto'
import type { Credentials } from '../config/config.ts'

const digest = (algorithm: 'sha1' | 'sha256', text: string): Buffer => createHash(algorithm).update(text).digest()

const SHA = '{SHA}'
const basic = /^basic +([A-Za-z0-9+/=_-]+) *$/i

/** Of equal length whatever was said, so that comparing takes equal time. */
const fingerprint = (username: string, password: string): Buffer => digest('sha256', `${username}:${password}`)

/**
 * Tells by the Authorization header who may come in. A password may contain colons; `{SHA}` stands before the hex digest
 * of one. null when everybody may. Source: contract 7.3
 */
export function authorizer(credentials: Credentials | null): ((header: string | undefined) => boolean) | null {
  if (credentials === null || credentials.username === '') return null
  const { username, password } = credentials
  const hashed = password.startsWith(SHA)
  const expected = fingerprint(username, hashed ? password.slice(SHA.length) : password)
  return header => {
    const said = basic.exec(header ?? '')?.[1]
    if (said === undefined) return false
    const text = Buffer.from(said, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 0) return false
    const given = text.slice(colon + 1)
    const compared = hashed ? digest('sha1', given).toString('hex') : given
    return timingSafeEqual(fingerprint(text.slice(0, colon), compared), expected)
  }
}
