/**
 * --sync-environment: Python environments, uv's and nvm's files lie in the workspace, one copy for all instances of the same
 * image. Paths stay as they were, by links, so what has them built in goes on working. Source: contract 2.4 (37), 14 (42)
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { paths } from '../../../programs/common/paths.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { copyTree } from '../copy-tree.ts'
import { copyOnce, recordBootFailure, replaceByLink } from '../shared-copy.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const STEP = '37-sync-environment'

interface Tree {
  readonly path: string
  /** below the copy of the environment */
  readonly name: string
}

export async function syncEnvironment({ env, say, signal }: StepTools): Promise<StepOutcome> {
  if (env.sync_environment !== 'true') return skipped('without --sync-environment')
  const { settings } = readSettings(env)
  const id = settings.ENV_ID || readHash()
  if (!/^[\w.-]+$/.test(id) || /^\.+$/.test(id))
    return failed(
      `no name for this environment: ENV_ID is unset, and ${paths.environmentHash} says nothing; set ENV_ID`,
    )
  const shared = join(settings.WORKSPACE, '.environment_sync', id)
  const trees = findTrees()
  try {
    await copyOnce({
      directory: shared,
      copy: async () => {
        for (const { path, name } of trees) await copyInto(path, join(shared, name), signal)
      },
      say,
      signal,
    })
  } catch (error) {
    recordBootFailure(STEP, 'environment sync did not complete')
    throw error
  }
  const problems: string[] = []
  for (const { path, name } of trees)
    try {
      const copy = join(shared, name)
      if (!existsSync(copy)) await copyInto(path, copy, signal)
      replaceByLink(path, copy)
    } catch (error) {
      problems.push((error as Error).message)
    }
  recordBootFailure(STEP, problems.length > 0 ? 'environment sync did not complete' : '')
  return problems.length > 0 ? failed(problems.join('; ')) : ok(`environments are in ${shared}`)
}

function copyInto(path: string, copy: string, signal: AbortSignal): Promise<void> {
  mkdirSync(dirname(copy), { recursive: true })
  return copyTree(path, copy, signal)
}

function readHash(): string {
  try {
    return readFileSync(paths.environmentHash, 'utf8').trim()
  } catch {
    return ''
  }
}

const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Those that are still here: after the first boot they are links. */
function findTrees(): readonly Tree[] {
  const venvs = existsSync('/venv') ? readdirSync('/venv') : []
  const isEnvironment = (path: string): boolean =>
    existsSync(join(path, 'pyvenv.cfg')) || existsSync(join(path, 'conda-meta'))
  return [
    { path: '/.uv', name: 'uv' },
    { path: '/opt/nvm', name: 'nvm' },
    ...venvs
      .map(name => ({ path: join('/venv', name), name: join('venv', name) }))
      .filter(({ path }) => isEnvironment(path)),
  ].filter(({ path }) => isDirectory(path))
}
