/** How applications are, for those who wait in front of them: asked for once, or followed. */
import type { ApplicationStatuses } from '../common/application-status.ts'
import type { Readiness } from './not-ready.ts'

export interface ReadinessOf {
  /** Now; soon, at any rate. */
  read(name: string): Promise<Readiness>
  /** At once, and after each change. */
  follow(name: string, listener: (readiness: Readiness) => void): () => void
  close(): void
}

/** Whoever is refused once asks again: what was gathered for them stays up to date for a while. */
const LINGER_MS = 60_000
/** supervisord may be slow, and people wait. */
const PATIENCE_MS = 1000

const NOT_LISTED: Readiness = {
  state: 'unknown',
  sentence: 'not known: it is not in /etc/portal.yaml any more',
  since: undefined,
  retryAt: undefined,
}

export function openReadiness(statuses: ApplicationStatuses): ReadinessOf {
  let lingering: { stop: () => void; timer: NodeJS.Timeout; first: Promise<unknown> } | undefined

  function linger(): Promise<unknown> {
    const { stop, first } = lingering ?? { stop: statuses.subscribe(() => {}), first: statuses.read() }
    clearTimeout(lingering?.timer)
    const timer = setTimeout(() => {
      lingering = undefined
      stop()
    }, LINGER_MS)
    lingering = { stop, timer, first }
    return first
  }

  const current = (name: string): Readiness => statuses.current().find(status => status.name === name) ?? NOT_LISTED

  return {
    async read(name) {
      await Promise.race([linger(), new Promise(done => setTimeout(done, PATIENCE_MS).unref())])
      statuses.suspect(name)
      return current(name)
    },
    follow(name, listener) {
      let told = ''
      const tell = (): void => {
        const readiness = current(name)
        const text = JSON.stringify(readiness)
        if (text === told) return
        told = text
        listener(readiness)
      }
      const stop = statuses.subscribe(tell)
      statuses.suspect(name)
      tell()
      return stop
    },
    close() {
      clearTimeout(lingering?.timer)
      lingering?.stop()
      statuses.close()
    },
  }
}
