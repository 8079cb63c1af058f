import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { ServerConfig } from '../../../supervisor/config/config.ts'
import { type HttpSurroundings, openServers, type Servers } from '../../../supervisor/http/server.ts'
import { openRpcInterface } from '../../../supervisor/rpc/dispatch.ts'
import { clock } from '../../../supervisor/system/clock.ts'
import { files } from '../../../supervisor/system/files.ts'
import { followedFiles } from '../../../supervisor/system/followed-file.ts'
import type { System } from '../../../supervisor/system/system.ts'
import { type FakeDaemon, fakeDaemon } from '../../support/fake-daemon.ts'

/** The real files and the real clock; what is said on stderr is kept. */
export function testSystem(): System & { readonly said: string[] } {
  const said: string[] = []
  const users = { userById: () => ({ name: 'somebody', uid: process.getuid!(), gid: 0, home: '/' }) }
  return {
    clock,
    files,
    users,
    host: { pid: process.pid, uid: () => process.getuid!() },
    own: { writeError: (text: string) => void said.push(text), limit: () => ({ soft: 1024, hard: 1024 }), worked() {} },
    said,
  } as unknown as System & { said: string[] }
}

export const unixServer = (file: string, change: Partial<ServerConfig> = {}): ServerConfig =>
  ({
    kind: 'unix',
    section: 'unix_http_server',
    credentials: null,
    file,
    chmod: 0o700,
    chown: { uid: -1, gid: -1 },
    ...change,
  }) as ServerConfig

/** What a server sends on one connection, until it closes or `enough` says so. */
export interface Talk {
  readonly received: () => string
  send(text: string | Buffer): void
  until(part: string): Promise<string>
  closed: Promise<string>
  end(): void
  destroy(): void
  /** Reads nothing until `resume`. */
  pause(): void
  resume(): void
}

export function talk(to: string | number): Talk {
  const socket = typeof to === 'string' ? createConnection(to) : createConnection(to, '127.0.0.1')
  const chunks: Buffer<ArrayBuffer>[] = []
  const received = (): string => Buffer.concat(chunks).toString('latin1')
  const waiting = new Set<() => void>()
  socket.on('data', (chunk: Buffer<ArrayBuffer>) => {
    chunks.push(chunk)
    for (const check of [...waiting]) check()
  })
  socket.on('error', () => {})
  const closed = new Promise<string>(resolve => socket.once('close', () => resolve(received())))
  return {
    received,
    closed,
    send: text => void socket.write(text),
    until: part =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!received().includes(part)) return
          waiting.delete(check)
          resolve(received())
        }
        closed.then(() => reject(new Error(`closed before ${part}: ${received()}`)))
        waiting.add(check)
        check()
      }),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  }
}

export interface Lab {
  readonly directory: string
  readonly file: string
  readonly daemon: FakeDaemon
  readonly system: ReturnType<typeof testSystem>
  readonly servers: Servers
  /** Sends it and waits for the end of the connection, which the request has to ask for. */
  ask(request: string, to?: string | number): Promise<string>
  talk(to?: string | number): Talk
}

const labs: (() => Promise<void>)[] = []

/** Closes all labs of a test; for afterEach. */
export async function closeLabs(): Promise<void> {
  for (const close of labs.splice(0)) await close()
}

export async function openLab({
  groups = { x: [{}] } as Parameters<typeof fakeDaemon>[0],
  servers = (directory: string): readonly ServerConfig[] => [unixServer(join(directory, 's.sock'))],
  rpcInterfaces = ['supervisor'],
  more = {} as Partial<HttpSurroundings>,
} = {}): Promise<Lab> {
  const directory = mkdtempSync('/tmp/http-')
  const file = join(directory, 's.sock')
  const system = testSystem()
  const daemon = fakeDaemon(groups)
  const rpc = openRpcInterface(rpcInterfaces, { daemon, clock, files })
  const surroundings = { system, daemon, rpc, followedFiles, ...more }
  const open = await openServers({ servers: servers(directory), rpcInterfaces }, surroundings)
  labs.push(async () => {
    await open.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    directory,
    file,
    daemon,
    system,
    servers: open,
    ask(request, to = file) {
      const { send, closed } = talk(to)
      send(request)
      return closed
    },
    talk: (to = file) => talk(to),
  }
}

export const call = (method: string, ...params: string[]): string =>
  `<methodCall><methodName>supervisor.${method}</methodName><params>` +
  `${params.map(param => `<param><value>${param}</value></param>`).join('')}</params></methodCall>`

/** A whole request; `Connection: close` unless `keep`. */
export function request(line: string, { body = '', headers = [] as string[], keep = false } = {}): string {
  const head = [`${line} HTTP/1.1`, 'Host: localhost', ...(keep ? [] : ['Connection: close']), ...headers]
  if (body) head.push(`Content-Length: ${Buffer.byteLength(body)}`)
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

export const post = (body: string, options: { headers?: string[]; keep?: boolean } = {}): string =>
  request('POST /RPC2', { ...options, body })
