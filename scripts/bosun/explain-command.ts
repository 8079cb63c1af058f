/** `bosun explain [NAME…] [--all] [--json]`: reads the facts of this machine, and tells. */
import { existsSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { mergeSources, ownSurroundings, readEnvironmentSources } from '../../programs/common/environment-sources.ts'
import { readLaunchMode } from '../../programs/common/launch-mode.ts'
import { paths } from '../../programs/common/paths.ts'
import { readPortalYaml } from '../../programs/common/portal-yaml.ts'
import type { Problem } from '../../programs/common/problem.ts'
import { findNearly, settingOf } from '../../programs/common/settings.ts'
import type { Output } from './commands.ts'
import { type ExplainedSetting, type ExplainFacts, explain, explainOther, renderExplanation } from './explain.ts'

const USAGE = 'usage: bosun explain [NAME…] [--all] [--json]'

export async function runExplain(args: readonly string[], { out, err }: Output): Promise<number> {
  let parsed: { readonly values: { readonly all?: boolean; readonly json?: boolean }; readonly positionals: string[] }
  try {
    const options = { all: { type: 'boolean' }, json: { type: 'boolean' } } as const
    parsed = parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    err(`bosun: ${(error as Error).message}\n${USAGE}\n`)
    return 2
  }
  const { values, positionals: names } = parsed
  const facts = readFacts()
  const explanation = explain(facts)
  const known = new Map(explanation.settings.map(setting => [setting.name, setting]))
  const shown = names.flatMap(
    name => known.get(settingOf(name) ?? name) ?? known.get(name) ?? explainOther(facts, name) ?? [],
  )
  const unknown = names.filter(name => settingOf(name) === undefined && !(name in mergeSources(facts.sources)))
  for (const name of unknown) {
    const nearly = findNearly(name)
    err(`bosun: ${name} is not set, and no setting${nearly === undefined ? '' : `; do you mean ${nearly}?`}\n`)
  }
  if (names.length > 0 && shown.length === 0) {
    for (const name of names) if (!unknown.includes(name)) err(`bosun: ${name} is not set\n`)
    return 1
  }
  const isGiven = (setting: ExplainedSetting): boolean => values.all === true || setting.from !== 'default'
  const settings = names.length > 0 ? shown : explanation.settings.filter(isGiven)
  const isAbout = ({ where, fix }: Problem): boolean =>
    names.length === 0 || names.some(name => `${where} ${fix}`.includes(name))
  const told = {
    ...explanation,
    ignored: explanation.ignored.filter(isAbout),
    problems: explanation.problems.filter(isAbout),
  }
  if (values.json) out(`${JSON.stringify(names.length > 0 ? { ...told, settings } : explanation, null, 2)}\n`)
  else out(renderExplanation(told, settings, names.length > 0))
  return unknown.length > 0 ? 1 : 0
}

function readFacts(): ExplainFacts {
  const { sources, problems } = readEnvironmentSources(ownSurroundings())
  return {
    sources,
    problems,
    launchMode: readLaunchMode(),
    isAiDock: existsSync(paths.aiDock),
    portalYaml: readPortalYaml(),
    openFiles: sources.map(({ name }) => name).filter(isOpen),
  }
}

/** Every account can read it. */
function isOpen(path: string): boolean {
  if (!path.startsWith('/')) return false
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0
}
