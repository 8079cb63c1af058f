/** Files that others read while they are written: they appear whole or not at all. */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

export interface WriteOptions {
  /** Exactly this, whatever the umask; 0644 unless given. */
  readonly mode?: number
  /** Mode and owner of a file that is there are kept; `mode` is for a new one. */
  readonly keepMode?: boolean
  readonly uid?: number
  readonly gid?: number
}

/** As many as Linux follows. */
const MOST_LINKS = 40

/**
 * The file that a path means: symbolic links followed, also to a file that is not there yet.
 * @throws Error when links go in a circle
 */
export function followLinks(path: string): string {
  return linkChain(path).at(-1)!
}

/** `/etc/portal.yaml` → itself, and what it links to, in order; the last is no link. */
export function linkChain(path: string): readonly string[] {
  const chain = [resolve(path)]
  while (chain.length <= MOST_LINKS) {
    const last = chain.at(-1)!
    if (lstatSync(last, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return chain
    chain.push(resolve(dirname(last), readlinkSync(last)))
  }
  throw new Error(`cannot follow ${path}: too many symbolic links`)
}

/**
 * The whole file as UTF-8; empty, where there is none.
 * @throws Node's error when it cannot be read
 */
export function readTextFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/**
 * Writes beside the file that the path means, and renames: readers see the old file or the new one. A file that cannot be
 * replaced because it is a mount of its own (a container's bind mount) is written in place.
 * @throws Node's error, with code EACCES, EROFS, ENOSPC …; the file is as it was then
 */
export function writeFileAtomically(path: string, data: string | Uint8Array, options: WriteOptions = {}): void {
  const target = followLinks(path)
  const before = statSync(target, { throwIfNoEntry: false })
  // not by pid: a container that starts again has the same pids, and maybe the remains of a crash
  const temporary = join(dirname(target), `.${basename(target)}.${Math.random().toString(36).slice(2)}`)
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    try {
      writeFileSync(fd, data)
      own(fd, options, before)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || before === undefined) throw error
    writeFileSync(target, data)
  }
}

function own(fd: number, options: WriteOptions, before: Stats | undefined): void {
  const kept = options.keepMode ? before : undefined
  const now = fstatSync(fd)
  const uid = options.uid ?? kept?.uid ?? now.uid
  const gid = options.gid ?? kept?.gid ?? now.gid
  if (uid !== now.uid || gid !== now.gid) fchownSync(fd, uid, gid)
  fchmodSync(fd, kept === undefined ? (options.mode ?? 0o644) : kept.mode & 0o7777)
}
