/**
 * Who may come in from outside: a name with a password, and a token for links and programs. What nobody has set is made up
 * once and kept, readable by root alone: 0600, in a directory of 0700. Source: contract 5.1, 14 (15, 16)
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTextFile, writeFileAtomically } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'
import { paths } from './paths.ts'
import type { Problem } from './problem.ts'
import type { Settings } from './settings.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** of `?token=` and `Authorization: Bearer`; the password is one, too */
  readonly token: string
}

export interface CredentialsRead {
  readonly credentials: Credentials
  /** nobody has set one: it is in this file, and `bosun` and the portal show it */
  readonly madeUp: string | undefined
  readonly problems: readonly Problem[]
}

/** Ever since, these are taken out of what is set; and so out of what somebody types. Source: contract 5.1 */
export const sanitize = (secret: string): string => secret.replaceAll(/[\r\n;]/g, '')

/** What stands in examples, and what stands in for a token that the platform has not set: the first that anybody tries. */
const KNOWN_TO_ALL = new Set(['1', 'password', 'admin', 'changeme', 'change-me', 'secret', 'test', 'vastai', 'user'])

const names = ['WEB_PASSWORD', 'OPEN_BUTTON_TOKEN'] as const

/**
 * A secret that is missing equals the other one. One that everybody knows, or of which nothing is left, is missing.
 * Never throws: what cannot be kept lasts as long as this process, and is told.
 */
export function readCredentials(
  settings: Pick<Settings, 'WEB_USERNAME' | (typeof names)[number]>,
  directory: string = paths.state,
): CredentialsRead {
  const problems: Problem[] = []
  const [password, token] = names.map(name => {
    const secret = sanitize(settings[name])
    if (!KNOWN_TO_ALL.has(secret.toLowerCase())) return secret
    problems.push({
      where: name,
      message: 'is a secret that everybody knows, and does not count',
      fix: 'choose another one, or unset it, and one is made up',
    })
    return ''
  })
  const username = sanitize(settings.WEB_USERNAME)
  const given = password || token
  if (given)
    return {
      credentials: { username, password: password || given, token: token || given },
      madeUp: undefined,
      problems,
    }
  const file = join(directory, 'secret')
  const made = keep(file, () => randomBytes(18).toString('base64url'))
  return {
    credentials: { username, password: made.secret, token: made.secret },
    madeUp: file,
    problems: [...problems, ...made.problems],
  }
}

/** The key that sessions are signed with, made once. Whoever has it can let anybody in. Never throws, as `readCredentials`. */
export function readSessionKey(directory: string = paths.state): { key: Buffer; problems: readonly Problem[] } {
  const { secret, problems } = keep(join(directory, 'session-key'), () => randomBytes(32).toString('base64url'))
  return { key: Buffer.from(secret, 'base64url'), problems }
}

/** The one line of the file; without a good one, a new one. */
function keep(file: string, make: () => string): { secret: string; problems: readonly Problem[] } {
  const read = (): string | undefined => /^([\w-]{24,})\n$/.exec(readTextFile(file))?.[1]
  try {
    // before any lock: the directory may be read-only
    const kept = read()
    if (kept !== undefined) return { secret: kept, problems: [] }
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    return withFileLock(file, () => {
      const secret = read() ?? make()
      writeFileAtomically(file, `${secret}\n`, { mode: 0o600 })
      return { secret, problems: [] }
    })
  } catch (error) {
    const message = `cannot be kept, and is another one after a restart: ${(error as Error).message}`
    return { secret: make(), problems: [{ where: file, message, fix: 'make it a file that root can write' }] }
  }
}
