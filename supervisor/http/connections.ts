import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is known of a connection; changed in place, because each request does it twice. */
interface Connection {
  /** the answer that is on its way */
  response: ServerResponse | null
  /** The higher the later: when it was accepted, or the last answer went out. */
  turn: number
}

/**
 * All connections of all servers. Nothing is timed: a client may be silent for hours between two calls, as listeners are,
 * and whoever never finishes a request only holds a place. When all places are taken, the connection that has been silent
 * longest makes room; so nobody can use up the descriptors that children need.
 */
export class Connections {
  readonly #limit: number
  readonly #crowded: () => void
  readonly #all = new Map<Socket, Connection>()
  #turn = 0
  #isCrowded = false

  /** `crowded` is called when the places are taken, and not again before half of them were free. */
  constructor(limit: number, crowded = (): void => {}) {
    this.#limit = limit
    this.#crowded = crowded
  }

  accept(socket: Socket): void {
    this.#watchCrowd()
    if (this.#all.size >= this.#limit && !this.#makeRoom()) {
      socket.destroy()
      return
    }
    this.#all.set(socket, { response: null, turn: this.#turn++ })
    socket.once('close', () => this.#all.delete(socket))
  }

  /** A whole request has come in. */
  busy(socket: Socket, response: ServerResponse): void {
    const connection = this.#all.get(socket)
    if (connection) connection.response = response
  }

  /** Its answer has gone out. */
  idle(socket: Socket): void {
    const connection = this.#all.get(socket)
    if (!connection) return
    connection.response = null
    connection.turn = this.#turn++
  }

  /** Answers that are complete still arrive. */
  close(): void {
    for (const [socket, { response }] of this.#all) {
      if (response?.writableEnded) socket.destroySoon()
      else socket.destroy()
    }
  }

  #watchCrowd(): void {
    const { size } = this.#all
    if (size < this.#limit / 2) this.#isCrowded = false
    if (this.#isCrowded || size < this.#limit) return
    this.#isCrowded = true
    this.#crowded()
  }

  /** false: everybody waits for an answer. */
  #makeRoom(): boolean {
    const silent = [...this.#all].filter(([, { response }]) => response === null)
    if (silent.length === 0) return false
    const [longest] = silent.reduce((first, other) => (other[1].turn < first[1].turn ? other : first))
    this.#all.delete(longest)
    longest.destroy()
    return true
  }
}
