/**
 * What exists only while there is a child: its pipes, the logs of its output, its socket. There may be thousands of them,
 * so what stays alive is held in fields; closures would keep everything that was needed to make them.
 * Source: contract 5.1, 5.4, 5.6
 */
import type { ProcessConfig } from '../config/config.ts'
import type { Channel } from '../daemon/api.ts'
import type { PipeReader, PipeReaderHandlers, Pipes, PipeWriter } from '../system/system.ts'

/** One channel of output while its child lives: where the bytes go. Made by logs/child-log.ts. */
export interface ChannelLog {
  /** true: the child waits for what is said to each piece. */
  readonly isDialogue?: boolean
  write(chunk: Buffer): void
  /** The child has ended: what was held back is let go. */
  end(): void
  reopen(): void
  clear(): void
  close(): void
}

/** Whoever can be asked to hold up: `flow(false)` when a log cannot keep up, `flow(true)` when it can again. */
export interface Source {
  flow(ready: boolean): void
}

/** Where a body gets its parts. All may throw a SystemError, and then nothing is left open. */
export interface Parts {
  readonly pipes: Pipes
  openLog(channel: Channel, source: Source): ChannelLog
  /** Our own descriptor (1 or 2) for a channel that nobody has to read, else null. */
  passThrough(channel: Channel): number | null
  /** The listening socket that takes the place of stdin; null for all but fcgi programs. */
  openSocket(): SocketHold | null
}

export interface SocketHold {
  readonly descriptor: number
  release(): void
}

/** What is read goes to the log; a log that cannot keep up holds up the reading. */
class OutputChannel implements PipeReaderHandlers, Source {
  readonly log: ChannelLog
  #reader: PipeReader | null = null

  constructor(channel: Channel, parts: Parts) {
    this.log = parts.openLog(channel, this)
  }

  get isDialogue(): boolean {
    return this.log.isDialogue ?? false
  }

  data(chunk: Buffer): void {
    this.log.write(chunk)
  }

  end(): void {}

  flow(ready: boolean): void {
    if (ready) this.#reader?.resume()
    else this.#reader?.pause()
  }

  read(descriptor: number, pipes: Pipes): void {
    this.#reader = pipes.openReader(descriptor, this)
  }

  close(): void {
    this.#reader?.drainAndClose()
    this.log.end()
    this.log.close()
  }
}

export class Body {
  /** What the child gets as 0, 1 and 2. */
  readonly descriptors: readonly [number, number, number]
  readonly #pipes: Pipes
  readonly #channels: OutputChannel[] = []
  readonly #socket: SocketHold | null
  #stdin: PipeWriter | null = null
  /** Pipes in the making: [ours, the child's]. The first is that of stdin, unless there is a socket. */
  #ends: (readonly [number, number])[] = []

  constructor({ user, redirect_stderr: joined }: ProcessConfig, parts: Parts) {
    this.#pipes = parts.pipes
    this.#socket = parts.openSocket()
    try {
      const stdin = this.#socket?.descriptor ?? this.#inputPipe()
      const output = (channel: Channel): number => {
        const own = parts.passThrough(channel)
        if (own !== null) return own
        this.#channels.push(new OutputChannel(channel, parts))
        const [read, write] = parts.pipes.create()
        this.#ends.push([read, write])
        if (user) parts.pipes.give(write, user)
        return write
      }
      const stdout = output('stdout')
      this.descriptors = [stdin, stdout, joined ? stdout : output('stderr')]
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  #inputPipe(): number {
    const [read, write] = this.#pipes.create()
    this.#ends.push([write, read])
    return read
  }

  /** There will be no child. */
  abandon(): void {
    for (const [ours, childs] of this.#ends.splice(0)) {
      this.#pipes.close(ours)
      this.#pipes.close(childs)
    }
    this.leave()
    this.releaseSocket()
  }

  /** There is a child, which has its ends by now. `drained`: see Pipes.openWriter. */
  begin(drained: () => void): void {
    const ends = this.#ends
    this.#ends = []
    for (const [, childs] of ends) this.#pipes.close(childs)
    const stdin = this.#socket ? undefined : ends.shift()
    if (stdin) this.#stdin = this.#pipes.openWriter(stdin[0], drained)
    ends.forEach(([ours], at) => {
      this.#channels[at]!.read(ours, this.#pipes)
    })
  }

  get stdin(): PipeWriter | null {
    return this.#stdin
  }

  get logs(): readonly ChannelLog[] {
    return this.#channels.map(({ log }) => log)
  }

  /** The child has ended. What it still had to say is logged; what its own children go on writing is not. */
  leave(): void {
    for (const channel of this.#channels) channel.close()
    this.#stdin?.close()
  }

  releaseSocket(): void {
    this.#socket?.release()
  }
}
