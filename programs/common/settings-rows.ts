/** How a setting is written down, and how its text becomes a value. */
import { parsePort } from './port.ts'

export type Profile = 'vast' | 'ai-dock' | 'codechips'

/** Says what is wrong with a value, and what to write. */
export type Complain = (message: string, fix: string) => void

/** Undefined, with a complaint: the default counts. The text is never empty, unless the default is. */
export type Parse<T> = (text: string, complain: Complain) => T | undefined

export interface Alias {
  readonly name: string
  /** whose name for it this is */
  readonly profile: Profile
  /** It means many things to many programs: it counts in its own profile only. */
  readonly onlyThere?: true
}

export interface SettingRow<T> {
  readonly parse: Parse<T>
  /** Text that a user could have typed; `$NAME` is a setting above it. Empty: it is not set. */
  readonly default: string
  /** Where a profile has another default. */
  readonly defaults?: Partial<Readonly<Record<Profile, string>>>
  readonly doc: string
  /** Who looks at it. */
  readonly readBy: string
  /** Never shown, nor written where everybody can read it. */
  readonly secret?: true
  readonly aliases?: readonly Alias[]
  /** All names that are set count together, a line each. */
  readonly together?: true
}

/** A row keeps the type of what it parses. */
export const setting = <T>(row: SettingRow<T>): SettingRow<T> => row

/** As it stands. */
export const text: Parse<string> = value => value

const isTrue = (value: string): boolean => value.trim().toLowerCase() === 'true'
const isFalse = (value: string): boolean => value.trim().toLowerCase() === 'false'

/** On for `true` in any case, and nothing else. */
export const ifTrue: Parse<boolean> = (value, complain) => {
  if (!isTrue(value) && !isFalse(value))
    complain('is neither true nor false, and counts as false', 'write true or false')
  return isTrue(value)
}

/** Off for `false` in any case, and nothing else: what protects stays on. */
export const unlessFalse: Parse<boolean> = (value, complain) => {
  if (!isTrue(value) && !isFalse(value))
    complain('is neither true nor false, and counts as true', 'write true or false')
  return !isFalse(value)
}

/** On for `1`, `true` or `yes`. */
export const ifYes: Parse<boolean> = value => /^(?:1|true|yes)$/i.test(value.trim())

/** On for anything at all, as for many small switches, except what plainly says no. */
export const ifSet: Parse<boolean> = value => !/^(?:|0|false|no|off)$/i.test(value.trim())

/** A whole number, not below `least`; null: not set. */
export const integer =
  (least = 0): Parse<number | null> =>
  (value, complain) => {
    if (value === '') return null
    const number = /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : Number.NaN
    if (number >= least) return number
    return void complain(`is no whole number from ${least} on`, `write a number, such as ${Math.max(least, 1)}`)
  }

/** A port; null: not set. */
export const port: Parse<number | null> = (value, complain) => {
  if (value === '') return null
  return parsePort(value.trim()) ?? void complain('is no port', 'write a number from 1 to 65535')
}

/** Items with commas between them; empty ones are dropped. */
export const list: Parse<readonly string[]> = value =>
  value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')

/** Items with blanks between them. */
export const words: Parse<readonly string[]> = value => value.split(/\s+/).filter(word => word !== '')

/** Items with semicolons between them; empty ones and those that begin with # are dropped. */
export const entries: Parse<readonly string[]> = value =>
  value
    .split(';')
    .map(item => item.trim())
    .filter(item => item !== '' && !item.startsWith('#'))

/** One per line. */
export const lines: Parse<readonly string[]> = value => [
  ...new Set(
    value
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== ''),
  ),
]

/** `6006, 8384`: what is no port is told and left out, and the others count. */
export const ports: Parse<readonly number[]> = (value, complain) =>
  (list(value, complain) ?? []).flatMap(item => {
    const number = parsePort(item)
    if (number === undefined) complain(`${item} is no port, and is left out`, 'write ports with commas between them')
    return number ?? []
  })

/** `true`: all of them; otherwise as `ports`. */
export const allOrPorts: Parse<'all' | readonly number[]> = (value, complain) =>
  isTrue(value) ? 'all' : isFalse(value) ? [] : ports(value, complain)

/** One of these, in any case. */
export const oneOf =
  <const T extends string>(...choices: readonly T[]): Parse<T> =>
  (value, complain) =>
    choices.find(choice => choice === value.trim().toLowerCase()) ??
    void complain('is none of them', `write ${choices.join(', ')}`)

/** An absolute path without a slash at its end. */
export const directory: Parse<string> = value => `/${value}`.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')

/** `12.4`; empty: not set. */
export const version: Parse<string> = (value, complain) =>
  value === '' || /^\d+\.\d+$/.test(value.trim()) ? value.trim() : void complain('is no version', 'write it as 12.4')

/**
 * What people type to get in. Line ends and `;` have been removed from it ever since, so what consists of nothing else is
 * no password. Source: contract 5.1, 14 (16)
 */
export const credential: Parse<string> = (value, complain) =>
  value === '' || /[^\r\n;\s]/.test(value)
    ? value
    : void complain('has nothing in it that counts', 'choose another one')
