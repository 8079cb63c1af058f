/** What Caddy serves at this moment; the caddy program writes it, whole each time. */
import { readFileSync } from 'node:fs'
import { paths } from './paths.ts'
import type { Problem } from './problem.ts'

export interface GatewayState {
  /** of all sites */
  readonly scheme: 'http' | 'https'
  readonly sites: readonly ServedSite[]
  /** of portal.yaml, of settings, and of what Caddy did not take */
  readonly problems: readonly Problem[]
}

export interface ServedSite {
  /** of the application */
  readonly name: string
  /** external port */
  readonly port: number
  /** It asks for a login. */
  readonly authenticated: boolean
}

/** undefined when nothing is known: the caddy program does not run, or has only just begun. */
export function readGatewayState(path: string = paths.gateway): GatewayState | undefined {
  let state: GatewayState
  try {
    state = JSON.parse(readFileSync(path, 'utf8')) as GatewayState
  } catch {
    return undefined
  }
  const good =
    typeof state === 'object' &&
    state !== null &&
    (state.scheme === 'http' || state.scheme === 'https') &&
    Array.isArray(state.sites) &&
    Array.isArray(state.problems)
  return good ? state : undefined
}
