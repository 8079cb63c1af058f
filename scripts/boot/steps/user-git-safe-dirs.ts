/**
 * git refuses repositories that belong to somebody else; root and `user` share those of the workspace. Looks a few directories
 * deep only, and beside the boot. Source: contract 2.4 (47), 14 (2)
 */
import { chownSync, existsSync, realpathSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readSettings } from '../../../programs/common/settings.ts'
import { readAccounts } from '../accounts.ts'
import { runCommand } from '../command.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

/** `${WORKSPACE}/ComfyUI/custom_nodes/x/.git` is 3 deep. */
const DEEPEST = 5
/** Large, and never with a repository to work in. */
const NOT_SEARCHED = new Set([
  'node_modules',
  '__pycache__',
  'site-packages',
  '.cache',
  '.hf_home',
  '.environment_sync',
])
/** Directories looked into, at most: a data set is no reason to walk a network volume for minutes. */
const MOST_DIRECTORIES = 20_000

export async function userGitSafeDirs({ env, signal }: StepTools): Promise<StepOutcome> {
  const { repositories, complete } = await findRepositories(readSettings(env).settings.WORKSPACE, signal)
  if (repositories.length === 0) return skipped('no repository in the workspace')
  const problems: string[] = []
  for (const { name, home, uid, gid } of readAccounts()) {
    if ((name !== 'root' && name !== 'user') || !existsSync(home)) continue
    const problem = await trust(`${home}/.gitconfig`, repositories, uid, gid)
    if (problem !== '') problems.push(`${name}: ${problem}`)
  }
  if (problems.length > 0) return failed(problems.join('; '))
  return ok(`${repositories.length} repositories${complete ? '' : `; not all of the workspace was searched`}`)
}

/** Breadth first, so that a limit costs the deepest. A `.git` may be a file: that of a worktree or a submodule. */
export async function findRepositories(
  top: string,
  signal?: AbortSignal,
): Promise<{ readonly repositories: readonly string[]; readonly complete: boolean }> {
  const repositories: string[] = []
  let level = [top]
  let read = 0
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth++) {
    const next: string[] = []
    for (const directory of level) {
      if (++read > MOST_DIRECTORIES || signal?.aborted) return { repositories, complete: false }
      const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
      if (entries.some(({ name }) => name === '.git')) repositories.push(directory)
      for (const entry of entries)
        if (entry.isDirectory() && entry.name !== '.git' && !NOT_SEARCHED.has(entry.name))
          next.push(join(directory, entry.name))
    }
    level = next
  }
  return { repositories, complete: true }
}

async function trust(file: string, repositories: readonly string[], uid: number, gid: number): Promise<string> {
  const known = await runCommand('git', ['config', '--file', file, '--get-all', 'safe.directory'])
  const have = new Set(known.stdout.split('\n'))
  if (have.has('*')) return ''
  for (const repository of repositories.filter(each => !have.has(each) && !have.has(realpathSync(each)))) {
    const added = await runCommand('git', ['config', '--file', file, '--add', 'safe.directory', repository])
    if (!added.ok) return added.problem
  }
  if (existsSync(file)) chownSync(file, uid, gid)
  return ''
}
