import type { Logger } from '../common/logger.ts'
import type { StartCloudflared } from './cloudflared.ts'
import { type Backoff, backoff, KeptRun } from './kept-run.ts'
import type { QuickTunnel } from './quick-tunnel.ts'

/** `http://localhost:11113/config` answers at once or not at all. */
const ANSWER_MS = 5000

/** The daemon of CF_TUNNEL_TOKEN: where it leads is written in the account, and read from its metrics. Source: contract 7.1, 7.3 */
export class NamedTunnel {
  readonly #metrics: string
  readonly #kept: KeptRun

  /** @param metrics `localhost:11113` */
  constructor(start: StartCloudflared, token: string, metrics: string, log: Logger, times: Backoff = backoff) {
    this.#metrics = metrics
    this.#kept = new KeptRun(
      () => {
        const run = start(['tunnel', '--metrics', metrics, 'run'], { TUNNEL_TOKEN: token })
        run.onLine(line => log.info(`[named tunnel] ${line}`))
        return run
      },
      (reason, nextInMs) => log.warn(`the named tunnel ended (${reason}); next try in ${nextInMs / 1000} s`),
      times,
    )
  }

  /** In the account's order. @throws when the daemon does not answer, or answers something else */
  async routes(): Promise<readonly QuickTunnel[]> {
    const response = await fetch(`http://${this.#metrics}/config`, { signal: AbortSignal.timeout(ANSWER_MS) })
    const answer = (await response.json()) as { config?: { ingress?: readonly unknown[] } }
    return parseIngress(answer.config?.ingress ?? [])
  }

  close(): Promise<void> {
    return this.#kept.close()
  }
}

/** `{ hostname, service: 'http…' }` are routes; the last rule, `http_status:404` for all hosts, is none. */
function parseIngress(ingress: readonly unknown[]): QuickTunnel[] {
  return (ingress as readonly { hostname?: unknown; service?: unknown }[]).flatMap(({ hostname, service }) =>
    typeof hostname === 'string' && hostname !== '' && typeof service === 'string' && /^https?:/.test(service)
      ? [{ targetUrl: service, tunnelUrl: `https://${hostname}` }]
      : [],
  )
}
