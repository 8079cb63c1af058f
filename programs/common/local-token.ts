/**
 * The secret by which what stands before the Instance Portal says that somebody has logged in there: the gate puts it into
 * the requests that it lets through, and root's scripts may do the same. Without it the portal only shows. It is made anew
 * with each boot, and readable by root alone. Source: contract 14 (36)
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTextFile, writeFileAtomically } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'
import { paths } from './paths.ts'

/** `curl -X POST -H "X-Portal-Token: $(cat /run/bosun/portal-token)" localhost:11111/…` */
export const localTokenHeader = 'x-portal-token'

export const localTokenFile = join(paths.run, 'portal-token')

/**
 * The same for everybody who asks, whoever is first.
 * @throws Node's error when it is not there and cannot be written
 */
export function ensureLocalToken(path: string = localTokenFile): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  return withFileLock(path, () => {
    const kept = /^([\w-]{43})\n$/.exec(readTextFile(path))?.[1]
    if (kept !== undefined) return kept
    const made = randomBytes(32).toString('base64url')
    writeFileAtomically(path, `${made}\n`, { mode: 0o600 })
    return made
  })
}
