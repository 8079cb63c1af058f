/**
 * The configuration of supervisorctl: flags over `[supervisorctl]` of the root file, over the defaults.
 * Source: contract 1.2, 2.4, 9.1
 */
import { dirname } from 'node:path/posix'
import type { Flags } from './command-line.ts'
import type { Machine } from './config.ts'
import { atPlace, ConfigError } from './config-error.ts'
import { absolute } from './converters.ts'
import { type CtlValues, ctlOptions } from './daemon-options.ts'
import { environmentNames } from './expansions.ts'
import { type Ini, optionOf, readIniFile, type Section } from './ini-reader.ts'
import { placeOf, readOption, readOptions } from './option-reader.ts'
import { row } from './option-row.ts'

export interface CtlConfig extends CtlValues {
  /** the root file; null: there is none, everything is default */
  readonly file: string | null
}

/**
 * @param file null when the search found none
 * @throws ConfigError
 */
export function readCtlConfig(file: string | null, flags: Flags, machine: Machine): CtlConfig {
  const values = file === null ? defaults(machine) : readFile(file, machine)
  const fromFlags = Object.entries(ctlOptions).flatMap(([option, { parse }]) => {
    const text = flags.get(option)
    return text === undefined ? [] : [[option, atPlace({}, () => parse(text, machine))]]
  })
  return { ...values, ...(Object.fromEntries(fromFlags) as Partial<CtlValues>), file }
}

const emptyIni: Ini = { sections: new Map(), defaults: new Map() }

function defaults(machine: Machine): CtlValues {
  const section: Section = { name: 'supervisorctl', file: '', line: 0, options: new Map() }
  return readOptions({ ini: emptyIni, section, machine, names: () => [] }, ctlOptions)
}

function readFile(file: string, machine: Machine): CtlValues {
  const ini = readIniFile(file, machine, 'flaws')
  const section = ini.sections.get('supervisorctl')
  if (!section) {
    throw new ConfigError('.ini file does not include supervisorctl section', {
      file,
      hint: 'add a line [supervisorctl]',
    })
  }
  const environment = environmentNames(machine.host.environment)
  const here = new Map([['here', dirname(absolute(file, machine))]])
  const values = readOptions(
    { ini, section, machine, names: scope => (scope === 'environment' ? [environment] : [environment, here]) },
    ctlOptions,
  )
  checkPlugins(ini, environment, machine)
  return values
}

/** Plugins are Python code: there is none that could be loaded. */
function checkPlugins(ini: Ini, environment: ReadonlyMap<string, string>, machine: Machine): void {
  for (const section of ini.sections.values()) {
    if (!section.name.startsWith('ctlplugin:')) continue
    const entry = optionOf(ini, section, factoryOption)
    const hint = 'plugins in Python cannot be loaded; remove the section'
    if (!entry) {
      throw new ConfigError(`section [${section.name}] does not specify a ${factoryOption}`, {
        ...placeOf(section),
        hint,
      })
    }
    const factory = readOption({ ini, section, machine, names: () => [environment] }, factoryOption, factoryRow)
    throw new ConfigError(`${factory} cannot be resolved within [${section.name}]`, {
      ...placeOf(section, factoryOption, entry),
      hint,
    })
  }
}

const factoryOption = 'supervisor.ctl_factory'
const factoryRow = row({ parse: (value: string) => value, default: '', scope: 'environment', doc: 'Makes a plugin.' })
