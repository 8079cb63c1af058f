/** Where an application is opened from where the visitor is. Source: contract 4.1, 6.2, 6.3; traps 42, 47–49 */
import { schemeOf, targetUrl } from '../common/application-url.ts'
import { type Application, isProxied } from '../common/portal-config.ts'
import { mappedPort, type Settings } from '../common/settings.ts'
import type { Outside } from './visitor.ts'

export const PORTAL_PORT = 1111

export interface Place {
  readonly settings: Settings
  readonly applications: readonly Application[]
  /** of the visitor; undefined: on the instance itself */
  readonly outside: Outside | undefined
  /** as the platform or a visit has told it */
  readonly publicAddress: string | undefined
  /** What Caddy serves by; undefined: nobody knows. */
  readonly scheme: 'http' | 'https' | undefined
}

/** `203.0.113.7`, `[2001:db8::1]` from `X-Forwarded-Host`, if that is the instance's own address and no tunnel's. */
export function addressSeen(outside: Outside | undefined, settings: Settings): string | undefined {
  if (outside === undefined) return undefined
  const port = Number(outside.port) || (outside.scheme === 'https' ? 443 : 80)
  return port === mappedPort(settings, PORTAL_PORT) ? outside.hostname : undefined
}

/** Without the path; undefined when it has no public port, or nobody knows the instance's address. */
export function directUrl(application: Application, place: Place): string | undefined {
  const { settings, outside, applications, publicAddress, scheme: served } = place
  const port = mappedPort(settings, application.external_port)
  const seen = addressSeen(outside, settings)
  const address = seen ?? publicAddress
  if (port === undefined || address === undefined) return undefined
  // what Caddy serves it serves by one scheme, and the visitor is there
  const scheme =
    seen !== undefined && isProxied(application)
      ? outside!.scheme
      : schemeOf(application, applications, served === undefined ? settings.ENABLE_HTTPS : served === 'https')
  return `${scheme}://${address}:${port}`
}

/** The visitor's session counts at every port of this host. */
export const isSameHost = (url: string, outside: Outside | undefined): boolean =>
  outside !== undefined && new URL(url).hostname === outside.hostname

export interface Tunnel {
  readonly targetUrl: string
  readonly tunnelUrl: string
}

export interface TunnelLink {
  readonly url: string
  /** It leads to Caddy's port, and so asks for a login; others lead to the application itself. */
  readonly throughLogin: boolean
}

/** A named tunnel may lead to a port by any name; a quick one has the name that the tunnel manager has given it. */
export function tunnelsOf(
  application: Application,
  { applications, settings }: Pick<Place, 'applications' | 'settings'>,
  tunnels: readonly Tunnel[],
): readonly TunnelLink[] {
  const { external_port, internal_port } = application
  const target = targetUrl(application, applications, settings.ENABLE_HTTPS)
  const links = tunnels.flatMap(({ targetUrl, tunnelUrl }): TunnelLink[] => {
    const port = Number(/:(\d+)\/?$/.exec(targetUrl)?.[1])
    const fits = targetUrl === target || port === external_port || port === internal_port
    if (!fits || !/^https?:\/\/[^\s/]+/.test(tunnelUrl)) return []
    return [{ url: tunnelUrl.replace(/\/$/, ''), throughLogin: isProxied(application) && port === external_port }]
  })
  return links.filter(({ url }, index) => links.findIndex(other => other.url === url) === index)
}

/** `/?x=1` and a pass → `/?x=1&token=…`: the path may have a query already. Source: trap 49 */
export function withPass(path: string, pass: string | undefined): string {
  if (pass === undefined) return path
  const [before = '', ...fragment] = path.split('#')
  return `${before}${before.includes('?') ? '&' : '?'}token=${pass}${fragment.map(part => `#${part}`).join('')}`
}
