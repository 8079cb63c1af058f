/** Whoever may log in as root may do so as every other account with a home. Source: contract 2.4 (46) */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { paths } from '../../../programs/common/paths.ts'
import { type Account, readAccounts } from '../accounts.ts'
import { failed, ok, type StepOutcome, skipped } from '../step.ts'

const LOG = `${paths.portalLogs}/ssh-keys.log`

const linesOf = (text: string): readonly string[] => text.split('\n').filter(line => line.trim() !== '')

/** The keys of an account with those of root that it does not have; what is there stays in its place. */
export function mergeKeys(own: string, roots: string): string {
  const have = new Set(linesOf(own))
  const missing = linesOf(roots).filter(line => !have.has(line))
  if (missing.length === 0) return own
  const kept = own === '' || own.endsWith('\n') ? own : `${own}\n`
  return `${kept}${[...new Set(missing)].join('\n')}\n`
}

export function userPropagateSshKeys(): StepOutcome {
  const accounts = readAccounts()
  const root = accounts.find(({ uid }) => uid === 0)
  const rootsFile = `${root?.home ?? '/root'}/.ssh/authorized_keys`
  const keys = readText(rootsFile)
  if (root !== undefined && existsSync(`${root.home}/.ssh`)) {
    restrict(`${root.home}/.ssh`, root, 0o700)
    if (existsSync(rootsFile)) restrict(rootsFile, root, 0o600)
  }
  const problems: string[] = []
  const done: string[] = []
  for (const name of readNames('/home')) {
    const account = accounts.find(({ home }) => home === `/home/${name}`) ?? accounts.find(each => each.name === name)
    try {
      // a directory of nobody's is none of an account
      if (account === undefined) continue
      give(account, `/home/${name}`, keys)
      done.push(name)
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`)
    }
  }
  if (problems.length > 0) return failed(`cannot give root's keys to ${problems.join('; ')}`)
  report('SSH key propagation complete.')
  return keys === '' ? skipped('root has no authorized_keys') : ok(`keys of root for ${done.join(', ') || 'nobody'}`)
}

/**
 * As root, in a directory of somebody else: its .ssh may be a link of step 35, and nowhere else. Only a file that is not as it
 * should be is written.
 */
function give(account: Account, home: string, keys: string): void {
  const directory = `${home}/.ssh`
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (lstatSync(directory).isSymbolicLink() && !realpathSync(directory).startsWith('/home_ssh/'))
    throw new Error(`${directory} leads elsewhere`)
  restrict(directory, account, 0o700)
  const file = `${directory}/authorized_keys`
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) throw new Error(`${file} is a link`)
  const own = readText(file)
  const merged = mergeKeys(own, keys)
  if (merged !== own || !existsSync(file))
    writeFileAtomically(file, merged, { mode: 0o600, uid: account.uid, gid: account.gid })
  else restrict(file, account, 0o600)
}

function restrict(path: string, { uid, gid }: Account, mode: number): void {
  chownSync(path, uid, gid)
  chmodSync(path, mode)
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function report(line: string): void {
  try {
    appendFileSync(LOG, `${line}\n`)
  } catch {} // the directory of logs is step 11's business
}
