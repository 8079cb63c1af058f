/**
 * A temporary directory with a real daemon in it, driven as outsiders do: by supervisorctl, files and signals. The
 * commands are the built ones, or what SUPERVISORD and SUPERVISORCTL say.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ListenOptions, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
export const SUPERVISORD = process.env.SUPERVISORD ?? resolve(root, 'dist/supervisord')
export const SUPERVISORCTL = process.env.SUPERVISORCTL ?? resolve(root, 'dist/supervisorctl')
export const PYTHON_SUPERVISORD = '/usr/bin/supervisord'
export const PYTHON_SUPERVISORCTL = '/usr/bin/supervisorctl'
/** For what differs on purpose. */
export const isOriginal = SUPERVISORD === PYTHON_SUPERVISORD

const HEADER = `[unix_http_server]
file=%(here)s/s.sock
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
[include]
files = conf.d/*.conf
`

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Tries until it answers something other than false, null or undefined; the last time when the time is up. `what` as a
 * function tells how things are then.
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | Promise<T>,
  seconds = 60,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const isLast = performance.now() > end
    const got = await probe()
    if (got !== false && got !== null && got !== undefined) return got as Exclude<T, false | null | undefined>
    if (isLast) throw new Error(`timed out after ${seconds} s: ${typeof what === 'string' ? what : what()}`)
    await new Promise(next => setTimeout(next, 20))
  }
}

/** undefined: somebody else does. Keeps no process alive. */
const tryToListen = (where: ListenOptions): Promise<Server | undefined> =>
  new Promise(done => {
    const server = createServer().once('error', () => done(undefined))
    server.listen(where, () => done(server.unref()))
  })

/**
 * A TCP port that nobody listens on, and that nobody else gets while this process lives: no other test, as an abstract socket
 * stands for each that is given away; and no connection, whose ports the kernel takes from 32768 on.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    if ((await tryToListen({ path: `\0bosun-test-port-${port}` })) === undefined) continue
    const server = await tryToListen({ host: '0.0.0.0', port })
    if (server === undefined) continue
    await new Promise(closed => server.close(closed))
    return port
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

export class Lab {
  readonly directory = mkdtempSync(join(tmpdir(), 'bosun-'))
  daemon: ChildProcess | null = null

  constructor(conf: string) {
    mkdirSync(this.path('conf.d'))
    this.write('supervisord.conf', HEADER + conf)
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  /** `{dir}` in the text is the lab's directory. */
  write(name: string, text: string, mode = text.startsWith('#!') ? 0o755 : 0o644): string {
    writeFileSync(this.path(name), text.replaceAll('{dir}', this.directory), { mode })
    return this.path(name)
  }

  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : ''
  }

  /** Starts the daemon and waits until it answers. `prefix` is a command line that runs the rest. */
  async start({ supervisord = SUPERVISORD, prefix = [] as string[], env = process.env } = {}): Promise<this> {
    const [command, ...args] = [...prefix, supervisord, '-n', '-c', this.path('supervisord.conf')]
    this.daemon = spawn(command!, args, { cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'], env })
    let stderr = ''
    this.daemon.stderr!.on('data', data => (stderr += data))
    await until('the daemon answers', () => {
      if (hasEnded(this.daemon!)) throw new Error(`the daemon ended: ${stderr}`)
      return existsSync(this.path('s.sock')) && this.ctl('pid').status === 0
    })
    return this
  }

  ctl(...words: string[]): Outcome {
    return this.run(SUPERVISORCTL, '-c', this.path('supervisord.conf'), ...words)
  }

  run(command: string, ...args: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.directory,
      encoding: 'utf8',
      timeout: 120_000,
    })
    return { status, stdout, stderr }
  }

  untilState(namespec: string, state: string): Promise<string> {
    return until(`${namespec} is ${state}`, () => {
      const line = this.ctl('status', namespec).stdout
      return line.split(/\s+/)[1] === state && line
    })
  }

  untilFile(name: string, pattern: RegExp): Promise<RegExpExecArray> {
    return until(
      () => `${name} has ${pattern}: ${this.read(name)}`,
      () => pattern.exec(this.read(name)),
    )
  }

  /** Ends the daemon; its exit status. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { daemon } = this
    if (!daemon || hasEnded(daemon)) return daemon?.exitCode ?? null
    const ended = new Promise<number | null>(resolve => daemon.once('exit', resolve))
    daemon.kill(signal)
    return ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
