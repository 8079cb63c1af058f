/**
 * The one place where the daemon says what happened, and where event pools hear of it.
 * Announcing what nobody subscribes to costs a look-up: no serial, no payload.
 * Source: contract 11.1, 11.2 (serial)
 */
import type { Cancel, Clock } from '../system/system.ts'
import { type ConcreteEventType, concreteEventTypes, type EventData, renderPayload, typesUnder } from './event-types.ts'
import { Ticks } from './ticks.ts'

export interface AnnouncedEvent {
  readonly eventname: ConcreteEventType
  /** counts the events that somebody heard, from 0 */
  readonly serial: number
  readonly payload: string
}

export interface Subscriber {
  /** type names, abstract ones included */
  readonly events: readonly string[]
  /** low ones hear first; equal ones in the order of subscription */
  readonly priority: number
  accept(event: AnnouncedEvent): void
}

export class EventBus {
  #serial: number
  #subscribers: readonly Subscriber[] = []
  /** Lists are replaced, never changed: one may be in use. */
  readonly #byType: Record<ConcreteEventType, readonly Subscriber[]>
  readonly #ticks: Ticks

  /** @param firstSerial `nextSerial` of the bus before a restart in the same process */
  constructor(clock: Clock, firstSerial = 0) {
    this.#serial = firstSerial
    this.#byType = Object.fromEntries(concreteEventTypes.map(type => [type, []])) as unknown as Record<
      ConcreteEventType,
      readonly Subscriber[]
    >
    this.#ticks = new Ticks(clock, (type, when) => this.announce(type, when))
  }

  get nextSerial(): number {
    return this.#serial
  }

  /** Would anybody hear it? To be asked before data are gathered that cost something. */
  wants(type: ConcreteEventType): boolean {
    return this.#byType[type].length > 0
  }

  announce<T extends ConcreteEventType>(type: T, ...data: EventData<T>): void {
    const subscribers = this.#byType[type]
    if (subscribers.length === 0) return
    const event: AnnouncedEvent = { eventname: type, serial: this.#serial++, payload: renderPayload(type, data) }
    for (const subscriber of subscribers) subscriber.accept(event)
  }

  /** Each event is heard once, however many of the subscribed names cover it. */
  subscribe(subscriber: Subscriber): Cancel {
    const at = this.#subscribers.findLastIndex(({ priority }) => priority <= subscriber.priority) + 1
    this.#replace(this.#subscribers.toSpliced(at, 0, subscriber))
    return () => this.#replace(this.#subscribers.filter(other => other !== subscriber))
  }

  #replace(subscribers: readonly Subscriber[]): void {
    this.#subscribers = subscribers
    const heard = new Map(subscribers.map(subscriber => [subscriber, new Set(typesUnder(subscriber.events))]))
    for (const type of concreteEventTypes) this.#byType[type] = subscribers.filter(each => heard.get(each)!.has(type))
    this.#ticks.follow(type => this.wants(type))
  }
}
