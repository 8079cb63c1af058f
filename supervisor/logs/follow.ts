/**
 * Follows a log file for `/logtail`, `/mainlogtail` and `tail -f`: its last bytes, then whatever comes, over rotation and
 * clearing. A slow reader costs nothing: what it has not taken is still in the file. Source: contract 7.5
 */
import type { FollowedFiles } from '../system/followed-file.ts'

export interface FollowHandlers {
  /** A buffer of its own; may call `pause()`. */
  onData(data: Buffer): void
  /** It cannot be read any more. Not called after `close()`. */
  onEnd(): void
}

export interface Follower {
  pause(): void
  resume(): void
  close(): void
}

/** bytes of an older log that the original shows */
const BACKLOG = 1024
const PIECE = 64 * 1024
/** bytes per turn of the event loop */
const MOST_PER_TURN = 16 * PIECE

const TRUNCATED = Buffer.from('==> File truncated <==\n')

/**
 * null: there is no regular file to follow (an answer of 404). Nothing is handed over before this returns.
 * @throws SystemError when the machine allows no further watches
 */
export function followLog(
  files: FollowedFiles,
  path: string,
  handlers: FollowHandlers,
  backlog = BACKLOG,
): Follower | null {
  const opened = files.open(path)
  if (!opened) return null
  let file = opened
  let position = Math.max(0, file.size() - backlog)
  let paused = false
  let closed = false
  let busy = false

  const close = () => {
    if (closed) return
    closed = true
    stopWatching()
    file.close()
  }

  /** Hands over what there is. false: that was not all, it was enough for one turn. */
  const handOver = (): boolean => {
    for (let sent = 0; !paused && !closed; ) {
      if (sent >= MOST_PER_TURN) return false
      // asked first, so that the old file is known to be complete when nothing is left in it
      const replaced = file.isReplaced()
      const data = file.read(position, PIECE)
      position += data.length
      sent += data.length
      if (data.length > 0) handlers.onData(data)
      else if (file.size() < position) {
        position = 0
        handlers.onData(TRUNCATED)
      } else if (!replaced || !openNext()) return true
    }
    return true
  }

  const openNext = (): boolean => {
    const next = files.open(path)
    if (!next) return false
    file.close()
    file = next
    position = 0
    return true
  }

  const pump = () => {
    if (paused || closed || busy) return
    busy = true
    let done = true
    try {
      done = handOver()
    } catch {
      close()
      handlers.onEnd()
    }
    busy = false
    if (!done) files.soon(pump)
  }

  const startWatching = () => {
    try {
      return files.watch(path, pump)
    } catch (error) {
      file.close()
      throw error
    }
  }
  const stopWatching = startWatching()
  files.soon(pump)
  return {
    pause() {
      paused = true
    },
    resume() {
      paused = false
      pump()
    },
    close,
  }
}
