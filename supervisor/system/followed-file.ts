import {
  closeSync,
  constants,
  type FSWatcher,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  watch,
} from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Cancel } from './system.ts'

/** A regular file that is open for reading; it stays readable after it has been renamed or unlinked. */
export interface FollowedFile {
  size(): number
  /** A copy of at most `length` bytes. @throws SystemError */
  read(position: number, length: number): Buffer
  /** Does the path lead to another file by now? Not while it leads nowhere. */
  isReplaced(): boolean
  close(): void
}

export interface FollowedFiles {
  /** null: there is no regular file, or it cannot be read */
  open(path: string): FollowedFile | null
  /**
   * Tells whenever the file at the path may have grown, shrunk, gone or come. By inotify on its directory, which sees
   * replacements, too; nothing is polled.
   * @throws SystemError ENOSPC, EMFILE when there are too many watches
   */
  watch(path: string, changed: () => void): Cancel
  /** In a later turn of the event loop. */
  soon(run: () => void): void
}

// O_NONBLOCK: a fifo would wait for its writer
const OPEN = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

const room = Buffer.allocUnsafeSlow(64 * 1024)

function open(path: string): FollowedFile | null {
  let descriptor: number
  try {
    descriptor = openSync(path, OPEN)
  } catch {
    return null
  }
  const opened = fstatSync(descriptor)
  if (!opened.isFile()) {
    closeSync(descriptor)
    return null
  }
  return {
    size: () => fstatSync(descriptor).size,
    read(position, length) {
      return Buffer.from(room.subarray(0, readSync(descriptor, room, 0, Math.min(length, room.length), position)))
    },
    isReplaced() {
      const now = statSync(path, { throwIfNoEntry: false })
      return now !== undefined && (now.ino !== opened.ino || now.dev !== opened.dev)
    },
    close: () => closeSync(descriptor),
  }
}

/** Behind a symbolic link the file grows in one directory and is replaced in another. */
function placesOf(path: string): readonly string[] {
  const place = resolve(path)
  try {
    return [...new Set([place, realpathSync(path)])]
  } catch {
    return [place]
  }
}

function watchPlaces(path: string, changed: () => void): Cancel {
  const watchers: FSWatcher[] = []
  const cancel = () => {
    for (const watcher of watchers.splice(0)) watcher.close()
  }
  try {
    for (const place of placesOf(path)) {
      const name = basename(place)
      const watcher = watch(dirname(place), { persistent: false }, (_, entry) => {
        if (entry === name || entry === null) changed()
      })
      watchers.push(watcher.on('error', changed))
    }
  } catch (error) {
    cancel()
    throw error
  }
  return cancel
}

export const followedFiles: FollowedFiles = { open, watch: watchPlaces, soon: run => void setImmediate(run) }
