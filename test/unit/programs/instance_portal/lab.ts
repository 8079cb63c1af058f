/** The portal without a socket: facts are what a test says. */
import type { FastifyInstance } from 'fastify'
import type { Facts } from '../../../../programs/common/application-rules.ts'
import { describeApplications } from '../../../../programs/common/application-rules.ts'
import type { Application } from '../../../../programs/common/portal-config.ts'
import { readSettings } from '../../../../programs/common/settings.ts'
import type { Program } from '../../../../programs/common/supervisor-watch.ts'
import { app } from '../../../../programs/instance_portal/app.ts'
import { RefusedError } from '../../../../programs/instance_portal/process-control.ts'
import type { Surroundings } from '../../../../programs/instance_portal/surroundings.ts'
import type { TunnelAnswer } from '../../../../programs/instance_portal/tunnels.ts'
import type { SupervisorApi } from '../../../../supervisor/client/supervisor-api.ts'

export const NOW = 1_700_000_000_000
export const TOKEN = 'the-local-token'

export const application = (name: string, change: Partial<Application> = {}): Application => ({
  name,
  hostname: 'localhost',
  external_port: 7860,
  internal_port: 17860,
  open_path: '/',
  extra: {},
  ...change,
})

export const program = (namespec: string, change: Partial<Program> = {}): Program => ({
  namespec,
  name: namespec.split(':').at(-1)!,
  group: namespec.split(':')[0]!,
  state: 'RUNNING',
  description: 'pid 7, uptime 0:00:20',
  pid: 7,
  started: NOW - 20_000,
  stopped: 0,
  spawnerr: '',
  exitstatus: 0,
  logfile: '/dev/stdout',
  more: undefined,
  ends: [],
  ...change,
})

export const facts = (change: Partial<Facts> = {}): Facts => ({
  now: NOW,
  applications: [application('Web')],
  problems: [],
  programs: [program('web')],
  skipMarkers: new Map(),
  verdicts: new Map(),
  boot: undefined,
  provisioning: undefined,
  answering: new Set(),
  terms: new Map(),
  listeners: new Map(),
  ...change,
})

export interface PortalLab {
  readonly server: FastifyInstance
  /** what was ordered, of supervisord and of the tunnel manager: `start web`, `PUT /set-public-ip/203.0.113.7` */
  readonly done: string[]
  /** what was logged */
  readonly said: string[]
  become(change: Partial<Facts>): void
}

export interface PortalLabOptions {
  readonly facts?: Partial<Facts>
  readonly env?: Readonly<Record<string, string>>
  readonly change?: Partial<Surroundings>
  /** of the tunnel manager, by method and path */
  readonly tunnels?: Readonly<Record<string, TunnelAnswer>>
  /** namespec → what supervisord says to an order */
  readonly refusals?: Readonly<Record<string, string>>
}

export function portalLab(options: PortalLabOptions = {}): PortalLab {
  let known = facts(options.facts)
  const followers = new Set<() => void>()
  const done: string[] = []
  const said: string[] = []
  const order = (word: string) => async (namespec: string) => {
    done.push(`${word} ${namespec}`)
    const refusal = options.refusals?.[namespec]
    if (refusal !== undefined) throw new RefusedError(refusal)
  }
  const current = () => describeApplications(known)
  const follow = (changed: () => void) => {
    followers.add(changed)
    return () => void followers.delete(changed)
  }
  const getAllProcessInfo: SupervisorApi['getAllProcessInfo'] = async () => {
    if (known.programs === undefined) throw new Error('connect ENOENT')
    return known.programs.map(each => ({
      ...{ name: each.name, group: each.group, statename: each.state, description: each.description, pid: each.pid },
      ...{ start: each.started / 1000, stop: 0, now: known.now / 1000, state: 20, spawnerr: '', exitstatus: 0 },
      ...{ logfile: '', stdout_logfile: '', stderr_logfile: '' },
    }))
  }
  const server = app({
    settings: readSettings({ VAST_TCP_PORT_1111: '41111', VAST_TCP_PORT_7860: '47860', ...options.env }, false)
      .settings,
    problems: [],
    statuses: {
      current,
      read: async () => current(),
      facts: () => known,
      follow,
      subscribe: listener => follow(() => listener(current())),
      suspect: () => {},
      close: () => {},
    },
    supervisor: { getAllProcessInfo },
    control: { start: order('start'), stop: order('stop'), restart: order('restart') },
    tunnels: {
      known: () => [],
      refresh: async () => {},
      ask: async (method, path) => {
        done.push(`${method} ${path}`)
        return options.tunnels?.[`${method} ${path}`] ?? { status: 500, body: undefined }
      },
    },
    exposure: () => [],
    portalYaml: async () => ({ applications: known.applications, problems: [], usable: true }),
    skipMarkers: () => known.skipMarkers,
    launchMode: () => 'args',
    gateway: { current: () => undefined, follow: () => () => {} },
    localToken: TOKEN,
    issuePass: () => 'a-pass',
    publicAddress: () => undefined,
    log: { info: text => said.push(text), error: ({ err }, text) => said.push(`${text}: ${err}`) },
    ...options.change,
  })
  return {
    server,
    done,
    said,
    become(change) {
      known = { ...known, ...change }
      for (const changed of followers) changed()
    },
  }
}

/** As Caddy brings those who have logged in. */
export const loggedIn = {
  host: 'localhost:11111',
  'x-portal-token': TOKEN,
  'x-forwarded-host': '203.0.113.7:41111',
  'x-forwarded-proto': 'https',
} as const
