import { closeSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setNonBlocking } from './native.ts'
import type { PipeWriter } from './system.ts'

const MOST_QUEUED = 16 * 1024 * 1024

class ChildStdin implements PipeWriter {
  readonly #descriptor: number
  readonly #drained: () => void
  #socket: Socket | null = null
  #closed = false

  constructor(descriptor: number, drained: () => void) {
    setNonBlocking(descriptor)
    this.#descriptor = descriptor
    this.#drained = drained
  }

  get queued(): number {
    return this.#socket?.writableLength ?? 0
  }

  write(data: Uint8Array): 'written' | 'closed' | 'full' {
    if (this.#closed) return 'closed'
    // what does not fit into the pipe has to fit into memory: half of it written is worse than nothing
    if (this.queued + data.length > MOST_QUEUED) return 'full'
    const taken = this.queued > 0 ? 0 : this.#writeNow(data)
    if (taken === 'closed') return 'closed'
    if (taken < data.length) this.#queue(data.subarray(taken))
    return 'written'
  }

  #writeNow(data: Uint8Array): number | 'closed' {
    try {
      return writeSync(this.#descriptor, data)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : 'closed'
    }
  }

  /** A stream exists only once a write did not fit. */
  #queue(data: Uint8Array): void {
    this.#socket ??= new Socket({ fd: this.#descriptor, readable: false, writable: true }).on('error', () =>
      this.close(),
    )
    this.#socket.write(Buffer.from(data), () => {
      if (!this.#closed && this.queued === 0) this.#drained()
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#socket) this.#socket.destroy()
    else closeSync(this.#descriptor)
  }
}

/** Takes over the descriptor, the write end of a pipe. Costs nothing until something is written. Source: contract 5.4 */
export const openPipeWriter = (descriptor: number, drained: () => void): PipeWriter =>
  new ChildStdin(descriptor, drained)
