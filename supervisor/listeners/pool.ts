/**
 * The processes of an `[eventlistener:x]` and the events that wait for them: first in, first out, at most `buffer_size`.
 *
 * An event goes to the first process, in the order of the config, that is in the process state RUNNING and in the listener
 * state READY; each has one event at a time, several work side by side. An event that is rejected, or whose listener dies
 * or goes bad, returns to the head of the queue with the same serials. A full queue discards its oldest event and says so;
 * how many there were is told at the end.
 *
 * Nothing is polled: events move when one arrives, when a listener gets READY, and when a process says that it changed.
 * What a listener sets off by talking is done in a later turn of the event loop, so one that rejects everything gets its
 * event again at once, and the daemon still breathes.
 *
 * Differences from the original: an event that was rejected returns to this pool only; a listener that closed its stdin is
 * not tried again until it is started anew (there: at every turn); one that says READY while bytes of an earlier event wait
 * for room in its pipe gets the next event when it has taken them (there: memory).
 * Source: contract 11.3, 11.4
 */
import type { ListenerConfig } from '../config/config.ts'
import type { ProcessState } from '../process/states.ts'
import type { Cancel, Clock } from '../system/system.ts'
import { renderEnvelope } from './envelope.ts'
import type { AnnouncedEvent, Subscriber } from './event-bus.ts'
import { busy, type ListenerState, type Outcome, receive, started } from './protocol.ts'

/** What a pool needs of a process. */
export interface PoolMember {
  readonly config: { readonly name: string }
  readonly state: ProcessState
  /** Another pid is another life: what the one before it was busy with goes back to the queue. 0: no child. */
  readonly pid: number
  /** 'full': it is too long even for an empty queue, nothing was taken. */
  writeStdin(data: Uint8Array): 'written' | 'closed' | 'full'
  /** bytes that wait for room in the pipe */
  readonly stdinQueued: number
  /** Calls `changed` after changes of state and pid are complete, and when its stdin has drained. */
  watch(changed: () => void): Cancel
}

/** The group that is the pool; its processes in the order of the config. */
export interface PoolGroup {
  readonly config: { readonly name: string; readonly priority: number }
  readonly processes: readonly PoolMember[]
}

export interface PoolSurroundings {
  /** of the daemon, for the `server` token */
  readonly identifier: string
  readonly clock: Pick<Clock, 'defer'>
  readonly log: {
    error(message: string): void
    warn(message: string): void
    debug(message: () => string): void
  }
}

interface PooledEvent {
  readonly event: AnnouncedEvent
  readonly poolserial: number
}

/** What the pool knows of one life of a member. */
interface Seat {
  pid: number
  state: ListenerState
  /** what it is busy with */
  event: PooledEvent | null
  /** its stdin is closed for the rest of its life */
  deaf: boolean
}

export class Pool implements Subscriber {
  readonly name: string
  readonly priority: number
  readonly events: readonly string[]
  readonly #bufferSize: number
  readonly #surroundings: PoolSurroundings
  readonly #seats: ReadonlyMap<PoolMember, Seat>
  readonly #watches: readonly Cancel[]
  #waiting: PooledEvent[] = []
  #poolserial = 0
  /** events that were discarded */
  #discarded = 0
  #dispatchIsDue = false
  #closed = false

  constructor({ config, processes }: PoolGroup, listener: ListenerConfig, surroundings: PoolSurroundings) {
    this.name = config.name
    this.priority = config.priority
    this.events = listener.events
    this.#bufferSize = listener.buffer_size
    this.#surroundings = surroundings
    this.#seats = new Map(processes.map(member => [member, newLife(member)]))
    this.#watches = processes.map(member => member.watch(() => this.#changed(member)))
  }

  /** Events that wait; those that a listener is busy with do not count. */
  get length(): number {
    return this.#waiting.length
  }

  /** A child wrote this on its stdout, the last of it before `pid` and state tell of its end. The bytes are not kept. */
  received(member: PoolMember, chunk: Uint8Array): void {
    const seat = this.#meet(member)
    const { state, outcomes } = receive(seat.state, chunk)
    seat.state = state
    for (const outcome of outcomes) this.#heed(member.config.name, seat, outcome)
  }

  accept(event: AnnouncedEvent): void {
    if (this.#closed) return
    // a listener that got ready in this turn makes room
    if (this.#waiting.length >= this.#bufferSize) this.#dispatch()
    this.#makeRoom()
    this.#waiting.push({ event, poolserial: this.#poolserial++ })
    this.#dispatch()
  }

  /** The group is removed: what waits is forgotten. */
  close(): void {
    this.#closed = true
    this.#waiting = []
    if (this.#discarded > 0) this.#surroundings.log.warn(`pool ${this.name} ends, events discarded: ${this.#discarded}`)
    for (const cancel of this.#watches) cancel()
  }

  #changed(member: PoolMember): void {
    if (isIdle(member, this.#meet(member))) this.#dispatchSoon()
  }

  /** The seat of this life of the member; what a life that is over was busy with goes back to the queue. */
  #meet(member: PoolMember): Seat {
    const seat = this.#seats.get(member)!
    if (seat.pid !== member.pid) {
      const { event } = seat
      Object.assign(seat, newLife(member))
      if (event !== null) this.#giveBack(event)
    }
    return seat
  }

  #heed(name: string, seat: Seat, outcome: Outcome): void {
    const { log } = this.#surroundings
    const { event } = seat
    switch (outcome.type) {
      case 'ready':
        log.debug(() => `${name}: ACKNOWLEDGED -> READY`)
        this.#dispatchSoon()
        break
      case 'processed':
        log.debug(() => `${name}: event was processed`)
        log.debug(() => `${name}: BUSY -> ACKNOWLEDGED`)
        break
      case 'rejected':
        log.warn(`${name}: event was rejected`)
        log.debug(() => `${name}: BUSY -> ACKNOWLEDGED`)
        break
      case 'badResultLine':
        log.warn(`${name}: bad result line: '${outcome.line}'`)
        this.#giveUpOn(name, 'BUSY')
        break
      case 'violated':
        this.#giveUpOn(name, outcome.from)
        break
    }
    if (outcome.type === 'ready') return
    // whatever else it said, it is not busy any more
    seat.event = null
    if (event !== null && outcome.type !== 'processed') this.#giveBack(event)
  }

  #giveUpOn(name: string, from: ListenerState['name']): void {
    this.#surroundings.log.debug(() => `${name}: ${from} -> UNKNOWN`)
    this.#surroundings.log.warn(
      `${name}: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol`,
    )
  }

  #giveBack(event: PooledEvent): void {
    this.#rebuffer(event)
    this.#dispatchSoon()
  }

  #rebuffer(pooled: PooledEvent): void {
    if (this.#closed) return
    const { serial } = pooled.event
    const size = this.#waiting.length
    this.#surroundings.log.debug(
      () => `rebuffering event ${serial} for pool ${this.name} (buf size=${size}, max=${this.#bufferSize})`,
    )
    this.#makeRoom()
    this.#waiting.unshift(pooled)
  }

  #makeRoom(): void {
    if (this.#waiting.length < this.#bufferSize) return
    const { event } = this.#waiting.shift()!
    this.#discarded++
    this.#surroundings.log.error(`pool ${this.name} event buffer overflowed, discarding event ${event.serial}`)
  }

  #dispatchSoon(): void {
    if (this.#dispatchIsDue || this.#waiting.length === 0) return
    this.#dispatchIsDue = true
    this.#surroundings.clock.defer(() => {
      this.#dispatchIsDue = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && this.#someIdle(() => true)) {
      const next = this.#waiting.shift()!
      if (!this.#someIdle((member, seat) => this.#send(next, member, seat))) this.#rebuffer(next)
    }
  }

  /** Does any idle listener, in their order, do this? */
  #someIdle(does: (member: PoolMember, seat: Seat) => boolean): boolean {
    for (const [member, seat] of this.#seats) if (isIdle(member, seat) && does(member, seat)) return true
    return false
  }

  /** true: the event need not wait any longer. */
  #send(pooled: PooledEvent, member: PoolMember, seat: Seat): boolean {
    const { identifier: server, log } = this.#surroundings
    const { event, poolserial } = pooled
    const { name } = member.config
    const sent = member.writeStdin(renderEnvelope({ server, pool: this.name, poolserial, ...event }))
    if (sent === 'closed') {
      seat.deaf = true
      log.debug(
        () => `epipe occurred while sending event ${event.serial} to listener ${name}, listener state unchanged`,
      )
      return false
    }
    if (sent === 'full') {
      this.#discarded++
      log.error(`pool ${this.name} discarding event ${event.serial}: it is too long for listener ${name}`)
      return true
    }
    seat.state = busy
    seat.event = pooled
    log.debug(() => `event ${event.serial} sent to listener ${name}`)
    return true
  }
}

const newLife = ({ pid }: PoolMember): Seat => ({ pid, state: started, event: null, deaf: false })

const isIdle = (member: PoolMember, seat: Seat): boolean =>
  member.state === 'RUNNING' &&
  seat.state.name === 'READY' &&
  seat.pid === member.pid &&
  !seat.deaf &&
  member.stdinQueued === 0
