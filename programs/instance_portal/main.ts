/**
 * The `instance_portal` program: the page on which people find the applications of the instance. Listens on
 * 127.0.0.1:11111; what comes from outside has passed Caddy. Source: contract 6
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openClient } from '../../supervisor/client/client.ts'
import { openApplicationStatuses } from '../common/application-status.ts'
import { readCredentials, readSessionKey } from '../common/credentials.ts'
import { effectiveEnvironment } from '../common/environment-file.ts'
import { readExposure } from '../common/exposure.ts'
import { watchPath } from '../common/file-watch.ts'
import { readGatewayState } from '../common/gateway-state.ts'
import { readLaunchMode } from '../common/launch-mode.ts'
import { ensureLocalToken } from '../common/local-token.ts'
import { openLogger } from '../common/logger.ts'
import { paths } from '../common/paths.ts'
import { parsePortalConfig } from '../common/portal-config.ts'
import { type PortalYaml, readPortalYaml } from '../common/portal-yaml.ts'
import { openPasses } from '../common/sessions.ts'
import { readSettings } from '../common/settings.ts'
import { readSkipMarkers } from '../common/skip-markers.ts'
import { openSupervisorWatch } from '../common/supervisor-watch.ts'
import { app } from './app.ts'
import { OWN_PORT } from './parts.ts'
import { openProcessControl } from './process-control.ts'
import { openTunnels } from './tunnels.ts'

/** Clients ask for the applications before Caddy's manager has written them. Source: contract 6.2 */
const PORTAL_YAML_MS = 30_000

process.title = 'instance-portal'
const env = effectiveEnvironment()
const log = openLogger('instance_portal', env)
const { settings, problems } = readSettings(env)
const supervisorUrl = `unix://${paths.supervisorSocket}`
const client = openClient(supervisorUrl)
const watch = openSupervisorWatch(supervisorUrl)
const statuses = openApplicationStatuses({ watch })

/** Our own program, as supervisord calls it. */
const { SUPERVISOR_GROUP_NAME: group, SUPERVISOR_PROCESS_NAME: name } = env
const self = group === name ? name : `${group}:${name}`

/** For links to places where the visitor has no session yet. */
const passes = openPasses(readSessionKey().key, readCredentials(settings).credentials, settings.VAST_CONTAINERLABEL)

const server = app({
  settings,
  problems: [...problems, ...parsePortalConfig(settings.PORTAL_CONFIG).problems],
  statuses,
  supervisor: client.supervisor,
  control: openProcessControl(client, self),
  tunnels: openTunnels(settings.TUNNEL_MANAGER, log),
  exposure: () => {
    const { programs, applications } = statuses.facts()
    return readExposure({ programs, applications, settings })
  },
  portalYaml,
  skipMarkers: () => readSkipMarkers(),
  launchMode: () => readLaunchMode(),
  gateway: { current: () => readGatewayState(), follow: changed => watchPath(paths.gateway, changed) },
  localToken: ensureLocalToken(),
  issuePass: () => (settings.ENABLE_AUTH ? passes.issue('link') : undefined),
  publicAddress: () => readLearnedAddress() ?? (settings.PUBLIC_IPADDR || undefined),
  log,
})

function portalYaml(): Promise<PortalYaml> {
  const file = readPortalYaml()
  if (file.usable) return Promise.resolve(file)
  return new Promise(resolve => {
    const answer = (): void => {
      clearTimeout(patience)
      close()
      resolve(readPortalYaml())
    }
    const patience = setTimeout(answer, PORTAL_YAML_MS)
    const close = watchPath(paths.portalYaml, () => {
      if (readPortalYaml().usable) answer()
    })
  })
}

/** What a visit has told the tunnel manager. */
function readLearnedAddress(): string | undefined {
  try {
    return readFileSync(join(paths.run, 'public-ip'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

server.listen({ host: '127.0.0.1', port: OWN_PORT }).then(
  address => log.info(`listening on ${address}`),
  async error => {
    log.fatal({ err: error }, 'cannot listen')
    await close(1)
  },
)

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close(0))

async function close(status: number): Promise<void> {
  statuses.close()
  watch.close()
  client.close()
  await server.close()
  process.exit(status)
}
