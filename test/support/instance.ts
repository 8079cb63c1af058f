/**
 * A throw-away machine without a container engine: namespaces of its own for mounts, processes and network (loopback
 * only), on an overlay of this host's root with ROOT laid over it and the built commands as /opt/instance-tools/lib. What
 * is written in it is gone when it closes. For real images see image-lab.ts.
 *
 * Needs root, as CI has it. BOSUN_DIST names another build than `dist`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Outcome, until } from './lab.ts'

const repository = resolve(import.meta.dirname, '../..')
const dist = resolve(process.env.BOSUN_DIST ?? join(repository, 'dist'))

/** What the image sets. Source: contract/vast-instance.md 9.1 */
const imageEnvironment = {
  PATH: '/opt/instance-tools/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  IMAGE_TYPE: 'vast',
  WORKSPACE: '/workspace',
  DATA_DIRECTORY: '/workspace',
  PYTHONUNBUFFERED: '1',
} as const

type Environment = Readonly<Record<string, string>>

export interface InstanceOptions {
  /** for bash, as process 1; by default one that only reaps. The instance is closed when it ends */
  readonly init?: string
  /** of process 1 and of every `exec`, on top of what the image sets */
  readonly env?: Environment
  /** path inside → text, there before process 1 starts; 0755 where it begins with `#!` */
  readonly files?: Readonly<Record<string, string>>
  /** for bash, as root, when all is mounted and process 1 has not started: `mount -o remount,ro …` */
  readonly prepare?: string
}

export interface ExecOptions {
  readonly user?: 'root' | 'user'
  readonly env?: Environment
  readonly input?: string
  /** of process 1's own surroundings nothing is taken over: `{ PATH: … }` alone */
  readonly bareEnv?: boolean
}

/** Mounts, and becomes process 1. `$1` an empty directory, `$2` ROOT, `$3` dist, `$4` node, `$5` what to prepare, `$6` files. */
const SETUP = `set -e
exec 2>&1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/root
[ ! -d "$2" ] || cp -a --no-preserve=ownership "$2"/. "$1"/upper/
cp -a --no-preserve=ownership "$6"/. "$1"/upper/
chmod 755 "$1"/upper
mkdir -p "$1"/upper/opt/instance-tools/lib "$1"/upper/opt/instance-tools/node/bin "$1"/upper/home/user "$1"/upper/workspace
touch "$1"/upper/opt/instance-tools/node/bin/node
mount -t overlay overlay -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work "$1"/root
cd "$1"/root
mount --bind "$3" opt/instance-tools/lib
mount --bind "$4" opt/instance-tools/node/bin/node
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
while read -r name major minor; do mknod -m 666 dev/$name c $major $minor; done <<'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# a checkout below /tmp: its commands begin with the path of this node
[ -e ".$4" ] || { mkdir -p ".\${4%/*}"; touch ".$4"; mount --bind "$4" ".$4"; }
mount -t tmpfs -o mode=755 tmpfs var/log
for name in supervisord supervisorctl; do ln -sf /opt/instance-tools/lib/$name usr/bin/$name; done
grep -q ^user: etc/passwd || echo user:x:1001:0::/home/user:/bin/bash >> etc/passwd
chown 1001:0 home/user
chmod 775 workspace
ip link set lo up
[ -z "$5" ] || chroot . /bin/bash -c "$5"
echo instance is ready >&2
read -r go
exec chroot . /bin/bash -c 'cd / && eval "$INIT"' </dev/null
`

/** Bash buries what is left to it. */
const REAPER = 'trap "exit 0" TERM; unset INIT; while :; do sleep 1000 & wait $!; done'

export class Instance implements AsyncDisposable {
  /** of process 1, as this host counts */
  readonly pid: number
  /** what `exec` sees on top of its own */
  readonly env: Environment
  /** resolves to the exit status of process 1, or the signal's name */
  readonly ended: Promise<number | string>
  readonly #process: ChildProcess
  readonly #directory: string
  readonly #output: { text: string }

  constructor(
    child: ChildProcess,
    directory: string,
    pid: number,
    env: Environment,
    output: { text: string },
    ended: Promise<number | string>,
  ) {
    this.#process = child
    this.#directory = directory
    this.pid = pid
    this.env = env
    this.#output = output
    this.ended = ended
  }

  /** What process 1 and those that share its output have said, stdout and stderr in the order in which they came. */
  get output(): string {
    return this.#output.text
  }

  /** Where this host finds a file of the instance: for `node:fs`. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`
  }

  read(inside: string): string {
    return readFileSync(this.path(inside), 'utf8')
  }

  write(inside: string, text: string, mode = text.startsWith('#!') ? 0o755 : 0o644): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true })
    writeFileSync(this.path(inside), text, { mode })
  }

  /** Runs a command of bash inside, and waits for it; 120 s at most. */
  async exec(command: string, options: ExecOptions = {}): Promise<Outcome> {
    const child = this.start(command, options)
    let [stdout, stderr] = ['', '']
    child.stdout!.setEncoding('utf8').on('data', text => (stdout += text))
    child.stderr!.setEncoding('utf8').on('data', text => (stderr += text))
    child.stdin!.on('error', () => {}).end(options.input ?? '')
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
    const status = await new Promise<number | null>(done => child.once('close', done))
    clearTimeout(timer)
    return { status, stdout, stderr }
  }

  /** Starts a command of bash inside, with pipes. It ends with the instance at the latest. */
  start(command: string, { user = 'root', env = {}, bareEnv = false }: ExecOptions = {}): ChildProcess {
    const identity = user === 'root' ? [] : ['setpriv', '--reuid=1001', '--regid=0', '--clear-groups']
    const home: Record<string, string> = user === 'root' ? {} : { HOME: '/home/user', USER: 'user' }
    const root = `/proc/${this.pid}/root`
    const enter = ['nsenter', '-t', String(this.pid), '-m', '-p', '-n', `--root=${root}`, `--wd=${root}`]
    // its stdin is a socket, which bash takes for a login from elsewhere, with ~/.bashrc of this host
    const [file, ...args] = [...enter, ...identity, '/bin/bash', '--norc', '-c', command]
    return spawn(file!, args, { env: { ...(bareEnv ? {} : { ...this.env, ...home }), ...env } })
  }

  /** A signal to process 1, from outside as an engine sends it. */
  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
    rmdirSync(this.#directory)
  }
}

/** @throws when this is not root, or when the kernel refuses namespaces or overlays */
export async function openInstance(options: InstanceOptions = {}): Promise<Instance> {
  if (process.getuid!() !== 0) throw new Error('an instance needs root: namespaces, mounts and another user')
  const directory = mkdtempSync(join(tmpdir(), 'bosun-instance-'))
  const files = stage(options.files ?? {})
  const env = { ...imageEnvironment, ...options.env }
  const args = [directory, join(repository, 'ROOT'), dist, process.execPath, options.prepare ?? '', files]
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '-m', '-p', '-n', '-f', '--kill-child=KILL', 'sh', '-c', SETUP, 'sh', ...args],
    {
      env: { ...env, INIT: options.init === undefined ? REAPER : `unset INIT; ${options.init}` },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  const output = { text: '' }
  const ended = new Promise<number | string>(done => child.once('close', (code, signal) => done(code ?? signal!)))
  child.stdout!.setEncoding('utf8').on('data', text => (output.text += text))
  child.stderr!.setEncoding('utf8').on('data', text => (output.text += text))
  try {
    await until('the instance is mounted', () => {
      if (child.exitCode !== null) throw new Error(`cannot open an instance: ${output.text}`)
      return output.text.includes('instance is ready\n')
    })
    output.text = output.text.replace('instance is ready\n', '')
    const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')[0])
    const instance = new Instance(child, directory, pid, env, output, ended)
    child.stdin!.end('go\n')
    const insideOnly = instance.path('/opt/instance-tools/node/bin/node')
    await until('process 1 is in its root', () => existsSync(insideOnly) || child.exitCode !== null)
    return instance
  } catch (error) {
    child.kill('SIGKILL')
    await ended
    rmdirSync(directory)
    throw error
  } finally {
    spawnSync('rm', ['-r', files])
  }
}

/** A directory with the files, to be copied in. */
function stage(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-files-'))
  for (const [path, text] of Object.entries(files)) {
    const target = join(directory, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 })
  }
  return directory
}
