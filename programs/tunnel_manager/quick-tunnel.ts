import type { Logger } from '../common/logger.ts'
import type { Run, StartCloudflared } from './cloudflared.ts'
import { type Backoff, backoff, KeptRun } from './kept-run.ts'

/** As the API shows it. Source: contract 7.1 */
export interface QuickTunnel {
  readonly targetUrl: string
  readonly tunnelUrl: string
}

export interface Limits extends Backoff {
  /** for an address; contract 7.2 says 30 s */
  readonly waitMs: number
  /** Each is a process and a public address: more than these nobody has asked for on purpose. */
  readonly most: number
}

const limits: Limits = { ...backoff, waitMs: 30_000, most: 50 }

/** The hyphen leaves `api.trycloudflare.com` out, which shows up in error messages. Source: contract 7.2; trap 54 */
const ADDRESS = /https:\/\/\w+(-\w+)+\.trycloudflare\.com/

interface Tunnel {
  readonly kept: KeptRun
  /** of the present run; pending until cloudflared names it */
  address: PromiseWithResolvers<string>
  /** undefined while it is not up */
  url: string | undefined
  wasUp: boolean
}

/**
 * Public addresses that cloudflared makes up, each for one target. Two that ask for the same one at the same time get the
 * same tunnel; one that dies comes back by itself, with another address.
 */
export class QuickTunnels {
  readonly #start: StartCloudflared
  readonly #log: Logger
  readonly #limits: Limits
  readonly #tunnels = new Map<string, Tunnel>()

  constructor(start: StartCloudflared, log: Logger, these = limits) {
    this.#start = start
    this.#log = log
    this.#limits = these
  }

  list(): readonly QuickTunnel[] {
    return [...this.#tunnels].flatMap(([targetUrl, { url }]) =>
      url === undefined ? [] : [{ targetUrl, tunnelUrl: url }],
    )
  }

  find(targetUrl: string): string | undefined {
    return this.#tunnels.get(targetUrl)?.url
  }

  /** The address of the tunnel, made now unless it is there. @throws Error when cloudflared names none in time */
  async open(targetUrl: string): Promise<string> {
    const tunnel = this.#tunnels.get(targetUrl) ?? this.#begin(targetUrl)
    if (tunnel.url !== undefined) return tunnel.url
    const late = Promise.withResolvers<never>()
    const { waitMs } = this.#limits
    const timer = setTimeout(
      () => late.reject(new Error(`cloudflared named no address within ${waitMs / 1000} s`)),
      waitMs,
    )
    try {
      return await Promise.race([tunnel.address.promise, late.promise])
    } catch (error) {
      // one that never was up is not kept: the next request is a new try
      if (!tunnel.wasUp) await this.stop(targetUrl)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #begin(targetUrl: string): Tunnel {
    const { most } = this.#limits
    if (this.#tunnels.size >= most) throw new Error(`there are ${most} quick tunnels: stop one first`)
    const start = (): Run => {
      const run = this.#start(['--no-tls-verify', '--url', targetUrl])
      run.onLine(line => {
        this.#log.info(`[${targetUrl}] ${line}`)
        if (tunnel.url !== undefined) return
        const [address] = ADDRESS.exec(line) ?? []
        if (address === undefined) return
        Object.assign(tunnel, { url: address, wasUp: true })
        tunnel.address.resolve(address)
      })
      return run
    }
    const ended = (reason: string, nextInMs: number): void => {
      this.#log.warn(`the quick tunnel to ${targetUrl} ended (${reason}); next try in ${nextInMs / 1000} s`)
      tunnel.address.reject(new Error(`cloudflared ended before it named an address: ${reason}`))
      Object.assign(tunnel, { url: undefined, address: pending() })
    }
    const kept = new KeptRun(start, ended, this.#limits)
    const tunnel: Tunnel = { kept, address: pending(), url: undefined, wasUp: false }
    this.#tunnels.set(targetUrl, tunnel)
    return tunnel
  }

  /** false: there is none. Resolves when its process has ended. */
  async stop(targetUrl: string): Promise<boolean> {
    const tunnel = this.#tunnels.get(targetUrl)
    if (tunnel === undefined) return false
    this.#tunnels.delete(targetUrl)
    tunnel.address.reject(new Error('the tunnel was stopped'))
    await tunnel.kept.close()
    return true
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tunnels.keys()].map(targetUrl => this.stop(targetUrl)))
  }
}

/** Nobody has to wait for it. */
function pending(): PromiseWithResolvers<string> {
  const address = Promise.withResolvers<string>()
  address.promise.catch(() => {})
  return address
}
