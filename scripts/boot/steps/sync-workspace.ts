/** What the image brings for the workspace, where the workspace does not have it yet. Source: contract 2.4 (36), 13 (19), 14 (41) */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { paths } from '../../../programs/common/paths.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { copyTree } from '../copy-tree.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

/** Of the platform, in a workspace that is root's home: it makes them anew. */
const NOT_OURS = ['onstart.sh', 'ports.log']

const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000

export async function syncWorkspace({ env, say, signal }: StepTools): Promise<StepOutcome> {
  const workspace = readSettings(env).settings.WORKSPACE
  mkdirSync(workspace, { recursive: true })
  const missing = readNames(paths.workspaceInternal).filter(
    // a link to nothing is no item; what is there, also as such a link, stays as it is
    name => existsSync(join(paths.workspaceInternal, name)) && !isThere(join(workspace, name)),
  )
  const problems: string[] = []
  for (const name of missing) {
    sweep(name, workspace)
    say(`Copying ${name} to ${workspace}`)
    const problem = await copyWhole(name, workspace, signal)
    if (problem !== '') problems.push(problem)
  }
  for (const name of NOT_OURS) rmSync(join(workspace, name), { force: true })
  if (problems.length > 0) return failed(problems.join('; '))
  return missing.length > 0 ? ok(`copied ${missing.join(', ')}`) : skipped('nothing is missing')
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

/** Unfinished copies of instances that are gone. */
function sweep(name: string, workspace: string): void {
  const old = Date.now() - ABANDONED_AFTER_MS
  for (const left of readNames(workspace)) {
    if (!left.startsWith(`.sync_${name}.`) || left.endsWith('.lock')) continue
    if (lstatSync(join(workspace, left)).ctimeMs < old) rmSync(join(workspace, left), { recursive: true, force: true })
  }
}

/**
 * Copies beside the target and renames: an item is there whole or not at all, also if the instance is stopped meanwhile, and
 * if two instances that share the volume copy it at the same time. '' or what went wrong.
 */
async function copyWhole(name: string, workspace: string, signal: AbortSignal): Promise<string> {
  const target = join(workspace, name)
  const unfinished = join(workspace, `.sync_${name}.${hostname()}`)
  rmSync(unfinished, { recursive: true, force: true })
  try {
    await copyTree(join(paths.workspaceInternal, name), unfinished, signal)
    // rename would replace a file that has come meanwhile
    if (!isThere(target)) renameSync(unfinished, target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') return message
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return ''
}
