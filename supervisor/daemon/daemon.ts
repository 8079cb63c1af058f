/**
 * One run of the daemon, from the first start to the end of the last process. A reload is the end of one run and the
 * beginning of another in the same process. Source: contract 4.6, 8, 10, 12
 */
import type { Config, GroupConfig } from '../config/config.ts'
import { compareGroups } from '../config/diff.ts'
import { ProcessGroup } from '../process/group.ts'
import { messages } from '../process/messages.ts'
import type { ProcessSurroundings } from '../process/process.ts'
import { SupervisedProcess } from '../process/process.ts'
import type { SupervisorState } from '../process/states.ts'
import { isStopped } from '../process/states.ts'
import type { Cancel, System } from '../system/system.ts'
import type { ActivityLog, ConfigChanges, Daemon } from './api.ts'

/** The release whose behaviour this is. */
export const VERSION = '4.3.0'

/** Events that are not about one process; listeners/event-bus.ts carries them. */
export interface DaemonEvents {
  supervisorRunning(): void
  supervisorStopping(): void
  groupAdded(group: ProcessGroup): void
  groupRemoved(group: ProcessGroup): void
  remoteCommunication(type: string, data: string): void
}

/** What the daemon needs of its neighbours; supervisord.ts supplies it. */
export interface DaemonSurroundings {
  readonly system: System
  readonly log: ActivityLog & { reopen(): void; clear(): void }
  readonly events: DaemonEvents
  readonly living: Map<number, SupervisedProcess>
  /** What each process is given; `changed` is wired by the daemon. */
  readonly processes: Omit<ProcessSurroundings, 'changed'>
  /** Called for every group that becomes active: automatic logs, sockets. @throws SystemError */
  prepareGroup(group: ProcessGroup): void
  /** Reads the configuration as at the start. @throws ConfigError */
  readConfig(): Config
}

export type Outcome = { readonly type: 'shutdown' } | { readonly type: 'restart'; readonly config: Config }

const REPORT_EVERY = 3_000
/** ms: each exit may mean a new start, 1 ms, and clients shall not wait for a crowd of them */
const REAPING = 2
/** ms: most programs end within that time, and waking up for each of a thousand would take longer than they do */
const QUICK_END = 1

export class SupervisorDaemon implements Daemon {
  readonly version = VERSION
  readonly log: ActivityLog
  readonly pid: number
  readonly #surroundings: DaemonSurroundings
  readonly #config: Config
  #latestConfig: Config
  #state: SupervisorState = 'RUNNING'
  #groups: ProcessGroup[] = []
  readonly #byName = new Map<string, ProcessGroup>()
  #revision = 0
  readonly #watchers = new Set<() => void>()
  #outcome: Outcome | null = null
  #ending: { readonly queue: ProcessGroup[]; asked: ProcessGroup | null; busy: boolean; cancelReport: Cancel } | null =
    null
  readonly #ended: () => void

  /** `ended` is called once, when nothing is left to be stopped; `outcome` tells what for. */
  constructor(config: Config, surroundings: DaemonSurroundings, ended: () => void) {
    this.#config = config
    this.#latestConfig = config
    this.#surroundings = surroundings
    this.log = surroundings.log
    this.pid = surroundings.system.host.pid
    this.#ended = ended
    for (const group of config.groups) this.#activate(group)
  }

  get identifier(): string {
    return this.#config.daemon.identifier
  }
  get state(): SupervisorState {
    return this.#state
  }
  get revision(): number {
    return this.#revision
  }
  get groups(): readonly ProcessGroup[] {
    return this.#groups
  }
  get latestConfig(): Config {
    return this.#latestConfig
  }
  /** The latest order to end; null while there is none. Orders may come after the end, too. */
  get outcome(): Outcome | null {
    return this.#outcome
  }
  get logfile(): string | null {
    const { logfile } = this.#config.daemon
    return logfile === 'syslog' ? null : logfile
  }

  group(name: string): ProcessGroup | undefined {
    return this.#byName.get(name)
  }

  /** The servers listen: children may come, unless it is over already. */
  begin(): void {
    if (this.#outcome) return
    this.#surroundings.events.supervisorRunning()
    for (const group of this.#groups) group.autostart()
  }

  reread(): ConfigChanges {
    const config = this.#surroundings.readConfig()
    this.#latestConfig = config
    return compareGroups(
      this.#groups.map(group => group.config),
      config.groups,
    )
  }

  addGroup(name: string): 'added' | 'already active' | 'unknown' {
    const config = this.#latestConfig.groups.find(group => group.name === name)
    if (!config) return 'unknown'
    if (this.group(name)) return 'already active'
    const group = this.#activate(config)
    // stable: groups of equal priority stay in the order of their activation
    this.#groups.sort((a, b) => a.config.priority - b.config.priority)
    // the answer goes out before the first of them starts, and a listing in the same call still finds them STOPPED
    this.#surroundings.system.clock.defer(() => {
      if (this.#byName.get(name) === group && !this.#outcome) group.autostart()
    })
    return 'added'
  }

  removeGroup(name: string): 'removed' | 'still running' | 'unknown' {
    const group = this.group(name)
    if (!group) return 'unknown'
    if (!group.isStopped()) return 'still running'
    this.#groups = this.#groups.filter(other => other !== group)
    this.#byName.delete(name)
    this.#revision++
    this.#surroundings.events.groupRemoved(group)
    this.#tellWatchers()
    return 'removed'
  }

  shutdown(): void {
    this.end({ type: 'shutdown' })
  }

  restart(): void {
    this.end({ type: 'restart', config: this.#surroundings.readConfig() })
  }

  clearLog(): void {
    this.#surroundings.log.clear()
  }

  sendRemoteCommEvent(type: string, data: string): void {
    this.#surroundings.events.remoteCommunication(type, data)
  }

  watch(changed: () => void): Cancel {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }

  #tellWatchers(): void {
    for (const changed of [...this.#watchers]) changed()
  }

  /** SIGCHLD: what has ended, each exactly once. `'more'`: the rest has to wait until others have had their turn. */
  reap(): 'more' | 'done' {
    const { system, living, log } = this.#surroundings
    const { clock, children } = system
    for (const until = clock.monotonic() + REAPING; clock.monotonic() < until; ) {
      const exit = children.reap()
      if (!exit) return 'done'
      const process = living.get(exit.pid)
      if (process) process.exited(exit)
      else log.info(messages.reapedUnknown(exit))
    }
    return 'more'
  }

  /** SIGUSR2 */
  reopenLogs(): void {
    this.#surroundings.log.reopen()
    for (const group of this.#groups) for (const process of group.processes) process.reopenLogs()
  }

  /** Automatic logs and sockets come first: a group that cannot be prepared is not active. @throws SystemError */
  #activate(config: GroupConfig): ProcessGroup {
    const processes: ProcessSurroundings = {
      ...this.#surroundings.processes,
      changed: () => void this.#revision++,
    }
    const group = new ProcessGroup(config, owner =>
      config.processes.map(process => new SupervisedProcess(process, owner, processes)),
    )
    this.#surroundings.prepareGroup(group)
    this.#groups.push(group)
    this.#byName.set(group.name, group)
    this.#revision++
    this.#surroundings.events.groupAdded(group)
    this.#tellWatchers()
    return group
  }

  /** A shutdown overrules a restart that is under way; nothing overrules a shutdown. */
  end(outcome: Outcome): void {
    if (this.#outcome?.type === 'shutdown') return
    const underWay = this.#outcome !== null
    this.#outcome = outcome
    this.#state = outcome.type === 'shutdown' ? 'SHUTDOWN' : 'RESTARTING'
    this.#tellWatchers()
    if (underWay) return
    // the caller's answer goes out first
    this.#surroundings.system.clock.defer(() => this.#beginEnding())
  }

  #beginEnding(): void {
    this.#surroundings.events.supervisorStopping()
    for (const group of this.#groups) {
      for (const process of group.processes) {
        process.retire()
        process.watch(() => this.#continueEnding())
      }
    }
    this.#ending = { queue: [...this.#groups], asked: null, busy: false, cancelReport: () => {} }
    this.#continueEnding()
    if (this.#ending) this.#reportEnding()
  }

  /** One group at a time, from the highest priority number down; the next one is asked when the one before is gone. */
  #continueEnding(): void {
    const ending = this.#ending
    if (!ending || ending.busy) return
    const { clock, children } = this.#surroundings.system
    ending.busy = true
    const until = clock.monotonic() + REAPING
    for (let group = ending.queue.at(-1); group; group = ending.queue.at(-1)) {
      if (clock.monotonic() >= until) {
        clock.defer(() => this.#continueEnding())
        break
      }
      if (ending.asked !== group) {
        ending.asked = group
        group.stopForTheLastTime()
        const living = group.processes.find(({ pid }) => pid !== 0)
        const exit = living && children.reapSoon(living.pid, QUICK_END)
        if (exit) living.exited(exit)
      }
      if (!group.isStopped()) break
      ending.queue.pop()
    }
    ending.busy = false
    if (ending.queue.length > 0) return
    ending.cancelReport()
    this.#ending = null
    this.#ended()
  }

  #reportEnding(): void {
    const { clock } = this.#surroundings.system
    const unstopped = this.#groups.flatMap(group => group.processes.filter(({ state }) => !isStopped(state)))
    this.log.info(`waiting for ${unstopped.map(({ config }) => config.name).join(', ')} to die`)
    this.#ending!.cancelReport = clock.at(clock.monotonic() + REPORT_EVERY, () => {
      if (this.#ending) this.#reportEnding()
    })
  }
}
