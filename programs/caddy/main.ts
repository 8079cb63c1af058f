/**
 * The `caddy` program: makes /etc/portal.yaml from PORTAL_CONFIG, keeps what Caddy serves as that file and the environment say,
 * and decides who may come in. Source: contract 3.3, 4.2, 5; 14 (8–15)
 */
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { openApplicationStatuses } from '../common/application-status.ts'
import { readTextFile, writeFileAtomically } from '../common/atomic-file.ts'
import { decideHttps, examinePair, type HttpsDecision } from '../common/certificates.ts'
import { readCredentials, readSessionKey } from '../common/credentials.ts'
import { effectiveEnvironment } from '../common/environment-file.ts'
import { watchPath } from '../common/file-watch.ts'
import { ensureLocalToken } from '../common/local-token.ts'
import { type Logger, openLogger } from '../common/logger.ts'
import { paths } from '../common/paths.ts'
import type { Application } from '../common/portal-config.ts'
import { ensurePortalYaml, readPortalYaml, watchPortalYaml } from '../common/portal-yaml.ts'
import { type Problem, renderProblem } from '../common/problem.ts'
import { openPasses } from '../common/sessions.ts'
import { mappedPort, readSettings, type Settings } from '../common/settings.ts'
import { startCaddy } from './caddy-process.ts'
import { renderCaddyfile } from './caddyfile.ts'
import { Gate } from './gate.ts'
import { Gateway, isFree } from './gateway.ts'
import { Guesses } from './guesses.ts'
import { openReadiness } from './readiness.ts'
import { cookieNameOf, lastResort, planManner, planSites } from './sites.ts'
import { openSpent } from './spent.ts'

/** Where Caddy is in the vendor's images, beside PATH. Source: contract 1.4 */
const FURTHER_PLACE = '/opt/portal-aio/caddy_manager'
/** Source: contract 5.1 */
const CERTIFICATE_WAIT_MS = 25_000

const run = join(paths.run, 'caddy')
const sockets = { gate: join(run, 'gate.sock'), run }

async function main(): Promise<void> {
  const env = effectiveEnvironment()
  const log = openLogger('caddy', env)
  const binary = findCaddy(env.PATH)
  if (binary === undefined) {
    log.fatal('cannot find caddy on PATH: install it (Debian: apt-get install caddy)')
    process.exitCode = 127
    return
  }
  const { settings, problems: settingProblems } = readSettings(env)
  const { manner, problems: mannerProblems } = planManner(settings)
  const { credentials, madeUp, problems: credentialProblems } = readCredentials(settings)
  const { key, problems: keyProblems } = readSessionKey()
  const lasting = [...settingProblems, ...mannerProblems, ...credentialProblems, ...keyProblems]
  makeRunDirectory()
  moveNewConnections()

  const gateway = new Gateway({
    start: (caddyfile, directory) => startCaddy({ binary, caddyfile, directory, log }),
    run,
    publish: caddyfile => attempt(log, () => writeFileAtomically(paths.caddyfile, caddyfile)),
    changed: report,
    isFree,
    log,
  })
  const spent = openSpent(join(paths.state, 'spent-passes.json'))
  const gate = new Gate({
    keys: {
      credentials,
      cookieName: cookieNameOf(settings),
      passes: openPasses(key, credentials, settings.VAST_CONTAINERLABEL),
      spent,
      ownPorts: ownPorts(settings),
      origins: manner.cors?.origins ?? [],
    },
    spent,
    guesses: new Guesses(),
    readiness: openReadiness(openApplicationStatuses()),
    sites: () => gateway.sites,
    problems,
    cors: manner.cors,
    publicPort: port => mappedPort(settings, port),
    portalToken: ensureLocalToken(),
    log,
    now: Date.now,
  })
  const server = gate.createServer()
  await listen(server, sockets.gate)
  endBySignal(async () => {
    gate.close()
    await gateway.close()
    server.close()
  })

  // others wait for the file
  let portalProblems = makePortalYaml(settings.PORTAL_CONFIG, log)
  let applications: readonly Application[] = []
  let https: HttpsDecision = { served: false, reason: '' }
  let pairProblems: readonly Problem[] = []
  const told = new Set<string>()

  function problems(): readonly Problem[] {
    return [...portalProblems, ...pairProblems, ...gateway.problems]
  }

  /** As the files are now. */
  async function serve(): Promise<void> {
    const file = readPortalYaml()
    if (file.usable || portalProblems.length === 0) applications = file.applications
    else if (applications.length === 0) applications = lastResort(settings)
    const pair = examinePair()
    if (https.served && pair.state === 'unusable') {
      // half of a pair that is being replaced; what was said by TLS is not said in the clear
      pairProblems = [
        { where: 'TLS', message: `what is served stays as it is: ${pair.reason}`, fix: 'put a pair there' },
      ]
      return report()
    }
    pairProblems = []
    https = decideHttps(settings.ENABLE_HTTPS, pair)
    const tls = https.served ? { certificate: paths.instanceCertificate, key: paths.instanceKey } : null
    // another certificate makes another Caddyfile, and so another Caddy
    const version = tls === null ? '' : `# with certificate ${digest(readTextFile(tls.certificate))}\n`
    await gateway.apply({
      sites: planSites(applications, settings),
      render: sites => version + renderCaddyfile({ ...manner, sites, tls }, sockets),
    })
  }

  function report(): void {
    const all = [...lasting, ...problems()]
    const withoutTls = settings.ENABLE_HTTPS && !https.served ? [`served without TLS: ${https.reason}`] : []
    const news = [...all.map(renderProblem), ...withoutTls].filter(text => !told.has(text))
    told.clear()
    for (const text of [...all.map(renderProblem), ...withoutTls]) told.add(text)
    for (const text of news) log.warn(text)
    const state = {
      state: problems().length === 0 ? 'serving' : `config error: ${renderProblem(problems()[0]!)}`,
      scheme: https.served ? 'https' : 'http',
      sites: [...gateway.sites.values()].map(({ name, port, authenticated }) => ({ name, port, authenticated })),
      problems: all,
    }
    attempt(log, () => writeFileAtomically(paths.gateway, `${JSON.stringify(state)}\n`))
  }

  if (madeUp !== undefined && settings.ENABLE_AUTH)
    log.info(`no WEB_PASSWORD and no OPEN_BUTTON_TOKEN is set: the password of ${credentials.username} is in ${madeUp}`)
  let isServing = false
  const again = (): void => {
    if (isServing) void serve()
  }
  watchPortalYaml(file => {
    portalProblems = file.problems
    again()
  })
  watchPath(paths.instanceCertificate, again)
  watchPath(paths.instanceKey, again)
  if (settings.ENABLE_HTTPS) await certificate(log)
  log.info('Starting Caddy...')
  isServing = true
  await serve()
}

/** What is there of an earlier run belongs to nobody: its processes have ended with it. Only root gets in. */
function makeRunDirectory(): void {
  rmSync(run, { recursive: true, force: true })
  mkdirSync(run, { recursive: true })
  chmodSync(run, 0o700)
}

/**
 * A connection that is just being made when one Caddy takes over from another goes over with it, where the kernel may be told
 * so: in most containers it may not, and then it is reset. Source: docs/decisions.md
 */
function moveNewConnections(): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_migrate_req', '1')
  } catch {
    // read-only
  }
}

/** @returns what is wrong with it, or with PORTAL_CONFIG */
function makePortalYaml(portalConfig: string, log: Logger): readonly Problem[] {
  try {
    return ensurePortalYaml(portalConfig).problems
  } catch (error) {
    log.error({ err: error }, `cannot write ${paths.portalYaml}`)
    return [{ where: paths.portalYaml, message: (error as Error).message, fix: 'make it a file that can be written' }]
  }
}

/** Resolves when there is a pair to serve with, or when there has been none for long enough. */
async function certificate(log: Logger): Promise<void> {
  const isThere = (): boolean => examinePair().state !== 'unusable'
  if (isThere()) return
  log.info(`waiting for ${paths.instanceCertificate}`)
  await new Promise<void>(done => {
    const look = (): void => {
      if (isThere()) end()
    }
    const watches = [watchPath(paths.instanceCertificate, look), watchPath(paths.instanceKey, look)]
    const timer = setTimeout(end, CERTIFICATE_WAIT_MS)
    function end(): void {
      clearTimeout(timer)
      for (const close of watches) close()
      done()
    }
    look()
  })
}

const listen = (server: Server, socket: string): Promise<void> =>
  new Promise((done, fail) => server.once('error', fail).listen(socket, done))

/** supervisord asks once, or twice. */
function endBySignal(end: () => Promise<void>): void {
  let ending = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (ending) return
      ending = true
      void end().finally(() => process.exit(0))
    })
}

/** Of what the platform maps: within the instance, and outside. */
function ownPorts(settings: Settings): readonly ReadonlySet<number>[] {
  const pairs = [...settings['VAST_TCP_PORT_*']]
  const outside = pairs.flatMap(([, mapped]) => mapped ?? [])
  return [new Set(pairs.map(([port]) => Number(port))), new Set(outside)]
}

/** What would be good to have, and is no reason to end. */
function attempt(log: Logger, act: () => void): void {
  try {
    act()
  } catch (error) {
    log.warn({ err: error }, 'cannot write')
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

const findCaddy = (path = ''): string | undefined =>
  [...path.split(':'), FURTHER_PLACE]
    .filter(directory => directory !== '')
    .map(directory => join(directory, 'caddy'))
    .find(isExecutable)

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

void main()
