/**
 * `[group:x]`, `[program:x]`, `[eventlistener:x]` and `[fcgi-program:x]` → groups of processes.
 * Source: contract 1.5, 1.7, 2.5–2.8
 */
import {
  AUTO,
  type ChildLogfile,
  type FcgiSocketConfig,
  type GroupConfig,
  type ListenerConfig,
  type ProcessConfig,
} from './config.ts'
import { atPlace, BadValue, ConfigError } from './config-error.ts'
import { SYSLOG, text } from './converters.ts'
import { environmentNames, type Names } from './expansions.ts'
import { type Entry, optionOf, type Section } from './ini-reader.ts'
import { placeOf, readOption, readOptions, type SectionReader } from './option-reader.ts'
import { fcgiOptions, groupOptions, listenerOptions, type ProgramValues, programOptions } from './program-options.ts'
import { pythonRepr } from './python-repr.ts'
import { compareText, strip } from './python-text.ts'
import { nameIn, type Reading, readerOf } from './reading.ts'

/** More processes than a system has pids for: a slip, not a wish. */
const mostProcesses = 32_768

/** By (priority, name). @throws ConfigError */
export function readGroups(reading: Reading): readonly GroupConfig[] {
  const sections = [...reading.ini.sections.values()]
  const grouped = new Set<Section>()
  const groups = [
    ...sections.flatMap(section => readGroup(reading, section, grouped)),
    ...sections.flatMap(section => (grouped.has(section) ? [] : readOwnGroup(reading, section, 'program'))),
    ...sections.flatMap(section => readListenerGroup(reading, section)),
    ...sections.flatMap(section => (grouped.has(section) ? [] : readOwnGroup(reading, section, 'fcgi-program'))),
  ]
  reading.warnings.push(...sharedCopies(groups))
  return groups.sort((a, b) => a.priority - b.priority || compareText(a.name, b.name))
}

/** Each start begins the copies of a process anew: two that have one file would take it from each other. */
function sharedCopies(groups: readonly GroupConfig[]): string[] {
  const writers = new Map<string, string[]>()
  for (const { name: group, processes } of groups) {
    for (const { name, stdout_tee_logfile, stdout_plain_logfile } of processes) {
      for (const path of [stdout_tee_logfile, stdout_plain_logfile]) {
        if (path === null || path.startsWith('/dev/')) continue
        writers.set(path, [...(writers.get(path) ?? []), `${group}:${name}`])
      }
    }
  }
  return [...writers].flatMap(([path, names]) =>
    names.length > 1
      ? [
          `'${path}' is a copy of the output of ${names.join(' and ')}: give each a file of its own, e.g. with %(process_num)s`,
        ]
      : [],
  )
}

function readGroup(reading: Reading, section: Section, grouped: Set<Section>): GroupConfig[] {
  const name = nameIn(section, 'group')
  if (name === null) return []
  checkName(name, section)
  const { programs, priority } = readOptions(readerOf(reading, section), groupOptions)
  const processes: ProcessConfig[] = []
  // the original forgets which group it is in after the first member; clients see that text
  let shown = section.name
  for (const program of programs) {
    const plain = reading.ini.sections.get(`program:${program}`)
    const fcgi = reading.ini.sections.get(`fcgi-program:${program}`)
    const place = placeOf(section, 'programs', optionOf(reading.ini, section, 'programs'))
    if (plain && fcgi) {
      throw new ConfigError(`[${shown}] name ${program} is ambiguous (exists as program and fcgi-program)`, {
        ...place,
        hint: 'rename one of the two',
      })
    }
    const member = plain ?? fcgi
    if (!member) {
      throw new ConfigError(`[${shown}] names unknown program or fcgi-program ${program}`, {
        ...place,
        hint: `add a section [program:${program}], or take the name out of [${section.name}]`,
      })
    }
    shown = member.name
    grouped.add(member)
    processes.push(...readProcesses(reading, member, nameOfProgram(member), name, fcgi ? 'fcgi-program' : 'program'))
  }
  return [{ name, priority, processes: lastOfEachName(processes), listener: null }]
}

/** A program that no `[group:x]` names is a group of its own. */
function readOwnGroup(reading: Reading, section: Section, kind: 'program' | 'fcgi-program'): GroupConfig[] {
  const name = nameIn(section, kind)
  if (name === null) return []
  checkName(name, section)
  const priority = readOption(readerOf(reading, section), 'priority', groupOptions.priority)
  if (kind === 'fcgi-program') requireSocket(reading, section)
  return [{ name, priority, processes: readProcesses(reading, section, name, name, kind), listener: null }]
}

const nameOfProgram = (section: Section): string => strip(section.name.slice(section.name.indexOf(':') + 1))

function readListenerGroup(reading: Reading, section: Section): GroupConfig[] {
  const name = nameIn(section, 'eventlistener')
  if (name === null) return []
  const reader = readerOf(reading, section)
  const priority = readOption(reader, 'priority', { ...groupOptions.priority, default: '-1' })
  const listener = readListener(reading, reader)
  return [{ name, priority, processes: readProcesses(reading, section, name, name, 'eventlistener'), listener }]
}

function readListener(reading: Reading, reader: SectionReader): ListenerConfig {
  const { section } = reader
  const label = `[${section.name}]`
  const refuse = (option: string, message: string, hint: string): never => {
    throw new ConfigError(message, { ...placeOf(section, option, optionOf(reading.ini, section, option)), hint })
  }
  const listener = readOptions(reader, listenerOptions)
  if (listener.events.length === 0) {
    refuse(
      'events',
      `${label} section requires an "events" line`,
      'add events=… with the types that it wants, e.g. events=TICK_60',
    )
  }
  const unknown = listener.events.find(event => !reading.isEventType(event))
  if (unknown !== undefined) {
    refuse(
      'events',
      `Unknown event type ${unknown} in ${label} events`,
      'write event types with commas between them, e.g. PROCESS_STATE,TICK_60',
    )
  }
  if (listener.buffer_size < 1) {
    refuse(
      'buffer_size',
      `${label} section sets invalid buffer_size (${listener.buffer_size})`,
      'write a number above 0',
    )
  }
  if (listener.result_handler !== listenerOptions.result_handler.default) {
    refuse(
      'result_handler',
      `${listener.result_handler} cannot be resolved within ${label}`,
      'handlers in Python cannot be loaded; remove the option',
    )
  }
  if (readOption(reader, 'redirect_stderr', { ...programOptions.redirect_stderr, scope: 'here' })) {
    const why = 'but this is not allowed because it will interfere with the eventlistener protocol'
    refuse('redirect_stderr', `${label} section sets redirect_stderr=true ${why}`, 'remove the option')
  }
  return listener
}

type ProgramKind = 'program' | 'eventlistener' | 'fcgi-program'

/** Errors in here name the section and its file, whatever they are about. Sorted by name. */
function readProcesses(
  reading: Reading,
  section: Section,
  program: string,
  group: string,
  kind: ProgramKind,
): ProcessConfig[] {
  const processes = inSection(section, () => readProgram(reading, section, program, group))
  const user = processes[0]?.user ?? null
  const socket = kind === 'fcgi-program' ? readSocket(reading, section, program, user) : null
  const complete = socket === null ? processes : processes.map(process => ({ ...process, socket }))
  return lastOfEachName(complete).sort((a, b) => a.priority - b.priority || compareText(a.name, b.name))
}

function inSection<T>(section: Section, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`${error.message} in section '${section.name}' (file: '${section.file}')`, error)
  }
}

function readProgram(reading: Reading, section: Section, program: string, group: string): ProcessConfig[] {
  checkName(program, section)
  const { ini, machine } = reading
  const programNames: Names = [
    ...reading.names('here'),
    new Map([
      ['program_name', program],
      ['group_name', group],
      ['host_node_name', machine.host.nodename],
    ]),
  ]
  const reader = { ini, machine, section, names: () => programNames }
  const noCommand = () =>
    new ConfigError(`program section ${section.name} does not specify a command`, {
      ...placeOf(section),
      hint: 'add command=…',
    })
  if (!optionOf(ini, section, 'command')) throw noCommand()
  const shared = readOptions(reader, programOptions, noCommand, row => row.scope !== 'process')
  checkProgram(reading, section, shared)

  const processes: ProcessConfig[] = []
  for (let index = 0; index < shared.numprocs; index++) {
    const number = shared.numprocs_start + index
    const numbers: Names = [
      ...programNames,
      new Map([
        ['process_num', number],
        ['numprocs', shared.numprocs],
      ]),
    ]
    // its own environment may be expanded everywhere but in itself
    const environment = readOption({ ...reader, names: () => numbers }, 'environment', programOptions.environment)
    const processNames: Names = [...numbers, environmentNames(environment)]
    const processReader = { ...reader, names: () => processNames }
    const own = readOptions(
      processReader,
      programOptions,
      noCommand,
      row => row.scope === 'process' && row !== programOptions.environment,
    )
    const values = { ...shared, ...own, environment: { ...reading.environment, ...environment } }
    processes.push(toProcess(reading, section, values))
  }
  return processes
}

/** What two options, or the text before expansion, decide. */
function checkProgram({ ini }: Reading, section: Section, { numprocs, stopasgroup, killasgroup }: ProgramValues): void {
  const nameEntry = optionOf(ini, section, 'process_name')
  const processName = nameEntry?.value ?? programOptions.process_name.default
  checkName(processName, section, 'process_name', nameEntry)
  if (numprocs > 1 && !processName.includes('%(process_num)')) {
    throw new ConfigError('%(process_num) must be present within process_name when numprocs > 1', {
      ...placeOf(section, 'process_name', nameEntry ?? optionOf(ini, section, 'numprocs')),
      hint: 'e.g. process_name=%(program_name)s_%(process_num)02d',
    })
  }
  if (numprocs > mostProcesses) {
    throw new ConfigError(
      `numprocs is more than ${mostProcesses}`,
      placeOf(section, 'numprocs', optionOf(ini, section, 'numprocs')),
    )
  }
  if (stopasgroup && !killasgroup) {
    throw new ConfigError('Cannot set stopasgroup=true and killasgroup=false', {
      ...placeOf(section, 'killasgroup', optionOf(ini, section, 'killasgroup')),
      hint: 'remove killasgroup, or set stopasgroup=false',
    })
  }
}

/** `option`: where the name comes from, if not the header. */
function checkName(name: string, section: Section, option?: string, entry?: Entry): void {
  const bad = /[ :/]/.exec(name)
  if (!bad) return
  throw new ConfigError(`Invalid name: ${pythonRepr(name)} because of character: ${pythonRepr(bad[0])}`, {
    ...placeOf(section, option, entry),
    hint: 'use a name without blanks, colons and slashes',
  })
}

function toProcess(reading: Reading, section: Section, values: ProgramValues): ProcessConfig {
  const { process_name, numprocs, numprocs_start, stdout_logfile, stderr_logfile, ...others } = values
  const warn = (text: string) => reading.warnings.push(`For [${section.name}], ${text}`)

  const logfileOf = (
    channel: 'stdout' | 'stderr',
    setting: ChildLogfile | typeof SYSLOG,
    isRedirected: boolean,
  ): ChildLogfile => {
    if (setting === SYSLOG) {
      warn(
        `${channel}_logfile=syslog but this is deprecated and will be removed.  Use ${channel}_syslog=true to enable syslog instead.`,
      )
      return null
    }
    if (setting === AUTO && values[`${channel}_logfile_maxbytes`] === 0) {
      warn(
        `AUTO logging used for ${channel}_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally`,
      )
    }
    if (isRedirected && typeof setting === 'string') {
      warn('redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored')
    }
    return isRedirected ? null : setting
  }

  return {
    ...others,
    name: process_name,
    stdout_logfile: logfileOf('stdout', stdout_logfile, false),
    stdout_syslog: values.stdout_syslog || stdout_logfile === SYSLOG,
    stderr_logfile: logfileOf('stderr', stderr_logfile, values.redirect_stderr),
    stderr_syslog: values.stderr_syslog || stderr_logfile === SYSLOG,
    socket: null,
  }
}

/** Two processes of one name cannot both be in a group; as in the original the last one is. */
const lastOfEachName = (processes: readonly ProcessConfig[]): ProcessConfig[] => [
  ...new Map(processes.map(process => [process.name, process])).values(),
]

const socketEntry = ({ ini }: Reading, section: Section): Entry | undefined => {
  const entry = optionOf(ini, section, 'socket')
  return entry?.value === '' ? undefined : entry
}

function requireSocket(reading: Reading, section: Section): void {
  if (socketEntry(reading, section)) return
  throw new ConfigError(`[${section.name}] section requires a "socket" line`, {
    ...placeOf(section),
    hint: 'add socket=tcp://host:port or socket=unix:///absolute/path',
  })
}

/** null without a `socket` line: in a member of a `[group:x]` the original does not ask for one. */
function readSocket(
  reading: Reading,
  section: Section,
  program: string,
  user: ProcessConfig['user'],
): FcgiSocketConfig | null {
  const entry = socketEntry(reading, section)
  if (!entry) return null
  const reader = readerOf(reading, section)
  const { socket: row, ...others } = fcgiOptions
  const { socket_backlog: backlog, socket_owner, socket_mode: mode } = readOptions(reader, others)
  const names: Names = [...reading.names('here'), new Map([['program_name', program]])]
  const url = readOption({ ...reader, names: () => names }, 'socket', { ...row, parse: text, default: '' })
  return atPlace(placeOf(section, 'socket', entry), () => {
    try {
      const { address } = row.parse(url, reading.machine)
      const isUnix = address.kind === 'unix'
      if (!isUnix && (socket_owner !== null || mode !== null)) {
        throw new BadValue(
          'socket_owner and socket_mode params should only be used with a Unix domain socket',
          'remove them',
        )
      }
      const ownerOfProgram = user && user.uid !== reading.machine.host.uid() ? { uid: user.uid, gid: user.gid } : null
      return { url, address, backlog, owner: isUnix ? (socket_owner ?? ownerOfProgram) : null, mode }
    } catch (error) {
      if (error instanceof BadValue) throw new BadValue(`${error.message} in [${section.name}] socket`, error.hint)
      throw error
    }
  })
}
