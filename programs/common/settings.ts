/** What an instance has been told by its environment, as values. */
import { existsSync } from 'node:fs'
import type { Env } from './environment-file.ts'
import { paths } from './paths.ts'
import type { Problem } from './problem.ts'
import type { Alias, Complain, Profile, SettingRow } from './settings-rows.ts'
import { settingRows } from './settings-table.ts'

type Rows = typeof settingRows
export type SettingName = keyof Rows
type ValueOf<Row> = Row extends SettingRow<infer T> ? T : never

/** `VAST_TCP_PORT_*`: what stands for the star → value */
export type Settings = {
  readonly [Name in SettingName]: Name extends `${string}*${string}`
    ? ReadonlyMap<string, ValueOf<Rows[Name]>>
    : ValueOf<Rows[Name]>
}

/** Where a value came from, when it is not the default. */
export interface Origin {
  /** The variable that counted. */
  readonly variable: string
  /** Whose name it is, when it is not ours. */
  readonly profile?: Profile
}

export interface SettingsRead {
  readonly settings: Settings
  readonly origins: ReadonlyMap<SettingName, Origin>
  readonly profile: Profile
  readonly problems: readonly Problem[]
}

/**
 * Never throws: a bad value is told, and its default counts. A variable that is empty is not set. Our name for a setting comes
 * first, then that of the profile, then those of others.
 * Source: contract/aidock-and-codechips.md C.2 (5), C.4
 */
export function readSettings(env: Env, isAiDock: boolean = existsSync(paths.aiDock)): SettingsRead {
  const problems: Problem[] = []
  const profile = chooseProfile(env, isAiDock)
  const origins = new Map<SettingName, Origin>()
  const settings: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(settingRows) as [SettingName, SettingRow<unknown>][]) {
    if (name.includes('*')) {
      settings[name] = readFamily(name, row, env, problems)
      continue
    }
    const found = findValue(name, row, env, profile, problems)
    const value = found && parseValue(found.variable, row, found.text, problems)
    if (found !== undefined && value !== undefined) origins.set(name, found.origin)
    settings[name] = value ?? row.parse(defaultOf(row, profile, settings), silent)
  }
  return { settings: settings as Settings, origins, profile, problems }
}

const silent: Complain = () => {}

const chooseProfile = (env: Env, isAiDock: boolean): Profile => {
  const asked = settingRows.BOSUN_PROFILE.parse(env.BOSUN_PROFILE || 'auto', silent) ?? 'auto'
  if (asked !== 'auto') return asked
  return isAiDock && !env.PORTAL_CONFIG ? 'ai-dock' : 'vast'
}

interface Found {
  readonly variable: string
  readonly text: string
  readonly origin: Origin
}

const isSet = (env: Env, name: string): boolean => env[name] !== undefined && env[name] !== ''

function findValue(
  name: string,
  row: SettingRow<unknown>,
  env: Env,
  profile: Profile,
  problems: Problem[],
): Found | undefined {
  const aliases = (row.aliases ?? []).filter(alias => !alias.onlyThere || alias.profile === profile)
  const byRank = aliases.toSorted((a, b) => Number(b.profile === profile) - Number(a.profile === profile))
  const candidates: readonly (Partial<Alias> & { readonly name: string })[] = [{ name }, ...byRank]
  const [first, ...others] = candidates.filter(candidate => isSet(env, candidate.name))
  if (first === undefined) return undefined
  const origin: Origin = { variable: first.name, ...(first.profile && { profile: first.profile }) }
  if (row.together) {
    const text = [first, ...others].map(candidate => env[candidate.name]).join('\n')
    return { variable: first.name, text, origin }
  }
  for (const other of others)
    if (env[other.name] !== env[first.name])
      problems.push({
        where: other.name,
        message: `says something else than ${first.name}, which comes first`,
        fix: `remove ${other.name}, or ${first.name}`,
      })
  return { variable: first.name, text: env[first.name]!, origin }
}

function parseValue(variable: string, row: SettingRow<unknown>, text: string, problems: Problem[]): unknown {
  const shown = row.secret ? '' : `${text.length > 60 ? `${text.slice(0, 60)}…` : text}: `
  return row.parse(text, (message, fix) => problems.push({ where: variable, message: `${shown}${message}`, fix }))
}

const defaultOf = (row: SettingRow<unknown>, profile: Profile, settings: Readonly<Record<string, unknown>>): string =>
  (row.defaults?.[profile] ?? row.default).replace(/\$(\w+)/, (_, name: string) => String(settings[name]))

function readFamily(
  name: SettingName,
  row: SettingRow<unknown>,
  env: Env,
  problems: Problem[],
): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>()
  for (const variable of Object.keys(env)) {
    const member = memberOf(name, variable)
    if (member === undefined || !isSet(env, variable)) continue
    const value = parseValue(variable, row, env[variable]!, problems)
    if (value !== undefined) members.set(member, value)
  }
  return members
}

/** `VAST_TCP_PORT_*`, `VAST_TCP_PORT_8080` → `8080` */
function memberOf(family: string, variable: string): string | undefined {
  const [before, after] = family.split('*') as [string, string]
  const fits = variable.startsWith(before) && variable.endsWith(after) && variable.length > family.length - 1
  return fits ? variable.slice(before.length, variable.length - after.length) : undefined
}

/** The public port of one of ours; undefined: it cannot be reached from outside. */
export const mappedPort = (settings: Settings, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): number | undefined =>
  settings[`VAST_${protocol}_PORT_*`].get(String(port)) ?? undefined

const families = Object.keys(settingRows).filter((name): name is SettingName => name.includes('*'))
const namesByVariable: ReadonlyMap<string, SettingName> = new Map(
  (Object.entries(settingRows) as [SettingName, SettingRow<unknown>][]).flatMap(([name, row]) =>
    [name, ...(row.aliases ?? []).map(alias => alias.name)].map(variable => [variable, name] as const),
  ),
)

/** `WEB_USER` → `WEB_USERNAME`, `VAST_TCP_PORT_8080` → `VAST_TCP_PORT_*`; undefined: nobody here reads it. */
export const settingOf = (variable: string): SettingName | undefined =>
  namesByVariable.get(variable) ?? families.find(family => memberOf(family, variable) !== undefined)

/** As people name what nobody should read: `HF_TOKEN`, `DB_PASSWORD`, `OPENAI_API_KEY`, `CLIENT_SECRET_2` */
const SECRET_NAME =
  /(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS?|APIKEY|(?:^|_)KEY)(?:_ID|_B64|_?\d+)?$|SECRET_/i

/** By the table, where it knows the variable, otherwise by its name. */
export const isSecret = (variable: string): boolean => {
  const name = namesByVariable.get(variable)
  return name === undefined ? SECRET_NAME.test(variable) : (settingRows[name] as SettingRow<unknown>).secret === true
}

/** Variables that nobody reads, and that are nearly the name of a setting. */
export function findMisspelt(env: Env): readonly Problem[] {
  return Object.keys(env).flatMap(variable => {
    const meant = settingOf(variable) === undefined ? findNearly(variable) : undefined
    if (meant === undefined) return []
    return { where: variable, message: 'is not known, and ignored', fix: `if you mean ${meant}, write that` }
  })
}

/** The setting that is called nearly so. */
export const findNearly = (variable: string): string | undefined =>
  [...namesByVariable.keys()].find(name => isNearly(variable, name))

const simplified = (name: string): string => name.toUpperCase().replaceAll('_', '')

/** The first letter is hardly ever the wrong one: CPU_COUNT is not GPU_COUNT. */
function isNearly(variable: string, name: string): boolean {
  if (name.includes('*') || name.length < 5 || variable[0]?.toUpperCase() !== name[0]!.toUpperCase()) return false
  if (simplified(variable) === simplified(name)) return true
  const most = name.length < 8 ? 1 : 2
  return Math.abs(variable.length - name.length) <= most && editDistance(variable, name) <= most
}

/** Letters to add, remove or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + Number(letter !== other)))
    row = next
  }
  return row.at(-1)!
}
