/**
 * What is served, kept as it should be: applies a plan by a Caddy of its own, keeps the last one that works when a new one does
 * not, starts Caddy again when it ends, and says how it stands. Source: contract 5; 14 (11, 12)
 */
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Logger } from '../common/logger.ts'
import type { Problem } from '../common/problem.ts'
import type { CaddyProcess } from './caddy-process.ts'
import type { GatedSite } from './sites.ts'

/** What should be served. */
export interface Plan {
  readonly sites: readonly GatedSite[]
  /** the Caddyfile for some of the sites */
  readonly render: (sites: readonly GatedSite[]) => string
}

export interface GatewayDeps {
  /** @throws CaddyError */
  readonly start: (caddyfile: string, directory: string) => Promise<CaddyProcess>
  /** of the directories of the processes */
  readonly run: string
  /** the Caddyfile that people and tests read */
  readonly publish: (caddyfile: string) => void
  /** after each change of `sites` or `problems` */
  readonly changed: () => void
  /** whether nobody else listens there */
  readonly isFree: (port: number) => Promise<boolean>
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
}

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** A Caddy that lasts so long is well. */
const STEADY_MS = 30_000
/** Each takes 40 MB for as long as somebody is connected to it. */
const MOST_RETIRED = 3
const STOP_SECONDS = 3

interface Running {
  readonly process: CaddyProcess
  readonly caddyfile: string
  readonly sites: readonly GatedSite[]
  readonly since: number
}

export class Gateway {
  readonly #deps: GatewayDeps
  readonly #retired = new Set<CaddyProcess>()
  /** those of them that somebody is connected to */
  readonly #busy = new Set<CaddyProcess>()
  #plan: Plan | undefined
  #running: Running | undefined
  #sites: ReadonlyMap<number, GatedSite> = new Map()
  #problems: readonly Problem[] = []
  #working: Promise<void> | undefined
  #generation = 0
  #wait = FIRST_WAIT_MS
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(deps: GatewayDeps) {
    this.#deps = deps
  }

  /** By external port; during a change those of before and after. */
  get sites(): ReadonlyMap<number, GatedSite> {
    return this.#sites
  }

  /** Why not all that is planned is served. */
  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Resolves when it is served, or cannot be; a plan that comes meanwhile takes its place. */
  async apply(plan: Plan): Promise<void> {
    this.#plan = plan
    this.#wait = FIRST_WAIT_MS
    await this.#work()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#working
    const all = [...this.#retired, ...(this.#running === undefined ? [] : [this.#running.process])]
    await Promise.all(all.map(process => process.stop(STOP_SECONDS)))
  }

  #work(): Promise<void> {
    clearTimeout(this.#timer)
    this.#working ??= this.#follow().finally(() => {
      this.#working = undefined
    })
    return this.#working
  }

  async #follow(): Promise<void> {
    for (let done: Plan | undefined; done !== this.#plan && !this.#closed; ) {
      done = this.#plan
      await this.#carryOut(done!)
    }
  }

  async #carryOut(plan: Plan): Promise<void> {
    const { changed, publish } = this.#deps
    const { free, problems } = await this.#checkPorts(plan.sites)
    const caddyfile = plan.render(free)
    const before = this.#running
    // whoever comes by the new Caddy is known before it listens, and who comes by the old one still is
    this.#sites = byPort([...(before?.sites ?? []), ...free])
    const failure = caddyfile === before?.caddyfile ? undefined : await this.#replace(caddyfile, free)
    const served = failure === undefined ? free : (before?.sites ?? [])
    if (this.#running !== undefined) this.#running = { ...this.#running, sites: served }
    this.#sites = byPort(served)
    this.#problems = failure === undefined ? problems : [...problems, failure]
    if (failure === undefined) publish(caddyfile)
    if (this.#problems.length > 0) this.#again()
    changed()
  }

  /** A port that somebody else has would keep Caddy from serving any of them. */
  async #checkPorts(
    sites: readonly GatedSite[],
  ): Promise<{ free: readonly GatedSite[]; problems: readonly Problem[] }> {
    const ours = new Set(this.#running?.sites.map(({ port }) => port))
    const checked = await Promise.all(
      sites.map(async site => ({ site, free: ours.has(site.port) || (await this.#deps.isFree(site.port)) })),
    )
    return {
      free: checked.flatMap(({ site, free }) => (free ? site : [])),
      problems: checked.flatMap(({ site: { name, port }, free }) =>
        free
          ? []
          : {
              where: name,
              message: `is not served: another program listens on port ${port}`,
              fix: 'let that program listen on its internal port, on 127.0.0.1',
            },
      ),
    }
  }

  async #replace(caddyfile: string, sites: readonly GatedSite[]): Promise<Problem | undefined> {
    const before = this.#running
    if (sites.length === 0) {
      this.#running = undefined
      this.#retire(before)
      return undefined
    }
    this.#generation += 1
    try {
      const process = await this.#deps.start(caddyfile, join(this.#deps.run, String(this.#generation)))
      const running = { process, caddyfile, sites, since: performance.now() }
      this.#running = running
      void process.ended.then(reason => this.#ended(process, reason))
      this.#deps.log.info({ pid: process.pid, ports: sites.map(({ port }) => port) }, 'serving')
      this.#retire(before)
      return undefined
    } catch (error) {
      const { message } = error as Error
      return { where: 'caddy', message: `does not take the configuration: ${message}`, fix: 'see /etc/portal.yaml' }
    }
  }

  #retire(before: Running | undefined): void {
    if (before === undefined) return
    const { process } = before
    this.#retired.add(process)
    void process.ended.then(() => this.#retired.delete(process))
    void process.retire().then(busy => {
      if (busy) this.#keep(process)
    })
  }

  /** Somebody is still connected to it. */
  #keep(process: CaddyProcess): void {
    this.#busy.add(process)
    void process.ended.then(() => this.#busy.delete(process))
    // the one that retired first, which need not be the one that said first that somebody is connected
    const oldest = [...this.#retired].find(each => this.#busy.has(each))
    if (oldest === undefined || this.#busy.size <= MOST_RETIRED) return
    this.#busy.delete(oldest)
    this.#deps.log.warn({ pid: oldest.pid }, 'connections from before the latest changes are closed')
    void oldest.stop(STOP_SECONDS)
  }

  #ended(process: CaddyProcess, reason: string): void {
    if (this.#running?.process !== process || this.#closed) return
    if (performance.now() - this.#running.since > STEADY_MS) this.#wait = FIRST_WAIT_MS
    this.#running = undefined
    const seconds = this.#again() / 1000
    this.#deps.log.error(`Caddy has ended (${reason}); it is started again in ${seconds} s`)
    this.#problems = [{ where: 'caddy', message: `has ended: ${reason}`, fix: 'it is started again' }]
    this.#deps.changed()
  }

  /** @returns ms until then */
  #again(): number {
    const wait = this.#wait
    this.#wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(() => void this.#work(), wait)
    return wait
  }
}

const byPort = (sites: readonly GatedSite[]): ReadonlyMap<number, GatedSite> =>
  new Map(sites.map(site => [site.port, site]))

/** Whether Caddy could listen there; others of ours that let it (SO_REUSEPORT) do not count. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise(done => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code !== 'EADDRINUSE'))
    server.listen({ port, reusePort: true, exclusive: true }, () => server.close(() => done(true)))
  })
