/** Where programs log: a directory that all may write to, and clean logs of those that do not run as root. Source: contract 2.4 (11) */
import { chmodSync, closeSync, constants, fchownSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { paths } from '../../../programs/common/paths.ts'
import { readAccounts } from '../accounts.ts'
import { failed, ok, type StepOutcome } from '../step.ts'

export function logDirs(): StepOutcome {
  // of gates, too: programs of every account leave their verdicts there
  for (const directory of [paths.portalLogs, paths.gateVerdicts, paths.skipMarkers]) {
    mkdirSync(directory, { recursive: true })
    // root's umask would take the sticky bit and the right of all to write
    chmodSync(directory, 0o1777)
  }
  // /var/log may be a volume, empty at first; supervisord would not start
  mkdirSync(dirname(paths.supervisorLog), { recursive: true })
  const problems = readConfs().flatMap(({ stem, user }) => {
    if (user === undefined) return []
    try {
      giveLog(`${paths.logs}/${stem}.log`, user)
      return []
    } catch (error) {
      return [`cannot make the log of ${stem} for ${user}: ${(error as Error).message}`]
    }
  })
  return problems.length > 0 ? failed(problems.join('; ')) : ok('')
}

function readConfs(): readonly { readonly stem: string; readonly user: string | undefined }[] {
  let names: readonly string[] = []
  try {
    names = readdirSync(paths.supervisorPrograms)
  } catch {} // supervisord itself says what it misses
  return names
    .filter(name => name.endsWith('.conf'))
    .map(name => ({ stem: name.slice(0, -5), user: userOf(readText(`${paths.supervisorPrograms}/${name}`)) }))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Of the first `user=` line: `user=alice ; not root` → `alice`; undefined for root, too. */
export function userOf(conf: string): string | undefined {
  const user = /^user[ \t]*[=:][ \t]*([^\s;]+)/m.exec(conf)?.[1]
  return user === 'root' || user === '0' ? undefined : user
}

/** A symbolic link there is not followed: the directory may be anybody's who could write to /var/log. */
function giveLog(path: string, user: string): void {
  const account = readAccounts().find(({ name, uid }) => name === user || String(uid) === user)
  if (account === undefined) throw new Error('there is no such account')
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o644)
  try {
    fchownSync(fd, account.uid, account.gid)
  } finally {
    closeSync(fd)
  }
}
