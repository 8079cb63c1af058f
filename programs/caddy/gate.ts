/**
 * What Caddy asks before each request: may it pass, and as what. And what is said instead of applications that do not answer.
 * It listens on a unix socket that only Caddy's configuration leads to, by paths that no client can choose; what a client has
 * sent is in headers, and believed in nothing. Plain node:http, as every request of every application comes by here: 18 MB
 * and some tenths of a millisecond less than fastify. Source: contract 5.3, 5.5
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from '../common/logger.ts'
import type { Problem } from '../common/problem.ts'
import { SESSION_SECONDS } from '../common/sessions.ts'
import { type AuthRequest, type Decision, decide, type Keys } from './auth.ts'
import type { Cors } from './caddyfile.ts'
import { cookieValues } from './cookies.ts'
import { renderDenial } from './denials.ts'
import { answered, asked, gatePaths, verdicts } from './gate-protocol.ts'
import { addressOf, clientOf, type Guesses } from './guesses.ts'
import { LOGOUT_PATH, renderLogout } from './logout.ts'
import { type Answer, newsOf, READINESS_PATH, renderNotReady, renderReadiness } from './not-ready.ts'
import { splitUri } from './query.ts'
import type { ReadinessOf } from './readiness.ts'
import type { GatedSite } from './sites.ts'
import type { Spent } from './spent.ts'

export interface GateDeps {
  readonly keys: Keys
  readonly spent: Spent
  readonly guesses: Guesses
  readonly readiness: ReadinessOf
  /** what is served now, by external port */
  readonly sites: () => ReadonlyMap<number, GatedSite>
  readonly problems: () => readonly Problem[]
  readonly cors: Cors | null
  /** public port of a port */
  readonly publicPort: (port: number) => number | undefined
  /** what the portal takes from those who have logged in */
  readonly portalToken: string
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** ms since the epoch */
  readonly now: () => number
}

/** Go takes headers of 1 MB; many applications on one host mean many cookies. */
const MOST_HEADER_BYTES = 256 * 1024
/** Pages that wait; beyond that they look for themselves. */
const MOST_FOLLOWERS = 500
const HEARTBEAT_MS = 25_000

/** Whether the gateway is there, for whoever asks; as ai-dock means it. Source: aidock A.6 */
const HEALTH_PATH = '/ai-dock/health-check'

/** Source: contract 5.3 (1), 13 (41): tunnels are tried out by it, from other pages, without credentials */
const RESOLVER_PATH = '/portal-resolver'
const resolverHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, OPTIONS',
  'Access-Control-Allow-Headers': '*',
}

export class Gate {
  readonly #deps: GateDeps
  readonly #held = new Set<ServerResponse>()
  readonly #followers = new Map<ServerResponse, () => void>()
  /** what was said last about an application that does not answer */
  readonly #told = new Map<string, string>()

  constructor(deps: GateDeps) {
    this.#deps = deps
  }

  /** Not listening yet. */
  createServer(): Server {
    const server = createServer({ maxHeaderSize: MOST_HEADER_BYTES, noDelay: true }, (request, response) => {
      void this.#answer(request, response).catch(error => {
        this.#deps.log.warn({ err: error }, 'cannot answer')
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
    // Caddy keeps connections, and closes them when it wants; a request on one that we have just closed would be lost
    server.keepAliveTimeout = 0
    return server
  }

  /** Ends what would never end by itself. */
  close(): void {
    for (const stop of this.#followers.values()) stop()
    for (const response of [...this.#held, ...this.#followers.keys()]) response.end()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = splitUri(request.url!)
    if (path === gatePaths.gate) return await this.#gate(new Question(request), response)
    if (path === gatePaths.notReady) return this.#notReady(new Question(request), response)
    if (path === gatePaths.hold) return this.#hold(response)
    send(response, 404)
  }

  /** Nothing but the beginning of an answer. */
  #hold(response: ServerResponse): void {
    this.#held.add(response)
    response.once('close', () => this.#held.delete(response))
    response.writeHead(200).write(' ')
  }

  async #gate(question: Question, response: ServerResponse): Promise<void> {
    const { sites, cors, keys, now, guesses } = this.#deps
    const [path] = splitUri(question.uri)
    const site = sites().get(question.port)
    if (path === RESOLVER_PATH) return send(response, 200, resolverHeaders)
    if (path === HEALTH_PATH) return send(response, 200)
    if (site === undefined) return send(response, 404)
    if (cors !== null && site.authenticated && isPreflight(question, cors))
      return send(response, 200, preflightHeaders(question, cors))

    const client = clientOf(question.address)
    const waitMs = guesses.waitOf(client, now())
    const decision = decide({ ...question.auth, authenticated: site.authenticated }, keys, waitMs === 0, now())
    if (path === LOGOUT_PATH) return this.#logout(question, decision, response)
    if (decision.type === 'deny') return this.#deny(question, site, decision, client, waitMs, response)
    if (decision.spend !== undefined) this.#spend(decision.spend)
    if (decision.type === 'redirect')
      return send(response, 302, {
        Location: decision.location,
        ...(decision.newSession ? { 'Set-Cookie': this.#newSession(question) } : {}),
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
      })
    if (path === READINESS_PATH) await this.#readiness(question, site, response)
    else this.#pass(question, site, decision, response)
  }

  #pass(
    question: Question,
    site: GatedSite,
    decision: Extract<Decision, { type: 'pass' }>,
    response: ServerResponse,
  ): void {
    const { newSession, query, newQuery, isKnown, cookie, authorization } = decision
    const isRewritten = query !== newQuery
    const verdict = isRewritten
      ? newSession
        ? verdicts.both
        : verdicts.query
      : newSession
        ? verdicts.cookie
        : verdicts.pass
    send(response, 200, {
      [answered.verdict]: verdict,
      [answered.cookie]: cookie,
      [answered.authorization]: site.passCredentials ? question.header('authorization') : authorization,
      [answered.client]: question.realIp,
      [answered.proto]: question.proto,
      [answered.portalToken]: site.isPortal && isKnown ? this.#deps.portalToken : '',
      [answered.query]: query,
      [answered.newQuery]: newQuery,
      ...(newSession ? { 'Set-Cookie': this.#newSession(question) } : {}),
    })
  }

  #deny(
    question: Question,
    site: GatedSite,
    { reason, guesses }: Extract<Decision, { type: 'deny' }>,
    client: string,
    waitMs: number,
    response: ServerResponse,
  ): void {
    const { now, log, keys } = this.#deps
    if (reason === 'wrong') {
      this.#deps.guesses.add(client, guesses, now())
      if (this.#deps.guesses.waitOf(client, now()) > 0)
        log.warn({ client, site: site.name }, 'too many wrong credentials: further tries are slowed down')
    }
    const { status, headers, body } = renderDenial(reason, question.wantsPage, waitMs)
    const stale = reason === 'over' && cookieValues(question.header('cookie'), keys.cookieName).length > 0
    send(response, status, stale ? { ...headers, 'Set-Cookie': this.#endOfSession(question) } : headers, body)
  }

  #logout(question: Question, decision: Decision, response: ServerResponse): void {
    const { keys, now } = this.#deps
    const isOurs = decision.type !== 'deny' || decision.reason !== 'foreign'
    const done = question.method === 'POST' && isOurs
    if (done)
      for (const value of cookieValues(question.header('cookie'), keys.cookieName)) {
        const pass = keys.passes.check('session', value, now())
        if (pass !== undefined && pass !== 'over') this.#spend(pass)
      }
    const { status, headers, body } = renderLogout(done)
    send(response, status, done ? { ...headers, 'Set-Cookie': this.#endOfSession(question) } : headers, body)
  }

  #spend(pass: { readonly id: string; readonly expires: number }): void {
    try {
      this.#deps.spent.add(pass, this.#deps.now())
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'a session or link that has ended counts again after a restart')
    }
  }

  #newSession(question: Question): string {
    const { passes, cookieName } = this.#deps.keys
    return renderCookie(cookieName, passes.issue('session', this.#deps.now()), SESSION_SECONDS, question.proto)
  }

  #endOfSession({ proto }: Question): string {
    return renderCookie(this.#deps.keys.cookieName, '', 0, proto)
  }

  async #readiness(question: Question, site: GatedSite, response: ServerResponse): Promise<void> {
    const { readiness, now } = this.#deps
    if (!question.header('accept').includes('text/event-stream'))
      return sendAnswer(response, renderReadiness(site.name, await readiness.read(site.name), now()))
    if (this.#followers.size >= MOST_FOLLOWERS) return send(response, 503, { 'Retry-After': '60' })
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    // who cannot take more gets the next news, or none
    const write = (text: string): boolean => !response.writableNeedDrain && response.write(text)
    const stop = readiness.follow(site.name, how => write(`data: ${JSON.stringify(newsOf(site.name, how))}\n\n`))
    const heartbeat = setInterval(write, HEARTBEAT_MS, ':\n\n')
    this.#followers.set(response, stop)
    response.once('close', () => {
      clearInterval(heartbeat)
      stop()
      this.#followers.delete(response)
    })
  }

  async #notReady(question: Question, response: ServerResponse): Promise<void> {
    const { readiness, sites, problems, now } = this.#deps
    const site = sites().get(question.port)
    if (site === undefined) return send(response, 502)
    const how = await readiness.read(site.name)
    this.#tell(site.name, how.sentence, question.header(asked.error))
    const answer = renderNotReady({
      name: site.name,
      readiness: how,
      wantsPage: question.wantsPage,
      throughCloudflare: question.header('cf-ray') !== '',
      portalUrl: site.isPortal ? undefined : this.#portalUrl(question),
      problems: site.isPortal ? problems() : [],
      now: now(),
    })
    sendAnswer(response, answer)
  }

  /** Once for each thing that is the matter, not for each request. */
  #tell(name: string, sentence: string, error: string): void {
    const kind = sentence.replaceAll(/\d+/g, '')
    if (this.#told.get(name) === kind) return
    this.#told.set(name, kind)
    this.#deps.log.info({ error }, `${name} does not answer: ${sentence}`)
  }

  /** By the name that the visitor has for this host; a tunnel's leads to one application only. */
  #portalUrl({ proto, header }: Question): string | undefined {
    const portal = [...this.#deps.sites().values()].find(({ isPortal }) => isPortal)
    const port = portal && this.#deps.publicPort(portal.port)
    const host = URL.parse(`${proto}://${header('host')}`)?.hostname
    return port === undefined || host === undefined || header('cf-ray') !== ''
      ? undefined
      : `${proto}://${host}:${port}/`
  }
}

/** A request, as Caddy tells of it. */
class Question {
  readonly header: (name: string) => string
  readonly uri: string
  readonly method: string
  readonly port: number

  constructor({ headers }: IncomingMessage) {
    this.header = name => {
      const value = headers[name.toLowerCase()] ?? ''
      return typeof value === 'string' ? value : value.join(', ')
    }
    this.uri = this.header(asked.uri)
    this.method = this.header(asked.method)
    this.port = Number(this.header(asked.site))
  }

  get auth(): Omit<AuthRequest, 'authenticated'> {
    const { method, uri, header } = this
    return { method, uri, header }
  }

  get wantsPage(): boolean {
    return this.header('accept').includes('text/html') || this.header('sec-fetch-dest') === 'document'
  }

  /** for the slowing down: nobody can choose it */
  get address(): string {
    return addressOf(this.header(asked.peer), this.header('cf-connecting-ip'))
  }

  /** for applications. Source: contract 5.4 */
  get realIp(): string {
    return this.header('cf-connecting-ip') || this.header(asked.peer)
  }

  /** as the browser sees it. Source: contract 5.4 */
  get proto(): 'http' | 'https' {
    return this.header('cf-visitor') !== '' || this.header(asked.scheme) === 'https' ? 'https' : 'http'
  }
}

/** Source: contract 5.3 */
const renderCookie = (name: string, value: string, seconds: number, proto: string): string =>
  `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${proto === 'https' ? '; Secure' : ''}`

const isPreflight = ({ method, header }: Question, { origins }: Cors): boolean =>
  method === 'OPTIONS' &&
  header('access-control-request-method') !== '' &&
  (origins.includes('*') || origins.includes(header('origin')))

const preflightHeaders = ({ header }: Question, { origins, methods, headers }: Cors): Headers => ({
  'Access-Control-Allow-Origin': origins.includes('*') ? '*' : header('origin'),
  'Access-Control-Allow-Methods': methods,
  'Access-Control-Allow-Headers': headers,
  Vary: 'Origin',
})

type Headers = Readonly<Record<string, string>>

const sendAnswer = (response: ServerResponse, { status, headers, body }: Answer): void =>
  send(response, status, headers, body)

function send(response: ServerResponse, status: number, headers: Headers = {}, body = ''): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body)
}
