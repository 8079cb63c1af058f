/** Secrets stay out of logs and answers: known ones wherever they turn up, and unknown ones in URLs. */
import type { Env } from './environment-file.ts'
import { isSecret } from './settings.ts'

export const MASK = '***'

/** What is shorter is found in half the words there are; the platform's placeholder for a token is `1`. */
const SHORTEST = 4

/** `https://me:secret@host/`, `?token=secret`, `&X-Amz-Signature=…` */
const IN_URL =
  /(?<=:\/\/)[^\s/@'"]+(?=@)|(?<=[?&;](?:[\w-]*(?:token|key|secret|password|signature|sig|auth))=)[^&\s#'"<>]+/gi

/**
 * Text without the values of this environment's secrets, as they are, as JSON has them, and as a URL does; and without
 * passwords and tokens in URLs.
 */
export function maskSecrets(env: Env): (text: string) => string {
  const values = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length >= SHORTEST && isSecret(name) ? value : [],
  )
  const forms = new Set(
    values.flatMap(value => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]),
  )
  // the longest first: one may begin with another
  const patterns = [...forms].toSorted((a, b) => b.length - a.length).map(form => RegExp.escape(form))
  const known = patterns.length === 0 ? undefined : new RegExp(patterns.join('|'), 'g')
  return text => (known === undefined ? text : text.replace(known, MASK)).replace(IN_URL, MASK)
}
