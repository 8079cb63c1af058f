/**
 * A client of a running daemon: XML-RPC calls over a connection that is kept, and streams of logs.
 * For supervisorctl, and for everything outside the supervisor that talks to it.
 * Source: contract 7, 8; clients.md 2, 3
 */
import { parseResponse, renderCall, type XmlRpcValue } from '../xmlrpc/codec.ts'
import { JSON_TYPE, parseJsonResponse } from '../xmlrpc/json-form.ts'
import { type Connection, type Exchange, openConnection } from './connection.ts'
import type { ResponseHead } from './response-reader.ts'
import { parseServerUrl, type ServerAddress } from './server-address.ts'
import type { SupervisorApi } from './supervisor-api.ts'

export interface ClientCredentials {
  readonly username: string
  /** clear text */
  readonly password: string
}

/** The daemon answered with something other than 200: 401 without the right password, 404 for an unknown log. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError'
  readonly status: number
  /** `Unauthorized` */
  readonly reason: string
  readonly path: string

  constructor(status: number, reason: string, path: string) {
    super(`${path}: ${status} ${reason}`)
    this.status = status
    this.reason = reason
    this.path = path
  }
}

/** A log that is being followed. */
export interface Following {
  /** Resolves after `stop()` and when the daemon ends the stream; rejects like a call. */
  readonly ended: Promise<void>
  stop(): void
}

export interface Client {
  readonly url: string
  /**
   * Any method: `call('system.listMethods')`. Calls may overlap; one connection is kept for the next call.
   * @throws XmlRpcFault, HttpStatusError, HttpProtocolError, XmlRpcSyntaxError, or Node's error of the socket
   */
  call(method: string, ...params: readonly XmlRpcValue[]): Promise<XmlRpcValue>
  readonly supervisor: SupervisorApi
  /** GET of a stream: `/mainlogtail`, `/logtail/group:name/stdout`. Not percent-encoded: that is done here. */
  follow(path: string, write: (bytes: Buffer) => void): Following
  /** Ends what is under way without a word, and the connections. */
  close(): void
}

/** What a call does with its answer; nothing but 200 is one. */
interface Sink extends Omit<Exchange, 'head'> {
  /** `text/xml` */
  type?(contentType: string): void
}

const RPC_PATH = '/RPC2'

/**
 * Connects at the first use; that is when a bad url is told, by a ServerUrlError. Credentials go along with every request,
 * without waiting for a 401.
 */
export function openClient(url: string, credentials: ClientCredentials | null = null): Client {
  let target: { readonly address: ServerAddress; readonly headers: string } | null = null
  const busy = new Set<Connection>()
  let kept: Connection | null = null

  /** Sends on the kept connection if there is one, else on a new one. `rest` is what follows the usual headers. */
  function exchange(method: string, path: string, rest: string, sink: Sink): Connection {
    target ??= resolveTarget(url, credentials)
    const connection = kept?.idle ? kept : openConnection(target.address)
    kept = null
    busy.add(connection)
    connection.send(`${method} ${encodePath(path)} HTTP/1.1\r\n${target.headers}${rest}`, {
      head({ status, reason, headers }: ResponseHead) {
        if (status === 200) return sink.type?.(headers.get('content-type') ?? '')
        drop(connection) // the body is a page for people, and after a 401 the original reads nothing more
        sink.fail(new HttpStatusError(status, reason, path))
      },
      data: sink.data,
      end() {
        if (kept?.idle) drop(connection)
        else kept = connection
        busy.delete(connection)
        sink.end()
      },
      fail(error) {
        busy.delete(connection)
        sink.fail(error)
      },
    })
    return connection
  }

  function drop(connection: Connection): void {
    connection.close()
    busy.delete(connection)
  }

  async function call(method: string, ...params: readonly XmlRpcValue[]): Promise<XmlRpcValue> {
    const body = renderCall(method, params)
    const headers = `Content-Type: text/xml\r\nAccept: text/xml, ${JSON_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    const pieces: Buffer[] = []
    let parse: (document: Buffer) => XmlRpcValue = parseResponse
    await new Promise<void>((resolve, reject) => {
      exchange('POST', RPC_PATH, `${headers}\r\n${body}`, {
        type(contentType) {
          if (contentType === JSON_TYPE) parse = parseJsonResponse
        },
        data: bytes => void pieces.push(bytes),
        end: resolve,
        fail: reject,
      })
    })
    return parse(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))
  }

  function follow(path: string, write: (bytes: Buffer) => void): Following {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const rest = 'Accept-Encoding: chunked\r\n\r\n'
    const connection = exchange('GET', path, rest, { data: write, end: resolve, fail: reject })
    return {
      ended: promise,
      stop() {
        drop(connection)
        resolve()
      },
    }
  }

  return {
    url,
    call,
    supervisor: supervisorApi(call),
    follow,
    close() {
      busy.forEach(drop)
      kept?.close()
      kept = null
    },
  }
}

function resolveTarget(url: string, credentials: ClientCredentials | null) {
  const address = parseServerUrl(url)
  const host = address.kind === 'unix' ? 'localhost' : `${bracketed(address.host)}:${address.port}`
  const headers = `Host: ${host}\r\nUser-Agent: bosun\r\n`
  if (!credentials) return { address, headers }
  const token = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  return { address, headers: `${headers}Authorization: Basic ${token}\r\n` }
}

/** An IPv6 address as it stands in a Host header. */
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** `/logtail/a b:c` → `/logtail/a%20b:c` */
const encodePath = (path: string): string => encodeURI(path.toWellFormed()).replace(/[?#]/g, encodeURIComponent)

/** `api.getPID()` is `call('supervisor.getPID')`: one way for every method of the interface. */
const supervisorApi = (call: Client['call']): SupervisorApi =>
  new Proxy({} as SupervisorApi, {
    get: (_, method) =>
      // a promise looks here for `then` when the interface is returned from an async function
      typeof method === 'string' && method !== 'then'
        ? (...params: XmlRpcValue[]) => call(`supervisor.${method}`, ...params)
        : undefined,
  })
