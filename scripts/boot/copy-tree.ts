import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { runCommand } from './command.ts'

/**
 * A file, or a directory with what is in it, on top of what is there. Links stay links; owners, modes and times are kept.
 * @throws Error
 */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  const what = keepsOwners(dirname(to)) ? 'all' : 'mode,timestamps,links'
  const options = ['--recursive', '--no-dereference', `--preserve=${what}`, '--reflink=auto', '--remove-destination']
  const copied = await runCommand('cp', [...options, '--no-target-directory', '--', from, to], { signal })
  if (!copied.ok) throw new Error(`cannot copy ${from}: ${copied.problem}`)
}

/** Volumes over a network may know one owner only; cp would call that a failure. */
function keepsOwners(directory: string): boolean {
  const probe = join(directory, `.owner.${hostname()}.${process.pid}`)
  try {
    writeFileSync(probe, '')
    chownSync(probe, 1001, 1001)
    return statSync(probe).uid === 1001
  } catch {
    return false
  } finally {
    rmSync(probe, { force: true })
  }
}
