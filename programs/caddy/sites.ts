/** What is served, and how, from what people have written; what cannot be, is told. Source: contract 5.1, 5.2 */
import type { Application } from '../common/portal-config.ts'
import { isProxied } from '../common/portal-config.ts'
import type { Problem } from '../common/problem.ts'
import { mappedPort, type Settings } from '../common/settings.ts'
import type { Cors, Gateway, Site } from './caddyfile.ts'

/** What the gate has to know of a site. */
export interface GatedSite extends Site {
  /** whether who calls has to be known */
  readonly authenticated: boolean
  /** `pass_credentials: true` in portal.yaml: it asks for the same token or password itself, and so gets it */
  readonly passCredentials: boolean
  readonly isPortal: boolean
}

/** Where the Instance Portal listens. Source: contract 10.2 */
const PORTAL = { hostname: 'localhost', internal_port: 11_111 } as const

/** Of applications that other things stand before, or whose port nobody publishes, nothing is served. Source: contract 5.2, 13 (42) */
export const planSites = (applications: readonly Application[], settings: Settings): readonly GatedSite[] =>
  applications
    .filter(isProxied)
    .flatMap(({ name, hostname, external_port: port, internal_port: internalPort, extra }) =>
      mappedPort(settings, port) === undefined
        ? []
        : {
            name,
            port,
            hostname,
            internalPort,
            asLocalhost:
              settings.CADDY_HEADER_UP_LOCALHOST === 'all' || settings.CADDY_HEADER_UP_LOCALHOST.includes(internalPort),
            authenticated: settings.ENABLE_AUTH && !settings.AUTH_EXCLUDE.includes(port),
            passCredentials: extra.pass_credentials === true,
            isPortal: internalPort === PORTAL.internal_port && ['localhost', '127.0.0.1', '[::1]'].includes(hostname),
          },
    )

/** Stands in for all applications where it cannot be told which there are: the page of its site says why. Source: contract 14 (12) */
export function lastResort({ OPEN_BUTTON_PORT: port }: Settings): readonly Application[] {
  if (port === null || port === PORTAL.internal_port) return []
  return [{ name: 'Instance Portal', ...PORTAL, external_port: port, open_path: '/', extra: {} }]
}

export type Manner = Pick<Gateway, 'compression' | 'flushInterval' | 'cors'>

/** Settings that get into the Caddyfile as they are: what could mean something else there does not. */
export function planManner(settings: Settings): { manner: Manner; problems: readonly Problem[] } {
  const problems: Problem[] = []
  const flush = settings.CADDY_FLUSH_INTERVAL.trim()
  const isDuration = /^(?:-1|0|(?:\d{1,9}(?:\.\d{1,3})?(?:ns|us|ms|s|m))+)$/.test(flush)
  if (!isDuration)
    problems.push({
      where: 'CADDY_FLUSH_INTERVAL',
      message: 'is no time, and counts as -1',
      fix: 'write -1, or a time such as 100ms',
    })
  const manner = {
    compression: settings.CADDY_ENABLE_COMPRESSION,
    flushInterval: isDuration ? flush : '-1',
    cors: planCors(settings, problems),
  }
  return { manner, problems }
}

const ORIGIN = /^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/[a-z0-9._[\]:-]+)$/i
const HEADER_LIST = /^[\w!#$%&'*+.^|~ ,-]+$/

function planCors(settings: Settings, problems: Problem[]): Cors | null {
  const given = settings.CADDY_CORS_ALLOWED_ORIGINS.split(',')
    .map(origin => origin.trim())
    .filter(origin => origin !== '')
  const origins = given.filter(origin => ORIGIN.test(origin))
  if (origins.length < given.length)
    problems.push({
      where: 'CADDY_CORS_ALLOWED_ORIGINS',
      message: 'has something that is no origin, and is left out',
      fix: 'write * or https://HOST:PORT, with commas between them',
    })
  const list = (name: 'CADDY_CORS_ALLOWED_METHODS' | 'CADDY_CORS_ALLOWED_HEADERS', otherwise: string): string => {
    if (HEADER_LIST.test(settings[name])) return settings[name]
    problems.push({
      where: name,
      message: `is no list of names, and counts as ${otherwise}`,
      fix: 'write names with commas between them',
    })
    return otherwise
  }
  if (origins.length === 0) return null
  return {
    origins: origins.includes('*') ? ['*'] : [...new Set(origins)],
    methods: list('CADDY_CORS_ALLOWED_METHODS', 'GET, POST, PUT, DELETE, OPTIONS'),
    headers: list('CADDY_CORS_ALLOWED_HEADERS', 'Authorization, Content-Type'),
  }
}

/** Source: contract 5.1, 5.3: `<label>_auth_token`, and `None` for a label where there is none; aidock A.3.6 */
export function cookieNameOf({ CADDY_AUTH_COOKIE_NAME: given, VAST_CONTAINERLABEL: label }: Settings): string {
  const name = given || `${label || 'None'}_auth_token`
  return name.replaceAll(/[^\w!#$%&'*+.^|~-]/g, '_')
}
