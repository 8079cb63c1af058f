import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/**
 * The beginning of a regular file that somebody else may have put there; undefined when there is none that can be read. A
 * pipe does not block it, and with `noLinks` a symbolic link is not followed out of the directory.
 */
export function readBeginning(path: string, mostBytes: number, { noLinks = false } = {}): string | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants
  let fd: number | undefined
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | (noLinks ? O_NOFOLLOW : 0))
    if (!fstatSync(fd).isFile()) return undefined
    const bytes = Buffer.alloc(mostBytes)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, mostBytes, 0))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
