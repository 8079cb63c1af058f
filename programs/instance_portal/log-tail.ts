/** The end of a program's log, as text for people. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const MOST_BYTES = 64 * 1024

export interface LogTail {
  readonly text: string
  /** There is more of it before. */
  readonly cut: boolean
}

/**
 * undefined: there is none that we read. Everybody may put files where logs are, so a link is not followed out of there.
 * Progress bars show as they were last, colours not at all.
 */
export function readLogTail(path: string, mostBytes = MOST_BYTES): LogTail | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  let fd: number | undefined
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const status = fstatSync(fd)
    if (!status.isFile()) return undefined
    const bytes = Buffer.alloc(Math.min(status.size, mostBytes))
    const length = readSync(fd, bytes, 0, bytes.length, status.size - bytes.length)
    const cut = status.size > bytes.length
    return { text: readable(bytes.toString('utf8', cut ? lineStart(bytes) : 0, length)), cut }
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** A line of which only the end is there is left out, unless there is no other. */
const lineStart = (bytes: Buffer): number => bytes.indexOf('\n') + 1

export const readable = (text: string): string =>
  stripVTControlCharacters(text)
    .split('\n')
    .map(line => line.replace(/\r+$/, '').split('\r').at(-1)!)
    .join('\n')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
