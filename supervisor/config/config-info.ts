/**
 * The structs of `supervisor.getAllConfigInfo`. Source: contract 8.6
 */
import { AUTO, type Config, type GroupConfig, type ProcessConfig } from './config.ts'
import { programOptions } from './program-options.ts'
import { compareText } from './python-text.ts'

export type ConfigInfo = Readonly<Record<string, string | number | boolean | readonly number[]>>

/** What only the daemon knows of a group. */
export interface Activity {
  /** is the group active? */
  inUse(group: GroupConfig): boolean
  /** the name that AUTO has become; null when it is not known (yet, or any more): reported as `auto` */
  automaticLogfile(group: GroupConfig, process: ProcessConfig, channel: 'stdout' | 'stderr'): string | null
}

/** Members in the order in which the original sends them. */
const members = [
  'autostart',
  'directory',
  'uid',
  'command',
  'exitcodes',
  'group',
  'group_prio',
  'inuse',
  'killasgroup',
  'name',
  'process_prio',
  'redirect_stderr',
  'startretries',
  'startsecs',
  'stdout_capture_maxbytes',
  'stdout_events_enabled',
  'stdout_logfile',
  'stdout_logfile_backups',
  'stdout_logfile_maxbytes',
  'stdout_syslog',
  'stopsignal',
  'stopwaitsecs',
  'stderr_capture_maxbytes',
  'stderr_events_enabled',
  'stderr_logfile',
  'stderr_logfile_backups',
  'stderr_logfile_maxbytes',
  'stderr_syslog',
  'serverurl',
] as const

/** Member → option that it reports. */
const reported: ReadonlyMap<string, keyof ProcessConfig> = new Map(
  Object.entries(programOptions).flatMap(([option, { report }]) =>
    report === null ? [] : [[report, option as keyof ProcessConfig] as const],
  ),
)

/** One struct per process of every group, sorted by the name of the process alone. */
export const allConfigInfo = (config: Pick<Config, 'groups'>, activity: Activity): readonly ConfigInfo[] =>
  config.groups
    .flatMap(group => group.processes.map(process => ({ group, process })))
    .sort((a, b) => compareText(a.process.name, b.process.name))
    .map(({ group, process }) => configInfo(group, process, activity))

export function configInfo(group: GroupConfig, process: ProcessConfig, activity: Activity): ConfigInfo {
  const own: Readonly<Record<string, string | number | boolean>> = {
    group: group.name,
    group_prio: group.priority,
    inuse: activity.inUse(group),
    name: process.name,
  }
  return Object.fromEntries(
    members.map(member => [member, own[member] ?? reportedValue(group, process, reported.get(member)!, activity)]),
  )
}

/** What is absent is the string `none`. */
function reportedValue(group: GroupConfig, process: ProcessConfig, option: keyof ProcessConfig, activity: Activity) {
  const value = process[option]
  if (value === null) return 'none'
  if (value === AUTO) {
    return activity.automaticLogfile(group, process, option === 'stdout_logfile' ? 'stdout' : 'stderr') ?? 'auto'
  }
  if (option === 'user') return process.user!.uid
  return value as string | number | boolean | readonly number[]
}
