/**
 * The CUDA toolkit that fits the driver of this host, and the loader's path to it. Nothing happens without a driver. What a
 * derived image adds to the loader's path with "cuda" in it, it adds after this step. Source: contract 2.4 (05)
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { paths } from '../../../programs/common/paths.ts'
import { runCommand } from '../command.ts'
import { type Env, failed, ok, type StepOutcome, type StepTools } from '../step.ts'

const FAILURE = '/run/vast-cuda-config-failed'
const COMPAT_ESTABLISHED = '/etc/vast-cuda-compat-established'
const LOADER_CONF = '/etc/ld.so.conf'
const LOADER_FILES = '/etc/ld.so.conf.d'
const TOOLKITS = '/usr/local'
const CURRENT = '/usr/local/cuda'

const COMPAT_TRIES = 3
const COMPAT_PAUSE_MS = 2000
/** of one try: the driver of a GPU that is busy or broken may hang */
const COMPAT_SECONDS = 30

export async function configureCuda({ env, say, signal }: StepTools): Promise<StepOutcome> {
  rmSync(FAILURE, { force: true })
  const driver = await readDriverMaximum(env, say, signal)
  if (!isVersion(driver))
    return giveUp(`no usable CUDA version from the driver: ${driver || 'nothing'}; nothing was changed`)

  cleanLoader()
  await runCommand('ldconfig', [], { signal })
  const libraryPath = withoutCuda(env.LD_LIBRARY_PATH ?? '')
  const change = {
    exports: libraryPath === '' ? {} : { LD_LIBRARY_PATH: libraryPath },
    unset: libraryPath === '' ? ['LD_LIBRARY_PATH'] : [],
  }
  const toolkits = findToolkits()
  if (toolkits.length === 0) return ok(`driver supports CUDA ${driver}; there is no toolkit in this image`, change)

  const newest = toolkits.at(-1)!
  const isDisabled = env.DISABLE_FORWARD_COMPAT === 'true'
  const compat = compatDirectory(newest)
  const hasCompat =
    compareVersions(newest, driver) > 0 && !isDisabled && compat !== undefined && (await worksWith(compat, signal))
  const { toolkit, warning } = selectToolkit(toolkits, driver, hasCompat)
  if (hasCompat) {
    writeFileSync(`${LOADER_FILES}/0-compat-cuda.conf`, `${compat}\n`)
    writeFileSync(COMPAT_ESTABLISHED, `${newest}\n`)
  }
  await use(toolkit, signal)
  const chosen = {
    ...change,
    exports: { ...change.exports, CUDA_HOME: CURRENT, PATH: withFirst(env.PATH ?? '', `${CURRENT}/bin`) },
  }
  const summary = `CUDA ${toolkit} (driver supports ${driver}${hasCompat ? ', forward compatibility' : ''})`
  say(summary)
  const established = readText(COMPAT_ESTABLISHED).trim()
  if (established !== '' && !hasCompat && !isDisabled && established !== toolkit) {
    const reason = `forward compatibility with CUDA ${established} worked at an earlier boot and does not now`
    writeFileSync(FAILURE, `${reason}\n`)
    return failed(`${reason}; using ${summary}`, chosen)
  }
  return warning === '' ? ok(summary, chosen) : failed(`${warning}: ${summary}`, chosen)
}

function giveUp(reason: string): StepOutcome {
  writeFileSync(FAILURE, `${reason}\n`)
  return failed(reason)
}

async function readDriverMaximum(env: Env, say: (line: string) => void, signal: AbortSignal): Promise<string> {
  if (env.VAST_CUDA_MAX_OVERRIDE) {
    say(`VAST_CUDA_MAX_OVERRIDE: taking ${env.VAST_CUDA_MAX_OVERRIDE} for the newest CUDA of the driver`)
    return env.VAST_CUDA_MAX_OVERRIDE
  }
  const asked = await runCommand(`${paths.tools}/cuda-driver-version`, ['--native'], { signal, timeoutSeconds: 20 })
  return asked.stdout.trim() || asked.problem
}

export const isVersion = (text: string): boolean => /^\d+\.\d+$/.test(text)

/** By numbers: 12.10 is newer than 12.9. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)]
  return a[0]! - b[0]! || a[1]! - b[1]!
}

/** `toolkits` from old to new, at least one. */
export function selectToolkit(
  toolkits: readonly string[],
  driver: string,
  hasCompat: boolean,
): { readonly toolkit: string; readonly warning: string } {
  if (hasCompat) return { toolkit: toolkits.at(-1)!, warning: '' }
  const fitting = toolkits.findLast(toolkit => compareVersions(toolkit, driver) <= 0)
  if (fitting !== undefined) return { toolkit: fitting, warning: '' }
  return { toolkit: toolkits[0]!, warning: 'every toolkit of this image is newer than the driver; taking the oldest' }
}

/** LD_LIBRARY_PATH without directories of a toolkit. */
export const withoutCuda = (path: string): string =>
  path
    .split(':')
    .filter(directory => directory !== '' && !/\/cuda\/|\/cuda-/.test(`${directory}/`))
    .join(':')

export const withFirst = (path: string, directory: string): string =>
  path.split(':').includes(directory) ? path : [directory, path].filter(Boolean).join(':')

function findToolkits(): readonly string[] {
  return readdirSync(TOOLKITS)
    .map(name => /^cuda-(\d+\.\d+)$/.exec(name)?.[1] ?? '')
    .filter(version => version !== '' && existsSync(toolkitDirectory(version)))
    .sort(compareVersions)
}

const toolkitDirectory = (version: string): string => join(TOOLKITS, `cuda-${version}`)

function compatDirectory(version: string): string | undefined {
  const directory = join(toolkitDirectory(version), 'compat')
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names.some(name => name.startsWith('libcuda.so.')) ? directory : undefined
}

/** The GPU decides, not a table: data centre cards take it, others do not. */
async function worksWith(compat: string, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 1; attempt <= COMPAT_TRIES; attempt++) {
    if (attempt > 1) await wait(COMPAT_PAUSE_MS, undefined, { signal })
    const probe = await runCommand(`${paths.tools}/boot-step`, ['--cuda-init'], {
      env: { LD_LIBRARY_PATH: compat },
      signal,
      timeoutSeconds: COMPAT_SECONDS,
    })
    if (probe.ok) return true
  }
  return false
}

/** Loaders' files that name a CUDA: whole files by their name, lines in the others. */
function cleanLoader(): void {
  for (const name of existsSync(LOADER_FILES) ? readdirSync(LOADER_FILES) : []) {
    const path = join(LOADER_FILES, name)
    if (/cuda.*\.conf$/.test(name)) rmSync(path, { force: true })
    else if (name.endsWith('.conf')) dropLines(path, true)
  }
  dropLines(LOADER_CONF, false)
}

function dropLines(path: string, removeEmpty: boolean): void {
  const before = readText(path)
  const after = before.replaceAll(/^.*cuda.*\n?/gm, '')
  if (after === before) return
  if (removeEmpty && after.trim() === '') rmSync(path)
  else writeFileAtomically(path, after, { keepMode: true })
}

async function use(toolkit: string, signal: AbortSignal): Promise<void> {
  const directory = toolkitDirectory(toolkit)
  const there = lstatSync(CURRENT, { throwIfNoEntry: false })
  if (there !== undefined && !there.isSymbolicLink())
    throw new Error(`${CURRENT} is no link; move it to ${directory} to let the boot choose`)
  if (there === undefined || readlinkSync(CURRENT) !== directory) {
    rmSync(CURRENT, { force: true })
    symlinkSync(directory, CURRENT)
  }
  mkdirSync(LOADER_FILES, { recursive: true })
  writeFileSync(`${LOADER_FILES}/10-cuda.conf`, `${CURRENT}/lib64\n`)
  await runCommand('ldconfig', [], { signal })
  // programs that link with -lcuda look for the name without a version
  const libraries = '/usr/lib/x86_64-linux-gnu'
  const [plain, versioned] = [`${libraries}/libcuda.so`, `${libraries}/libcuda.so.1`]
  if (process.arch === 'x64' && existsSync(versioned) && lstatSync(plain, { throwIfNoEntry: false }) === undefined)
    symlinkSync(versioned, plain)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
