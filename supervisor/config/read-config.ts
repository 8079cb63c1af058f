/**
 * The configuration of the daemon: files, flags and machine in, `Config` out.
 * What is wrong is told in the original's words (contract 1.7) by a `ConfigError` that knows the place.
 */
import { dirname } from 'node:path/posix'
import type { Flags } from './command-line.ts'
import type { Config, Credentials, DaemonConfig, Machine, ServerConfig } from './config.ts'
import { atPlace, ConfigError } from './config-error.ts'
import { absolute } from './converters.ts'
import { daemonOptions, inetServerOptions, unixServerOptions } from './daemon-options.ts'
import { parseEnvironment } from './environment.ts'
import { environmentNames, expand, type Names } from './expansions.ts'
import { type Ini, optionOf, readIniFiles, type Section } from './ini-reader.ts'
import { placeOf, readOption, readOptions } from './option-reader.ts'
import { row, type Scope } from './option-row.ts'
import { inheritProgramDefaults } from './program-defaults.ts'
import { readGroups } from './read-groups.ts'
import { nameIn, type Reading, readerOf } from './reading.ts'

export interface ConfigRequest {
  /** the root file; a relative path is shown as it is in texts */
  readonly file: string
  readonly flags: Flags
  /** the names that `events=` may have, upper case */
  readonly isEventType: (name: string) => boolean
}

/** The factory that makes the `supervisor.*` methods; every other one is Python code that does not exist here. */
const mainFactory = 'supervisor.rpcinterface:make_main_rpcinterface'

/** @throws ConfigError */
export function readConfig(request: ConfigRequest, machine: Machine): Config {
  const { ini: written, warnings, infos } = readIniFiles(request.file, machine)
  const { ini, warnings: aboutDefaults } = inheritProgramDefaults(written)
  const here = new Map([['here', dirname(absolute(request.file, machine))]])
  const section = ini.sections.get('supervisord')
  if (!section) {
    throw new ConfigError('.ini file does not include supervisord section', {
      file: request.file,
      hint: 'add a line [supervisord]',
    })
  }

  const outer = environmentNames(machine.host.environment)
  const daemon = readDaemon(ini, section, [outer, here], request.flags, machine)
  const environment = [outer, environmentNames(daemon.environment)]
  const names = (scope: Scope): Names => (scope === 'environment' ? environment : [...environment, here])
  const reading: Reading = {
    ini,
    machine,
    names,
    environment: daemon.environment,
    isEventType: request.isEventType,
    warnings: [],
  }
  const groups = readGroups(reading)
  const servers = readServers(reading)
  const rpcInterfaces = readRpcInterfaces(reading, servers.length > 0)
  return {
    daemon,
    servers,
    rpcInterfaces,
    groups,
    warnings: [...warnings, ...aboutDefaults, ...reading.warnings],
    infos,
    file: request.file,
  }
}

function readDaemon(ini: Ini, section: Section, names: Names, flags: Flags, machine: Machine): DaemonConfig {
  const { environment: environmentRow, user: userRow, ...others } = daemonOptions
  const reader = { ini, section, machine, names: () => names }
  const fromFlags = Object.entries(daemonOptions).flatMap(([option, { parse }]) => {
    const text = flags.get(option)
    return text === undefined ? [] : [[option, atPlace({}, () => parse(text, machine))]]
  })
  // what a flag overrides has to be right all the same, but for the user
  const values = {
    ...readOptions(reader, others),
    user: flags.has('user') ? null : readOption(reader, 'user', userRow),
    ...(Object.fromEntries(fromFlags) as object),
  }
  const entry = optionOf(ini, section, 'environment')
  const text = entry?.value ?? environmentRow.default
  const environment = atPlace(placeOf(section, 'environment', entry), () => readDaemonEnvironment(text, names, machine))
  return { ...values, environment, childlogdir: values.childlogdir ?? machine.host.temporaryDirectory() }
}

/**
 * Released versions expand it twice, the first time without host_node_name; 4.4 expands it once. What the released ones
 * cannot read is read as 4.4 does. Source: contract 1.5
 */
function readDaemonEnvironment(text: string, names: Names, { host }: Machine): Readonly<Record<string, string>> {
  const withNode = [...names, new Map([['host_node_name', host.nodename]])]
  const label = 'supervisord.environment'
  try {
    return parseEnvironment(expand(expand(text, names, label), withNode, 'environment'))
  } catch (error) {
    try {
      return parseEnvironment(expand(text, withNode, label))
    } catch {
      throw error
    }
  }
}

function readServers(reading: Reading): readonly ServerConfig[] {
  const sections = [...reading.ini.sections.values()]
  const inet = sections.filter(section => section.name.startsWith('inet_http_server'))
  const unix = sections.filter(section => section.name.startsWith('unix_http_server'))
  return [
    ...inet.map(section => readInetServer(reading, section)),
    ...unix.map(section => readUnixServer(reading, section)),
  ]
}

function readInetServer(reading: Reading, section: Section): ServerConfig {
  const { port, username, password } = readOptions(readerOf(reading, section), inetServerOptions)
  return { kind: 'inet', section: section.name, ...port, credentials: credentialsOf(section, username, password) }
}

function readUnixServer(reading: Reading, section: Section): ServerConfig {
  const { file, chmod, chown, username, password } = readOptions(readerOf(reading, section), unixServerOptions)
  const credentials = credentialsOf(section, username, password)
  return { kind: 'unix', section: section.name, file, chmod, chown: chown ?? { uid: -1, gid: -1 }, credentials }
}

/** Both or neither; an empty user name asks for nothing. */
function credentialsOf(section: Section, username: string | null, password: string | null): Credentials | null {
  if ((username === null) !== (password === null)) {
    throw new ConfigError(
      `Section [${section.name}] contains incomplete authentication: If a username or a password is specified, both the ` +
        'username and password must be specified',
      { ...placeOf(section), hint: username === null ? 'add username=…' : 'add password=…' },
    )
  }
  return username === null || password === null || username === '' ? null : { username, password }
}

function readRpcInterfaces(reading: Reading, isServed: boolean): readonly string[] {
  const factoryOption = 'supervisor.rpcinterface_factory'
  const names: string[] = []
  for (const section of reading.ini.sections.values()) {
    const name = nameIn(section, 'rpcinterface')
    if (name === null) continue
    const options = new Set([...reading.ini.defaults.keys(), ...section.options.keys()])
    if (!options.has(factoryOption)) {
      throw new ConfigError(`section [${section.name}] does not specify a ${factoryOption}`, {
        ...placeOf(section),
        hint: `add ${factoryOption} = ${mainFactory}`,
      })
    }
    const values = new Map(
      [...options].map(option => [option, readOption(readerOf(reading, section), option, anyOption)]),
    )
    const factory = values.get(factoryOption)
    if (factory !== mainFactory) {
      throw new ConfigError(`${factory} cannot be resolved within [${section.name}]`, {
        ...placeOf(section, factoryOption, optionOf(reading.ini, section, factoryOption)),
        hint: `plugins in Python cannot be loaded; remove the section, or use ${mainFactory}`,
      })
    }
    // the factory takes no parameters; the original finds out when it opens its servers
    const extra = [...options].find(option => option !== factoryOption)
    if (extra !== undefined && isServed) {
      throw new ConfigError(`Could not make ${name} rpc interface`, {
        ...placeOf(section, extra, optionOf(reading.ini, section, extra)),
        hint: `remove ${extra}: the section takes nothing but ${factoryOption}`,
      })
    }
    names.push(name)
  }
  return names
}

const anyOption = row({
  parse: (text: string) => text,
  default: '',
  scope: 'environment',
  doc: 'Parameter of a factory.',
})
