/**
 * supervisord: argv → config → daemon. The one place where real effects are wired in.
 * Source: contract 3; the order of the steps is that of 3.3
 */
import { parseDaemonCommandLine, renderDaemonUsage } from './config/command-line.ts'
import { AUTO, type Config, type Machine, type ProcessConfig, type ServerConfig } from './config/config.ts'
import { ConfigError, renderConfigError } from './config/config-error.ts'
import { findConfigFile, rootSearchWarning } from './config/find-config.ts'
import { readConfig } from './config/read-config.ts'
import type { Channel } from './daemon/api.ts'
import { type Outcome, SupervisorDaemon, VERSION } from './daemon/daemon.ts'
import { claimLimits, claimUser, PrivilegeError } from './daemon/privileges.ts'
import { lazyPages } from './http/page/lazy-pages.ts'
import { openServers, type Servers } from './http/server.ts'
import { ServerError } from './http/server-error.ts'
import { EventBus } from './listeners/event-bus.ts'
import { isEventType } from './listeners/event-types.ts'
import { Listeners } from './listeners/listeners.ts'
import { createActivityLog, type OwnedActivityLog } from './logs/activity-log.ts'
import { createAutomaticLog, removeAutomaticLogs } from './logs/automatic-logs.ts'
import {
  type ChildLogHooks,
  type ChildLogOptions,
  type CopyOptions,
  openChildLog,
  passThroughDescriptor,
} from './logs/child-log.ts'
import type { Source } from './process/body.ts'
import { FcgiSocketError, FcgiSockets } from './process/fcgi-socket.ts'
import type { SupervisedProcess } from './process/process.ts'
import { openRpcInterface } from './rpc/dispatch.ts'
import { followedFiles } from './system/followed-file.ts'
import { closeListeningSocket, openListeningSocket, SOMAXCONN } from './system/listening-socket.ts'
import { logFiles } from './system/log-file.ts'
import { openSystem } from './system/real-system.ts'
import { openSyslog } from './system/syslog.ts'

const USAGE_ERROR = 2
/** What a slow disk or consumer may still take of the logs at our end: docker gives us ten seconds for everything. */
const LOGS_FINISH_MS = 5000

const system = openSystem()
const { own, clock, host } = system
// paths in the configuration are relative to where we were started, also after the daemon has gone elsewhere
const startDirectory = host.cwd()
const machine: Machine = { ...system, host: { ...host, cwd: () => startDirectory } }
const syslog = openSyslog(clock.wall)
const argv0 = process.argv[1]!

/** pid → process; outlives a reload */
const living = new Map<number, SupervisedProcess>()

function fail(error: unknown): never {
  const told = [ConfigError, ServerError, PrivilegeError, FcgiSocketError].some(kind => error instanceof kind)
  if (error instanceof Error && told) {
    const place = error instanceof ConfigError ? renderConfigError(error) : ''
    own.writeError(`Error: ${error.message}\nFor help, use ${argv0} -h\n${place && `${place}\n`}`)
    return own.exit(USAGE_ERROR)
  }
  own.writeError(`Error: ${(error as Error).stack ?? error}\n`)
  return own.exit(1)
}

/** What `SUPERVISOR_SERVER_URL` says: the first unix server, else the last inet one. */
function serverUrlOf(servers: readonly ServerConfig[]): string | null {
  const unix = servers.find(server => server.kind === 'unix')
  if (unix) return `unix://${unix.file}`
  const inet = servers.findLast(server => server.kind === 'inet')
  return inet ? `http://${inet.host || 'localhost'}:${inet.port}` : null
}

function copiesOf(config: ProcessConfig): CopyOptions | null {
  const { stdout_tee_logfile: tee, stdout_plain_logfile: plain } = config
  if (tee === null && plain === null) return null
  return { tee, plain, maxBytes: config.stdout_tee_logfile_maxbytes, backups: config.stdout_tee_logfile_backups }
}

/** The events that the output of a process makes. */
class OutputEvents implements ChildLogHooks {
  readonly #bus: EventBus
  readonly #process: SupervisedProcess
  readonly #channel: 'STDOUT' | 'STDERR'
  readonly #source: Source

  constructor(bus: EventBus, process: SupervisedProcess, channel: Channel, source: Source) {
    this.#bus = bus
    this.#process = process
    this.#channel = channel === 'stdout' ? 'STDOUT' : 'STDERR'
    this.#source = source
  }

  wantsLogEvents(): boolean {
    return this.#bus.wants(`PROCESS_LOG_${this.#channel}`)
  }

  onLog(data: Buffer): void {
    this.#bus.announce(`PROCESS_LOG_${this.#channel}`, this.#output(data))
  }

  onCommunication(data: Buffer): void {
    this.#bus.announce(`PROCESS_COMMUNICATION_${this.#channel}`, this.#output(data))
  }

  #output(data: Buffer) {
    const { config, group, pid } = this.#process
    return { process: config.name, group: group.name, pid, data }
  }

  flow(ready: boolean): void {
    this.#source.flow(ready)
  }
}

interface Run {
  readonly daemon: SupervisorDaemon
  readonly listening: readonly ServerConfig[]
  /** Resolves when everything has been stopped; the servers are still open then. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** Steps 4 to 7: log, groups, servers. Nothing is spawned before everybody can connect. `previous`: null at the start */
async function openRun(
  config: Config,
  log: OwnedActivityLog,
  bus: EventBus,
  reread: () => Config,
  previous: Run | null,
): Promise<Run> {
  const { childlogdir, identifier, nocleanup, strip_ansi } = config.daemon
  log.open(previous === null)
  if (!nocleanup) for (const warning of removeAutomaticLogs(system.files, childlogdir, identifier)) log.warn(warning)

  const automaticLogs = new WeakMap<SupervisedProcess, Partial<Record<Channel, string>>>()
  const fcgi = new FcgiSockets(
    { open: openListeningSocket, close: closeListeningSocket, defaultBacklog: SOMAXCONN },
    log,
    host.uid,
  )
  const listeners = new Listeners(bus, { identifier, clock, log })

  const logfile = (process: SupervisedProcess, channel: Channel): string => {
    const configured = process.config[`${channel}_logfile`]
    return configured === AUTO ? (automaticLogs.get(process)?.[channel] ?? '') : (configured ?? '')
  }
  const makeAutomaticLogs = (process: SupervisedProcess): Partial<Record<Channel, string>> => {
    const made: Partial<Record<Channel, string>> = {}
    for (const channel of ['stdout', 'stderr'] as const) {
      if (process.config[`${channel}_logfile`] !== AUTO) continue
      const named = { processName: process.config.name, channel, identifier, directory: childlogdir }
      made[channel] = createAutomaticLog(logFiles, named)
    }
    return made
  }
  const logOptions = (process: SupervisedProcess, channel: Channel): ChildLogOptions => ({
    processName: process.config.name,
    channel,
    logfile: logfile(process, channel),
    maxBytes: process.config[`${channel}_logfile_maxbytes`],
    backups: process.config[`${channel}_logfile_backups`],
    captureMaxBytes: process.config[`${channel}_capture_maxbytes`],
    eventsEnabled: process.config[`${channel}_events_enabled`] && !listeners.speaksOn(process, channel),
    syslog: process.config[`${channel}_syslog`],
    stripAnsi: strip_ansi,
    copies: channel === 'stdout' ? copiesOf(process.config) : null,
    plain: channel === 'stdout' && process.config.stdout_plain,
    isProtocol: listeners.speaksOn(process, channel),
  })

  const childLogs = { files: logFiles, syslog, log }
  let starting = previous === null
  let servers: Servers | null = null
  const { promise: ended, resolve: conclude } = Promise.withResolvers<void>()
  const daemon = new SupervisorDaemon(
    config,
    {
      system,
      log,
      living,
      readConfig: reread,
      events: {
        supervisorRunning: () => bus.announce('SUPERVISOR_STATE_CHANGE_RUNNING'),
        supervisorStopping: () => bus.announce('SUPERVISOR_STATE_CHANGE_STOPPING'),
        groupAdded: group => {
          listeners.add(group)
          bus.announce('PROCESS_GROUP_ADDED', group.name)
        },
        groupRemoved: group => {
          listeners.remove(group)
          bus.announce('PROCESS_GROUP_REMOVED', group.name)
        },
        remoteCommunication: (type, data) => bus.announce('REMOTE_COMMUNICATION', type, data),
      },
      prepareGroup: group => {
        try {
          for (const process of group.processes) automaticLogs.set(process, makeAutomaticLogs(process))
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException
          log.critical(`cannot make log files for '${group.name}' in ${childlogdir}: ${code}; its output is not kept`)
        }
        try {
          fcgi.probe(group.config.processes)
        } catch (error) {
          if (starting) throw error
          // each attempt to start will say so, too; everything else goes on
          log.critical((error as Error).message)
        }
      },
      processes: {
        system,
        log,
        living,
        serverUrl: () => serverUrlOf(servers?.listening ?? []),
        logfile,
        announce: (process, { state, from, tries, pid, expected }) => {
          const change = { process: process.config.name, group: process.group.name, from, tries, pid, expected }
          bus.announce(`PROCESS_STATE_${state}`, change)
        },
        passThrough: (process, channel) =>
          listeners.speaksOn(process, channel)
            ? null
            : passThroughDescriptor(logOptions(process, channel), log.debugging),
        openLog: (process, channel, source) => {
          const opened = openChildLog(
            logOptions(process, channel),
            new OutputEvents(bus, process, channel, source),
            childLogs,
          )
          return listeners.speaksOn(process, channel) ? listeners.overhear(process, opened) : opened
        },
        openSocket: process => process.config.socket && fcgi.acquire(process.config.socket, process.config.user),
      },
    },
    conclude,
  )

  starting = false

  const rpc = { daemon, clock, files: system.files }
  const opened = await openServers(
    config,
    {
      system,
      daemon,
      rpc: openRpcInterface(config.rpcInterfaces, rpc),
      followedFiles,
      // the page works without an [rpcinterface:supervisor], as that of the original does
      pages: lazyPages({ daemon, clock, followedFiles, rpc: openRpcInterface(['supervisor'], rpc) }),
    },
    previous?.listening,
  )
  servers = opened

  return {
    daemon,
    listening: opened.listening,
    ended,
    async close() {
      await opened.close()
      // with nobody to hear of them the ticks stop, too
      for (const group of daemon.groups) listeners.remove(group)
      log.close()
    },
  }
}

function writePidfile({ pidfile }: Config['daemon'], log: OwnedActivityLog): void {
  try {
    system.files.write(pidfile, `${host.pid}\n`)
    log.info(`supervisord started with pid ${host.pid}`)
  } catch {
    log.critical(`could not write pidfile ${pidfile}`)
  }
}

function removePidfile({ pidfile }: Config['daemon']): void {
  try {
    system.files.unlink(pidfile)
  } catch {
    // somebody was quicker
  }
}

/**
 * Signals go to the run that is on; a burst of them is handled at once. Between two runs the daemon is that of the one, and
 * the log that of the other. Source: contract 12
 */
function obeySignals(current: () => { readonly daemon: SupervisorDaemon; readonly log: OwnedActivityLog }): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    own.onSignal(signal, () => {
      const { daemon, log } = current()
      log.warn(`received ${signal} indicating exit request`)
      daemon.shutdown()
    })
  }
  own.onSignal('SIGHUP', () => {
    const { daemon, log } = current()
    if (daemon.state === 'SHUTDOWN') {
      log.warn('ignored SIGHUP indicating restart request (shutdown in progress)')
      return
    }
    log.warn('received SIGHUP indicating restart request')
    try {
      daemon.restart()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const place = renderConfigError(error).trim()
      log.critical(`cannot restart, everything stays as it is: ${error.message}${place && ` (${place})`}`)
    }
  })
  own.onSignal('SIGUSR2', () => {
    const { daemon, log } = current()
    log.info('received SIGUSR2 indicating log reopen request')
    daemon.reopenLogs()
  })
  // Not in the signal's callback: libuv calls that as long as there are signals. With children that are started there and
  // end at once it would never leave off, and lose a SIGTERM when its pipe is full.
  let due = false
  const reapSoon = (): void => {
    if (due) return
    due = true
    clock.defer(() => {
      due = false
      if (current().daemon.reap() === 'more') reapSoon()
    })
  }
  own.onSignal('SIGCHLD', () => {
    if (!due) current().log.debug('received SIGCHLD indicating a child quit')
    reapSoon()
  })
}

async function main(argv: readonly string[]): Promise<void> {
  const commandLine = parseDaemonCommandLine(argv, machine)
  if (commandLine.kind !== 'run') {
    own.writeOutput(commandLine.kind === 'help' ? renderDaemonUsage(argv0) : `${VERSION}\n`)
    return own.exit(0)
  }

  const file = findConfigFile(commandLine.configuration, argv0, machine)
  if (commandLine.configuration === null && host.uid() === 0 && own.background === null) {
    own.writeError(`${argv0}:1: UserWarning: ${rootSearchWarning}\n  searching for the configuration file\n`)
  }
  const read = (): Config => readConfig({ file, flags: commandLine.flags, isEventType }, machine)
  let config = read()

  if (!config.daemon.nodaemon && own.background === null) {
    own.exit(await own.startInBackground(process.argv.slice(1)))
  }

  let log = activityLogOf(config)
  let bus = new EventBus(clock)
  let run: Run | null = null
  let outcome: Outcome | null = null
  for (;;) {
    const first = run === null
    const { daemon } = config
    for (const warning of config.warnings) log.warn(warning)
    for (const info of config.infos) log.info(info)
    claimUser(daemon.user, host.uid(), own, log, first)
    if (first) claimLimits(daemon, own, log)
    const previous: Run | null = run
    run = await openRun(config, log, bus, read, previous)
    if (first) obeySignals(() => ({ daemon: run!.daemon, log }))
    // whoever gave an order in the meantime gave it to the run before
    const order = previous?.daemon.outcome ?? null
    if (order && order !== outcome) run.daemon.end(order)

    const background = first && own.background !== null ? goToBackground(config, log, own.background) : null
    writePidfile(daemon, log)
    background?.tellParent()
    run.daemon.begin()

    await run.ended
    await run.close()
    removePidfile(daemon)
    outcome = run.daemon.outcome!
    if (outcome.type === 'shutdown') {
      await logFiles.allFinished(LOGS_FINISH_MS)
      return own.exit(0)
    }
    config = outcome.config
    log = activityLogOf(config)
    bus = new EventBus(clock, bus.nextSerial)
  }
}

const activityLogOf = ({ daemon }: Config): OwnedActivityLog =>
  createActivityLog(
    {
      logfile: daemon.logfile,
      maxBytes: daemon.logfile_maxbytes,
      backups: daemon.logfile_backups,
      level: daemon.loglevel,
      echo: daemon.nodaemon && !daemon.silent,
    },
    { clock, files: logFiles, syslog },
  )

function goToBackground({ daemon }: Config, log: OwnedActivityLog, parent: number) {
  log.info('daemonizing the supervisord process')
  const { problem, tellParent } = own.goToBackground({ directory: daemon.directory, umask: daemon.umask }, parent)
  if (daemon.directory !== null) {
    if (problem === null) log.info(`set current directory: '${daemon.directory}'`)
    else log.critical(`can't chdir into '${daemon.directory}': ${problem}`)
  }
  return { tellParent }
}

main(process.argv.slice(2)).catch(fail)
