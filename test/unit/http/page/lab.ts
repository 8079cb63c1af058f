import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openPages } from '../../../../supervisor/http/page/pages.ts'
import { openRpcInterface } from '../../../../supervisor/rpc/dispatch.ts'
import type { FollowedFiles } from '../../../../supervisor/system/followed-file.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { type FakeDaemon, fakeDaemon } from '../../../support/fake-daemon.ts'
import { fakeMachine } from '../../../support/fake-machine.ts'

/** Log files in memory that tell when they grow. */
export class FakeLogFiles implements FollowedFiles {
  readonly #contents = new Map<string, Buffer>()
  readonly #watchers = new Set<readonly [path: string, changed: () => void]>()
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  get watched(): number {
    return this.#watchers.size
  }

  append(path: string, text: string | Uint8Array): void {
    this.#contents.set(path, Buffer.concat([this.#contents.get(path) ?? Buffer.alloc(0), Buffer.from(text)]))
    for (const [watched, changed] of this.#watchers) if (watched === path) changed()
  }

  open(path: string): ReturnType<FollowedFiles['open']> {
    if (!this.#contents.has(path)) return null
    const content = (): Buffer => this.#contents.get(path)!
    return {
      size: () => content().length,
      read: (position, length) => content().subarray(position, position + length),
      isReplaced: () => false,
      close: () => {},
    }
  }

  watch(path: string, changed: () => void): () => void {
    const watcher = [path, changed] as const
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  soon(run: () => void): void {
    this.#clock.defer(run)
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Stream {
  /** Resolves with the data of the next event of that name, whatever comes before it. */
  next(event: string): Promise<unknown>
  readonly lastId: () => string
  readonly received: () => string
  close(): Promise<void>
}

export interface PageLab {
  readonly daemon: FakeDaemon
  readonly clock: FakeClock
  readonly logs: FakeLogFiles
  ask(line: string, options?: { headers?: Record<string, string>; body?: string }): Promise<Answer>
  /** Presses a button as the page would: the token of the page, by POST. */
  press(form: Record<string, string>): Promise<Answer>
  token(): Promise<string>
  events(query?: string, headers?: Record<string, string>): Promise<Stream>
}

const open: (() => Promise<void>)[] = []

/** For afterEach. */
export async function closeLabs(): Promise<void> {
  for (const close of open.splice(0)) await close()
}

export async function pageLab({
  groups = { x: [{}] } as Parameters<typeof fakeDaemon>[0],
  files = {} as Readonly<Record<string, string>>,
  trusted = false,
} = {}): Promise<PageLab> {
  const clock = new FakeClock()
  const daemon = fakeDaemon(groups)
  const logs = new FakeLogFiles(clock)
  const rpc = openRpcInterface(['supervisor'], { daemon, clock, files: fakeMachine({ files }).files })
  const pages = openPages({ daemon, clock, rpc, followedFiles: logs })
  const server = createServer((incoming, response) => pages(incoming, response, { trusted }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  open.push(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  const ask: PageLab['ask'] = (line, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const [method = '', path = ''] = line.split(' ')
      const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
      const outgoing = request({ port, method, path, headers: { ...length, ...headers } }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        )
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  const token = async (): Promise<string> => /name="token" value="([^"]+)"/.exec((await ask('GET /')).body)![1]!

  return {
    daemon,
    clock,
    logs,
    ask,
    token,
    press: async form =>
      ask('POST /index.html', { body: new URLSearchParams({ ...form, token: await token() }).toString() }),
    events: (query = '', headers = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = request({ port, path: `/events${query}`, headers }, response => {
          let received = ''
          let taken = 0
          let check = (): void => {}
          response.setEncoding('utf8').on('data', (text: string) => {
            received += text
            check()
          })
          const next = (event: string): Promise<unknown> =>
            new Promise(found => {
              check = () => {
                for (let end = received.indexOf('\n\n', taken); end >= 0; end = received.indexOf('\n\n', taken)) {
                  const lines = received.slice(taken, end).split('\n')
                  taken = end + 2
                  if (!lines.includes(`event: ${event}`)) continue
                  check = () => {}
                  found(JSON.parse(lines.find(line => line.startsWith('data: '))!.slice(6)))
                  return
                }
              }
              check()
            })
          resolve({
            next,
            received: () => received,
            lastId: () => [...received.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '',
            close: () =>
              new Promise(closed => {
                response.once('close', () => closed())
                response.destroy()
              }),
          })
        })
        outgoing.on('error', reject)
        outgoing.end()
      }),
  }
}
