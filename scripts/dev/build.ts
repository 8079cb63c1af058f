/**
 * Makes the commands that are shipped: one CommonJS file each in `dist/`, with a first line that starts it.
 *
 *     node scripts/dev/build.ts [--node PATH]
 *
 * PATH is the node that will run them; without it, the one that runs this. Type errors are tsc's business, not ours.
 */
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'

interface Program {
  /** of the file in `dist/` */
  readonly name: string
  /** from the root of the repository */
  readonly entry: string
  readonly firstLine: (node: string) => string
}

/** What older kernels read of a first line, less `#!` and the newline. */
const LONGEST_INTERPRETER = 120

/**
 * `#!/usr/bin/node`: so the kernel calls the process `supervisorctl`, not `node`. A path that the kernel cannot take goes
 * through sh, in a line that is a comment to JavaScript.
 */
export function renderFirstLine(node: string): string {
  if (!/\s/.test(node) && Buffer.byteLength(node) <= LONGEST_INTERPRETER) return `#!${node}`
  return throughShell('', quoted(node))
}

/**
 * Node raises the limit of descriptors before any script runs, and opens a debugger at SIGUSR1: the daemon learns what the
 * limit was (system/own-process.ts), and dies of SIGUSR1 like every other program. It sets its process name itself.
 */
export const renderDaemonFirstLine = (node: string): string =>
  throughShell('BOSUN_SOFT_NOFILE=$(ulimit -Sn) ', `${quoted(node)} --disable-sigusr1`)

const throughShell = (environment: string, command: string): string =>
  `#!/bin/sh\n':' //; ${environment}exec ${command} "$0" "$@"`

function quoted(path: string): string {
  if (path.includes('\n')) throw new Error('cannot start a node that has a newline in its path')
  return `'${path.replaceAll("'", "'\\''")}'`
}

const programs: readonly Program[] = [
  {
    name: 'supervisord',
    entry: 'supervisor/supervisord.ts',
    firstLine: renderDaemonFirstLine,
  },
  { name: 'supervisorctl', entry: 'supervisor/supervisorctl.ts', firstLine: renderFirstLine },
]

const root = resolve(import.meta.dirname, '../..')
const dist = resolve(root, 'dist')

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
const rarelyNeeded = ['node:crypto', 'node:child_process', 'node:util', 'node:os']

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

async function buildProgram({ name, entry, firstLine }: Program, node: string): Promise<void> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    outfile: resolve(dist, name),
    platform: 'node',
    target: 'node24',
    format: 'cjs', // 4 ms faster to start than ESM (design.md 2)
    plugins: [nativeKoffi, lazyBuiltins],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'ascii', // V8 keeps a source with one character beyond Latin-1 as two bytes for each
    logLevel: 'warning',
  })
  const [file] = result.outputFiles
  const target = resolve(dist, name)
  const unfinished = `${target}.${process.pid}`
  writeFileSync(unfinished, `${firstLine(node)}\n${file!.text}`)
  chmodSync(unfinished, 0o755)
  renameSync(unfinished, target) // whole or not at all: it may be running
  console.log(`${target}  ${Math.ceil(file!.contents.length / 1024)} KiB`)
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { node: { type: 'string' } } })
  const node = values.node === undefined ? realpathSync(process.execPath) : resolve(values.node)
  accessSync(node, constants.X_OK)
  mkdirSync(dist, { recursive: true })
  // files without an extension are what the nearest package.json says, and the one of the repository says ESM
  writeFileSync(resolve(dist, 'package.json'), '{ "type": "commonjs" }\n')
  for (const { from, to } of natives) {
    if (!existsSync(from)) continue
    const unfinished = resolve(dist, `${to}.${process.pid}`)
    copyFileSync(from, unfinished)
    renameSync(unfinished, resolve(dist, to))
  }
  for (const program of programs) await buildProgram(program, node)
}
