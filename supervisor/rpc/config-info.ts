import { AUTO, type ChildLogfile, type GroupConfig, type ProcessConfig } from '../config/config.ts'
import { compareText } from '../config/python-text.ts'
import type { Channel, Daemon } from '../daemon/api.ts'
import type { Renderable } from '../xmlrpc/codec.ts'

/**
 * An automatic name is known while the group that runs is the very one of the configuration; after a reread it is `auto`.
 * What is not set is the word `none`. Source: contract 8.6
 */
function reportLogfile(daemon: Daemon, group: GroupConfig, config: ProcessConfig, channel: Channel): string {
  const logfile: ChildLogfile = config[`${channel}_logfile`]
  if (logfile !== AUTO) return logfile ?? 'none'
  const active = daemon.group(group.name)
  if (active?.config !== group) return 'auto'
  return active.process(config.name)?.logfile(channel) || 'none'
}

/** The 29 members in the order they are sent. Source: contract 8.6 */
const configInfo = (
  daemon: Daemon,
  group: GroupConfig,
  config: ProcessConfig,
): { readonly [member: string]: Renderable } => ({
  autostart: config.autostart,
  directory: config.directory ?? 'none',
  uid: config.user?.uid ?? 'none',
  command: config.command,
  exitcodes: config.exitcodes,
  group: group.name,
  group_prio: group.priority,
  inuse: daemon.group(group.name) !== undefined,
  killasgroup: config.killasgroup,
  name: config.name,
  process_prio: config.priority,
  redirect_stderr: config.redirect_stderr,
  startretries: config.startretries,
  startsecs: config.startsecs,
  stdout_capture_maxbytes: config.stdout_capture_maxbytes,
  stdout_events_enabled: config.stdout_events_enabled,
  stdout_logfile: reportLogfile(daemon, group, config, 'stdout'),
  stdout_logfile_backups: config.stdout_logfile_backups,
  stdout_logfile_maxbytes: config.stdout_logfile_maxbytes,
  stdout_syslog: config.stdout_syslog,
  stopsignal: config.stopsignal,
  stopwaitsecs: config.stopwaitsecs,
  stderr_capture_maxbytes: config.stderr_capture_maxbytes,
  stderr_events_enabled: config.stderr_events_enabled,
  stderr_logfile: reportLogfile(daemon, group, config, 'stderr'),
  stderr_logfile_backups: config.stderr_logfile_backups,
  stderr_logfile_maxbytes: config.stderr_logfile_maxbytes,
  stderr_syslog: config.stderr_syslog,
  serverurl: config.serverurl ?? 'none',
})

/** `getAllConfigInfo`: every process of the configuration that was read last, sorted by its name alone. */
export const allConfigInfo = (daemon: Daemon): Renderable =>
  daemon.latestConfig.groups
    .flatMap(group => group.processes.map(config => ({ group, config })))
    .sort((a, b) => compareText(a.config.name, b.config.name))
    .map(({ group, config }) => configInfo(daemon, group, config))
