/**
 * What Caddy is told: sites in, Caddyfile out; nothing is touched. Valid for Caddy 2.6.2 (Debian 12) and newer, and formatted
 * as `caddy fmt` does it.
 *
 * It holds no secret and decides nothing: each request is first put to the gate of this program over a unix socket, and goes
 * on to its application as the gate says (gate-protocol.ts). So a change of credentials never changes the file.
 * Source: contract 5; test/caddy/caddyfile.test.ts asks the real binary
 */
import { localTokenHeader } from '../common/local-token.ts'
import { answered, asked, gatePaths, verdicts } from './gate-protocol.ts'

/** One application on one port. */
export interface Site {
  /** of the application in /etc/portal.yaml */
  readonly name: string
  /** external port: where the site listens, on all interfaces */
  readonly port: number
  /** `localhost`, `10.0.0.1`, `[::1]` */
  readonly hostname: string
  readonly internalPort: number
  /** `Host` and `Origin` become those of localhost. Source: contract 5.1, CADDY_HEADER_UP_LOCALHOST */
  readonly asLocalhost: boolean
}

/** Answers to pages of other origins, where the application does not give them itself. */
export interface Cors {
  readonly origins: readonly string[]
  readonly methods: string
  readonly headers: string
}

export interface Gateway {
  readonly sites: readonly Site[]
  /** the pair to serve by; null: plain HTTP */
  readonly tls: { readonly certificate: string; readonly key: string } | null
  readonly compression: boolean
  /** as Caddy reads it: `-1`, `100ms` */
  readonly flushInterval: string
  readonly cors: Cors | null
}

export interface Sockets {
  /** where the gate listens */
  readonly gate: string
  /** directory of the sockets of a Caddy process, unless its environment names another by CADDY_RUN */
  readonly run: string
}

/** Who speaks to the admin interface of Caddy, on a unix socket, says this is its host. */
export const ADMIN_HOST = 'bosun'

/** What is worth compressing. */
const COMPRESSIBLE = [
  'text/*',
  'application/json*',
  'application/javascript*',
  'application/xml*',
  'application/*+json*',
  'application/*+xml*',
  'application/wasm*',
  'image/svg+xml*',
] as const

type Lines = readonly string[]

/** `head { … }`, a tab deeper inside. */
const block = (head: string, ...body: readonly (string | Lines)[]): Lines => [
  head === '' ? '{' : `${head} {`,
  ...body.flat().map(line => `\t${line}`),
  '}',
]

/** A value as one token; it holds no placeholders, as settings.ts lets none through. */
const quoted = (text: string): string => `"${text.replaceAll(/[\\"]/g, '\\$&')}"`

export function renderCaddyfile(gateway: Gateway, sockets: Sockets): string {
  const parts = [
    globalOptions(gateway, sockets),
    gateSnippet(gateway, sockets),
    notReadySnippet(sockets),
    ...gateway.sites.map(site => renderSite(site, gateway)),
    holdSite(sockets),
  ]
  const comment =
    '# Made from /etc/portal.yaml and the environment by the caddy program; edit those, this is written anew.'
  return `${comment}\n${parts.map(lines => lines.join('\n')).join('\n\n')}\n`
}

const runDirectory = ({ run }: Sockets): string => `{$CADDY_RUN:${run}}`
const holdAddress = (sockets: Sockets): string => `unix/${runDirectory(sockets)}/hold.sock`

/** HTTP/3 would want UDP ports that nobody maps, and tell browsers of a port that is not the public one. */
const globalOptions = ({ tls }: Gateway, sockets: Sockets): Lines =>
  block(
    '',
    block(`admin unix/${runDirectory(sockets)}/admin.sock`, `origins ${ADMIN_HOST}`),
    // no port means anything by itself: with these, 80 would refuse TLS, and 443 plain HTTP
    'http_port 0',
    'https_port 0',
    'auto_https off',
    block('servers', 'protocols h1 h2', tls === null ? [] : block('listener_wrappers', 'http_redirect', 'tls')),
    block(`servers ${holdAddress(sockets)}`, 'protocols h1'),
    block(
      'log',
      'format json',
      'level ERROR',
      // these two tell of each request that fails, with its URL; the gate tells once what does not answer
      'exclude http.log.error http.handlers.reverse_proxy',
    ),
  )

/** A question to the gate is a request of its own, also when what it is about wants to become something else. */
const question = (path: string): Lines => [
  'method GET',
  `rewrite ${path}?`,
  'header_up -Upgrade',
  'header_up -Connection',
  `header_up ${asked.site} {vars.site}`,
  `header_up ${asked.method} {method}`,
  `header_up ${asked.uri} {http.request.orig_uri}`,
  `header_up ${asked.scheme} {scheme}`,
  `header_up ${asked.peer} {remote_host}`,
  `header_up ${asked.upgrade} {header.Upgrade}`,
  `header_up ${asked.forwardedHost} {header.X-Forwarded-Host}`,
]

const gateSnippet = ({ cors, compression }: Gateway, sockets: Sockets): Lines =>
  block(
    '(gate)',
    compression ? encode : [],
    block(
      `reverse_proxy unix/${sockets.gate}`,
      question(gatePaths.gate),
      `@pass header ${answered.verdict} *`,
      block(
        'handle_response @pass',
        block(
          'route',
          passOn('Cookie', answered.cookie),
          passOn('Authorization', answered.authorization),
          passOn(localTokenHeader, answered.portalToken),
          `request_header X-Real-IP {rp.header.${answered.client}}`,
          `@cookie vars {rp.header.${answered.verdict}} ${verdicts.cookie} ${verdicts.both}`,
          'header @cookie +Set-Cookie {rp.header.Set-Cookie}',
          `@query vars {rp.header.${answered.verdict}} ${verdicts.query} ${verdicts.both}`,
          `uri @query replace {rp.header.${answered.query}} {rp.header.${answered.newQuery}}`,
          cors === null ? [] : corsHeaders(cors),
        ),
      ),
    ),
  )

/** A stream has no length, and is not compressed: Caddy 2.6.2 would hold it back. Source: contract 13 (44) */
const encode = block(
  'encode',
  'zstd',
  'gzip',
  block('match', 'header Content-Length *', ...COMPRESSIBLE.map(type => `header Content-Type ${type}`)),
)

/** What is left of a header without what is ours; where nothing is left, there is none. */
const passOn = (header: string, source: string): Lines => [
  `request_header ${header} {rp.header.${source}}`,
  `@no-${header} header ${header} ""`,
  `request_header @no-${header} -${header}`,
]

/** An answer can name one origin: of several it is the one that asks. */
const corsHeaders = ({ origins, methods, headers }: Cors): Lines => [
  ...(origins.length === 1
    ? [`header ?Access-Control-Allow-Origin ${quoted(origins[0]!)}`]
    : [
        ...block('@origin', ...origins.map(origin => `header Origin ${quoted(origin)}`)),
        'header @origin ?Access-Control-Allow-Origin {header.Origin}',
        'header +Vary Origin',
      ]),
  `header ?Access-Control-Allow-Methods ${quoted(methods)}`,
  `header ?Access-Control-Allow-Headers ${quoted(headers)}`,
]

/** Raised by Caddy, not by the application: what that answers with 502 goes through as it is. Source: contract 5.5 */
const notReadySnippet = (sockets: Sockets): Lines =>
  block(
    '(not_ready)',
    block(
      'handle_errors',
      '@down expression `{err.status_code} in [502, 503, 504]`',
      block(
        `reverse_proxy @down unix/${sockets.gate}`,
        question(gatePaths.notReady),
        `header_up ${asked.error} {err.message}`,
      ),
    ),
  )

/** Source: contract 5.2, 5.4; 5.7 for what others read in it */
const renderSite = (site: Site, { tls, flushInterval }: Gateway): Lines =>
  block(
    `:${site.port}`,
    tls === null ? [] : [`tls ${tls.certificate} ${tls.key}`],
    block(
      'route',
      `vars site ${site.port}`,
      'import gate',
      block(
        `reverse_proxy ${site.hostname}:${site.internalPort}`,
        `flush_interval ${flushInterval}`,
        `header_up Host ${site.asLocalhost ? `localhost:${site.internalPort}` : '{upstream_hostport}'}`,
        site.asLocalhost ? [`header_up Origin .+ http://localhost:${site.internalPort}`] : [],
        `header_up X-Forwarded-Proto {rp.header.${answered.proto}}`,
        'header_down -X-Portal-Placeholder',
      ),
    ),
    'import not_ready',
  )

/** Where this program holds a process that was told to end, as long as somebody is connected to it (caddy-process.ts). */
const holdSite = (sockets: Sockets): Lines =>
  block(
    'http://:80',
    `bind ${holdAddress(sockets)}`,
    `rewrite * ${gatePaths.hold}`,
    // without flush_interval: with -1 Caddy would not let go of the gate when we hang up
    `reverse_proxy unix/${sockets.gate}`,
  )
