/**
 * Makes the commands that are shipped. `dist/NAME` starts `dist/lib/NAME.js`, one CommonJS file, by the help of
 * `NAME.cache`, what V8 made of it in a first run: that saves 10 of 57 ms (docs/decisions.md).
 *
 *     node scripts/dev/build.ts [--node PATH] [--out DIRECTORY]
 *
 * PATH is the node that will run them; without it, the one that runs this. DIRECTORY is `dist` unless given. Type errors
 * are tsc's business, not ours.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'

interface Program {
  /** of the file in `dist/` */
  readonly name: string
  /** from the root of the repository */
  readonly entry: string
  readonly firstLine: (node: string) => string
  /** arguments of a harmless first run that ends by itself: what it compiles is in the cache */
  readonly firstRun?: readonly string[]
}

/** Threads that help the collector and the compiler: a command is over before they could, and starting them takes 1.5 ms. */
const NO_HELPERS = '--v8-pool-size=0'

const renderFirstLine = (node: string): string => throughShell('', `${quoted(node)} ${NO_HELPERS}`)

/** Node's, with which the cache is made, too. A small nursery and no helper threads for the collector: a third of the memory of a daemon under load (decisions.md). */
const daemonFlags = ['--disable-sigusr1', '--max-semi-space-size=1', NO_HELPERS]

/**
 * Node raises the limit of descriptors before any script runs, and opens a debugger at SIGUSR1: the daemon learns what the
 * limit was (system/own-process.ts), and dies of SIGUSR1 like every other program. It sets its process name itself.
 */
export const renderDaemonFirstLine = (node: string): string =>
  throughShell('BOSUN_SOFT_NOFILE=$(ulimit -Sn) ', `${quoted(node)} ${daemonFlags.join(' ')}`)

/** What stays, and answers now and then: a small nursery saves 5 of 28 MB. */
const renderResidentFirstLine = (node: string): string =>
  throughShell('', `${quoted(node)} --max-semi-space-size=1 ${NO_HELPERS}`)

/**
 * A line of sh, which is a comment to JavaScript. NODE_OPTIONS are for the Node of whoever set them, a derived image most often,
 * and would keep ours from starting; our children get them again (`renderStart`). For ours there are BOSUN_NODE_OPTIONS.
 */
const throughShell = (environment: string, command: string): string =>
  `#!/bin/sh\n':' //; ${environment}BOSUN_CALLERS_NODE_OPTIONS=$NODE_OPTIONS NODE_OPTIONS=$BOSUN_NODE_OPTIONS exec ${command} "$0" "$@"`

function quoted(path: string): string {
  if (path.includes('\n')) throw new Error('cannot start a node that has a newline in its path')
  return `'${path.replaceAll("'", "'\\''")}'`
}

/** THE table of the commands in `dist/`; ROOT/opt/instance-tools/bin has a link to each of them that people call. */
const programs: readonly Program[] = [
  {
    name: 'supervisord',
    entry: 'supervisor/supervisord.ts',
    firstLine: renderDaemonFirstLine,
  },
  { name: 'supervisorctl', entry: 'supervisor/supervisorctl.ts', firstLine: renderFirstLine },
  { name: 'instance-portal', entry: 'programs/instance_portal/main.ts', firstLine: renderResidentFirstLine },
  { name: 'tunnel-manager', entry: 'programs/tunnel_manager/main.ts', firstLine: renderResidentFirstLine },
  { name: 'instance-gate', entry: 'programs/gates/main.ts', firstLine: renderFirstLine, firstRun: ['serverless'] },
  { name: 'syncthing-settings', entry: 'programs/syncthing/main.ts', firstLine: renderFirstLine },
  { name: 'cert-usable', entry: 'scripts/tools/cert-usable.ts', firstLine: renderFirstLine },
  { name: 'cuda-driver-version', entry: 'scripts/tools/cuda-driver-version.ts', firstLine: renderFirstLine },
  { name: 'boot-step', entry: 'scripts/boot/main.ts', firstLine: renderFirstLine, firstRun: ['--list'] },
  { name: 'provisioner', entry: 'scripts/provision/main.ts', firstLine: renderFirstLine, firstRun: ['--help'] },
  { name: 'caddy-manager', entry: 'programs/caddy/main.ts', firstLine: renderResidentFirstLine },
  { name: 'portal', entry: 'scripts/portal/main.ts', firstLine: renderFirstLine, firstRun: ['list'] },
  { name: 'bosun', entry: 'scripts/bosun/main.ts', firstLine: renderFirstLine, firstRun: ['explain'] },
]

const root = resolve(import.meta.dirname, '../..')
const { values: options } = parseArgs({
  options: { node: { type: 'string' }, out: { type: 'string', default: resolve(root, 'dist') } },
  args: import.meta.main ? process.argv.slice(2) : [],
})
const dist = resolve(options.out)
const lib = resolve(dist, 'lib')

/** The native halves of koffi, beside the commands: `dist` is all that has to be copied to another machine. */
const natives = ['x64', 'arm64'].flatMap(arch =>
  ['linux', 'musl'].map(libc => ({
    from: resolve(root, `node_modules/@koromix/koffi-linux-${arch}/${libc}_${arch}/koffi.node`),
    to: `koffi-${libc}-${arch}.node`,
  })),
)

/**
 * koffi without its JavaScript half, which asks the ESM loader for the right file and costs 10 ms of 40: of the two files
 * for this processor the one that the C library can load is the right one.
 */
const nativeKoffi: Plugin = {
  name: 'native-koffi',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^koffi$/ }, () => ({ path: 'koffi', namespace: 'native-koffi' }))
    onLoad({ filter: /.*/, namespace: 'native-koffi' }, () => ({
      contents: `
        const native = { exports: {} }
        try {
          process.dlopen(native, __dirname + '/koffi-linux-' + process.arch + '.node')
        } catch (error) {
          try {
            process.dlopen(native, __dirname + '/koffi-musl-' + process.arch + '.node')
          } catch {
            throw error
          }
        }
        module.exports = native.exports`,
    }))
  },
}

/** Parts of Node that few runs need: 4 ms for crypto alone. */
const rarelyNeeded = ['node:crypto', 'node:child_process', 'node:util', 'node:os', 'node:v8', 'node:vm', 'node:http']

/** Loads these when something of them is used for the first time, however they are imported. */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${rarelyNeeded.join('|')})$`)
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'lazy-builtin' }))
    onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter(name => name !== 'default')
      const getters = names.map(name => `get ${name}() { return load().${name} }`)
      return {
        contents: `const load = () => process.getBuiltinModule('${path}')\nmodule.exports = { ${getters.join(', ')} }`,
      }
    })
  },
}

/** A file appears whole or not at all: commands may be running while they are built. */
function writeWhole(path: string, data: string | Uint8Array, mode: number): void {
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, data)
  chmodSync(unfinished, mode)
  renameSync(unfinished, path)
}

/** What V8 reads again at the next start depends on its version: a cache that does not fit is as good as none. */
const renderStart = (name: string): string => `'use strict'
const { env } = process
if (env.BOSUN_CALLERS_NODE_OPTIONS !== undefined) {
  delete env.NODE_OPTIONS
  if (env.BOSUN_CALLERS_NODE_OPTIONS) env.NODE_OPTIONS = env.BOSUN_CALLERS_NODE_OPTIONS
  delete env.BOSUN_CALLERS_NODE_OPTIONS
}
const { readFileSync } = require('node:fs')
const lib = __dirname + '/lib'
const filename = lib + '/${name}.js'
const cache = () => {
  try {
    return readFileSync(lib + '/${name}.cache')
  } catch {}
}
const script = new (require('node:vm').Script)(readFileSync(filename, 'latin1'), { filename, cachedData: cache() })
script.runInThisContext()(exports, require, module, filename, lib)
`

async function buildProgram({ name, entry, firstLine }: Program, node: string): Promise<void> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    outfile: resolve(lib, `${name}.js`),
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    plugins: [nativeKoffi, lazyBuiltins],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'ascii', // read as Latin-1, and V8 keeps a source with one character beyond it as two bytes for each
    logLevel: 'warning',
  })
  const { text } = result.outputFiles[0]!
  writeWhole(
    resolve(lib, `${name}.js`),
    `(function (exports, require, module, __filename, __dirname) {${text}})`,
    0o644,
  )
  rmSync(resolve(lib, `${name}.cache`), { force: true })
  writeWhole(resolve(dist, name), `${firstLine(node)}\n${renderStart(name)}`, 0o755)
  console.log(`${resolve(dist, name)}  ${Math.ceil(text.length / 1024)} KiB`)
}

/** The command as it will be, which leaves its cache behind when it ends. */
const renderFirstRun = (name: string): string => `
const leaveCache = () => {
  const cache = ${JSON.stringify(resolve(lib, `${name}.cache`))}
  require('node:fs').writeFileSync(cache + '.' + process.pid, script.createCachedData())
  require('node:fs').renameSync(cache + '.' + process.pid, cache)
}
const stop = process.reallyExit
process.reallyExit = code => {
  leaveCache()
  stop.call(process, code)
}
process.once('exit', leaveCache)
process.argv.splice(1, 0, ${JSON.stringify(resolve(dist, name))})
__dirname = ${JSON.stringify(dist)}
${renderStart(name).replace("'use strict'", '')}`

const FIRST_RUN = `[unix_http_server]
file=%(here)s/s
[supervisord]
logfile=%(here)s/log
pidfile=%(here)s/pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s
[program:a]
command=sleep 60
startsecs=0
redirect_stderr=true
[program:b]
command=sleep 60
startsecs=0
`

/** supervisord and supervisorctl once for real: a daemon with two programs, asked for their status. */
async function fillCachesOfSupervisor(node: string): Promise<void> {
  const directory = mkdtempSync(resolve(tmpdir(), 'bosun-build-'))
  const conf = resolve(directory, 'c')
  writeFileSync(conf, FIRST_RUN)
  const daemon = spawn(node, [...daemonFlags, '-e', renderFirstRun('supervisord'), '--', '-n', '-c', conf], {
    stdio: 'ignore',
  })
  const ended = new Promise(done => daemon.once('exit', done))
  try {
    while (!existsSync(resolve(directory, 's')) && daemon.exitCode === null)
      await new Promise(next => setTimeout(next, 10))
    const ctl = spawnSync(node, ['-e', renderFirstRun('supervisorctl'), '--', '-c', conf, 'status'], {
      encoding: 'utf8',
    })
    if (ctl.status !== 0) throw new Error(`the commands do not work: ${ctl.stdout}${ctl.stderr}`)
  } finally {
    daemon.kill('SIGTERM')
    await ended
  }
  const log = resolve(directory, 'log')
  const said = existsSync(log) ? readFileSync(log, 'utf8') : ''
  rmSync(directory, { recursive: true })
  if (daemon.exitCode !== 0) throw new Error(`the daemon ended with ${daemon.exitCode}: ${said}`)
}

function fillCache({ name, firstRun }: Program, node: string): void {
  if (firstRun === undefined) return
  const run = spawnSync(node, ['-e', renderFirstRun(name), '--', ...firstRun], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${name} ${firstRun.join(' ')} does not work: ${run.stdout}${run.stderr}`)
}

if (import.meta.main) {
  const node = options.node === undefined ? realpathSync(process.execPath) : resolve(options.node)
  accessSync(node, constants.X_OK)
  mkdirSync(lib, { recursive: true })
  // files without an extension are what the nearest package.json says, and the one of the repository says ESM
  writeWhole(resolve(dist, 'package.json'), '{ "type": "commonjs" }\n', 0o644)
  for (const { from, to } of natives) if (existsSync(from)) writeWhole(resolve(lib, to), readFileSync(from), 0o644)
  for (const program of programs) await buildProgram(program, node)
  await fillCachesOfSupervisor(node)
  for (const program of programs) fillCache(program, node)
}
