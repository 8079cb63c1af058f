/**
 * /etc/environment and ${WORKSPACE}/.env. Bash sources both (launchers, the boot, login shells), and pam_env reads the first
 * at login, which knows no escapes: a value is quoted so that both read the same wherever that can be. It cannot for
 *
 * - `#` anywhere: pam_env ends the value there, quotes or not
 * - a newline: bash gets it by `$'…'`, pam_env the text of that
 * - an apostrophe together with `"`, `$`, a backtick, or a backslash that escapes: pam_env keeps the backslashes
 * - a line that does not fit its buffer, 8 KiB in Debian 12: pam_env reads no further, so the longest lines come last
 *
 * Login shells are not hurt by that: they source the file afterwards. Source: contract 2.4 (10, 12), 9, 14 (7)
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTextFile, writeFileAtomically } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'
import { paths } from './paths.ts'
import type { Problem } from './problem.ts'
import { type Lookup, parseAssignments } from './shell-assignments.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface EnvironmentFile {
  readonly values: ReadonlyMap<string, string>
  /** name → line, from 1, that says so */
  readonly lines: ReadonlyMap<string, number>
  readonly problems: readonly Problem[]
}

export interface ParseOptions {
  /** for the problems */
  readonly path?: string
  /** what variables mean that the file uses and does not set */
  readonly lookup?: Lookup
}

/** What bash makes of it, as far as that can be told without running it; the rest is told. Never throws. */
export function parseEnvironmentFile(text: string, options: ParseOptions = {}): EnvironmentFile {
  const { path = paths.environmentFile, lookup } = options
  const { assignments, misread } = parseAssignments(text, lookup)
  return {
    values: new Map(assignments.map(({ name, value }) => [name, value])),
    lines: new Map(assignments.map(({ name, line }) => [name, line])),
    problems: misread.map(({ line, message, fix }) => ({ where: `${path}:${line}`, message, fix })),
  }
}

/**
 * `NAME="value"`, and other quotes where these would not do; one line, however many lines the value has.
 * Source: contract 2.4 (10); test/unit/programs/common/environment-file.test.ts asks bash and pam_env
 */
export function renderVariable(name: string, value: string): string {
  if (value.includes('\n')) return `${name}=$'${value.replaceAll(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`
  if (!/[$`"]|\\(?=[\\$`"]|$)/.test(value)) return `${name}="${value}"`
  if (!value.includes("'")) return `${name}='${value}'`
  return `${name}="${value.replaceAll(/[\\$`"]/g, '\\$&')}"`
}

/** A line for each, in their order. */
export const renderEnvironmentFile = (values: Iterable<readonly [string, string]>): string =>
  Array.from(values, ([name, value]) => `${renderVariable(name, value)}\n`).join('')

export interface EnvironmentLayer extends EnvironmentFile {
  readonly path: string
}

/**
 * What the files say that launchers source, in the order in which they do: /etc/environment, then ${WORKSPACE}/.env, each on top
 * of the one before. A file that is not there says nothing.
 */
export function readEnvironmentLayers(env: Env, path: string = paths.environmentFile): readonly EnvironmentLayer[] {
  const system = readLayer(path, name => env[name])
  const lookup: Lookup = name => system.values.get(name) ?? env[name]
  return [system, readLayer(join(`${lookup('WORKSPACE') ?? ''}/`, '.env'), lookup)]
}

function readLayer(path: string, lookup: Lookup): EnvironmentLayer {
  try {
    return { path, ...parseEnvironmentFile(readFileSync(path, 'utf8'), { path, lookup }) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem = { where: path, message: `cannot be read: ${message}`, fix: 'make it a file that can be read' }
    return { path, values: new Map(), lines: new Map(), problems: code === 'ENOENT' ? [] : [problem] }
  }
}

/**
 * The environment as launchers have it: `env` with the files on top. What only a shell can work out is as it is in `env`, where
 * the shell of a launcher has put it.
 */
export function effectiveEnvironment(env: Env = process.env, path: string = paths.environmentFile): Env {
  const values = readEnvironmentLayers(env, path).flatMap(layer => [...layer.values])
  return { ...env, ...Object.fromEntries(values) }
}

/** Before the variables; the real PATH comes behind it, and counts. Source: contract 2.4 (10) */
const FIRST_PATH =
  '/opt/instance-tools/bin:/opt/sys-venv/shim:/usr/local/nvidia/bin:/usr/local/cuda/bin:' +
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Each reader has these of its own; the last ones cannot be set in bash. */
const OF_THE_READER = new Set('HOME SHLVL PWD OLDPWD _ BASHOPTS BASH_VERSINFO EUID PPID SHELLOPTS UID'.split(' '))

/** Characters of a value from which on its line might not fit pam_env's buffer, escapes and all. */
const LONG = 1000

const belongsInFile = ([name, value]: readonly [string, string | undefined]): boolean =>
  value !== undefined &&
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
  !OF_THE_READER.has(name) &&
  !`${name}=${value}`.includes('CONDA')

/** Whose environment it is: a snapshot that starts as another instance gets a file of its own. */
const identityOf = (env: Env): string => env.CONTAINER_ID || env.VAST_CONTAINERLABEL || env.CONTAINER_LABEL || ''

export interface EnsureEnvironmentOptions {
  readonly path?: string
  /** Whoever may read it besides root: the group of the account `user`, unless given. */
  readonly gid?: number
}

/**
 * Boot step 10: writes the environment of the boot where the file is not that of this instance, or where the instance has no
 * identity. Otherwise the file stays as people have edited it. It holds secrets: 0640, for root and the account `user`.
 * @returns whether it was written
 * @throws Node's error when it cannot be written; the file is as it was then
 * Source: contract 2.4 (10), 14 (7)
 */
export function ensureEnvironmentFile(env: Env, options: EnsureEnvironmentOptions = {}): boolean {
  const { path = paths.environmentFile, gid = groupOfUser() } = options
  const identity = identityOf(env)
  const marker = `# Template controlled environment for C.${identity}`
  const isOurs = (): boolean => identity !== '' && readTextFile(path).split('\n').includes(marker)
  if (isOurs()) return false // before any lock: /etc may be read-only
  return withFileLock(path, () => {
    if (isOurs()) return false
    const variables = Object.entries(env).filter((pair): pair is [string, string] => belongsInFile(pair))
    variables.sort(([, a], [, b]) => Math.max(a.length, LONG) - Math.max(b.length, LONG))
    const text = renderEnvironmentFile([['PATH', FIRST_PATH], ...variables])
    checkReadsBack(text, new Map(variables))
    writeFileAtomically(path, `${marker}\n${text}`, {
      mode: 0o640,
      ...(process.getuid!() === 0 ? { uid: 0, gid } : {}),
    })
    return true
  })
}

/** Better the old file than one that means something else. */
function checkReadsBack(text: string, variables: ReadonlyMap<string, string>): void {
  const { values } = parseEnvironmentFile(text)
  for (const [name, value] of variables)
    if (values.get(name) !== value) throw new Error(`cannot write the environment: ${name} would read differently`)
}

/** 0, as in the image, where there is no such account. */
function groupOfUser(): number {
  const entry = /^user:[^:]*:\d+:(\d+):/m.exec(readTextFile('/etc/passwd'))
  return Number(entry?.[1] ?? 0)
}

/**
 * Edits the file as text: atomically, one editor after another, mode and owner kept. Nothing is written when nothing changes.
 * @returns what bash would make of it now
 */
export function editEnvironmentFile(
  edit: (text: string) => string,
  path: string = paths.environmentFile,
): EnvironmentFile {
  return withFileLock(path, () => {
    const before = readTextFile(path)
    const after = edit(before)
    if (after !== before) writeFileAtomically(path, after, { mode: 0o640, keepMode: true })
    return parseEnvironmentFile(after, { path })
  })
}

/**
 * Text with these lines between the two markers, in place of what was between them, or at the end. No lines: no block.
 * `replaceBlock(text, '# BEGIN', '# END', ['A=1'])`
 */
export function replaceBlock(text: string, begin: string, end: string, lines: readonly string[]): string {
  const before = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const from = before.indexOf(begin)
  const to = from === -1 ? -1 : before.indexOf(end, from)
  const block = lines.length === 0 ? [] : [begin, ...lines, end]
  const after = to === -1 ? [...before, ...block] : [...before.slice(0, from), ...block, ...before.slice(to + 1)]
  return after.map(line => `${line}\n`).join('')
}
