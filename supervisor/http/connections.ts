import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * All connections of all servers. Nothing is timed: a client may be silent for hours between two calls, as listeners are,
 * and whoever never finishes a request only holds a place. When all places are taken, the connection that has been silent
 * longest makes room; so nobody can use up the descriptors that children need.
 */
export class Connections {
  readonly #limit: number
  readonly #all = new Set<Socket>()
  /** No answer is on its way; the one silent longest comes first. */
  readonly #idle = new Set<Socket>()
  readonly #busy = new Map<Socket, ServerResponse>()

  constructor(limit = 256) {
    this.#limit = limit
  }

  get count(): number {
    return this.#all.size
  }

  accept(socket: Socket): void {
    if (this.#all.size >= this.#limit) {
      const [silent] = this.#idle
      if (silent === undefined) {
        socket.destroy()
        return
      }
      this.#forget(silent)
      silent.destroy()
    }
    this.#all.add(socket)
    this.#idle.add(socket)
    socket.once('close', () => this.#forget(socket))
  }

  /** A whole request has come in. */
  busy(socket: Socket, response: ServerResponse): void {
    if (!this.#all.has(socket)) return
    this.#idle.delete(socket)
    this.#busy.set(socket, response)
  }

  /** Its answer has gone out. */
  idle(socket: Socket): void {
    if (!this.#all.has(socket)) return
    this.#busy.delete(socket)
    this.#idle.add(socket)
  }

  /** Answers that are complete still arrive. */
  close(): void {
    for (const socket of this.#all) {
      if (this.#busy.get(socket)?.writableEnded) socket.destroySoon()
      else socket.destroy()
    }
  }

  #forget(socket: Socket): void {
    this.#all.delete(socket)
    this.#idle.delete(socket)
    this.#busy.delete(socket)
  }
}
