/**
 * `GET /events`: what changes on the page, as server-sent events. Nothing is polled: processes are watched while somebody
 * looks, and what changes in one turn of the event loop is told once. A client that reads slowly misses what lies between,
 * and is told how everything stands as soon as it can take it; so no queue grows.
 *
 * `rows` is `{ now, all, summary, rows: [{ id, html }] }`: `all` when there are no others; `html` as on the page.
 * `log` is `{ text, first }`: what was appended to a log; with `first`, its end as it stands.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { compareText } from '../../config/python-text.ts'
import type { Channel, Daemon, Process } from '../../daemon/api.ts'
import { type Follower, type FollowHandlers, followLog } from '../../logs/follow.ts'
import { wholeSeconds } from '../../rpc/description.ts'
import { resolveSpec } from '../../rpc/namespec.ts'
import type { FollowedFiles } from '../../system/followed-file.ts'
import type { Cancel, Clock } from '../../system/system.ts'
import { ChangedProcesses } from '../changed-processes.ts'
import { SERVER } from '../error-page.ts'
import { LogText } from './log-text.ts'
import { processRow, renderProcessRow } from './process-row.ts'
import { renderSummary } from './status-page.ts'

export interface LiveSurroundings {
  readonly daemon: Daemon
  readonly clock: Clock
  readonly followedFiles: FollowedFiles
}

/** What a page shows. */
export interface View {
  /** the version of what is on it: what `Live.version` was */
  readonly since: string | null
  /** null: all processes and no log */
  readonly log: { readonly spec: string; readonly channel: Channel; readonly limit: number } | null
}

interface Client {
  readonly view: View
  readonly response: ServerResponse
  /** It could not take something: next comes everything. */
  behind: boolean
  follower: Follower | null
}

/** Proxies close what is silent for a minute or so. */
const SIGN_OF_LIFE_MS = 30_000

/** By (group, name), as in `getAllProcessInfo`. */
export const inOrderOfNames = (daemon: Daemon): readonly Process[] =>
  daemon.groups
    .flatMap(group => group.processes)
    .sort((a, b) => compareText(a.group.name, b.group.name) || compareText(a.config.name, b.config.name))

export class Live {
  /** Pages in front of somebody. More are refused: each holds a connection. */
  static readonly MOST_CLIENTS = 32

  readonly #surroundings: LiveSurroundings
  readonly #token: string
  /** tells the versions of this run from those of others */
  readonly #run: string
  readonly #clients = new Set<Client>()
  readonly #changes: ChangedProcesses
  #cancelSignOfLife: Cancel = () => {}

  /** `token` goes into the forms of the rows. */
  constructor(surroundings: LiveSurroundings, token: string, run: string) {
    this.#surroundings = surroundings
    this.#token = token
    this.#run = run
    const { daemon, clock } = surroundings
    this.#changes = new ChangedProcesses(daemon, clock, changed => this.#tell(changed))
  }

  /** Of all that a page shows of the processes. */
  get version(): string {
    const { revision, state } = this.#surroundings.daemon
    return `${this.#run}-${revision}-${state}`
  }

  get full(): boolean {
    return this.#clients.size >= Live.MOST_CLIENTS
  }

  /** Takes over the response, for as long as the client stays. */
  open(request: IncomingMessage, response: ServerResponse, view: View): void {
    response.writeHead(200, [
      ...['Server', SERVER, 'Content-Type', 'text/event-stream;charset=utf-8', 'Cache-Control', 'no-store'],
      ...['X-Accel-Buffering', 'no', 'X-Content-Type-Options', 'nosniff'],
    ])
    response.write('retry: 3000\n\n')
    const client: Client = { view, response, behind: false, follower: null }
    const known = request.headers['last-event-id'] ?? view.since
    if (this.#clients.size === 0) this.#begin()
    this.#clients.add(client)
    response.on('drain', () => {
      if (client.behind) this.#tellAll(client)
      client.follower?.resume()
    })
    response.once('close', () => {
      this.#clients.delete(client)
      client.follower?.close()
      if (this.#clients.size === 0) this.#end()
    })
    if (known !== this.version) this.#tellAll(client)
    this.#follow(client)
  }

  #begin(): void {
    this.#changes.begin()
    this.#giveSignOfLife()
  }

  #end(): void {
    this.#changes.end()
    this.#cancelSignOfLife()
  }

  #giveSignOfLife(): void {
    const { clock } = this.#surroundings
    this.#cancelSignOfLife = clock.at(clock.monotonic() + SIGN_OF_LIFE_MS, () => {
      for (const { response } of this.#clients) if (!response.writableNeedDrain) response.write(':\n\n')
      this.#giveSignOfLife()
    })
  }

  #tell(which: ReadonlySet<Process> | null): void {
    const changed = inOrderOfNames(this.#surroundings.daemon).filter(process => which?.has(process))
    const all = which === null
    const forMost = all ? this.#render(true) : this.#render(false, changed)
    for (const client of this.#clients) {
      const { response, view } = client
      const concerned = view.log === null || all || changed.some(({ namespec }) => namespec === view.log!.spec)
      if (!concerned) continue
      if (response.writableNeedDrain) client.behind = true
      else if (view.log === null) response.write(forMost)
      else this.#tellAll(client)
      // its log may be there now
      if (client.follower === null) this.#follow(client)
    }
  }

  /** Everything that the client's page shows of the processes. */
  #tellAll(client: Client): void {
    const { log } = client.view
    client.behind = false
    if (log === null) {
      client.response.write(this.#render(true))
    } else {
      const process = resolveSpec(this.#surroundings.daemon, log.spec)?.process
      client.response.write(this.#render(true, process ? [process] : []))
    }
  }

  #render(all: boolean, processes: readonly Process[] = inOrderOfNames(this.#surroundings.daemon)): string {
    const { daemon, clock } = this.#surroundings
    const now = clock.wall()
    const rows = processes.map(process => {
      const row = processRow(process, wholeSeconds(now))
      return { id: `process-${row.spec}`, html: renderProcessRow(row, this.#token).text }
    })
    const everybody = daemon.groups.flatMap(group => group.processes)
    const summary = renderSummary(everybody, daemon.state).text
    return `id: ${this.version}\nevent: rows\ndata: ${JSON.stringify({ now, all, summary, rows })}\n\n`
  }

  #follow(client: Client): void {
    const { view, response } = client
    if (view.log === null) return
    const { spec, channel, limit } = view.log
    const path = resolveSpec(this.#surroundings.daemon, spec)?.process?.readableLog(channel, 'bytes')
    if (!path) return
    const text = new LogText()
    let first = true
    const handlers: FollowHandlers = {
      onData(data) {
        const roomLeft = response.write(
          `event: log\ndata: ${JSON.stringify({ text: text.push(data), ...(first && { first }) })}\n\n`,
        )
        first = false
        if (!roomLeft) client.follower?.pause()
      },
      onEnd() {
        client.follower = null
      },
    }
    try {
      client.follower = followLog(this.#surroundings.followedFiles, path, handlers, limit)
    } catch {
      // too many watches on this machine: the page stays as it is, and its states are still live
    }
  }
}
