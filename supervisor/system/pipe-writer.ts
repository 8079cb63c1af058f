import { closeSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setNonBlocking } from './native.ts'
import type { PipeWriter } from './system.ts'

const MOST_QUEUED = 16 * 1024 * 1024

/**
 * Takes over the descriptor. Costs nothing until something is written; a stream exists only once a write did not fit.
 * Source: contract 5.4
 */
export function openPipeWriter(descriptor: number, drained: () => void): PipeWriter {
  setNonBlocking(descriptor)
  let socket: Socket | null = null
  let closed = false

  const close = () => {
    if (closed) return
    closed = true
    if (socket) socket.destroy()
    else closeSync(descriptor)
  }

  const flushed = () => {
    if (!closed && socket?.writableLength === 0) drained()
  }

  const writeNow = (data: Uint8Array): number | 'closed' => {
    try {
      return writeSync(descriptor, data)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : 'closed'
    }
  }

  return {
    write(data) {
      if (closed) return 'closed'
      if (socket?.writableLength) {
        if (socket.writableLength + data.length > MOST_QUEUED) return 'full'
        socket.write(Buffer.from(data), flushed)
        return 'written'
      }
      // what does not fit into the pipe has to fit into memory: half of it written is worse than nothing
      if (data.length > MOST_QUEUED) return 'full'
      const taken = writeNow(data)
      if (taken === 'closed') return 'closed'
      if (taken < data.length) {
        socket ??= new Socket({ fd: descriptor, readable: false, writable: true }).on('error', close)
        socket.write(Buffer.from(data.subarray(taken)), flushed)
      }
      return 'written'
    },
    get queued() {
      return socket?.writableLength ?? 0
    },
    close,
  }
}
