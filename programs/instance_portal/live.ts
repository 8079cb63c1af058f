/**
 * `GET /events`: what changes on the page, as server-sent events. Each reader gets those parts that differ from what was
 * sent before; who reads slowly misses what lies between, so no queue grows. While nobody looks, nothing is looked after.
 *
 * `parts` is `{ now, parts: [{ id, html }], lists: { applications: [id], programs: [id] } }`: the members of the lists in
 * their order, `parts` those elements that are new or have changed.
 */
import type { ServerResponse } from 'node:http'
import type { Part, Parts, Reader } from './parts.ts'

/** Pages in front of somebody; more are refused. */
export const MOST_READERS = 32

/** A storm of changes is told in pieces of this length. */
const PAUSE_MS = 100
/** Proxies close what is silent for a minute or so. */
const SIGN_OF_LIFE_MS = 30_000

interface Client {
  readonly response: ServerResponse
  readonly reader: Reader
  sent: ReadonlyMap<string, string>
}

export interface LiveSurroundings {
  /** Without texts that time changes. */
  readonly render: (reader: Reader) => { readonly now: number; readonly parts: Parts }
  /** Calls when something may have changed. */
  readonly follow: (changed: () => void) => () => void
  /** Now and then, while somebody looks: for what nobody tells. */
  readonly lookAround: () => Promise<void>
}

export class LivePage {
  readonly #surroundings: LiveSurroundings
  readonly #clients = new Set<Client>()
  #unfollow: (() => void) | null = null
  #pause: NodeJS.Timeout | undefined
  #signOfLife: NodeJS.Timeout | undefined

  constructor(surroundings: LiveSurroundings) {
    this.#surroundings = surroundings
  }

  get full(): boolean {
    return this.#clients.size >= MOST_READERS
  }

  /** Somebody looks: what is known is kept current. */
  get followed(): boolean {
    return this.#clients.size > 0
  }

  /** Takes over the response, for as long as the reader stays. */
  open(response: ServerResponse, reader: Reader): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
    })
    response.write('retry: 3000\n\n')
    const client: Client = { response, reader, sent: new Map() }
    this.#clients.add(client)
    if (this.#clients.size === 1) this.#begin()
    response.on('drain', () => this.#tell(client))
    response.once('close', () => {
      this.#clients.delete(client)
      if (this.#clients.size === 0) this.#end()
    })
    this.#tell(client)
  }

  close(): void {
    for (const { response } of this.#clients) response.end()
  }

  #begin(): void {
    this.#unfollow = this.#surroundings.follow(() => this.#tellSoon())
    this.#signOfLife = setInterval(() => {
      for (const { response } of this.#clients) if (!response.writableNeedDrain) response.write(':\n\n')
      void this.#lookAround()
    }, SIGN_OF_LIFE_MS)
    void this.#lookAround()
  }

  #end(): void {
    this.#unfollow?.()
    clearInterval(this.#signOfLife)
    clearTimeout(this.#pause)
    this.#pause = undefined
  }

  async #lookAround(): Promise<void> {
    await this.#surroundings.lookAround()
    this.#tellSoon()
  }

  #tellSoon(): void {
    if (this.#clients.size === 0) return
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined
      for (const client of this.#clients) this.#tell(client)
    }, PAUSE_MS)
  }

  #tell(client: Client): void {
    const { response, reader, sent } = client
    if (response.writableNeedDrain || response.destroyed) return
    const { now, parts } = this.#surroundings.render(reader)
    const { singles, applications, programs } = parts
    const all = [...singles, ...applications, ...programs]
    const changed = all.filter(({ id, html }) => sent.get(id) !== html.text)
    if (changed.length === 0 && all.length === sent.size) return
    client.sent = new Map(all.map(({ id, html }) => [id, html.text]))
    const ids = (list: readonly Part[]): readonly string[] => list.map(({ id }) => id)
    const lists = { applications: ids(applications), programs: ids(programs) }
    const data = { now, parts: changed.map(({ id, html }) => ({ id, html: html.text })), lists }
    response.write(`event: parts\ndata: ${JSON.stringify(data)}\n\n`)
  }
}
