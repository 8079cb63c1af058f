import { setTimeout as sleep } from 'node:timers/promises'
import { targetUrl } from '../common/application-url.ts'
import type { Logger } from '../common/logger.ts'
import { type Application, isProxied } from '../common/portal-config.ts'
import type { QuickTunnels } from './quick-tunnel.ts'

export interface Protection {
  readonly httpsEnabled: boolean
  readonly authEnabled: boolean
  /** external ports that ask for no login */
  readonly authExclude: readonly number[]
}

/**
 * The targets that get a tunnel unasked: what Caddy serves behind a login, one for each external port. What needs no login
 * is published only when somebody asks for it.
 * Source: contract 7.3; contract of ai-dock, C decision 11 and D.2 S23
 */
export function automaticTargets(applications: readonly Application[], protection: Protection): readonly string[] {
  if (!protection.authEnabled) return []
  const served = applications.filter(
    application => isProxied(application) && !protection.authExclude.includes(application.external_port),
  )
  return [...new Set(served.map(application => targetUrl(application, applications, protection.httpsEnabled)))]
}

export interface Timing {
  /** between two: the service counts requests */
  readonly pauseMs: number
  /** after each failure; none left: given up */
  readonly retriesMs: readonly number[]
}

/** Source: contract 7.3 */
const timing: Timing = { pauseMs: 2000, retriesMs: [10_000, 20_000, 30_000] }

/** Keeps one tunnel open for each target that is wanted, one after the other. */
export class AutomaticTunnels {
  readonly #quick: QuickTunnels
  readonly #answers: (targetUrl: string) => Promise<boolean>
  readonly #log: Logger
  readonly #timing: Timing
  /** those wanted that are not given up */
  readonly #kept = new Map<string, AbortController>()
  #turn: Promise<unknown> = Promise.resolve()

  /** @param answers whether something listens there: a tunnel to nothing costs an address all the same */
  constructor(quick: QuickTunnels, answers: (targetUrl: string) => Promise<boolean>, log: Logger, times = timing) {
    this.#quick = quick
    this.#answers = answers
    this.#log = log
    this.#timing = times
  }

  /** Opens what is new or was given up, stops what is no longer wanted. */
  update(wanted: readonly string[]): void {
    for (const [target, task] of this.#kept) {
      if (wanted.includes(target)) continue
      task.abort()
      this.#kept.delete(target)
      void this.#quick.stop(target)
    }
    for (const target of wanted) {
      if (this.#kept.has(target)) continue
      const task = new AbortController()
      this.#kept.set(target, task)
      void this.#open(target, task.signal)
    }
  }

  async #open(target: string, signal: AbortSignal): Promise<void> {
    try {
      for (const retryMs of [...this.#timing.retriesMs, undefined]) {
        const failure = await this.#inTurn(target, signal)
        if (failure === undefined) return
        const next = retryMs === undefined ? 'given up until portal.yaml changes' : `next try in ${retryMs / 1000} s`
        this.#log.warn(`no quick tunnel to ${target}: ${failure}; ${next}`)
        if (retryMs !== undefined) await sleep(retryMs, undefined, { signal })
      }
      this.#kept.delete(target)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Answers why not. */
  #inTurn(target: string, signal: AbortSignal): Promise<string | undefined> {
    const turn = this.#turn.then(async () => {
      signal.throwIfAborted()
      if (!(await this.#answers(target))) return 'nothing listens there'
      try {
        this.#log.info(`quick tunnel to ${target}: ${await this.#quick.open(target)}`)
      } catch (error) {
        return (error as Error).message
      } finally {
        await sleep(this.#timing.pauseMs, undefined, { signal })
      }
    })
    this.#turn = turn.catch(() => {})
    return turn
  }

  close(): void {
    for (const task of this.#kept.values()) task.abort()
    this.#kept.clear()
  }
}
