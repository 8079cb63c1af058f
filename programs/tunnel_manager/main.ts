/**
 * The `tunnel_manager` program: public addresses for the applications, over cloudflared. Listens on 127.0.0.1:11112.
 * Source: contract 7
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { writeFileAtomically } from '../common/atomic-file.ts'
import { effectiveEnvironment } from '../common/environment-file.ts'
import { openLogger } from '../common/logger.ts'
import { paths } from '../common/paths.ts'
import { readPortalYaml, watchPortalYaml } from '../common/portal-yaml.ts'
import { mappedPort, readSettings } from '../common/settings.ts'
import { app } from './app.ts'
import { AutomaticTunnels, automaticTargets } from './automatic-tunnels.ts'
import { CLOUDFLARED_MISSING, findCloudflared, startCloudflared } from './cloudflared.ts'
import { NamedTunnel } from './named-tunnel.ts'
import { QuickTunnels } from './quick-tunnel.ts'

const PORT = 11112
const ANSWER_MS = 5000

const env = effectiveEnvironment()
const { settings } = readSettings(env)
const log = openLogger('tunnel_manager', env)

const learnedAddress = join(paths.run, 'public-ip')

/** What a visit has told counts more than what the platform said at the start. It outlasts a restart. Source: contract 14 row 38 */
const publicAddress = {
  get: (): string | undefined => readLearned() ?? (settings.PUBLIC_IPADDR || undefined),
  set: (address: string): void => {
    mkdirSync(paths.run, { recursive: true })
    writeFileAtomically(learnedAddress, `${address}\n`)
  },
}

function readLearned(): string | undefined {
  try {
    return readFileSync(learnedAddress, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Whether somebody accepts connections there. */
const answers = (targetUrl: string): Promise<boolean> =>
  new Promise(done => {
    const { hostname, port } = new URL(targetUrl)
    const socket = connect({ host: hostname, port: Number(port), timeout: ANSWER_MS })
    const end = (answer: boolean) => () => {
      socket.destroy()
      done(answer)
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
  })

const cloudflared = findCloudflared(env.PATH)
const start = cloudflared === undefined ? undefined : startCloudflared(cloudflared, env)
const quickOff = !settings.CF_QUICK_TUNNELS ? 'quick tunnels are off: CF_QUICK_TUNNELS is false' : CLOUDFLARED_MISSING
const quick = start !== undefined && settings.CF_QUICK_TUNNELS ? new QuickTunnels(start, log) : undefined
if (quick === undefined) log.warn(quickOff)

const token = settings.CF_TUNNEL_TOKEN
if (token !== '' && start === undefined) log.error(`the named tunnel is off: ${CLOUDFLARED_MISSING}`)
const named =
  token !== '' && start !== undefined ? new NamedTunnel(start, token, settings.CLOUDFLARE_METRICS, log) : undefined

let { applications } = readPortalYaml()
const protection = {
  httpsEnabled: settings.ENABLE_HTTPS,
  authEnabled: settings.ENABLE_AUTH,
  authExclude: settings.AUTH_EXCLUDE,
}
const automatic = quick === undefined ? undefined : new AutomaticTunnels(quick, answers, log)
automatic?.update(automaticTargets(applications, protection))
const unwatch = watchPortalYaml(file => {
  applications = file.applications
  automatic?.update(automaticTargets(applications, protection))
})

const server = app({
  quick,
  quickOff,
  named,
  applications: () => applications,
  httpsEnabled: () => settings.ENABLE_HTTPS,
  publicPort: port => mappedPort(settings, port),
  publicAddress,
})
server.listen({ host: '127.0.0.1', port: PORT }).then(
  address => log.info(`listening on ${address}`),
  async error => {
    log.fatal({ err: error }, 'cannot listen')
    await close(1)
  },
)

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close(0))

async function close(status: number): Promise<void> {
  unwatch()
  automatic?.close()
  await Promise.all([server.close(), quick?.close(), named?.close()])
  process.exit(status)
}
