/**
 * The command lines of supervisord and supervisorctl: flags from the option tables, parsed as Python's getopt does.
 * Flags end at the first word that is none. Source: contract 3.1, 9.1
 */
import type { Machine } from './config.ts'
import { BadValue, ConfigError } from './config-error.ts'
import { checkUrl } from './converters.ts'
import { ctlFlags, ctlOptions, daemonFlags, daemonOptions, type FlagRow } from './daemon-options.ts'
import type { Row, Table } from './option-row.ts'
import { pythonListRepr, pythonRepr } from './python-repr.ts'

/** What flags say, by option, as typed: it goes through the same parser as the file's text. */
export type Flags = ReadonlyMap<string, string>

export type DaemonCommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** `configuration` null: to be searched */
  | { readonly kind: 'run'; readonly configuration: string | null; readonly flags: Flags }

export type CtlCommandLine =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'run'
      readonly configuration: string | null
      readonly interactive: boolean
      readonly flags: Flags
      /** the command; none: the shell */
      readonly words: readonly string[]
    }

/** A flag that was given. */
interface Given {
  /** `-m`, `--umask` */
  readonly typed: string
  readonly row: NamedFlag
  /** 'true' for a flag without argument */
  readonly text: string
}

interface NamedFlag extends FlagRow {
  readonly option: string
}

const flagsOf = (options: Table, others: Readonly<Record<string, FlagRow>>): readonly NamedFlag[] => [
  ...Object.entries(others).map(([option, flag]) => ({ ...flag, option })),
  ...Object.entries<Row>(options).flatMap(([option, { flag, doc }]) => (flag ? [{ ...flag, doc, option }] : [])),
]

const allDaemonFlags = flagsOf(daemonOptions, daemonFlags)
const allCtlFlags = flagsOf(ctlOptions, ctlFlags)

/** @throws ConfigError; `argv` is what stands behind the name of the program */
export function parseDaemonCommandLine(argv: readonly string[], machine: Machine): DaemonCommandLine {
  const { given, words } = parseFlags(argv, allDaemonFlags)
  if (words.length > 0) throw new ConfigError(`positional arguments are not supported: ${pythonListRepr(words)}`)
  const values = new Map<string, string>()
  for (const { typed, row, text } of given) {
    if (row.option === 'help' || row.option === 'version') return { kind: row.option }
    // a user that does not exist is told later, without the name of the flag
    if (row.option !== 'user')
      checkFlag(typed, text, daemonOptions[row.option as keyof typeof daemonOptions]?.parse, machine)
    put(values, row.option, text, typed)
  }
  const configuration = values.get('configuration') ?? null
  values.delete('configuration')
  return { kind: 'run', configuration, flags: values }
}

/** @throws ConfigError */
export function parseCtlCommandLine(argv: readonly string[], machine: Machine): CtlCommandLine {
  const { given, words } = parseFlags(argv, allCtlFlags)
  const values = new Map<string, string>()
  for (const { typed, row, text } of given) {
    if (row.option === 'help') return { kind: 'help' }
    if (row.option === 'serverurl') checkFlag(typed, text, checkUrl, machine)
    put(values, row.option, text, typed)
  }
  const configuration = values.get('configuration') ?? null
  const interactive = values.has('interactive')
  values.delete('configuration')
  values.delete('interactive')
  return { kind: 'run', configuration, interactive, flags: values, words }
}

function put(values: Map<string, string>, option: string, text: string, typed: string): void {
  if (values.has(option)) throw new ConfigError(`conflicting command line option ${pythonRepr(typed)}`)
  values.set(option, text)
}

function checkFlag(typed: string, text: string, parse: Row['parse'] | undefined, machine: Machine): void {
  try {
    parse?.(text, machine)
  } catch (error) {
    if (error instanceof BadValue) {
      throw new ConfigError(`invalid value for ${typed} ${pythonRepr(text)}: ${error.message}`, { hint: error.hint })
    }
    throw error
  }
}

function parseFlags(
  argv: readonly string[],
  flags: readonly NamedFlag[],
): { given: Given[]; words: readonly string[] } {
  const given: Given[] = []
  const rest = [...argv]
  while (rest[0]?.startsWith('-') && rest[0] !== '-') {
    const word = rest.shift()!
    if (word === '--') break
    if (word.startsWith('--')) given.push(longFlag(word, rest, flags))
    else given.push(...shortFlags(word, rest, flags))
  }
  return { given, words: rest }
}

/** `--loglevel debug`, `--loglevel=debug`, `--logl debug` */
function longFlag(word: string, rest: string[], flags: readonly NamedFlag[]): Given {
  const equals = word.indexOf('=')
  const name = equals === -1 ? word.slice(2) : word.slice(2, equals)
  const candidates = flags.filter(flag => flag.long.startsWith(name))
  if (candidates.length === 0) throw new ConfigError(`option --${name} not recognized`)
  const row = candidates.find(flag => flag.long === name) ?? (candidates.length === 1 ? candidates[0] : undefined)
  if (!row) throw new ConfigError(`option --${name} not a unique prefix`)
  const typed = `--${row.long}`
  if (row.argument === null) {
    if (equals !== -1) throw new ConfigError(`option ${typed} must not have an argument`)
    return { typed, row, text: 'true' }
  }
  const text = equals === -1 ? rest.shift() : word.slice(equals + 1)
  if (text === undefined) throw new ConfigError(`option ${typed} requires argument`)
  return { typed, row, text }
}

/** `-n`, `-nc file`, `-ncfile` */
function shortFlags(word: string, rest: string[], flags: readonly NamedFlag[]): Given[] {
  const given: Given[] = []
  const letters = [...word.slice(1)]
  while (letters.length > 0) {
    const letter = letters.shift()!
    const typed = `-${letter}`
    const row = flags.find(flag => flag.short === (letter === '?' ? 'h' : letter))
    if (!row) throw new ConfigError(`option ${typed} not recognized`)
    if (row.argument === null) {
      given.push({ typed, row, text: 'true' })
      continue
    }
    const text = letters.length > 0 ? letters.splice(0).join('') : rest.shift()
    if (text === undefined) throw new ConfigError(`option ${typed} requires argument`)
    given.push({ typed, row, text })
  }
  return given
}

/** `-c/--configuration FILENAME -- Read this file, …` */
function renderFlag({ short, long, argument, doc }: NamedFlag): string {
  const names = short === null ? `--${long}` : `-${short}/--${long}`
  return `${names}${argument === null ? '' : ` ${argument}`} -- ${doc}`
}

export const renderDaemonUsage = (argv0: string): string => `supervisord -- keep programs running.

Usage: ${argv0} [options]

Options:
${allDaemonFlags.map(renderFlag).join('\n')}
`

export const renderCtlUsage = (argv0: string): string => `supervisorctl -- control what supervisord runs.

Usage: ${argv0} [options] [action [arguments]]

Options:
${allCtlFlags.map(renderFlag).join('\n')}

Without an action, the actions are asked for in a shell. The action "help" lists them.
`
