/**
 * What of this instance can be reached from outside, and whether a login stands before it. Everything that listens is
 * judged by THE table of guards: what we know to ask who is there is `ok`, what we do not know is a warning, with what to
 * do about it. Source: issue 6 part 6; contract 10.2, 12.2 (28), trap 65; aidock D.2 S16
 */
import { readFileSync } from 'node:fs'
import { readGatewayState } from './gateway-state.ts'
import { type LaunchMode, readLaunchMode } from './launch-mode.ts'
import { isEveryAddress, isLoopback, type ListeningSocket, readListeningSockets } from './listening-sockets.ts'
import { type Application, isProxied } from './portal-config.ts'
import { mappedPort, type Settings } from './settings.ts'
import { type Program, pidsOf } from './supervisor-watch.ts'

export interface Exposure {
  /** `tcp`, `udp` */
  readonly protocol: ListeningSocket['protocol']
  readonly address: string
  readonly port: number
  /** `loopback`: from within the instance alone; `all`: at each of its addresses; `one`: at that one */
  readonly reach: 'loopback' | 'all' | 'one'
  /** `caddy (program caddy, pid 12)`, `no process of this instance`, `unknown` */
  readonly owner: string
  /** What stands before it: a sentence without capital and full stop. */
  readonly guard: string
  /** `unknown`: only root can tell */
  readonly verdict: 'ok' | 'warn' | 'unknown'
  /** What to do about it; '' when there is nothing to do. */
  readonly fix: string
}

export interface ExposureFacts {
  readonly sockets: readonly ListeningSocket[]
  /** Every owner could be looked for. */
  readonly asRoot: boolean
  readonly applications: readonly Application[]
  /** external port → whether Caddy asks for a login there; undefined where nobody knows what it serves */
  readonly served: ReadonlyMap<number, boolean> | undefined
  /** ENABLE_AUTH and AUTH_EXCLUDE, by external port: what it should serve */
  readonly authEnabled: boolean
  readonly authExclude: readonly number[]
  readonly launchMode: LaunchMode
  /** Where the platform publishes a TCP port of the instance; undefined when it does not. */
  readonly publicPort: (port: number) => number | undefined
  /** Ports that the kernel gives to whoever asks for any. Source: /proc/sys/net/ipv4/ip_local_port_range */
  readonly ephemeralPorts: readonly [first: number, last: number]
  /** `5900`, `3478/udp`: somebody answers for them */
  readonly allowed: readonly string[]
}

/** The warnings first; then by port. */
export function judgeExposure(facts: ExposureFacts): readonly Exposure[] {
  const exposures = facts.sockets.map(socket => judge(socket, facts))
  const rank = { warn: 0, unknown: 1, ok: 2 }
  const unique = new Map(exposures.map(each => [`${each.protocol} ${each.address} ${each.port} ${each.owner}`, each]))
  return [...unique.values()].sort(
    (a, b) => rank[a.verdict] - rank[b.verdict] || a.port - b.port || (a.protocol < b.protocol ? -1 : 1),
  )
}

interface Case extends ExposureFacts {
  readonly socket: ListeningSocket
  /** of portal.yaml: the one that Caddy serves on this port, and the one that listens on it itself */
  readonly site: Application | undefined
  readonly application: Application | undefined
}

interface Guard {
  readonly when: (its: Case) => boolean
  readonly verdict: Exposure['verdict']
  readonly guard: (its: Case) => string
  readonly fix?: (its: Case) => string
}

const isOf = (name: string, { socket: { owner } }: Case): boolean => owner?.program === name || owner?.name === name
const isTcp = ({ socket }: Case): boolean => socket.protocol === 'tcp'
const isSite = (its: Case): boolean => isOf('caddy', its) && isTcp(its) && its.site !== undefined
const isExcluded = ({ socket, authExclude }: Case): boolean => authExclude.includes(socket.port)
const asksForLogin = (its: Case): boolean => its.served?.get(its.socket.port) ?? (its.authEnabled && !isExcluded(its))
/** The key of an application in portal.yaml by which somebody answers for its own login: `auth: own`. */
const hasOwnLogin = ({ application }: Case): boolean => application?.extra.auth === 'own'
const published = (its: Case): string => {
  const port = isTcp(its) ? its.publicPort(its.socket.port) : undefined
  return port === undefined ? 'on the network of the instance' : `on the public port ${port}`
}
const SYNCTHING_PORTS: readonly number[] = [22_000, 21_027]

/** The first that fits decides. */
export const guards = {
  loopback: {
    when: ({ socket }) => isLoopback(socket.address),
    verdict: 'ok',
    guard: () => 'only the instance itself reaches it',
  },
  allowed: {
    when: ({ socket: { port, protocol }, allowed }) =>
      allowed.includes(protocol === 'tcp' ? String(port) : `${port}/${protocol}`),
    verdict: 'ok',
    guard: () => 'allowed by hand',
  },
  ownLogin: {
    when: hasOwnLogin,
    verdict: 'ok',
    guard: ({ application }) => `${application!.name} asks for a login itself (auth: own)`,
  },
  site: {
    when: its => isSite(its) && asksForLogin(its),
    verdict: 'ok',
    guard: ({ site }) => `Caddy asks for a login before ${site!.name}`,
  },
  siteExcluded: {
    when: its => isSite(its) && its.authEnabled && isExcluded(its),
    verdict: 'warn',
    guard: its =>
      `nobody asks for a login before ${its.site!.name}, ${published(its)}: AUTH_EXCLUDE lists ${its.socket.port}`,
    fix: ({ socket }) => `take ${socket.port} out of AUTH_EXCLUDE, and restart caddy`,
  },
  siteOpen: {
    when: its => isSite(its) && !its.authEnabled,
    verdict: 'warn',
    guard: its => `nobody asks for a login before ${its.site!.name}, ${published(its)}: ENABLE_AUTH is false`,
    fix: () => 'set ENABLE_AUTH=true, and restart caddy',
  },
  siteStale: {
    when: isSite,
    verdict: 'warn',
    guard: its => `nobody asks for a login before ${its.site!.name}, ${published(its)}: Caddy has older settings`,
    fix: () => 'restart caddy',
  },
  ssh: {
    when: its => isOf('sshd', its) && isTcp(its),
    verdict: 'ok',
    guard: () => 'ssh asks for a key',
  },
  platformJupyter: {
    when: its => its.launchMode === 'jupyter' && its.socket.port === 8080 && isTcp(its) && !isOf('caddy', its),
    verdict: 'ok',
    guard: () => "the platform's Jupyter asks for its token",
  },
  syncthing: {
    when: its =>
      isOf('syncthing', its) &&
      (SYNCTHING_PORTS.includes(its.socket.port) || its.socket.port === its.publicPort(72_299)),
    verdict: 'ok',
    guard: () => 'Syncthing knows its devices by their certificates',
  },
  client: {
    when: its => !isTcp(its) && its.socket.port >= its.ephemeralPorts[0] && its.socket.port <= its.ephemeralPorts[1],
    verdict: 'ok',
    guard: () => 'a port of no fixed number: it asks others, most likely',
  },
  ownerHidden: {
    when: ({ socket, asRoot }) => socket.owner === undefined && !asRoot,
    verdict: 'unknown',
    guard: its => `open ${published(its)}; only root can see whose it is`,
    fix: () => 'run it as root',
  },
  pastCaddy: {
    when: ({ application }) => application !== undefined && isProxied(application),
    verdict: 'warn',
    guard: its => `${its.application!.name} is open ${published(its)}, past the login of Caddy`,
    fix: () => 'have it listen on 127.0.0.1',
  },
  unproxied: {
    when: ({ application }) => application !== undefined,
    verdict: 'warn',
    guard: its =>
      `${its.application!.name} is open ${published(its)}: its two ports are the same, so Caddy is not before it`,
    fix: ({ application }) =>
      `have it listen on another port of 127.0.0.1 and give that as internal_port; or, if it asks for a login itself, ` +
      `say "auth: own" of ${application!.name} in /etc/portal.yaml`,
  },
  open: {
    when: () => true,
    verdict: 'warn',
    guard: its => `open ${published(its)}; nothing that we know of asks for a login`,
    fix: ({ socket: { port, protocol } }) =>
      `have it listen on 127.0.0.1; to reach it from outside, add it by \`portal add\`; or, if it asks for a login itself, ` +
      `\`bosun exposure --allow ${protocol === 'tcp' ? port : `${port}/${protocol}`}\``,
  },
} as const satisfies Readonly<Record<string, Guard>>

export type GuardName = keyof typeof guards

const inOrder: readonly Guard[] = Object.values(guards)

function judge(socket: ListeningSocket, facts: ExposureFacts): Exposure {
  const { protocol, address, port, owner } = socket
  const its: Case = {
    ...facts,
    socket,
    site: facts.applications.find(other => other.external_port === port && isProxied(other)),
    application: protocol === 'tcp' ? facts.applications.find(other => other.internal_port === port) : undefined,
  }
  const guard = inOrder.find(({ when }) => when(its))!
  const by = owner && (owner.program === undefined ? `pid ${owner.pid}` : `program ${owner.program}, pid ${owner.pid}`)
  return {
    protocol,
    address,
    port,
    reach: isLoopback(address) ? 'loopback' : isEveryAddress(address) ? 'all' : 'one',
    owner: owner === undefined ? (facts.asRoot ? 'no process of this instance' : 'unknown') : `${owner.name} (${by})`,
    guard: guard.guard(its),
    verdict: guard.verdict,
    fix: guard.fix?.(its) ?? '',
  }
}

export interface ExposureSources {
  /** undefined while supervisord does not answer: sockets have owners then, and no programs */
  readonly programs: readonly Program[] | undefined
  readonly applications: readonly Application[]
  readonly settings: Settings
  readonly allowed?: readonly string[]
}

/** As it is now: looks through the open files of every process, some 10 ms. */
export function readExposure({ programs, applications, settings, allowed = [] }: ExposureSources): readonly Exposure[] {
  const gateway = readGatewayState()
  return judgeExposure({
    sockets: readListeningSockets(pidsOf(programs ?? [])),
    asRoot: process.geteuid!() === 0,
    applications,
    served: gateway && new Map(gateway.sites.map(({ port, authenticated }) => [port, authenticated])),
    authEnabled: settings.ENABLE_AUTH,
    authExclude: settings.AUTH_EXCLUDE,
    launchMode: readLaunchMode(),
    publicPort: port => mappedPort(settings, port),
    ephemeralPorts: readEphemeralPorts(),
    allowed,
  })
}

/** Those of the kernel's default where it does not say. */
function readEphemeralPorts(path = '/proc/sys/net/ipv4/ip_local_port_range'): readonly [number, number] {
  try {
    const [first, last] = readFileSync(path, 'latin1').trim().split(/\s+/).map(Number)
    return [first!, last!]
  } catch {
    return [32_768, 60_999]
  }
}
