/**
 * The event listeners among the groups: each is a pool, and hears what its processes say.
 * Source: contract 11.3, 11.4
 */
import type { Channel } from '../daemon/api.ts'
import type { ChannelLog } from '../process/body.ts'
import type { ProcessGroup } from '../process/group.ts'
import type { SupervisedProcess } from '../process/process.ts'
import type { Cancel } from '../system/system.ts'
import type { EventBus } from './event-bus.ts'
import { Pool, type PoolSurroundings } from './pool.ts'

export class Listeners {
  readonly #bus: EventBus
  readonly #surroundings: PoolSurroundings
  readonly #pools = new Map<string, { readonly pool: Pool; readonly unsubscribe: Cancel }>()

  constructor(bus: EventBus, surroundings: PoolSurroundings) {
    this.#bus = bus
    this.#surroundings = surroundings
  }

  /** A group became active. */
  add(group: ProcessGroup): void {
    const { listener } = group.config
    if (!listener) return
    const pool = new Pool(group, listener, this.#surroundings)
    this.#pools.set(group.name, { pool, unsubscribe: this.#bus.subscribe(pool) })
  }

  remove({ name }: ProcessGroup): void {
    const entry = this.#pools.get(name)
    if (!entry) return
    entry.unsubscribe()
    entry.pool.close()
    this.#pools.delete(name)
  }

  /** Is this the channel on which a listener answers? */
  speaksOn(process: SupervisedProcess, channel: Channel): boolean {
    return channel === 'stdout' && process.group.config.listener !== null
  }

  /** What a listener says is logged, and heard by its pool. */
  overhear(process: SupervisedProcess, log: ChannelLog): ChannelLog {
    return {
      isDialogue: true,
      write: chunk => {
        log.write(chunk)
        this.#pools.get(process.group.name)?.pool.received(process, chunk)
      },
      end: () => log.end(),
      reopen: () => log.reopen(),
      clear: () => log.clear(),
      close: () => log.close(),
    }
  }
}
