/**
 * An instance with the real gateway: the built `caddy-manager`, the real Caddy, applications behind it, and callers; all in a
 * network of its own, where nothing is but loopback.
 */
import type { ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { type Instance, type InstanceOptions, openInstance } from '../support/instance.ts'
import { until } from '../support/lab.ts'
import type { Call, Reply } from './client.ts'

export type { Call, Reply } from './client.ts'

export const TOKEN = 'the+open/button=token'
export const PASSWORD = 'correct horse; battery'
export const COOKIE = 'C.4711_auth_token'

/** What the platform sets. */
export const platform = {
  VAST_CONTAINERLABEL: 'C.4711',
  OPEN_BUTTON_TOKEN: TOKEN,
  WEB_PASSWORD: PASSWORD,
  VAST_TCP_PORT_1111: '41111',
  VAST_TCP_PORT_7860: '47860',
  VAST_TCP_PORT_8188: '48188',
  VAST_TCP_PORT_9000: '49000',
} as const

export const NODE = '/opt/instance-tools/node/bin/node'
const MANAGER = '/opt/instance-tools/lib/caddy-manager'

export class GatewayLab implements AsyncDisposable {
  readonly instance: Instance
  /** of the manager, as far as it has come here: what it has said may come later than what it has done */
  output = ''
  /** resolves to its exit status, or the signal's name */
  managerEnded: Promise<number | string> = Promise.resolve('')

  constructor(instance: Instance) {
    this.instance = instance
  }

  startManager(env: Readonly<Record<string, string>> = {}): void {
    const child = this.instance.start(`echo $$ > /run/manager.pid; exec ${MANAGER}`, { env })
    child.stdout!.setEncoding('utf8').on('data', text => (this.output += text))
    child.stderr!.setEncoding('utf8').on('data', text => (this.output += text))
    this.managerEnded = new Promise(done => child.once('close', (code, signal) => done(code ?? signal!)))
  }

  /** Resolves when it serves, or says why not. */
  async served(): Promise<void> {
    await until('the gateway says how it stands', () => this.state !== undefined).catch(error => {
      throw new Error(`${error.message}: ${this.output}`)
    })
  }

  /** Resolves when the manager has said it. */
  said(text: string): Promise<true> {
    return until(`the gateway says: ${text}`, () => this.output.includes(text))
  }

  /** What it tells others; undefined before that. */
  get state(): { state: string; scheme: string; sites: readonly { name: string; port: number }[] } | undefined {
    try {
      return JSON.parse(this.instance.read('/run/bosun/gateway.json'))
    } catch {
      return undefined
    }
  }

  /** An application on this port; resolves when it listens. */
  async startUpstream(port: number, name = `app-${port}`): Promise<ChildProcess> {
    const child = this.instance.start(`exec ${NODE} /opt/test/upstream.mjs ${port} '${name}'`)
    await this.listens(port)
    return child
  }

  listens(port: number): Promise<true> {
    const isListening = async (): Promise<boolean> =>
      (await this.instance.exec(`ss -ltnH 'sport = :${port}'`)).stdout !== ''
    return until(`somebody listens on ${port}`, isListening)
  }

  async call(...calls: readonly Call[]): Promise<readonly Reply[]> {
    const { stdout, stderr } = await this.instance.exec(`${NODE} /opt/test/client.mjs`, {
      input: JSON.stringify(calls),
    })
    if (stdout === '') throw new Error(`the caller failed: ${stderr}`)
    return JSON.parse(stdout)
  }

  /** A websocket that stays open. */
  async converse(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Conversation> {
    const child = this.instance.start(`exec ${NODE} /opt/test/client.mjs --stay '${url}' '${JSON.stringify(headers)}'`)
    const conversation = new Conversation(child)
    await until('the websocket is open', () => conversation.heard.length > 0)
    return conversation
  }

  /** To one process inside, by the number that it has there. */
  async signal(name: string, pid: string): Promise<void> {
    await this.instance.exec(`kill -${name} ${pid}`)
  }

  get managerPid(): string {
    return this.instance.read('/run/manager.pid').trim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instance[Symbol.asyncDispose]()
  }
}

export class Conversation {
  readonly heard: string[] = []
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
    createInterface({ input: child.stdout! }).on('line', line => this.heard.push(line))
  }

  /** @returns what comes back */
  async say(text: string): Promise<string> {
    const before = this.heard.length
    this.#child.stdin!.write(`${text}\n`)
    await until(`an answer to ${text}`, () => this.heard.length > before)
    return this.heard[before]!
  }

  close(): void {
    this.#child.stdin!.end()
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && !this.heard.some(line => line.startsWith('closed'))
  }
}

const scripts = Promise.all(['upstream', 'client'].map(bundle))

async function bundle(name: string): Promise<readonly [string, string]> {
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, `${name}.ts`)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    // ws is CommonJS, and requires parts of Node
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/')` },
  })
  return [`/opt/test/${name}.mjs`, outputFiles[0]!.text]
}

interface GatewayOptions extends InstanceOptions {
  /** it is not waited for */
  readonly mayFail?: true
}

/** `applications` as in PORTAL_CONFIG */
export async function openGateway(applications: string, options: GatewayOptions = {}): Promise<GatewayLab> {
  const instance = await openInstance({
    ...options,
    env: { ...platform, PORTAL_CONFIG: applications, ...options.env },
    files: { ...Object.fromEntries(await scripts), ...options.files },
  })
  const lab = new GatewayLab(instance)
  lab.startManager()
  if (options.mayFail !== true) await lab.served()
  return lab
}
