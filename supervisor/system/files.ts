import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import type { FileStatus, Files } from './system.ts'

const kindOf = (stats: Stats): FileStatus['kind'] =>
  stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'link'
        : stats.isCharacterDevice()
          ? 'character-device'
          : stats.isBlockDevice()
            ? 'block-device'
            : stats.isFIFO()
              ? 'fifo'
              : 'socket'

function readRange(path: string, offset: number, length: number): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const room = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const got = readSync(descriptor, room, filled, length - filled, offset + filled)
      if (got === 0) break
      filled += got
    }
    return room.subarray(0, filled)
  } finally {
    closeSync(descriptor)
  }
}

export const files: Files = {
  read: path => readFileSync(path),
  readRange,
  status(path, { followLinks } = { followLinks: true }) {
    const stats = (followLinks ? statSync : lstatSync)(path, { throwIfNoEntry: false })
    if (!stats) return null
    const { size, mode, uid, gid, ino, dev, mtimeMs } = stats
    return { kind: kindOf(stats), size, mode: mode & 0o7777, uid, gid, inode: ino, device: dev, modified: mtimeMs }
  },
  list: directory => readdirSync(directory),
  write: (path, data, options) => writeFileSync(path, data, options ?? {}),
  unlink: unlinkSync,
  rename: renameSync,
  link: linkSync,
  chmod: chmodSync,
  chown: chownSync,
  mayExecute(path) {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  },
  realPath: path => realpathSync(path),
}
