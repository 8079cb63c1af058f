/**
 * What a quick tunnel leads to. One target has one name, however it is written.
 * Source: contract 7.1 (keys), 14 row 27; trap 53
 */
export interface Target {
  /** `http://localhost:7860`: normalised, the key of the tunnel */
  readonly url: string
  readonly hostname: string
  readonly port: number
}

export class TargetError extends Error {}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** What controls the instance, and must not be reached from outside without the login that Caddy asks for. */
const ownPorts: Readonly<Record<number, string>> = {
  11111: 'the Instance Portal',
  11112: 'the tunnel manager',
  11113: 'the metrics of the named tunnel',
  2019: "Caddy's admin interface",
  9001: "supervisord's HTTP server",
}

/**
 * `localhost:1`, `http://localhost:1` and `http://localhost:1/` → `http://localhost:1`. An address may lead to this machine
 * or to a host that portal.yaml names, nowhere else.
 * @throws TargetError with what to write instead
 */
export function parseTarget(text: string, hostnames: readonly string[]): Target {
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  const shown = JSON.stringify(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new TargetError(`not an address to tunnel to: ${shown}; write http://localhost:PORT`)
  if (url.username || url.password || url.search || url.hash || (url.pathname !== '/' && url.pathname !== ''))
    throw new TargetError(`a tunnel leads to a whole port: write http://localhost:PORT, not ${shown}`)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (!LOOPBACK.test(url.hostname) && !hostnames.includes(url.hostname))
    throw new TargetError(
      `${url.hostname} is neither this machine nor a hostname of /etc/portal.yaml: add its application first (portal add)`,
    )
  const own = ownPorts[port]
  if (own !== undefined)
    throw new TargetError(`port ${port} is ${own}, without a login: tunnel to the port that Caddy serves instead`)
  return { url: `${url.protocol}//${url.hostname}:${port}`, hostname: url.hostname, port }
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
