/**
 * Libraries start a thread per CPU they see. On a host with many CPUs, in a container that may have few processes, that ends in
 * "cannot create thread"; so pools are capped there. Source: contract 2.4 (12)
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { editEnvironmentFile, parseEnvironmentFile, replaceBlock } from '../../../programs/common/environment-file.ts'
import { paths } from '../../../programs/common/paths.ts'
import { renderShellChange } from '../shell-output.ts'
import { type Env, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const VARIABLES = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'NUMEXPR_MAX_THREADS',
  'VECLIB_MAXIMUM_THREADS',
  'RAYON_NUM_THREADS',
  'TOKIO_WORKER_THREADS',
]

const BEGIN = '# VAST_CPU_THREAD_CAPS_BEGIN (ADR 0014, managed — do not edit)'
const END = '# VAST_CPU_THREAD_CAPS_END'

const DEFAULT_CEILING = 16
const LEAST_THREADS = 2
/** A process budget below this many per CPU is a tiny one. */
const PROCESSES_PER_CPU = 16

export interface CpuFacts {
  /** null: no limit */
  readonly pidsMax: number | null
  /** that programs see */
  readonly cpus: number
  /** in cores; null: none */
  readonly quota: number | null
  /** VAST_CPU_THREAD_CEILING */
  readonly ceiling: string | undefined
}

/** Threads per pool; null where none are too many. */
export function threadCap({ pidsMax, cpus, quota, ceiling }: CpuFacts): number | null {
  if (pidsMax === null || pidsMax >= PROCESSES_PER_CPU * cpus) return null
  const asked = /^\d{1,9}$/.test(ceiling ?? '') ? Number(ceiling) : 0
  const most = asked >= LEAST_THREADS ? asked : DEFAULT_CEILING
  return Math.max(LEAST_THREADS, Math.min(quota ?? most, most))
}

/** `max` → null, `512` → 512, of the first of the files that can be read */
function readFirst(files: readonly string[]): string | undefined {
  for (const file of files)
    try {
      return readFileSync(`/sys/fs/cgroup/${file}`, 'utf8').trim()
    } catch {} // the other version of cgroups
  return undefined
}

const numberOf = (text: string | undefined): number | null => (/^\d+$/.test(text ?? '') ? Number(text) : null)

const readPidsMax = (): number | null => numberOf(readFirst(['pids.max', 'pids/pids.max']))

function readQuotaCores(): number | null {
  const [quota, period] =
    readFirst(['cpu.max'])?.split(' ') ??
    [['cpu/cpu.cfs_quota_us'], ['cpu/cpu.cfs_period_us']].map(file => readFirst(file))
  return quotaCores(quota, period)
}

/** `200000`, `100000` → 2; `max` and `-1` → null. At least one core. */
export function quotaCores(quota: string | undefined, period: string | undefined): number | null {
  const [share, whole] = [numberOf(quota), numberOf(period)]
  return share === null || !whole ? null : Math.max(1, Math.round(share / whole))
}

/** What stands between our markers is ours, the rest the user's. */
const withoutBlock = (text: string): string => replaceBlock(text, BEGIN, END, [])

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

interface Files {
  readonly environment: string
  readonly dotenv: string
}

const readFiles = (env: Env): Files => ({
  environment: readText(paths.environmentFile),
  dotenv: readText(join(`${env.WORKSPACE ?? ''}/`, '.env')),
})

/** Ours, as an earlier boot has left them. */
function formerCaps({ environment }: Files): readonly string[] {
  const mine = environment.split(`${BEGIN}\n`)[1]?.split(END)[0] ?? ''
  return VARIABLES.filter(name => parseEnvironmentFile(mine).values.has(name))
}

/** Variables that the user has set, in a file or for the container. */
export function setByUser(files: Files, env: Env): readonly string[] {
  const written = [withoutBlock(files.environment), files.dotenv].flatMap(text => [
    ...parseEnvironmentFile(text).values.keys(),
  ])
  const former = formerCaps(files)
  return VARIABLES.filter(name => written.includes(name) || (env[name] !== undefined && !former.includes(name)))
}

const capLines = (cap: number, kept: readonly string[]): readonly string[] =>
  VARIABLES.map(name => (kept.includes(name) ? `# ${name} is the user's` : `${name}=${cap}`))

const capsOf = (cap: number, kept: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(VARIABLES.filter(name => !kept.includes(name)).map(name => [name, String(cap)]))

export function cpuThreadLimits({ env }: StepTools): StepOutcome {
  const cap = threadCap(readFacts(env))
  const files = readFiles(env)
  const kept = setByUser(files, env)
  const former = formerCaps(files).filter(name => !kept.includes(name))
  if (cap === null && former.length === 0) return skipped('there are processes enough for all CPUs')
  editEnvironmentFile(text => replaceBlock(text, BEGIN, END, cap === null ? [] : capLines(cap, kept)))
  if (cap === null) return ok('the caps of an earlier boot are gone', { unset: former })
  return ok(`thread pools have at most ${cap} threads`, { exports: capsOf(cap, kept) })
}

const readFacts = (env: Env): CpuFacts => ({
  pidsMax: readPidsMax(),
  cpus: availableParallelism(),
  quota: readQuotaCores(),
  ceiling: env.VAST_CPU_THREAD_CEILING,
})

/** For the shell functions of 12-cpu-thread-limits.sh. */
export function askCpuThreadLimits(question: string, args: readonly string[], env: Env): string | undefined {
  const [first, second, third] = args
  const kept = (): readonly string[] => setByUser(readFiles(env), env)
  const answers: Readonly<Record<string, () => string | number | null | undefined>> = {
    'pids-max': readPidsMax,
    'quota-cores': readQuotaCores,
    'thread-cap': () =>
      args.length === 0
        ? threadCap(readFacts(env))
        : threadCap({
            pidsMax: numberOf(first),
            cpus: numberOf(second) ?? availableParallelism(),
            quota: numberOf(third),
            ceiling: env.VAST_CPU_THREAD_CEILING,
          }),
    'user-set': () => (kept().includes(first ?? '') ? first : undefined),
    'write-caps': () => {
      editEnvironmentFile(text => replaceBlock(text, BEGIN, END, first ? capLines(Number(first), kept()) : []))
      return ''
    },
    'apply-caps': () => renderShellChange({ exports: capsOf(Number(first), kept()) }),
  }
  return answers[question]?.()?.toString()
}
