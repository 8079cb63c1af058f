/** A daemon that is only data: processes take the states that a test gives them, and remember what was done to them. */
import type { Config, GroupConfig, ProcessConfig } from '../../supervisor/config/config.ts'
import type {
  ActivityLog,
  Channel,
  CommandProblem,
  ConfigChanges,
  Daemon,
  Group,
  Process,
} from '../../supervisor/daemon/api.ts'
import type { ProcessState, SupervisorState } from '../../supervisor/process/states.ts'
import type { Cancel, ChildExit } from '../../supervisor/system/system.ts'
import { processConfig } from './process-config.ts'

type Facts = Partial<
  Pick<
    FakeProcess,
    'pid' | 'startedAt' | 'stoppedAt' | 'spawnerr' | 'exitstatus' | 'lastExit' | 'endings' | 'failures' | 'retryAt'
  >
>

export class FakeProcess implements Process {
  readonly config: ProcessConfig
  readonly group: Group
  readonly namespec: string
  state: ProcessState = 'STOPPED'
  pid = 0
  startedAt = 0
  stoppedAt = 0
  spawnerr = ''
  exitstatus: number | null = null
  lastExit: ChildExit | null = null
  endings = 0
  failures = 0
  retryAt: number | null = null
  revision = 0
  readonly logfiles: Record<Channel, string> = { stdout: '', stderr: '' }
  /** where they differ from the log files */
  readonly readableLogs: Partial<Record<Channel, Partial<Record<'bytes' | 'text', string>>>> = {}
  commandProblem: CommandProblem | null = null
  signalProblem: string | null = null
  stdinAnswer: 'written' | 'closed' | 'full' = 'written'
  /** what was done to it: `start`, `stop`, `signal 1`, `stdin text`, `clear` */
  readonly done: string[] = []
  onStart = (): void => this.become('STARTING', { pid: 100, spawnerr: '' })
  onStop = (): void => this.become('STOPPING')
  onClear = (): void => {}
  readonly #watchers = new Set<() => void>()
  readonly #changed: () => void

  constructor(config: ProcessConfig, group: Group, changed: () => void) {
    this.config = config
    this.group = group
    this.namespec = group.name === config.name ? config.name : `${group.name}:${config.name}`
    this.#changed = changed
  }

  get watched(): number {
    return this.#watchers.size
  }

  become(state: ProcessState, facts: Facts = {}): void {
    Object.assign(this, facts, { state })
    this.revision++
    this.#changed()
    for (const changed of [...this.#watchers]) changed()
  }

  logfile(channel: Channel): string {
    return this.logfiles[channel]
  }
  readableLog(channel: Channel, as: 'bytes' | 'text'): string {
    return this.readableLogs[channel]?.[as] ?? this.logfile(channel)
  }
  checkCommand(): CommandProblem | null {
    return this.commandProblem
  }
  start(): void {
    this.done.push('start')
    if (this.state !== 'STOPPING') this.onStart()
  }
  stop(): string | null {
    this.done.push('stop')
    if (this.signalProblem === null) this.onStop()
    return this.signalProblem
  }
  signal(signal: number): string | null {
    this.done.push(`signal ${signal}`)
    return this.signalProblem
  }
  writeStdin(data: Uint8Array): 'written' | 'closed' | 'full' {
    this.done.push(`stdin ${Buffer.from(data)}`)
    return this.stdinAnswer
  }
  clearLogs(): void {
    this.done.push('clear')
    this.onClear()
  }
  watch(changed: () => void): Cancel {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }
}

class FakeGroup implements Group {
  readonly config: GroupConfig
  readonly processes: readonly FakeProcess[]

  constructor(config: GroupConfig, changed: () => void) {
    this.config = config
    this.processes = config.processes.map(process => new FakeProcess(process, this, changed))
  }
  get name(): string {
    return this.config.name
  }
  process(name: string): FakeProcess | undefined {
    return this.processes.find(({ config }) => config.name === name)
  }
}

/** Lines as `INFO waiting for x to stop`. */
export class FakeLog implements ActivityLog {
  readonly lines: string[] = []
  debugging = false
  readonly #say = (level: string) => (message: string | (() => string)) =>
    void this.lines.push(`${level} ${typeof message === 'string' ? message : message()}`)
  readonly critical = this.#say('CRIT')
  readonly error = this.#say('ERRO')
  readonly warn = this.#say('WARN')
  readonly info = this.#say('INFO')
  readonly debug = this.#say('DEBG')
  readonly trace = this.#say('TRAC')
  readonly blather = this.#say('BLAT')

  /** All lines of these levels. */
  at(...levels: readonly string[]): readonly string[] {
    return this.lines.filter(line => levels.includes(line.slice(0, 4)))
  }
}

export class FakeDaemon implements Daemon {
  readonly pid = 4242
  readonly version = '4.3.0'
  readonly identifier = 'supervisor'
  state: SupervisorState = 'RUNNING'
  revision = 0
  groups: FakeGroup[]
  latestConfig: Config
  logfile: string | null = '/var/log/supervisord.log'
  changes: ConfigChanges = { added: [], changed: [], removed: [] }
  onReread = (): void => {}
  onClearLog = (): void => {}
  /** what was asked of it: `shutdown`, `add g`, `event type data` */
  readonly done: string[] = []
  readonly log = new FakeLog()
  readonly #watchers = new Set<() => void>()

  constructor(groups: readonly GroupConfig[]) {
    this.groups = groups.map(config => new FakeGroup(config, () => void this.revision++))
    this.latestConfig = { groups } as unknown as Config
  }

  group(name: string): FakeGroup | undefined {
    return this.groups.find(group => group.name === name)
  }
  /** @throws Error when a test names what it did not make */
  process(spec: string): FakeProcess {
    const [group, name = group] = spec.split(':')
    const found = this.group(group!)?.process(name!)
    if (!found) throw new Error(`no process ${spec} in this test`)
    return found
  }
  reread(): ConfigChanges {
    this.onReread()
    return this.changes
  }
  addGroup(name: string): 'added' | 'already active' | 'unknown' {
    this.done.push(`add ${name}`)
    if (this.group(name)) return 'already active'
    return this.latestConfig.groups.some(group => group.name === name) ? 'added' : 'unknown'
  }
  removeGroup(name: string): 'removed' | 'still running' | 'unknown' {
    this.done.push(`remove ${name}`)
    const group = this.group(name)
    if (!group) return 'unknown'
    if (group.processes.some(({ pid }) => pid !== 0)) return 'still running'
    this.groups = this.groups.filter(other => other !== group)
    this.revision++
    return 'removed'
  }
  shutdown(): void {
    this.done.push('shutdown')
    this.state = 'SHUTDOWN'
  }
  restart(): void {
    this.onReread()
    this.done.push('restart')
    this.state = 'RESTARTING'
  }
  clearLog(): void {
    this.done.push('clearLog')
    this.onClearLog()
  }
  sendRemoteCommEvent(type: string, data: string): void {
    this.done.push(`event ${type} ${data}`)
  }
  get watched(): number {
    return this.#watchers.size
  }
  watch(changed: () => void): Cancel {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }
  /** Takes on a state, or other groups, and tells it. */
  become(facts: Partial<Pick<FakeDaemon, 'state' | 'groups'>>): void {
    Object.assign(this, facts)
    this.revision++
    for (const changed of [...this.#watchers]) changed()
  }
}

/** `{ web: [{}], g: [{ name: 'a' }, { name: 'b' }] }`: groups and their processes; a lone process is named as its group. */
export const fakeDaemon = (groups: Readonly<Record<string, readonly Partial<ProcessConfig>[]>>): FakeDaemon =>
  new FakeDaemon(
    Object.entries(groups).map(([name, processes]) => ({
      name,
      priority: 999,
      listener: null,
      processes: processes.map(change => processConfig({ name, ...change })),
    })),
  )
