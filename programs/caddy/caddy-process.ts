/**
 * One Caddy, with one configuration for as long as it lives. A new configuration gets a new process: both listen on the same
 * ports for a moment (SO_REUSEPORT), and the old one is asked to end, which it does when the last of its connections does.
 * So nothing that is open is cut off. Caddy's own reload would: 2.6.2 closes all websockets with the configuration that they
 * came by, and newer ones when a time is up (docs/decisions.md).
 *
 * A Caddy that ends waits for requests, but not for websockets. So we make one request of our own to it that lasts until
 * nobody else is left.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Logger } from '../common/logger.ts'
import { ADMIN_HOST } from './caddyfile.ts'

export interface CaddyProcess {
  readonly pid: number
  /** resolves to why, when it is gone: `exit status 1`, `SIGKILL` */
  readonly ended: Promise<string>
  /** Listens no more, and ends when nobody is connected to it. @returns whether somebody is, now */
  retire(): Promise<boolean>
  /** Ends within `seconds`, whoever is connected. */
  stop(seconds: number): Promise<void>
}

export interface CaddyOptions {
  readonly binary: string
  readonly caddyfile: string
  /** of its own: made here, and removed at its end */
  readonly directory: string
  readonly log: Pick<Logger, 'error' | 'warn'>
}

/** It does not serve; the message is Caddy's own. */
export class CaddyError extends Error {
  override readonly name = 'CaddyError'
}

const START_LIMIT_MS = 30_000
/** One that does not answer is let go of, with all websockets: on a busy machine a few seconds are nothing. */
const ANSWER_LIMIT_MS = 30_000
const LOOK_AGAIN_MS = 1000
/** Our own request is one to the gate. */
const OURS = 1

/** Resolves when it listens on all ports. @throws CaddyError when it does not; nothing is left of it then */
export async function startCaddy({ binary, caddyfile, directory, log }: CaddyOptions): Promise<CaddyProcess> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'Caddyfile')
  writeFileSync(file, caddyfile)
  const listening = await expectPing()
  const child = spawn(
    'setpriv', // it must not outlive us: it would go on listening beside its successor
    [
      ...['--pdeathsig', 'KILL', '--', binary, 'run', '--config', file, '--adapter', 'caddyfile'],
      ...['--pingback', listening.address],
    ],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      // a signal to our whole group is for us: we end it when we have let go of it
      detached: true,
      // nothing of ours: a Caddyfile can ask for variables
      env: {
        PATH: process.env.PATH,
        CADDY_RUN: directory,
        HOME: directory,
        XDG_CONFIG_HOME: directory,
        XDG_DATA_HOME: directory,
      },
    },
  )
  const ended = new Promise<string>(done => {
    child.once('error', error => done(error.message))
    child.once('close', (code, signal) => done(signal ?? `exit status ${code}`))
  }).finally(() => rmSync(directory, { recursive: true, force: true }))
  const lastWords = followLog(child, log)
  child.stdin!.on('error', () => {}).end(listening.secret)
  const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
  const failure = await Promise.race([listening.pinged, ended])
  clearTimeout(limit)
  listening.close()
  if (failure !== undefined) throw new CaddyError(lastWords() || `it ended with ${failure}`)
  return new RunningCaddy(child, ended, directory, log)
}

class RunningCaddy implements CaddyProcess {
  readonly pid: number
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #log: CaddyOptions['log']
  #hold: IncomingMessage | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(child: ChildProcess, ended: Promise<string>, directory: string, log: CaddyOptions['log']) {
    this.#child = child
    this.pid = child.pid!
    this.ended = ended
    this.#directory = directory
    this.#log = log
    void ended.then(() => this.#release())
  }

  async retire(): Promise<boolean> {
    try {
      this.#hold = await this.#begin('hold.sock', '/')
    } catch (error) {
      this.#log.warn({ err: error }, 'cannot keep websockets open through a change of configuration')
    }
    this.#child.kill('SIGTERM')
    // nobody tells when the last connection ends
    this.#timer = setInterval(() => void this.#look(), LOOK_AGAIN_MS)
    return this.#look()
  }

  async stop(seconds: number): Promise<void> {
    this.#release()
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), seconds * 1000)
    await this.ended
    clearTimeout(timer)
  }

  /** Lets go when nobody is left. @returns whether somebody is */
  async #look(): Promise<boolean> {
    try {
      const answer = await this.#begin('admin.sock', '/reverse_proxy/upstreams')
      const busy = openRequests(await text(answer)) > OURS
      if (!busy) this.#release()
      return busy
    } catch {
      this.#release()
      return false
    }
  }

  #release(): void {
    clearInterval(this.#timer)
    this.#hold?.destroy()
  }

  /** The beginning of an answer to our own question. */
  #begin(socket: string, path: string): Promise<IncomingMessage> {
    return new Promise((done, fail) => {
      const options = { socketPath: join(this.#directory, socket), path, headers: { host: ADMIN_HOST }, agent: false }
      const question = request(options, answer => {
        clearTimeout(limit)
        done(answer.on('error', () => {}))
      })
      const limit = setTimeout(() => question.destroy(new Error('no answer')), ANSWER_LIMIT_MS)
      question.on('error', fail).end()
    })
  }
}

/** `[{"address":"localhost:18188","num_requests":2,…}]` → 2; what is not that: 0 */
export function openRequests(json: string): number {
  try {
    const upstreams = JSON.parse(json) as readonly { num_requests: number }[]
    return upstreams.reduce((sum, { num_requests }) => sum + num_requests, 0)
  } catch {
    return 0
  }
}

/** Caddy's log becomes ours. @returns what it said last in plain text: why it does not start */
function followLog(child: ChildProcess, log: CaddyOptions['log']): () => string {
  let lastWords = ''
  createInterface({ input: child.stderr! }).on('line', line => {
    const entry = parseEntry(line)
    if (entry === undefined) lastWords = line.replace(/^Error: /, '').slice(0, 1000)
    else if (entry.level === 'error')
      log.error({ logger: entry.logger }, [entry.msg, entry.error].filter(Boolean).join(': '))
  })
  return () => lastWords
}

interface Entry {
  readonly level?: string
  readonly logger?: string
  readonly msg?: string
  readonly error?: string
}

function parseEntry(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry
  } catch {
    return undefined
  }
}

/** Where Caddy says that it listens, by what it has been told on its stdin. */
async function expectPing(): Promise<{
  address: string
  secret: string
  pinged: Promise<undefined>
  close: () => void
}> {
  const secret = randomBytes(32).toString('hex')
  const server = createServer()
  const pinged = new Promise<undefined>(done => {
    server.on('connection', (socket: Socket) => {
      let told = ''
      socket.setTimeout(1000, () => socket.destroy())
      socket.on('error', () => {})
      socket.on('data', data => {
        told += data.toString('latin1')
        if (told.length >= secret.length) socket.destroy()
        if (told === secret) done(undefined)
      })
    })
  })
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return { address: `127.0.0.1:${port}`, secret, pinged, close: () => void server.close() }
}
