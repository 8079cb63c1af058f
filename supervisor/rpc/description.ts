import type { Process } from '../daemon/api.ts'

/** Whole seconds since the epoch, within the 32 bits that clients expect. Source: contract 7.4 "Integers" */
export const wholeSeconds = (ms: number): number => Math.min(Math.max(Math.floor(ms / 1000), 0), 0x7fffffff)

/** 93784 → `1 day, 2:03:04`: how Python writes a time span. Source: contract 4.7, 13.2 */
export function timeSpan(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const two = (number: number): string => String(number).padStart(2, '0')
  const clock = `${Math.floor(seconds / 3600) % 24}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return days === 0 ? clock : `${days} ${days === 1 ? 'day' : 'days'}, ${clock}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Nov 20 11:56 PM`, local time, English whatever the locale. */
function moment(seconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (number: number): string => String(number).padStart(2, '0')
  const time = `${two(date.getHours() % 12 || 12)}:${two(date.getMinutes())} ${date.getHours() < 12 ? 'AM' : 'PM'}`
  return `${months[date.getMonth()]} ${two(date.getDate())} ${time}`
}

/** The `description` of a process at `now` (seconds since the epoch). Source: contract 4.7 */
export function describe(process: Process, now: number): string {
  switch (process.state) {
    case 'RUNNING':
      return `pid ${process.pid}, uptime ${timeSpan(Math.max(now - wholeSeconds(process.startedAt), 0))}`
    case 'FATAL':
    case 'BACKOFF':
      return process.spawnerr || `unknown error (try "tail ${process.config.name}")`
    case 'STOPPED':
    case 'EXITED':
      return process.startedAt === 0 ? 'Not started' : moment(wholeSeconds(process.stoppedAt))
    default:
      return ''
  }
}
