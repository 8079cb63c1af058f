/** One at a time, among processes. */
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { followLinks } from './atomic-file.ts'

/** Somebody else has held it for too long. */
export class LockError extends Error {
  override readonly name = 'LockError'
}

/**
 * Runs while nobody else edits this file: everybody who does takes the lock of `.NAME.lock` beside it (0600, it stays). The
 * kernel lets go of it when its holder ends, however it ends: it is on the descriptor that `flock` inherits from us, so it
 * stays ours when that command is gone.
 * @throws LockError after `waitSeconds`; Node's error when there can be no such file
 */
export function withFileLock<T>(path: string, run: () => T, waitSeconds = 10): T {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
  const target = followLinks(path)
  const lock = join(dirname(target), `.${basename(target)}.lock`)
  const fd = openSync(lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
  try {
    const { status, error, stderr } = spawnSync('/usr/bin/flock', ['--wait', String(waitSeconds), '3'], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      encoding: 'utf8',
    })
    if (error !== undefined) throw new LockError(`cannot lock ${path}: ${error.message}`)
    if (status !== 0) throw new LockError(`cannot lock ${path}: ${stderr.trim() || `held for ${waitSeconds} s`}`)
    return run()
  } finally {
    closeSync(fd)
  }
}
