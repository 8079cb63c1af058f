/** Where a daemon listens. */
export type ServerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** A serverurl that leads nowhere. */
export class ServerUrlError extends Error {
  override readonly name = 'ServerUrlError'
}

const DEFAULT_PORT = 80
// scheme://[user:password@]host[:port][/whatever]; the host may be a bracketed IPv6 address
const http = /^http:\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]*)(?::([^/?#]*))?/

/**
 * `unix:///run/s.sock` → its path, `http://localhost:9001` → host and port. What follows host and port is ignored, and so
 * are credentials in the url, as in the original.
 * @throws ServerUrlError with the words of the original
 * Source: contract 9.1
 */
export function parseServerUrl(url: string): ServerAddress {
  if (url.startsWith('unix://')) return { kind: 'unix', path: url.slice('unix://'.length) }
  const parts = http.exec(url)
  if (!parts) throw new ServerUrlError(`Unknown protocol for serverurl ${url}`)
  const [, host = '', port = ''] = parts
  return {
    kind: 'tcp',
    host: host.startsWith('[') ? host.slice(1, -1) : host || 'localhost',
    port: port === '' ? DEFAULT_PORT : parsePort(port),
  }
}

function parsePort(text: string): number {
  if (!/^\d+$/.test(text)) throw new ServerUrlError(`Port could not be cast to integer value as '${text}'`)
  const port = Number(text)
  if (port > 65535) throw new ServerUrlError('Port out of range 0-65535')
  return port
}
