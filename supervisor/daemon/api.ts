/**
 * What the daemon offers to everything that talks to it (rpc, http, web page, event listeners): the interfaces only.
 * `daemon.ts`, `../process/group.ts` and `../process/process.ts` implement them.
 */
import type { Config, GroupConfig, ProcessConfig } from '../config/config.ts'
import type { ProcessState, SupervisorState } from '../process/states.ts'
import type { Cancel, ChildExit } from '../system/system.ts'

export type Channel = 'stdout' | 'stderr'

/** Why a command cannot be started; the words are those of `spawnerr`. Source: contract 4.4 */
export interface CommandProblem {
  readonly fault: 'NO_FILE' | 'NOT_EXECUTABLE'
  readonly text: string
}

export interface Process {
  readonly config: ProcessConfig
  readonly group: Group
  /** `group:name`, or `name` alone when both are equal */
  readonly namespec: string
  readonly state: ProcessState
  /** 0 when there is no child */
  readonly pid: number
  /** ms since the epoch; 0: never */
  readonly startedAt: number
  /** ms since the epoch of the latest end; 0: never. Kept while running again. */
  readonly stoppedAt: number
  /** '' when the latest start had no trouble */
  readonly spawnerr: string
  /** −1 for death by signal; null while running, after a too quick exit, and before the first end */
  readonly exitstatus: number | null
  /** How the latest child ended, and how many have; null and 0 before the first end. */
  readonly lastExit: ChildExit | null
  readonly endings: number
  /** Starts that failed since the last one that did not. */
  readonly failures: number
  /** monotonic ms of the next attempt; null when none is due by itself */
  readonly retryAt: number | null
  /** Goes up at every change of what is above: for caches. */
  readonly revision: number
  /** Path of the log file, generated name included; '' when there is none. */
  logfile(channel: Channel): string
  /**
   * Path of the file where its output can be read back: of a copy, when the log is none, or no file. As text the plain copy
   * is better, if there are two: XML has no escape sequences.
   */
  readableLog(channel: Channel, as: 'bytes' | 'text'): string
  /** Can the command be found and executed now? Nothing is changed. */
  checkCommand(): CommandProblem | null
  /**
   * Asks for a start: spawns at once from STOPPED, EXITED, FATAL, BACKOFF, UNKNOWN (state and spawnerr tell the outcome
   * when this returns; with startsecs=0 it is RUNNING already). While STOPPING only a warning is logged.
   */
  start(): void
  /** Asks for the end. Returns null, or the text of what went wrong with the signal (the state is UNKNOWN then). */
  stop(): string | null
  /** To the single pid. Returns null, or the text of what went wrong. Needs a signallable state. */
  signal(signal: number): string | null
  /**
   * Writes to the child's stdin, what does not fit at once is kept. 'closed': the child closed it, or has none (fcgi).
   * 'full': too much is kept already, nothing was taken.
   */
  writeStdin(data: Uint8Array): 'written' | 'closed' | 'full'
  /** Empties the live logs of both channels; device nodes are never unlinked. @throws SystemError */
  clearLogs(): void
  /** Calls `changed` after every change of state. */
  watch(changed: () => void): Cancel
}

export interface Group {
  readonly config: GroupConfig
  readonly name: string
  /** in the order of starting */
  readonly processes: readonly Process[]
  process(name: string): Process | undefined
}

/** Names of groups. Source: contract 10.1 */
export interface ConfigChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export interface Daemon {
  readonly pid: number
  /** `4.3.0`: the release whose behaviour this is */
  readonly version: string
  readonly identifier: string
  readonly state: SupervisorState
  /** Goes up at every change in any process and in the set of groups: for caches. */
  readonly revision: number
  /** Active groups: by priority, then in the order of activation. */
  readonly groups: readonly Group[]
  group(name: string): Group | undefined
  /** The configuration that was read last: that of the start, or of the latest reread. */
  readonly latestConfig: Config
  /** Reads the configuration anew and compares it with the active groups. @throws ConfigError; nothing is changed then */
  reread(): ConfigChanges
  /** Activates a group of the latest configuration; its autostart members start after the answer. */
  addGroup(name: string): 'added' | 'already active' | 'unknown'
  removeGroup(name: string): 'removed' | 'still running' | 'unknown'
  /** Stops everything, then ends. */
  shutdown(): void
  /**
   * Stops everything, then starts anew in the same process.
   * @throws ConfigError when the configuration cannot be read now: nothing is stopped then (fault CANT_REREAD)
   */
  restart(): void
  /** Path of the activity log; null when it is syslog. */
  readonly logfile: string | null
  /** Unlinks and reopens the activity log. @throws SystemError */
  clearLog(): void
  /** Emits REMOTE_COMMUNICATION. */
  sendRemoteCommEvent(type: string, data: string): void
  /** Calls `changed` after a group was added or removed, and after each change of `state`. */
  watch(changed: () => void): Cancel
  readonly log: ActivityLog
}

/** The daemon's own log, one method per level. Lines are never built for a level that is off. */
export interface ActivityLog {
  critical(message: string): void
  error(message: string): void
  warn(message: string): void
  info(message: string): void
  debug(message: string | (() => string)): void
  trace(message: string | (() => string)): void
  blather(message: string | (() => string)): void
  readonly debugging: boolean
}
