/** One daemon with many programs of our own making, for what bench.py does not measure. Ends and removes what it made. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A static program from C source. @throws Error without a compiler */
export function buildProgram(source: string, path: string): string {
  const built = spawnSync('cc', ['-O2', '-static', '-x', 'c', '-', '-o', path], { input: source })
  if (built.status !== 0) throw new Error(`cc (package gcc) cannot build the program: ${built.stderr}`)
  return path
}

export interface DaemonRunOptions {
  /** path */
  readonly supervisord: string
  /** Each gets the path of a FIFO as its last word, and writes its pid and a newline there when it runs. */
  readonly command: string
  readonly programs: number
  /** of each program's section */
  readonly options?: readonly string[]
}

/** A daemon whose programs all run. */
export class DaemonRun implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'bosun-bench-'))
  readonly conf = join(this.directory, 'conf')
  readonly programs: number
  /** ms from the start of the daemon until the last program ran */
  boot = 0
  /** lines that the programs have written to the FIFO; the first of each is its pid */
  readonly said: string[] = []
  #daemon: ChildProcess | undefined
  #ended: Promise<never> | undefined
  #stamps: Socket
  #told = () => {}

  private constructor({ command, programs, options = [] }: DaemonRunOptions) {
    this.programs = programs
    const fifo = join(this.directory, 'fifo')
    writeFileSync(this.conf, this.#renderConfig(`${command} ${fifo}`, options))
    execFileSync('mkfifo', [fifo])
    this.#stamps = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK) })
    let rest = ''
    this.#stamps.on('data', data => {
      const lines = (rest + data).split('\n')
      rest = lines.pop()!
      this.said.push(...lines)
      this.#told()
    })
  }

  static async start(options: DaemonRunOptions): Promise<DaemonRun> {
    const run = new DaemonRun(options)
    try {
      const started = performance.now()
      run.#daemon = spawn(options.supervisord, ['-n', '-c', run.conf], { stdio: 'ignore' })
      run.#ended = new Promise((_, reject) => {
        run.#daemon!.once('exit', code => reject(new Error(`supervisord has ended with ${code}: ${run.#lastWords()}`)))
      })
      run.#ended.catch(() => {})
      await run.until(options.programs)
      run.boot = performance.now() - started
      return run
    } catch (error) {
      await run[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Waits for that many lines in the FIFO. */
  async until(lines: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#told = () => {
      if (this.said.length >= lines) resolve()
    }
    this.#told()
    await Promise.race([promise, this.#ended])
  }

  get pid(): number {
    return this.#daemon!.pid!
  }

  get pids(): readonly number[] {
    return this.said.slice(0, this.programs).map(Number)
  }

  /** µs of all threads of the daemon */
  get cpu(): number {
    return readdirSync(`/proc/${this.pid}/task`)
      .map(task => Number(readFileSync(`/proc/${this.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
      .reduce((sum, nanoseconds) => sum + nanoseconds / 1000, 0)
  }

  log(program: number): string {
    return join(this.directory, `p${program}.log`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const daemon = this.#daemon
    daemon?.kill()
    while (daemon && daemon.exitCode === null && daemon.signalCode === null) await wait(10)
    this.#stamps.destroy()
    rmSync(this.directory, { recursive: true })
  }

  #renderConfig(command: string, options: readonly string[]): string {
    const { directory } = this
    const sections = Array.from({ length: this.programs }, (_, n) =>
      [
        `[program:p${n}]`,
        `command=${command}`,
        'startsecs=0',
        'redirect_stderr=true',
        `stdout_logfile=${this.log(n)}`,
        ...options,
      ].join('\n'),
    )
    return `[unix_http_server]
file=${directory}/s
[supervisord]
logfile=${directory}/activity
pidfile=${directory}/pid
silent=true
minfds=${this.programs * 4 + 256}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${directory}/s
${sections.join('\n')}
`
  }

  #lastWords(): string {
    try {
      return readFileSync(join(this.directory, 'activity'), 'utf8').split('\n').slice(-3).join(' ')
    } catch {
      return 'without a word'
    }
  }
}
