/** One socket to a daemon, one request at a time on it. node:http would cost 8 ms of every cold start (design.md 3). */
import { connect, type Socket } from 'node:net'
import { HttpProtocolError, type ResponseHead, type ResponseSink, readResponses } from './response-reader.ts'
import type { ServerAddress } from './server-address.ts'

export interface Exchange extends ResponseSink {
  /** The answer did not come, or not to its end. Errors of the socket are Node's: `code` is ECONNREFUSED, ENOENT … */
  fail(error: Error): void
}

export interface Connection {
  /** Sends a request; only when the one before has ended, and only while `idle`. */
  send(request: string | Buffer, exchange: Exchange): void
  /** Connected, kept open by both sides, nothing under way. */
  readonly idle: boolean
  /** Nothing is reported after this. */
  close(): void
}

export function openConnection(address: ServerAddress): Connection {
  const socket: Socket = address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host)
  let current: Exchange | null = null
  let keepAlive = true
  let open = true

  function fail(error: Error): void {
    open = false
    socket.destroy()
    const failed = current
    current = null
    failed?.fail(error)
  }

  /** Runs what may throw on strange bytes. */
  function guarded(read: () => void): void {
    try {
      read()
    } catch (error) {
      if (!(error instanceof HttpProtocolError)) throw error
      fail(error)
    }
  }

  const reader = readResponses({
    head(head: ResponseHead) {
      keepAlive = head.keepAlive
      current?.head(head)
    },
    data: bytes => current?.data(bytes),
    end() {
      const ended = current
      current = null
      if (!keepAlive) close()
      socket.unref() // an idle connection is no reason to stay alive
      ended?.end()
    },
  })

  function close(): void {
    open = false
    current = null
    socket.destroy()
  }

  socket.on('data', (bytes: Buffer) => open && guarded(() => reader.feed(bytes)))
  socket.on('end', () => {
    if (!open) return
    open = false
    if (current) guarded(() => reader.finish())
    socket.destroy()
  })
  socket.on('error', error => open && fail(error))

  return {
    send(request, exchange) {
      current = exchange
      socket.ref()
      socket.write(request)
    },
    get idle() {
      return open && current === null
    },
    close,
  }
}
