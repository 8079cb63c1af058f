/** What is sent to syslog, and as what. Source: contract 6.1, 6.4 */
import type { Syslog } from '../system/syslog.ts'

/** facility user, severity info */
export const SYSLOG_PRIORITY = 14
export const SYSLOG_TAG = 'supervisord'

const NEWLINE = 0x0a

/** `a\n\nb\n\n` of cat → `cat a`, `cat `, `cat b`: newlines at the end are cut, the rest is sent line by line; nothing is `cat `. */
export function sendLines(syslog: Syslog, processName: string, chunk: Buffer): void {
  let end = chunk.length
  while (end > 0 && chunk[end - 1] === NEWLINE) end--
  const name = Buffer.from(`${processName} `)
  for (let at = 0; at <= end; ) {
    const newline = chunk.indexOf(NEWLINE, at)
    const lineEnd = newline === -1 || newline > end ? end : newline
    syslog.send(SYSLOG_PRIORITY, SYSLOG_TAG, Buffer.concat([name, chunk.subarray(at, lineEnd)]))
    at = lineEnd + 1
  }
}
