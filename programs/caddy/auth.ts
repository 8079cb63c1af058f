/**
 * Who may come in: a request and what lets people in, and out comes a decision; nothing is touched. `methods` is THE table of
 * what lets somebody in, in the order in which it is looked at. Source: contract 5.3, 13 (34–41), 14 (13, 14)
 *
 * A page of somebody else can make a browser send what it keeps for us, a cookie or a password that was typed: these do not
 * count for what changes something, or opens a websocket, unless one of our own pages asks. The public address of an instance
 * is shared with others, so that "same site" says nothing. Source: contract 13 (36, 67)
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type Credentials, sanitize } from '../common/credentials.ts'
import { looksLikePass, type Passes } from '../common/sessions.ts'
import { cookieValues, withoutCookie } from './cookies.ts'
import { asked } from './gate-protocol.ts'
import { joinUri, queryValues, splitUri, withoutValues } from './query.ts'

export interface AuthRequest {
  readonly method: string
  /** path and query, as they came */
  readonly uri: string
  /** whether the site asks who is there at all */
  readonly authenticated: boolean
  /** by its name, in any case; '' where there is none */
  readonly header: (name: string) => string
}

/** What lets people in. */
export interface Keys {
  readonly credentials: Credentials
  /** `C.123_auth_token` */
  readonly cookieName: string
  readonly passes: Passes
  /** ids of sessions that were ended, and of links that were followed */
  readonly spent: { has(id: string): boolean }
  /** ports of the sites of this instance, as they are called here, and as they are called outside */
  readonly ownPorts: readonly ReadonlySet<number>[]
  /** of pages that may call; `*`: all */
  readonly origins: readonly string[]
}

export type Decision =
  | {
      readonly type: 'pass'
      readonly by: MethodName
      /** somebody has logged in */
      readonly isKnown: boolean
      /** what the application gets: without what is ours */
      readonly cookie: string
      readonly authorization: string
      readonly query: string
      readonly newQuery: string
      readonly newSession: boolean
      /** id and end of a link that was followed */
      readonly spend: Spend | undefined
    }
  | {
      readonly type: 'redirect'
      readonly location: string
      readonly newSession: boolean
      readonly spend: Spend | undefined
    }
  | {
      readonly type: 'deny'
      /** `over`: a session or link of ours that is no longer good; `foreign`: a page of somebody else asks */
      readonly reason: 'nothing' | 'wrong' | 'over' | 'foreign' | 'blocked'
      /** what was tried, if it could have been right */
      readonly guesses: readonly string[]
    }

export interface Spend {
  readonly id: string
  readonly expires: number
}

type Finding =
  | { readonly type: 'in'; readonly newSession?: boolean; readonly redirect?: boolean; readonly spend?: Spend }
  | { readonly type: 'out'; readonly guesses?: readonly string[]; readonly over?: true }

interface Method {
  /** a browser sends it by itself, whoever asks */
  readonly ambient?: true
  readonly look: (request: AuthRequest, keys: Keys, now: number) => Finding
}

const OUT: Finding = { type: 'out' }

/** Of what has the same name in one request: it should not be a way to guess at many secrets at once. */
const MOST_TRIES = 4

/** Nothing behind these needs protection, and whoever asks for them has no credentials. Source: contract 5.3 (1), 13 (40) */
const OPEN_PATHS = new Set([
  '/.well-known/change-password',
  '/.well-known/security.txt',
  '/manifest.json',
  '/manifest.webmanifest',
  '/site.webmanifest',
  '/security.txt',
])
/** One name behind it, so that nothing else can be reached by way of it. */
const ACME_CHALLENGE = /^\/\.well-known\/acme-challenge\/[\w-]+$/

/** Where ai-dock's links log in. Source: aidock A.6 */
const PRE_AUTH = '/ai-dock/pre-auth'

export const methods = {
  openSite: { look: ({ authenticated }) => (authenticated ? OUT : { type: 'in' }) },
  openPath: {
    look({ uri }) {
      const [path] = splitUri(uri)
      return OPEN_PATHS.has(path) || ACME_CHALLENGE.test(path) ? { type: 'in' } : OUT
    },
  },
  token: {
    look(request, keys, now) {
      const values = queryValues(splitUri(request.uri)[1], 'token').slice(0, MOST_TRIES)
      const links = values.map(value => keys.passes.check('link', value, now))
      const link = links.find(found => found !== undefined && found !== 'over' && !keys.spent.has(found.id)) as
        | Spend
        | undefined
      const found = { type: 'in', newSession: true, redirect: isFollowed(request) } as const
      if (values.some(value => isSecret(value, keys))) return found
      if (link !== undefined) return { ...found, spend: link }
      return refuse(values, links.some(Boolean))
    },
  },
  session: {
    ambient: true,
    look({ header }, { passes, cookieName, spent }, now) {
      const values = cookieValues(header('cookie'), cookieName).slice(0, MOST_TRIES)
      const found = values.map(value => passes.check('session', value, now))
      const isGood = found.some(pass => pass !== undefined && pass !== 'over' && !spent.has(pass.id))
      return isGood ? { type: 'in' } : refuse([], found.some(Boolean))
    },
  },
  /** As it was once: the secret itself. */
  oldCookie: {
    ambient: true,
    look({ header }, keys) {
      const values = cookieValues(header('cookie'), keys.cookieName).slice(0, MOST_TRIES)
      return values.some(value => isSecret(value, keys)) ? { type: 'in' } : refuse(values)
    },
  },
  bearer: {
    look({ header }, keys) {
      const value = bearerOf(header('authorization'))
      if (value === undefined) return OUT
      return isSecret(value, keys) ? { type: 'in' } : refuse([value])
    },
  },
  basic: {
    ambient: true,
    look({ header }, keys) {
      const pair = basicPair(header('authorization'))
      if (pair === undefined) return OUT
      return isBasic(pair, keys) ? { type: 'in', newSession: true } : refuse([pair])
    },
  },
} as const satisfies Readonly<Record<string, Method>>

export type MethodName = keyof typeof methods

/** Something was tried and is not right; what looks like a pass of ours is no guess. */
const refuse = (values: readonly string[], over = false): Finding => ({
  type: 'out',
  guesses: values.filter(value => value !== '' && !looksLikePass(value)),
  ...(over ? { over: true } : {}),
})

/**
 * @param mayGuess false: this client has guessed too often, and only what nobody can guess lets it in
 * @param now ms since the epoch
 */
export function decide(request: AuthRequest, keys: Keys, mayGuess: boolean, now: number): Decision {
  const guesses = new Set<string>()
  let [over, foreign] = [false, false]
  for (const [name, method] of Object.entries(methods) as [MethodName, Method][]) {
    const finding = method.look(request, keys, now)
    if (finding.type === 'out') {
      for (const guess of finding.guesses ?? []) guesses.add(guess)
      over ||= finding.over ?? false
    } else if (!mayGuess && guessable(name, finding)) guesses.add(name)
    else if (method.ambient && isForeign(request, keys)) foreign = true
    else return letIn(request, keys, name, finding, now)
  }
  const blocked = !mayGuess && guesses.size > 0
  const reason = blocked ? 'blocked' : foreign ? 'foreign' : guesses.size > 0 ? 'wrong' : over ? 'over' : 'nothing'
  return { type: 'deny', reason, guesses: [...guesses] }
}

const guessable = (name: MethodName, { spend }: Extract<Finding, { type: 'in' }>): boolean =>
  (name === 'token' && spend === undefined) || name === 'oldCookie' || name === 'bearer' || name === 'basic'

function letIn(
  request: AuthRequest,
  keys: Keys,
  by: MethodName,
  { newSession = false, redirect = false, spend }: Extract<Finding, { type: 'in' }>,
  now: number,
): Decision {
  const [path, query] = splitUri(request.uri)
  // to who need not be known nothing is taken out that could be guessed: that would tell whether it is right
  const isKnown = by !== 'openSite' && by !== 'openPath'
  const isOurs = (value: string): boolean =>
    keys.passes.check('link', value, now) !== undefined || (isKnown && isSecret(value, keys))
  const newQuery = withoutValues(query, 'token', isOurs)
  if (path === PRE_AUTH && isKnown) return { type: 'redirect', location: '/', newSession, spend }
  if (redirect) return { type: 'redirect', location: joinUri(sameHost(path), newQuery), newSession, spend }
  const cookie = withoutCookie(request.header('cookie'), keys.cookieName)
  const given = request.header('authorization')
  const authorization = isKnown && isOurAuthorization(given, keys) ? '' : given
  return { type: 'pass', by, isKnown, cookie, authorization, query, newQuery, newSession, spend }
}

/** A person follows a link: the secret should not stay in the address. Programs get their answer. Source: contract 13 (39) */
const isFollowed = ({ method, header }: AuthRequest): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  (header('accept').includes('text/html') || header('sec-fetch-dest') === 'document')

/** `//host/` would lead to another host. */
const sameHost = (path: string): string => (/^\/[/\\]/.test(path) ? `/.${path}` : path)

/** The application may have some of its own. */
function isOurAuthorization(authorization: string, keys: Keys): boolean {
  const bearer = bearerOf(authorization)
  const pair = basicPair(authorization)
  return (bearer !== undefined && isSecret(bearer, keys)) || (pair !== undefined && isBasic(pair, keys))
}

const bearerOf = (authorization: string): string | undefined => /^Bearer +(.+)$/i.exec(authorization)?.[1]

/** `user:password` of `Authorization: Basic …` */
function basicPair(authorization: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/_=-]+) *$/i.exec(authorization)?.[1]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8')
}

/** Takes as long whichever of them is wrong. Source: contract 5.3 (6): the token is no password, unless it is both */
function isBasic(pair: string, { credentials: { username, password } }: Keys): boolean {
  const at = pair.indexOf(':')
  const rightName = isSame(sanitize(at === -1 ? pair : pair.slice(0, at)), username)
  const rightPassword = isSame(sanitize(at === -1 ? '' : pair.slice(at + 1)), password)
  return rightName && rightPassword
}

function isSecret(text: string, { credentials: { token, password } }: Keys): boolean {
  const tried = sanitize(text)
  const isToken = isSame(tried, token)
  const isPassword = isSame(tried, password)
  return isToken || isPassword
}

/** In a time that says nothing about where they differ, or how long they are. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a page of somebody else wants to change something, or to open a websocket. */
function isForeign({ method, header }: AuthRequest, { ownPorts, origins }: Keys): boolean {
  if (SAFE_METHODS.has(method) && header(asked.upgrade) === '') return false
  const origin = header('origin')
  if (origin === '' || header('sec-fetch-site') === 'same-origin') return false
  if (origins.includes('*') || origins.includes(origin)) return false
  const page = URL.parse(origin)
  if (page === null) return true
  // a proxy of somebody's own before us says what people see by X-Forwarded-Host; a page cannot
  const hosts = [header('host'), header(asked.forwardedHost)].map(host => URL.parse(`${page.protocol}//${host}`))
  return !hosts.some(
    host =>
      host !== null &&
      host.hostname === page.hostname &&
      (host.port === page.port || ownPorts.some(ports => ports.has(portOf(host)) && ports.has(portOf(page)))),
  )
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)
