/**
 * --sync-home: /root and the homes of other accounts lie in the workspace. What belongs to this instance alone (keys of ssh,
 * files of the platform) stays in the container, and homes link to it. Source: contract 2.4 (35), 13 (20, 21)
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { type Account, readAccounts } from '../accounts.ts'
import { copyTree } from '../copy-tree.ts'
import { copyOnce, recordBootFailure, replaceByLink } from '../shared-copy.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const STEP = '35-sync-home-dirs'
const KEYS = '/home_ssh'
/** sshd takes no keys from below a directory that a group may write to, as umask 002 would have it. */
const KEYS_MODE = 0o755

/** Of the platform, in root's home → where they are kept. */
const PLATFORM_FILES = {
  'onstart.sh': '/onstart.sh',
  '.vast_containerlabel': '/etc/.vast_containerlabel',
  '.vast_api_key': '/etc/.vast_api_key',
}
const PORTS_LOG = '/var/log/vast_ports.log'
/** Set anew for each instance, and sourced from elsewhere. */
const STALE_LINES = /^(?:DIRECT_PORT_START|DIRECT_PORT_END|VAST_CONTAINERLABEL)=.*\n?/gm

interface Home {
  readonly name: string
  readonly path: string
  readonly account: Account
}

export async function syncHomeDirs({ env, say, signal }: StepTools): Promise<StepOutcome> {
  if (env.sync_home_to_workspace !== 'true') return skipped('without --sync-home')
  const shared = join(readSettings(env).settings.WORKSPACE, 'home')
  const homes = readHomes()
  const around = homes.find(({ path }) => `${shared}/`.startsWith(`${path}/`))
  if (around !== undefined) return failed(`${around.path} stays where it is: the workspace is in it`)
  const here = homes.filter(({ path }) => isDirectory(path))
  for (const home of here) await keepKeys(home, signal)
  for (const [name, kept] of Object.entries(PLATFORM_FILES)) keepFile(join('/root', name), kept)
  if (existsSync('/root/ports.log')) copyFileSync('/root/ports.log', PORTS_LOG)

  const copyHome = ({ name, path }: Home): Promise<void> => copyTree(path, join(shared, name), signal)
  try {
    await copyOnce({
      directory: shared,
      copy: async () => {
        for (const home of here) await copyHome(home)
      },
      isComplete: () => existsSync(join(shared, 'root')),
      say,
      signal,
    })
  } catch (error) {
    recordBootFailure(STEP, 'home sync did not complete')
    throw error
  }
  const problems: string[] = []
  for (const home of homes)
    try {
      const copy = join(shared, home.name)
      // the instance that copied may know fewer accounts
      if (!existsSync(copy)) await copyHome(home)
      linkKeys(home, copy)
      if (isDirectory(home.path)) replaceByLink(home.path, copy)
    } catch (error) {
      problems.push((error as Error).message)
    }
  dropStaleLines('/root/.bashrc')
  recordBootFailure(STEP, problems.length > 0 ? 'home sync did not complete' : '')
  return problems.length > 0 ? failed(problems.join('; ')) : ok(`homes are in ${shared}`)
}

const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true

function readHomes(): readonly Home[] {
  const accounts = readAccounts()
  const named = (name: string, path: string): readonly Home[] => {
    const account = accounts.find(({ home }) => home === path) ?? accounts.find(each => each.name === name)
    return account === undefined ? [] : [{ name, path, account }]
  }
  return [...named('root', '/root'), ...readdirSync('/home').flatMap(name => named(name, `/home/${name}`))]
}

const keysOf = ({ name }: Home): string => join(KEYS, name, '.ssh')

/** Whole there before it goes here: nobody is locked out, whenever this ends. */
async function keepKeys(home: Home, signal: AbortSignal): Promise<void> {
  const [from, to] = [join(home.path, '.ssh'), keysOf(home)]
  mkdirSync(to, { recursive: true, mode: KEYS_MODE })
  if (isDirectory(from)) {
    await copyTree(from, to, signal)
    rmSync(from, { recursive: true })
  }
  if (lstatSync(from, { throwIfNoEntry: false }) === undefined) symlinkSync(to, from)
  chmodSync(to, 0o700)
  chownSync(to, home.account.uid, 0)
}

function keepFile(path: string, kept: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return
  copyFileSync(path, kept)
  rmSync(path)
  symlinkSync(kept, path)
}

/** The copy may come from an instance with another account of that name, or from an older image that left keys in it. */
function linkKeys(home: Home, copy: string): void {
  const link = join(copy, '.ssh')
  const keys = keysOf(home)
  mkdirSync(keys, { recursive: true, mode: KEYS_MODE })
  const there = lstatSync(link, { throwIfNoEntry: false })
  if (there?.isSymbolicLink() === true && existsSync(link) && realpathSync(link) === keys) return
  if (there?.isSymbolicLink() === true) rmSync(link)
  else if (there !== undefined) renameSync(link, `${link}.before-sync`)
  symlinkSync(keys, link)
}

function dropStaleLines(path: string): void {
  if (!existsSync(path)) return
  const before = readFileSync(path, 'utf8')
  const after = before.replaceAll(STALE_LINES, '')
  if (after !== before) writeFileAtomically(path, after, { keepMode: true })
}
