import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number: number): string => String(number).padStart(2, '0')

/** `21/Nov/2026:00:29:16 +0000`, local time. */
function logDate(ms: number): string {
  const date = new Date(ms)
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${two(date.getDate())}/${months[date.getMonth()]}/${date.getFullYear()}:${time} ${zone}`
}

/** `Sat Nov 21 00:06:43 2026`, local time, the day padded by a blank. Source: contract 13.2 */
export function ctime(ms: number): string {
  const [weekday, month, day, year, time] = new Date(ms).toString().split(' ')
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`
}

/** `127.0.0.1:43210`; whoever comes through a unix socket is `localhost:0`. */
const clientOf = ({ remoteAddress, remotePort }: Socket): string =>
  remoteAddress === undefined ? 'localhost:0' : `${remoteAddress}:${remotePort ?? 0}`

/** The TRAC line of an answer; `bytes` with its head. Source: contract 6.2 */
export const accessLine = (
  { socket, method, url, httpVersion }: IncomingMessage,
  { statusCode }: ServerResponse,
  bytes: number,
  now: number,
): string => `${clientOf(socket)} - - [${logDate(now)}] "${method} ${url} HTTP/${httpVersion}" ${statusCode} ${bytes}`
