/**
 * Text → value, one function per type of option. Each throws `BadValue` with the original's text and how to mend it.
 * Values arrive trimmed and expanded. Source: contract 1.6
 */
import { dirname, resolve } from 'node:path/posix'
import type { User, UserGroup, Users } from '../system/system.ts'
import type { Autorestart, ChildLogfile, LogLevel, Machine } from './config.ts'
import { AUTO } from './config.ts'
import { BadValue } from './config-error.ts'
import { parseEnvironment } from './environment.ts'
import { pythonRepr } from './python-repr.ts'
import { strip } from './python-text.ts'
import { signalNumber } from './signals.ts'

export const text = (value: string): string => value

/** `[+-]1_000`; larger numbers than JavaScript counts with become the largest it does. */
export function integer(value: string): number {
  const number = integerOrNull(value, 10)
  if (number === null) {
    throw new BadValue(`invalid literal for int() with base 10: ${pythonRepr(value)}`, 'write a whole number', '10')
  }
  return number
}

/** Python's `int(text, base)`: sign, blanks around, single underscores between digits; `0o` before octal digits. */
function integerOrNull(value: string, base: 8 | 10): number | null {
  const pattern = base === 8 ? /^([+-]?)(?:0[oO]_?)?([0-7]+(?:_[0-7]+)*)$/ : /^([+-]?)([0-9]+(?:_[0-9]+)*)$/
  const [, sign, digits] = pattern.exec(strip(value)) ?? []
  if (digits === undefined) return null
  const plain = digits.replaceAll('_', '')
  const number = Math.min(base === 8 ? Number.parseInt(plain, 8) : Number(plain), Number.MAX_SAFE_INTEGER)
  return sign === '-' && number !== 0 ? -number : number
}

function integerBetween(value: string, low: number, high: number): number {
  const number = integer(value)
  const hint = `write a whole number from ${low} to ${high}`
  if (number < low) throw new BadValue(`${number} is below lower bound (${low})`, hint)
  if (number > high) throw new BadValue(`${number} is above upper bound (${high})`, hint)
  return number
}

const trueWords = ['yes', 'true', 'on', '1']
const falseWords = ['no', 'false', 'off', '0']

function booleanOrNull(value: string): boolean | null {
  const word = value.toLowerCase()
  if (trueWords.includes(word)) return true
  return falseWords.includes(word) ? false : null
}

export function boolean(value: string): boolean {
  const known = booleanOrNull(value)
  if (known === null) throw new BadValue(`not a valid boolean value: ${pythonRepr(value)}`, 'write true or false')
  return known
}

const byteUnits: readonly (readonly [string, number])[] = [
  ['kb', 1024],
  ['mb', 1024 ** 2],
  ['gb', 1024 ** 3],
]

/** `'50MB'` → 52428800; the suffixes are KB, MB and GB only. */
export function byteSize(value: string): number {
  const lower = value.toLowerCase()
  const [suffix, factor] = byteUnits.find(([unit]) => lower.endsWith(unit)) ?? ['', 1]
  const digits = lower.slice(0, lower.length - suffix.length)
  const number = integerOrNull(digits, 10)
  if (number === null) {
    const hint = 'write a whole number of bytes, or one with KB, MB or GB behind it'
    throw new BadValue(`invalid literal for int() with base 10: ${pythonRepr(digits)}`, hint, '50MB')
  }
  return number * factor
}

/** Permission bits: `'022'`, `'0o22'` → 18. */
export function octal(value: string): number {
  const number = integerOrNull(value, 8)
  if (number === null) {
    throw new BadValue(`${value} can not be converted to an octal type`, 'write digits from 0 to 7', '022')
  }
  return number & 0o7777
}

export function signal(value: string): number {
  const number = signalNumber(value)
  if (number !== null) return number
  const kind = integerOrNull(value, 10) === null ? 'name' : 'number'
  throw new BadValue(
    `value ${pythonRepr(value)} is not a valid signal ${kind}`,
    'write a signal such as TERM, INT, HUP or 15',
  )
}

/** `'0, 2'` → `[0, 2]`; nothing: no exit code is expected. */
export function exitCodes(value: string): readonly number[] {
  if (value === '') return []
  const codes = value.split(',').map(item => integerOrNull(item, 10))
  if (codes.some(code => code === null || code < 0 || code > 255)) {
    const hint = 'write numbers from 0 to 255 with commas between them'
    throw new BadValue(`not a valid list of exit codes: ${pythonRepr(value)}`, hint, '0,2')
  }
  return codes as number[]
}

export function autorestart(value: string): Autorestart {
  const word = value.toLowerCase()
  if (word === 'unexpected') return 'unexpected'
  const known = booleanOrNull(word)
  if (known === null) throw new BadValue(`invalid 'autorestart' value '${word}'`, 'write true, false or unexpected')
  return known ? 'true' : 'false'
}

const levels: readonly LogLevel[] = ['critical', 'error', 'warn', 'info', 'debug', 'trace', 'blather']

export function logLevel(value: string): LogLevel {
  const level = levels.find(known => known === value.toLowerCase())
  if (!level) throw new BadValue(`bad logging level name ${pythonRepr(value)}`, `write one of ${levels.join(', ')}`)
  return level
}

/** A name or a number, which has to exist. */
export function user(value: string, { users }: Machine): User {
  const uid = integerOrNull(value, 10)
  const found = uid === null ? users.userByName(value) : users.userById(uid)
  if (found) return found
  throw new BadValue(
    uid === null ? `Invalid user name ${value}` : `Invalid user id ${uid}`,
    'create the user, or name one that exists',
  )
}

export interface Owner {
  readonly uid: number
  /** −1: as it is */
  readonly gid: number
}

/** `user` or `user:group`; `textOption` is what the text calls the option. */
export const owner =
  (textOption: string) =>
  (value: string, { users }: Machine): Owner => {
    const [userPart = '', groupPart, ...more] = value.split(':')
    const uid = integerOrNull(userPart, 10)
    const found = uid === null ? users.userByName(userPart) : users.userById(uid)
    const group = groupPart === undefined ? { gid: -1 } : groupNamed(groupPart, users)
    if (!found || !group || more.length > 0) {
      throw new BadValue(
        `Invalid ${textOption} value ${value}`,
        'write a user, or user:group, that exists',
        'nobody:nogroup',
      )
    }
    return { uid: found.uid, gid: group.gid }
  }

function groupNamed(nameOrId: string, users: Users): UserGroup | null {
  const gid = integerOrNull(nameOrId, 10)
  return gid === null ? users.groupByName(nameOrId) : users.groupById(gid)
}

/** Octal, with a text of its own. */
export const mode =
  (textOption: string) =>
  (value: string): number => {
    if (integerOrNull(value, 8) === null) {
      throw new BadValue(`Invalid ${textOption} value ${value}`, 'write digits from 0 to 7', '0700')
    }
    return octal(value)
  }

/** `~` and `~name` as a shell has them; a name that nobody has stays as it is. */
export function expandHome(path: string, { users, host }: Machine): string {
  if (!path.startsWith('~')) return path
  const slash = path.indexOf('/')
  const end = slash === -1 ? path.length : slash
  const name = path.slice(1, end)
  const home = name === '' ? (host.environment.HOME ?? users.userById(host.uid())?.home) : users.userByName(name)?.home
  return home === undefined ? path : home.replace(/\/+$/, '') + path.slice(end) || '/'
}

export const absolute = (path: string, { host }: Machine): string => resolve(host.cwd(), path)

const isDirectory = (path: string, { files }: Machine): boolean => {
  try {
    return files.status(path)?.kind === 'directory'
  } catch {
    return false
  }
}

export function existingDirectory(value: string, machine: Machine): string {
  const path = expandHome(value, machine)
  if (path === '' || !isDirectory(path, machine)) {
    throw new BadValue(`${value} is not an existing directory`, 'create the directory, or name one that exists')
  }
  return path
}

/** The file need not exist, its directory has to; a bare name is always fine. */
export function filePath(value: string, machine: Machine): string {
  const path = expandHome(value, machine)
  if (path.includes('/') && !isDirectory(dirname(path), machine)) {
    throw new BadValue(
      `The directory named as part of the path ${value} does not exist`,
      'create the directory, or name one that exists',
    )
  }
  return path
}

export const absoluteFilePath = (value: string, machine: Machine): string => absolute(filePath(value, machine), machine)

/** `syslog`, or a file. */
export const daemonLogfile = (value: string, machine: Machine): string =>
  value === 'syslog' ? value : absoluteFilePath(value, machine)

/** Need not exist, nor its directory: whoever opens it says so. */
export const absolutePath = (value: string, machine: Machine): string => absolute(expandHome(value, machine), machine)

/** `stdout_logfile=syslog`: the old way to write `stdout_syslog=true`. */
export const SYSLOG = Symbol('SYSLOG')

export function childLogfile(value: string, machine: Machine): ChildLogfile | typeof SYSLOG {
  switch (value.toLowerCase()) {
    case 'none':
    case 'off':
      return null
    case 'auto':
      return AUTO
    case 'syslog':
      return SYSLOG
    default:
      return filePath(value, machine)
  }
}

/** A path, made absolute, which need not exist; nothing, or `NONE`: null. */
export const copyLogfile = (value: string, machine: Machine): string | null =>
  ['', 'none', 'off'].includes(value.toLowerCase()) ? null : absolutePath(value, machine)

/** `AUTO` → null: to be computed from the servers. */
export const childServerurl = (value: string): string | null => (strip(value).toUpperCase() === 'AUTO' ? null : value)

/** `'a, ,b'` → `['a', '', 'b']` */
const list = (value: string): readonly string[] => value.split(',').map(strip)

/** `'a, b'` → `['a', 'b']`; nothing → `[]`. An empty item stays: it is a name that nobody has. */
export const names = (value: string): readonly string[] => (value === '' ? [] : list(value))

/** In upper case, each once. */
export const eventNames = (value: string): readonly string[] => [
  ...new Set(names(value).map(name => name.toUpperCase())),
]

export interface ListenAddress {
  /** lower case; '' is every interface */
  readonly host: string
  readonly port: number
}

/** `9001`, `:9001`, `*:9001`, `host:9001` */
export function listenAddress(value: string): ListenAddress {
  const colon = value.lastIndexOf(':')
  if (colon === -1) {
    const port = integerOrNull(value, 10)
    if (port !== null && port >= 1 && port <= 65535) return { host: '', port }
    // the blank at the end is the original's
    throw new BadValue(
      `not a valid port number: ${pythonRepr(value)} `,
      'write host:port or a port from 1 to 65535',
      '127.0.0.1:9001',
    )
  }
  const host = value.slice(0, colon).toLowerCase()
  const port = value.slice(colon + 1)
  if (port === '') throw new BadValue(`no port number specified in ''`, 'write host:port', '127.0.0.1:9001')
  return { host: host === '*' ? '' : host, port: integerBetween(port, 1, 65535) }
}

export type FcgiAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** `tcp://host:port` or `unix:///path`; the tuples in the texts are the original's. */
export function fcgiSocket(value: string, machine: Machine): { readonly url: string; readonly address: FcgiAddress } {
  const hint = 'write tcp://host:port or unix:///absolute/path'
  if (value.startsWith('unix://')) {
    const path = expandHome(value.slice('unix://'.length), machine)
    if (path.startsWith('/')) return { url: value, address: { kind: 'unix', path } }
    throw new BadValue(`('Unix socket path %s is not an absolute path', ${pythonRepr(path)})`, hint)
  }
  const [, host, port] = /^tcp:\/\/([^\s:]+):([0-9]+)$/.exec(value) ?? []
  if (host === undefined || port === undefined)
    throw new BadValue(`('Bad socket format %s', ${pythonRepr(value)})`, hint)
  return { url: value, address: { kind: 'tcp', host, port: integerBetween(port, 1, 65535) } }
}

/** 1–65535 */
export function backlog(value: string): number {
  const number = integer(value)
  if (number < 1 || number > 65535) {
    throw new BadValue(`Invalid socket_backlog value ${number}`, 'write a whole number from 1 to 65535')
  }
  return number
}

/** A flag takes nothing but a URL; the file of supervisorctl is not that strict. */
export function checkUrl(value: string): void {
  const [, rest] = /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/)?([^?#]*)/.exec(value.trimStart()) ?? []
  if (!rest) throw new BadValue(`value ${pythonRepr(value)} is not a URL`)
}

/** `unix://` with a path that is absolute; everything else as it is. */
export const ctlServerurl = (value: string, machine: Machine): string =>
  value.startsWith('unix://') ? `unix://${absolutePath(value.slice('unix://'.length), machine)}` : value

export { parseEnvironment as environment }
