import { type Application, isProxied } from './portal-config.ts'

/** The platform's own Jupyter speaks TLS on 8080, whatever the rest of the instance does. */
const PLATFORM_JUPYTER = 8080

/**
 * `http`, `https`: what answers on the external port of an application.
 * Source: contract 6.2, `target_url`
 */
export function schemeOf(
  application: Application,
  all: readonly Application[],
  httpsEnabled: boolean,
): 'http' | 'https' {
  const { external_port: port } = application
  if (port !== PLATFORM_JUPYTER || isProxied(application)) return httpsEnabled ? 'https' : 'http'
  const proxiedByUs = all.some(other => other.external_port === port && isProxied(other))
  return httpsEnabled || !proxiedByUs ? 'https' : 'http'
}

/** `http://localhost:7860`: the name of an application's tunnel in the APIs of the portal and the tunnel manager, byte by byte. Source: contract 6.2; trap 47 */
export const targetUrl = (application: Application, all: readonly Application[], httpsEnabled: boolean): string =>
  `${schemeOf(application, all, httpsEnabled)}://${application.hostname}:${application.external_port}`
