/** What the routes need of their neighbours; main.ts supplies it. */
import type { FastifyRequest } from 'fastify'
import type { SupervisorApi } from '../../supervisor/client/supervisor-api.ts'
import type { ApplicationStatuses } from '../common/application-status.ts'
import type { Exposure } from '../common/exposure.ts'
import type { GatewayState } from '../common/gateway-state.ts'
import type { LaunchMode } from '../common/launch-mode.ts'
import type { PortalYaml } from '../common/portal-yaml.ts'
import type { Problem } from '../common/problem.ts'
import type { Settings } from '../common/settings.ts'
import type { ProcessControl } from './process-control.ts'
import type { Tunnels } from './tunnels.ts'
import { type Visitor, visitorOf } from './visitor.ts'

export interface Surroundings {
  readonly settings: Settings
  readonly statuses: ApplicationStatuses
  readonly supervisor: Pick<SupervisorApi, 'getAllProcessInfo'>
  readonly control: ProcessControl
  readonly tunnels: Tunnels
  /** As it is now; takes some 10 ms. */
  readonly exposure: () => readonly Exposure[]
  /** Resolves when it is usable; or after a while, whatever it is then. */
  readonly portalYaml: () => Promise<PortalYaml>
  /** of the settings, PORTAL_CONFIG among them */
  readonly problems: readonly Problem[]
  /** name of a program → what its gate did not find */
  readonly skipMarkers: () => ReadonlyMap<string, string>
  readonly launchMode: () => LaunchMode
  readonly gateway: {
    current(): GatewayState | undefined
    follow(changed: () => void): () => void
  }
  readonly localToken: string
  /** For `?token=` of a link, good for some minutes; undefined when there are none. */
  readonly issuePass: () => string | undefined
  /** As the platform or a visit has told it. */
  readonly publicAddress: () => string | undefined
  readonly log: { info(text: string): void; error(facts: { readonly err: unknown }, text: string): void }
}

/** What a client reads: `{"detail": …}`. Source: contract 6.2 */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const visitorFor = ({ headers }: FastifyRequest, { localToken }: Surroundings): Visitor =>
  visitorOf(headers, localToken)
