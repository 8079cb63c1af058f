import { closeSync } from 'node:fs'
import { connectUnix, datagramSocket, sendNow } from './native-sockets.ts'

/** The machine's own log. Sending never waits and never throws: what the receiver cannot take now is lost. */
export interface Syslog {
  /** `priority` is facility × 8 + severity: 14 is user.info. */
  send(priority: number, tag: string, text: string | Uint8Array): void
  close(): void
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number): string => String(n).padStart(2, '0')

/** `Nov  1 03:15:46`, local time */
export function syslogTime(time: Date): string {
  const day = String(time.getDate()).padStart(2)
  return `${months[time.getMonth()]} ${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}

/** What is left of a message that is too long for a datagram; receivers cut earlier than that. */
const SHORTENED = 8192

/**
 * Datagrams in the form of the C library's syslog(3): `<14>Nov 21 03:15:46 supervisord: text`. A receiver that comes, goes
 * or is restarted is found at the next message. Source: contract 6.1, 6.4; observed on /dev/log
 */
export function openSyslog(wall: () => number, path = '/dev/log'): Syslog {
  let descriptor = -1

  const close = () => {
    if (descriptor !== -1) closeSync(descriptor)
    descriptor = -1
  }

  const connected = (): number => {
    if (descriptor !== -1) return descriptor
    descriptor = datagramSocket()
    connectUnix(descriptor, path)
    return descriptor
  }

  /** Why it was not sent, or null. A receiver that is gone costs the connection. */
  const attempt = (message: Uint8Array): string | null => {
    try {
      sendNow(connected(), message)
      return null
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code !== 'EMSGSIZE' && code !== 'ENOBUFS') close()
      return code
    }
  }

  return {
    send(priority, tag, text) {
      const head = Buffer.from(`<${priority}>${syslogTime(new Date(wall()))} ${tag}: `)
      const message = Buffer.concat([head, typeof text === 'string' ? Buffer.from(text) : text])
      const wasConnected = descriptor !== -1
      const problem = attempt(message)
      if (problem === 'EMSGSIZE') attempt(message.subarray(0, SHORTENED))
      // the connection was one to a receiver that has been restarted
      else if (problem === 'ECONNREFUSED' && wasConnected) attempt(message)
    },
    close,
  }
}
