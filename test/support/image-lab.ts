import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { execa } from 'execa'

const root = resolve(import.meta.dirname, '../..')

/** Limits are for what hangs: a machine may be slow, and busy. */
const LIMIT_MS = 180_000
/** Building from nothing takes a minute and a half where nothing else goes on; so does making the base images. */
const BUILD_LIMIT_MS = 1_800_000
/** For tests that build: two images at most, and what they are made of. */
export const BUILD_MS = 2 * BUILD_LIMIT_MS

/** Of our containers and networks: the process whose they are. What is left of a process that is gone goes at the next start. */
const OWNER = 'bosun.test.owner'

export interface Outcome {
  /** exit status; 124 when it did not end in time */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** both, in the order in which they came */
  readonly all: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** further arguments of `podman run`: `['--memory=256m', '--network=none']` */
  readonly options?: readonly string[]
  /** after the image: arguments of its entrypoint */
  readonly command?: readonly string[]
}

export interface ExecOptions {
  readonly user?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
}

export interface BuildOptions {
  /** the folder that is sent to the builder */
  readonly context: string
  /** `context`'s Dockerfile unless given */
  readonly file?: string
  readonly args?: Readonly<Record<string, string>>
}

/**
 * image-lab's folder: $IMAGE_LAB, or `shared/tools/image-lab` beside this checkout.
 * @throws Error that says what is missing; without it nothing can be built, and a test that skips itself shows nothing
 */
function findLab(): string {
  const lab = process.env.IMAGE_LAB ?? resolve(root, '../shared/tools/image-lab')
  if (!existsSync(join(lab, 'build.sh')))
    throw new Error(
      `cannot build an image: no build.sh in ${lab}. Have shared/ beside this checkout, or set IMAGE_LAB to image-lab's folder`,
    )
  return lab
}

/** Runs a command to its end; what its exit status means is the caller's business. `timeout` ends all that it has started, too. */
async function run(command: readonly string[], { input, timeoutMs = LIMIT_MS }: ExecOptions): Promise<Outcome> {
  const done = await execa('timeout', ['--kill-after=10', String(timeoutMs / 1000), ...command], {
    // podman's monitor leaves a file `oom` where it was started, when memory was short
    cwd: tmpdir(),
    env: renderEnvironment(),
    extendEnv: false,
    reject: false,
    all: true,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  })
  return { status: done.exitCode ?? 128, stdout: done.stdout, stderr: done.stderr, all: done.all }
}

/** The scripts use the npm of this machine: what `npm run` sets up for our own would make it look for itself in node_modules. */
function renderEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))
  const path = (process.env.PATH ?? '').split(':').filter(directory => !directory.endsWith('/node_modules/.bin'))
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(':'),
    CONTAINERS_CONF: join(podmanFiles, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(podmanFiles, 'storage.conf'),
  }
}

/**
 * podman's settings as image-lab makes them, in copies: each of its scripts writes them anew, and for a moment they are empty.
 * Besides, podman alone answers in half the time of podman.sh. This may go when image-lab renames its new files over the old.
 */
const podmanFiles = resolve(root, '.run/image-lab')
const COPY_PODMAN_FILES = `. "$1/lib.sh"
lab_ready
for _ in {1..600}; do
  cp "$CONTAINERS_CONF" "$2/containers.conf.$$" && cp "$CONTAINERS_STORAGE_CONF" "$2/storage.conf.$$"
  if grep -q ^default_subnet_pools "$2/containers.conf.$$" && grep -q ^runroot "$2/storage.conf.$$"; then
    mv "$2/containers.conf.$$" "$2/containers.conf" && mv "$2/storage.conf.$$" "$2/storage.conf"
    exit
  fi
  sleep 0.1
done
exit 1`

/** Of the scripts, those that run one at a time: test files run side by side, and the second finds what the first has built. */
const alone: ReadonlySet<string> = new Set(['build.sh', 'make-base.sh'])

/** One of image-lab's scripts. */
async function runScript(name: string, args: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
  const script = join(findLab(), name)
  const command = [...(alone.has(name) ? ['flock', script] : []), 'bash', script, ...args]
  for (let tries = 1; ; tries++) {
    const outcome = await run(command, options)
    if (tries === 20 || !foundNoSettings(outcome)) return outcome
    await wait(500)
  }
}

/** What podman says that found its settings half-written: it has done nothing then. */
const foundNoSettings = ({ status, stderr }: Outcome): boolean =>
  status !== 0 && /Failed to obtain podman configuration|runroot must be set|no such network/.test(stderr)

const tryPodman = (args: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
  run(['podman', ...args], options)

const podman = async (args: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
  succeeded(`podman ${args[0]}`, await tryPodman(args, options))

/** @throws Error with the end of what it said */
function succeeded(what: string, outcome: Outcome): Outcome {
  if (outcome.status === 0) return outcome
  const said = outcome.all.trimEnd().split('\n').slice(-40).join('\n')
  throw new Error(`${what} ended with ${outcome.status}:\n${said}`)
}

/** What an earlier run left that did not come to its end; and layers that no build has used for a day. */
async function removeLeftovers(): Promise<void> {
  const containers: readonly { Id: string; Labels: Labels }[] = await listed('ps', '-a')
  for (const { Id, Labels } of containers) if (isLeftOver(Labels)) await tryPodman(['rm', '-f', '-v', '-t', '0', Id])
  const networks: readonly { name: string; labels?: Labels }[] = await listed('network', 'ls')
  for (const { name, labels } of networks) if (isLeftOver(labels)) await tryPodman(['network', 'rm', '-f', name])
  await podman(['image', 'prune', '-f', '--filter', 'until=24h'])
}

type Labels = Readonly<Record<string, string>> | null | undefined

const listed = async (...args: readonly string[]) => JSON.parse((await podman([...args, '--format', 'json'])).stdout)

const isLeftOver = (labels: Labels): boolean => labels?.[OWNER] !== undefined && !existsSync(`/proc/${labels[OWNER]}`)

/** The defaults of the Dockerfile, which is where they stand: `debian:bookworm-slim`, `node:24-bookworm-slim`. */
function readBaseImages(): { base: string; node: string } {
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8')
  const [base, node] = ['BASE_IMAGE', 'NODE_IMAGE'].map(name => new RegExp(`^ARG ${name}=(\\S+)$`, 'm').exec(text)?.[1])
  if (base === undefined || node === undefined)
    throw new Error('the Dockerfile has no default for BASE_IMAGE or NODE_IMAGE')
  return { base, node }
}

/** Stand-ins for the published images that the Dockerfile builds on; they stay on the machine. */
async function ensureBaseImages(): Promise<void> {
  const { base, node } = readBaseImages()
  const missing: string[] = []
  for (const image of [base, node])
    if ((await tryPodman(['image', 'exists', `localhost/${image}`])).status !== 0) missing.push(image)
  if (missing.length === 0) return
  const suite = /:(\w+)-slim$/.exec(base)?.[1]
  const major = /:(\d+)-/.exec(node)?.[1]
  if (suite === undefined || major === undefined)
    throw new Error(`cannot make ${missing.join(' and ')} with make-base.sh`)
  const made = await runScript('make-base.sh', ['--suite', suite, '--node', major], { timeoutMs: BUILD_LIMIT_MS })
  succeeded('make-base.sh', made)
}

let firstUse: Promise<void> | undefined

/** Once per process, before anything else of the lab is used. */
const prepare = (): Promise<void> =>
  (firstUse ??= (async () => {
    mkdirSync(podmanFiles, { recursive: true, mode: 0o700 })
    const copied = await run(['bash', '-c', COPY_PODMAN_FILES, 'image-lab', findLab(), podmanFiles], {
      timeoutMs: BUILD_LIMIT_MS,
    })
    succeeded('image-lab', copied)
    await removeLeftovers()
    await ensureBaseImages()
  })())

/** → the id of the image: its name goes to the next one. Layers that have not changed are kept from the last build. */
export async function buildImage({ context, file, args = {} }: BuildOptions): Promise<string> {
  await prepare()
  const scratch = mkdtempSync(join(tmpdir(), 'bosun-image-'))
  try {
    const iidFile = join(scratch, 'iid')
    const built = await runScript(
      'build.sh',
      [
        ...['-t', 'localhost/bosun-test', '--iidfile', iidFile, '-f', file ?? join(context, 'Dockerfile')],
        ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
        context,
      ],
      { timeoutMs: BUILD_LIMIT_MS },
    )
    succeeded('build.sh', built)
    return readFileSync(iidFile, 'utf8').trim()
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

let image: Promise<string> | undefined

/** This checkout's image, built once per process. */
export const bosunImage = (): Promise<string> => (image ??= buildImage({ context: root }))

/** Bytes of all layers, the base image's included. */
export const imageSize = async (id: string): Promise<number> =>
  Number((await podman(['image', 'inspect', '-f', '{{.Size}}', id])).stdout)

/** What the image says of itself: `.Config`, as in Docker. */
export async function imageConfig(id: string): Promise<ImageConfig> {
  return JSON.parse((await podman(['image', 'inspect', '-f', '{{json .Config}}', id])).stdout)
}

export interface ImageConfig {
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
  readonly StopSignal: string
}

/** Of a process of this machine; nothing when it is gone. */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** A container that runs; `await using` removes it. */
export class Container implements AsyncDisposable {
  readonly id: string
  /** its process-id namespaces, one for each start, which outlive it in processes that were left behind */
  readonly #namespaces: string[] = []

  constructor(id: string) {
    this.id = id
  }

  /** To be called after each start. */
  async started(): Promise<this> {
    const pid = await this.inspect('{{.State.Pid}}')
    const namespace = namespaceOf(pid)
    if (namespace !== undefined) this.#namespaces.push(namespace)
    return this
  }

  /** Runs bash code inside. */
  exec(code: string, options: ExecOptions = {}): Promise<Outcome> {
    const { user, env = {}, input } = options
    return tryPodman(
      [
        'exec',
        ...(input === undefined ? [] : ['-i']),
        ...(user === undefined ? [] : ['--user', user]),
        ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...[this.id, 'bash', '-c', code],
      ],
      options,
    )
  }

  /** What it has said until now: stdout and stderr. */
  async logs(): Promise<string> {
    return (await podman(['logs', this.id])).all
  }

  /**
   * Waits for a line of its log, since its last start.
   * @throws Error with the end of the log, when the container ends or the time is over before
   */
  async said(pattern: RegExp, timeoutMs = LIMIT_MS): Promise<void> {
    const since = await this.inspect('{{.State.StartedAt.Format "2006-01-02T15:04:05.999999999Z07:00"}}')
    const follow = spawn('sh', ['-c', 'exec podman logs -f --since "$0" "$1" 2>&1', since, this.id], {
      env: renderEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: timeoutMs,
    })
    const closed = once(follow, 'close')
    const seen: string[] = []
    try {
      for await (const line of createInterface({ input: follow.stdout })) {
        if (pattern.test(line)) return
        if (seen.push(line) > 40) seen.shift()
      }
    } finally {
      follow.kill('SIGKILL')
      await closed
    }
    throw new Error(`its log never said ${pattern}; it ends with:\n${seen.join('\n')}`)
  }

  /** One fact of `podman inspect`: `'{{.State.Status}}'`. */
  async inspect(format: string): Promise<string> {
    return (await podman(['inspect', '-f', format, this.id])).stdout.trim()
  }

  /** The image's HEALTHCHECK, once. @throws Error when it does not end */
  async isHealthy(): Promise<boolean> {
    const { status } = await tryPodman(['healthcheck', 'run', this.id])
    if (status === 124) throw new Error('the health check did not come to its end')
    return status === 0
  }

  /** SIGTERM, and SIGKILL after `graceSeconds`; → the exit status (137: it was killed). The vendor gives 10 s, on a quick machine. */
  async stop(graceSeconds = 60): Promise<number> {
    await podman(['stop', '-t', String(graceSeconds), this.id], { timeoutMs: graceSeconds * 1000 + LIMIT_MS })
    return this.exitStatus()
  }

  /** SIGKILL to all of it at once, as a power cut. */
  async kill(): Promise<void> {
    await podman(['kill', '-s', 'KILL', this.id])
    await podman(['wait', this.id])
  }

  /** Waits until it has ended by itself. */
  async ended(timeoutMs = LIMIT_MS): Promise<number> {
    await podman(['wait', this.id], { timeoutMs })
    return this.exitStatus()
  }

  async exitStatus(): Promise<number> {
    return Number(await this.inspect('{{.State.ExitCode}}'))
  }

  /** Starts it again after a stop: its files are as they were. */
  async restart(): Promise<void> {
    await podman(['start', this.id])
    await this.started()
  }

  /** Process ids on this machine of what was started in it and still lives. */
  processes(): readonly string[] {
    return readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && this.#namespaces.includes(namespaceOf(pid) ?? ''))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await podman(['rm', '-f', '-v', '-t', '0', this.id])
  }
}

/** Starts an image as `docker run -d` does. */
export async function runContainer(
  imageId: string,
  { env = {}, options = [], command = [] }: RunOptions = {},
): Promise<Container> {
  await prepare()
  const { stdout } = await podman([
    ...['run', '-d', '--label', `${OWNER}=${process.pid}`],
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...options,
    imageId,
    ...command,
  ])
  return new Container(stdout.trim()).started()
}

/**
 * Runs a command in an emulated machine that has the image's files and a kernel of its own, as root; ten times as slow.
 * `files` of this machine lie in `/` there.
 */
export async function emulate(
  imageId: string,
  command: readonly string[],
  { files = [], timeoutMs = 900_000 }: { files?: readonly string[]; timeoutMs?: number } = {},
): Promise<Outcome> {
  await prepare()
  const options = ['--mem', '1024', '--timeout', String(timeoutMs / 1000), ...files.flatMap(file => ['--copy', file])]
  return succeeded('vm-run.sh', await runScript('vm-run.sh', [...options, imageId, ...command], { timeoutMs }))
}

/** A network of containers on this machine; from here its containers are reached by their addresses. */
export class Network implements AsyncDisposable {
  readonly name: string
  /** this machine's own address in it */
  readonly gateway: string

  constructor(name: string, gateway: string) {
    this.name = name
    this.gateway = gateway
  }

  /** `address(7)` → `10.213.4.7` */
  address(host: number): string {
    return this.gateway.replace(/\d+$/, String(host))
  }

  /** What runs a command as another host of the network, for those who start it themselves. */
  clientCommand(address: string, command: readonly string[]): readonly string[] {
    return ['bash', join(findLab(), 'client-ns.sh'), this.name, address, ...command]
  }

  /** Runs a command as another host of the network, with an address of its own. A container must be running in it. */
  client(address: string, command: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    return runScript('client-ns.sh', [this.name, address, ...command], options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await podman(['network', 'rm', '-f', this.name])
  }
}

let networks = 0

export async function openNetwork(...options: readonly string[]): Promise<Network> {
  await prepare()
  const name = `bosun-${process.pid}-${++networks}`
  await podman(['network', 'create', '--label', `${OWNER}=${process.pid}`, ...options, name])
  const { stdout } = await podman(['network', 'inspect', '-f', '{{range .Subnets}}{{.Gateway}}{{end}}', name])
  return new Network(name, stdout.trim())
}
