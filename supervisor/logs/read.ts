/**
 * Pieces of log files as text, for RPC and the web page. What is not UTF-8, a character cut by the offset included,
 * becomes U+FFFD; control characters are left to whoever writes the answer (xmlrpc/codec.ts replaces those that XML
 * excludes in the same way). Source: contract 8.4
 */
import type { Files } from '../system/system.ts'

/** The most that is read at once: text in memory takes several times as much. */
const MOST = 128 * 1024 * 1024

export type LogRead = { readonly text: string } | 'BAD_ARGUMENTS' | 'NO_FILE' | 'FAILED'

/** `readLog`, `readProcessStdoutLog` …; `FAILED` when it is nothing one can read back, a pipe or terminal for instance. */
export function readFromLog(files: Files, path: string | null, offset: number, length: number): LogRead {
  const size = sizeOf(files, path)
  if (path === null || size === 'NO_FILE') return 'NO_FILE'
  if (offset < 0 ? length !== 0 : length < 0) return 'BAD_ARGUMENTS'
  if (size === 'FAILED') return 'FAILED'
  const from = offset < 0 ? Math.max(0, size + offset) : Math.min(offset, size)
  const wanted = length === 0 ? size - from : Math.min(length, size - from)
  if (wanted > MOST) return 'FAILED'
  const text = textAt(files, path, from, wanted)
  return text === null ? 'FAILED' : { text }
}

export interface LogTail {
  readonly text: string
  /** the offset to go on from: the size of the log */
  readonly offset: number
  readonly overflow: boolean
}

const NOTHING: LogTail = { text: '', offset: 0, overflow: false }

/** `tailProcessStdoutLog` …: the last `length` bytes, unless nothing is new since `offset`. */
export function tailOfLog(files: Files, path: string | null, offset: number, length: number): LogTail {
  const size = sizeOf(files, path)
  if (path === null || typeof size === 'string') return NOTHING
  const overflow = size > offset + length
  const wanted = overflow || offset < size ? Math.min(Math.max(0, length), size, MOST) : 0
  const text = textAt(files, path, size - wanted, wanted)
  return text === null ? NOTHING : { text, offset: size, overflow }
}

function sizeOf(files: Files, path: string | null): number | 'NO_FILE' | 'FAILED' {
  try {
    const status = path ? files.status(path) : null
    if (!path || !status) return 'NO_FILE'
    if (status.kind === 'file') return status.size
    // the null device is the one other thing with an end
    return files.realPath(path) === '/dev/null' ? 0 : 'FAILED'
  } catch {
    return 'FAILED'
  }
}

function textAt(files: Files, path: string, offset: number, length: number): string | null {
  if (length === 0) return ''
  try {
    return files.readRange(path, offset, length).toString()
  } catch {
    return null
  }
}
