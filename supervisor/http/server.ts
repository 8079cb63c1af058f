/**
 * The HTTP servers of `[unix_http_server]` and `[inet_http_server]`: who may come in, and which handler a URL goes to.
 * Source: contract 3.3 step 7, 7
 */
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Config, ServerConfig } from '../config/config.ts'
import type { Daemon } from '../daemon/api.ts'
import type { RpcInterface } from '../rpc/dispatch.ts'
import type { FollowedFiles } from '../system/followed-file.ts'
import type { System } from '../system/system.ts'
import { accessLine, ctime } from './access-log.ts'
import { authorizer } from './authorization.ts'
import { Connections } from './connections.ts'
import { errorPage, refuse, SERVER } from './error-page.ts'
import { listenOnPort } from './inet-socket.ts'
import { logTail, mainLogTail } from './log-streams.ts'
import type { Visitor } from './page/permission.ts'
import { processEvents } from './process-events.ts'
import { rpcEndpoint } from './rpc-endpoint.ts'
import { listenOnFile } from './unix-socket.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, visitor: Visitor) => void

/** What the servers need of their neighbours; supervisord.ts supplies it. */
export interface HttpSurroundings {
  readonly system: System
  readonly daemon: Daemon
  readonly rpc: RpcInterface
  readonly followedFiles: FollowedFiles
  /** Everything that is neither XML-RPC nor a log stream: the page for people. */
  readonly pages?: Handler
}

export interface Servers {
  /** what can be connected to, in the order of opening */
  readonly listening: readonly ServerConfig[]
  /** Nobody can connect any more, socket files are gone; who waited for an answer is cut off. */
  close(): Promise<void>
}

const noPages: Handler = ({ method }, response) => refuse(response, method === 'GET' || method === 'HEAD' ? 404 : 400)

/** The first prefix that fits decides. Source: contract 7.2 */
function router({ daemon, rpc, followedFiles, system, pages = noPages }: HttpSurroundings): Handler {
  const logFiles = { files: system.files, followedFiles }
  const routes: readonly (readonly [prefix: string, handler: Handler])[] = [
    ['/RPC2', rpcEndpoint(rpc, daemon.log)],
    ['/logtail', logTail(daemon, logFiles)],
    ['/mainlogtail', mainLogTail(daemon, logFiles)],
    ['/process-events', processEvents(daemon, system.clock)],
  ]
  return (request, response, visitor) => {
    const route = routes.find(([prefix]) => request.url!.startsWith(prefix))
    try {
      ;(route?.[1] ?? pages)(request, response, visitor)
    } catch (error) {
      daemon.log.error(`${request.method} ${request.url}: Server Error: ${(error as Error).stack ?? error}`)
      if (response.headersSent) response.destroy()
      else refuse(response, 500)
    }
  }
}

/** A short body is read before the refusal, so that the client gets to read it. */
const READ_BEFORE_REFUSING = 65_536

function demandPassword(request: IncomingMessage, response: ServerResponse): void {
  const answer = (): void => refuse(response, 401, ['Connection', 'close', 'WWW-Authenticate', 'Basic realm="default"'])
  const length = Number(request.headers['content-length'] ?? 0)
  if (length === 0 || length > READ_BEFORE_REFUSING) {
    answer()
  } else {
    request.resume()
    request.once('end', answer)
  }
}

/** What is no HTTP at all is not answered; a request that is, and is wrong, gets an error. Source: contract 7.1 */
const notHttp = [
  'HPE_INVALID_METHOD',
  'HPE_INVALID_URL',
  'HPE_INVALID_VERSION',
  'HPE_INVALID_CONSTANT',
  'HPE_CR_EXPECTED',
]

function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  const code = error.code ?? ''
  if (!socket.writable || !code.startsWith('HPE_') || notHttp.includes(code)) {
    socket.destroy()
    return
  }
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
  const page = errorPage(status)
  socket.end(
    `HTTP/1.1 ${status} ${page.split('Message: ')[1]!.split('.')[0]}\r\nServer: ${SERVER}\r\nConnection: close\r\n` +
      `Content-Length: ${page.length}\r\nContent-Type: text/html\r\n\r\n${page}`,
  )
}

/** `Connections` takes the place of all time limits: with these the server of Node wakes up for none. */
const withoutTimers = {
  connectionsCheckingInterval: 0x7fffffff,
  headersTimeout: 0,
  requestTimeout: 0,
  keepAliveTimeout: 0,
} as const

/** Node's HTTP is loaded when the first client comes, which is after the programs have started: 2 ms. */
function serverFor(
  config: ServerConfig,
  handle: Handler,
  connections: Connections,
  { daemon, system }: HttpSurroundings,
): Server {
  const authorized = authorizer(config.credentials)
  const visitor: Visitor = { trusted: config.kind === 'unix' || authorized !== null }

  const attend = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    const written = socket.bytesWritten
    if (request.method === 'POST') request.once('end', () => connections.busy(socket, response))
    else connections.busy(socket, response)
    response.once('close', () => {
      connections.idle(socket)
      system.own.worked()
      daemon.log.trace(() => accessLine(request, response, socket.bytesWritten - written, system.clock.wall()))
    })
    // Clients of HTTP/1.1 know that connections are kept, as the original expects them to.
    if (request.httpVersionMinor > 0) response.removeHeader('connection')
    if (authorized === null || authorized(request.headers.authorization)) handle(request, response, visitor)
    else demandPassword(request, response)
  }

  let http: HttpServer | null = null
  return createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    connections.accept(socket)
    http ??= createHttpServer({ ...withoutTimers, requireHostHeader: false }, attend).on('clientError', refuseBroken)
    http.emit('connection', socket)
  })
}

const placeOf = (config: ServerConfig): string => (config.kind === 'unix' ? config.file : config.host || '0.0.0.0')

const addressOf = (config: ServerConfig): string =>
  config.kind === 'unix' ? config.file : `${placeOf(config)}:${config.port}`

function announce(
  config: ServerConfig,
  rpcInterfaces: readonly string[],
  { daemon: { log }, system }: HttpSurroundings,
): void {
  log.trace(() => `${placeOf(config)}:Medusa (V1.12) started at ${ctime(system.clock.wall())}`)
  for (const name of rpcInterfaces) log.info(`RPC interface '${name}' initialized`)
  if (authorizer(config.credentials) === null)
    log.critical(`Server '${config.section}' running without any HTTP authentication checking`)
}

function unlinkIfPossible({ files }: System, file: string): void {
  try {
    files.unlink(file)
  } catch {
    // gone already, or in a directory of root's that we have left behind with its rights: the next start replaces it
  }
}

/** Clients at a time, fewer where descriptors are scarce. */
const MAX_CONNECTIONS = 256
const MIN_CONNECTIONS = 8

/**
 * Opens all servers in the order given, the inet ones first; resolves when every one of them can be connected to.
 * `before`: what listened before a reload. A server that cannot be opened then is told, and stays where its section was.
 * @throws ServerError without `before`; those opened already are closed then
 */
export async function openServers(
  { servers, rpcInterfaces }: Pick<Config, 'servers' | 'rpcInterfaces'>,
  surroundings: HttpSurroundings,
  before?: readonly ServerConfig[],
): Promise<Servers> {
  const { system } = surroundings
  const most = Math.max(MIN_CONNECTIONS, Math.min(MAX_CONNECTIONS, Math.floor(system.own.limit('NOFILE').soft / 4)))
  const connections = new Connections(most, () =>
    surroundings.daemon.log.warn(
      `${most} clients are connected: for each further one, the most silent one is disconnected`,
    ),
  )
  const handle = router(surroundings)
  const open: { readonly server: Server; readonly config: ServerConfig }[] = []

  const close = async (): Promise<void> => {
    for (const { server, config } of open.splice(0)) {
      server.close()
      if (config.kind === 'unix') unlinkIfPossible(system, config.file)
    }
    // What was decided in this turn is answered first.
    await new Promise<void>(resolve => system.clock.defer(resolve))
    connections.close()
  }

  const listen = async (config: ServerConfig): Promise<void> => {
    const server = serverFor(config, handle, connections, surroundings)
    try {
      if (config.kind === 'inet') await listenOnPort(server, config)
      else await listenOnFile(server, config, system)
    } catch (error) {
      server.close()
      throw error
    }
    open.push({ server, config })
    announce(config, rpcInterfaces, surroundings)
  }

  /** Returns what has become of the section instead. */
  const listenAsBefore = async ({ section }: ServerConfig, before: readonly ServerConfig[]): Promise<string> => {
    const old = before.find(config => config.section === section)
    try {
      if (old) {
        await listen(old)
        return `[${section}] stays at ${addressOf(old)}`
      }
    } catch {
      // the same address, most often
    }
    return `[${section}] is closed until a reload can open it`
  }

  for (const config of servers) {
    try {
      await listen(config)
    } catch (error) {
      if (!before) {
        await close()
        throw error
      }
      const consequence = await listenAsBefore(config, before)
      surroundings.daemon.log.critical(`${consequence}: ${(error as Error).message}`)
    }
  }
  return { listening: open.map(({ config }) => config), close }
}
