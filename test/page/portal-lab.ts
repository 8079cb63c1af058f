/**
 * The Instance Portal in front of a browser, as it is in an instance: a real supervisord with real programs, and a real
 * Caddy that says of everybody that they have logged in. Only the places of files are others.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { openApplicationStatuses } from '../../programs/common/application-status.ts'
import type { Exposure } from '../../programs/common/exposure.ts'
import { parsePortalConfig } from '../../programs/common/portal-config.ts'
import { readPortalYaml } from '../../programs/common/portal-yaml.ts'
import { readSettings } from '../../programs/common/settings.ts'
import { readSkipMarkers } from '../../programs/common/skip-markers.ts'
import { openSupervisorWatch } from '../../programs/common/supervisor-watch.ts'
import { app } from '../../programs/instance_portal/app.ts'
import type { Tunnel } from '../../programs/instance_portal/links.ts'
import { openProcessControl } from '../../programs/instance_portal/process-control.ts'
import { openClient } from '../../supervisor/client/client.ts'
import { freePort, Lab, until } from '../support/lab.ts'

export interface PortalLab {
  readonly lab: Lab
  /** of Caddy: who comes this way has logged in */
  readonly url: string
  /** of the portal itself: who comes this way may look */
  readonly directUrl: string
  put(place: string, text: string): void
  remove(place: string): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface PortalOptions {
  /** of programs, for supervisord; `{dir}` is the lab's directory */
  readonly conf: string
  readonly portalYaml: string
  readonly env?: Readonly<Record<string, string>>
  readonly tunnels?: readonly Tunnel[]
  readonly exposures?: readonly Exposure[]
}

const TOKEN = 'a-token-of-forty-three-characters-0123456789'

export async function openPortal(options: PortalOptions): Promise<PortalLab> {
  const lab = new Lab(options.conf)
  for (const directory of ['skip', 'gates']) mkdirSync(lab.path(directory))
  lab.write('portal.yaml', options.portalYaml)
  await lab.start()
  const [ownPort, caddyPort] = [await freePort(), await freePort()]
  const socket = `unix://${lab.path('s.sock')}`
  const watch = openSupervisorWatch(socket)
  const places = {
    portalYaml: lab.path('portal.yaml'),
    skipMarkers: lab.path('skip'),
    gateVerdicts: lab.path('gates'),
    bootJournal: lab.path('boot.json'),
    provisioning: lab.path('.provisioning'),
    provisioningFailed: lab.path('.provisioning_failed'),
  }
  const statuses = openApplicationStatuses({ watch, places })
  const client = openClient(socket)
  const { settings, problems } = readSettings({ VAST_TCP_PORT_1111: String(caddyPort), ...options.env }, false)
  const log: string[] = []
  const server = app({
    settings,
    problems: [...problems, ...parsePortalConfig(settings.PORTAL_CONFIG).problems],
    statuses,
    supervisor: client.supervisor,
    control: openProcessControl(client, undefined),
    tunnels: {
      known: () => options.tunnels ?? [],
      refresh: async () => {},
      ask: async () => ({ status: 500, body: undefined }),
    },
    exposure: () => options.exposures ?? [],
    portalYaml: async () => readPortalYaml(places.portalYaml),
    skipMarkers: () => readSkipMarkers(places.skipMarkers),
    launchMode: () => 'args',
    gateway: { current: () => undefined, follow: () => () => {} },
    localToken: TOKEN,
    issuePass: () => 'l1.a-pass',
    publicAddress: () => undefined,
    log: { info: text => log.push(text), error: (_, text) => log.push(text) },
  })
  await server.listen({ host: '127.0.0.1', port: ownPort })
  const caddyfile = lab.write(
    'Caddyfile',
    `{\n\tadmin off\n\tauto_https off\n}\n:${caddyPort} {\n\treverse_proxy localhost:${ownPort} {\n\t\tflush_interval -1\n` +
      `\t\theader_up Host {upstream_hostport}\n\t\theader_up X-Portal-Token ${TOKEN}\n\t}\n}\n`,
  )
  const caddy = spawn('caddy', ['run', '--config', caddyfile], {
    stdio: 'ignore',
    env: { ...process.env, HOME: lab.directory },
  })
  const caddyEnded = once(caddy, 'close')
  const url = `http://127.0.0.1:${caddyPort}`
  await until('caddy serves', () =>
    fetch(`${url}/health`).then(
      answer => answer.ok,
      () => false,
    ),
  )
  return {
    lab,
    url,
    directUrl: `http://127.0.0.1:${ownPort}`,
    put: (place, text) => writeFileSync(lab.path(place), text),
    remove: place => rmSync(lab.path(place)),
    async [Symbol.asyncDispose]() {
      caddy.kill('SIGKILL')
      await caddyEnded
      statuses.close()
      watch.close()
      client.close()
      await server.close()
      await lab[Symbol.asyncDispose]()
    },
  }
}
