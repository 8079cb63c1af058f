/**
 * What counts on this instance, and why: settings with the place they come from, what is ignored, and every problem of what
 * people have written. Pure; secrets are masked here already. Source: issue 5 part 5; contract/aidock-and-codechips.md C.3
 */
import { type EnvironmentSource, mergeSources, placeIn, placeOf } from '../../programs/common/environment-sources.ts'
import type { LaunchMode } from '../../programs/common/launch-mode.ts'
import { parsePortalConfig } from '../../programs/common/portal-config.ts'
import type { PortalYaml } from '../../programs/common/portal-yaml.ts'
import { type Problem, renderProblem } from '../../programs/common/problem.ts'
import { MASK, maskSecrets } from '../../programs/common/secrets.ts'
import { findMisspelt, isSecret, readSettings, type SettingName, settingOf } from '../../programs/common/settings.ts'
import type { Profile, SettingRow } from '../../programs/common/settings-rows.ts'
import { settingRows } from '../../programs/common/settings-table.ts'

export interface ExplainFacts {
  readonly sources: readonly EnvironmentSource[]
  /** of the files among them */
  readonly problems: readonly Problem[]
  readonly launchMode: LaunchMode
  readonly isAiDock: boolean
  readonly portalYaml: PortalYaml
  /** The files of settings that everybody can read. */
  readonly openFiles: readonly string[]
}

export interface ExplainedSetting {
  readonly name: string
  /** As text; MASK for a secret that is set. */
  readonly value: string
  /** `default`, or where it is written: `/etc/environment:12` */
  readonly from: string
  /** The variable that counts, when it is another name for the setting, and whose. */
  readonly variable?: string
  readonly profile?: Profile
  readonly secret: boolean
  /** What it means; '' for a variable that is not in our table. */
  readonly doc: string
}

export interface Explanation {
  readonly launchMode: LaunchMode
  readonly profile: Profile
  /** All of them, in the order of the table. */
  readonly settings: readonly ExplainedSetting[]
  /** Variables that have been given, and do not count. */
  readonly ignored: readonly Problem[]
  readonly problems: readonly Problem[]
  /** How many portal.yaml has. */
  readonly applications: number
}

const NOT_SHADOWED = new Set(['PATH']) // by and by each of them adds to it

export function explain(facts: ExplainFacts): Explanation {
  const { sources, portalYaml } = facts
  const env = mergeSources(sources)
  const mask = maskSecrets(env)
  const { settings, origins, profile, problems } = readSettings(env, facts.isAiDock)
  const place = (variable: string): string => placeOf(sources, variable) ?? 'default'
  const placed = (problem: Problem): Problem => ({
    where: `${place(problem.where)}: ${problem.where}`,
    message: mask(problem.message),
    fix: problem.fix,
  })

  const explained = (Object.keys(settingRows) as SettingName[]).flatMap((name): ExplainedSetting[] => {
    const row: SettingRow<unknown> = settingRows[name]
    const show = (variable: string, value: unknown): string =>
      isSecret(variable) ? renderSecret(value) : mask(renderSettingValue(value))
    const value = settings[name]
    if (value instanceof Map)
      return [...value].map(([member, one]: [string, unknown]) => {
        const variable = name.replace('*', member)
        return {
          name: variable,
          value: show(variable, one),
          from: place(variable),
          secret: isSecret(variable),
          doc: row.doc,
        }
      })
    const origin = origins.get(name)
    return [
      {
        name,
        value: show(name, value),
        from: origin === undefined ? 'default' : place(origin.variable),
        ...(origin?.profile && { variable: origin.variable, profile: origin.profile }),
        secret: isSecret(name),
        doc: row.doc,
      },
    ]
  })

  const config = parsePortalConfig(settings.PORTAL_CONFIG).problems
  const configPlace = place(origins.get('PORTAL_CONFIG')?.variable ?? 'PORTAL_CONFIG')
  return {
    launchMode: facts.launchMode,
    profile,
    settings: explained,
    ignored: [...findMisspelt(env).map(placed), ...findShadowed(sources)],
    problems: [
      ...facts.problems,
      ...problems.map(placed),
      ...findOpen(sources, facts.openFiles),
      ...portalYaml.problems,
      ...config.map(({ where, message, fix }) => ({ where: `${configPlace}: ${where}`, message, fix })),
    ].map(({ where, message, fix }) => ({ where, message: mask(message), fix })),
    applications: portalYaml.applications.length,
  }
}

/** A variable that is set, and none of our settings. */
export function explainOther({ sources }: ExplainFacts, variable: string): ExplainedSetting | undefined {
  const env = mergeSources(sources)
  const value = env[variable]
  const from = placeOf(sources, variable)
  if (value === undefined || from === undefined) return undefined
  const secret = isSecret(variable)
  const shown = secret ? renderSecret(value) : maskSecrets(env)(value)
  return { name: variable, value: shown, from, secret, doc: 'No setting of bosun; programs may read it.' }
}

const renderSecret = (value: unknown): string => (value === '' || value === null ? '' : MASK)

const renderSettingValue = (value: unknown): string =>
  value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value)

/** What a later source says otherwise. */
function findShadowed(sources: readonly EnvironmentSource[]): readonly Problem[] {
  return sources.flatMap((source, index) =>
    [...source.values].flatMap(([variable, value]): readonly Problem[] => {
      if (settingOf(variable) === undefined || NOT_SHADOWED.has(variable)) return []
      const later = sources.slice(index + 1).findLast(({ values }) => values.has(variable))
      if (later === undefined || later.values.get(variable) === value) return []
      const where = `${placeIn(source, variable)}: ${variable}`
      return [{ where, message: `does not count: ${placeIn(later, variable)} says otherwise`, fix: 'change it there' }]
    }),
  )
}

/** Secrets in files that every account can read. */
function findOpen(sources: readonly EnvironmentSource[], openFiles: readonly string[]): readonly Problem[] {
  return sources.flatMap(({ name, values }): readonly Problem[] => {
    const secrets = [...values]
      .filter(([variable, value]) => value !== '' && isSecret(variable))
      .map(([variable]) => variable)
    if (secrets.length === 0 || !openFiles.includes(name)) return []
    return [
      {
        where: name,
        message: `every account can read it, and it holds ${secrets.join(', ')}`,
        fix: `chmod o-r ${name}`,
      },
    ]
  })
}

/** For people. `names`: these only, with what they mean; otherwise what is not a default, or `all`. */
export function renderExplanation(
  explanation: Explanation,
  shown: readonly ExplainedSetting[],
  detailed: boolean,
): string {
  const { launchMode, profile, settings, ignored, problems, applications } = explanation
  const rows = shown.map(({ name, value, from, variable, profile: whose }) => [
    name,
    clip(value.replaceAll(/\p{Cc}+/gu, ' ')),
    variable === undefined ? from : `${from}, as ${variable} (${whose})`,
  ])
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]!.length), 0))
  const lines = rows.flatMap(([name, value, from], index) => {
    const line = `${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${from}`
    return detailed ? [line, `    ${shown[index]!.doc}`] : [line]
  })
  const hidden = settings.length - shown.length
  return [
    ...(detailed ? [] : [`launch mode ${launchMode}, profile ${profile}, applications ${applications}`, '']),
    ...lines,
    ...(detailed || hidden === 0 ? [] : [`${hidden} more have their defaults: bosun explain --all`]),
    ...section('ignored', ignored),
    ...section('problems', problems),
    '',
  ].join('\n')
}

const section = (title: string, problems: readonly Problem[]): readonly string[] =>
  problems.length === 0 ? [] : ['', title, ...problems.map(problem => `  ${renderProblem(problem)}`)]

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text)
