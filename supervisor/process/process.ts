import type { ProcessConfig } from '../config/config.ts'
import type { ActivityLog, Channel, CommandProblem, Group, Process } from '../daemon/api.ts'
import { ownDescriptor } from '../system/own-descriptors.ts'
import type { Cancel, ChildExit, Files, System } from '../system/system.ts'
import { Body, type ChannelLog, type Parts, type SocketHold, type Source } from './body.ts'
import { findCommand, isProblem } from './command.ts'
import { FcgiSocketError } from './fcgi-socket.ts'
import { messages, spawnErrors } from './messages.ts'
import type { ProcessState } from './states.ts'
import { type Effect, type LifeEvent, transition, unborn } from './transition.ts'

/** What a process needs of its neighbours; supervisord.ts supplies it. */
export interface ProcessSurroundings {
  readonly system: System
  readonly log: ActivityLog
  /** pid → process, for the reaper */
  readonly living: Map<number, SupervisedProcess>
  announce(process: SupervisedProcess, change: Extract<Effect, { type: 'announce' }>): void
  /** Something that others can see has changed. */
  changed(process: SupervisedProcess): void
  /** `SUPERVISOR_SERVER_URL` for children; null when nobody listens. */
  serverUrl(): string | null
  /** Opens the log of a channel; `source` is held up when it cannot keep up. @throws SystemError */
  openLog(process: SupervisedProcess, channel: Channel, source: Source): ChannelLog
  /** Our own descriptor (1 or 2) for a channel that nobody has to read, else null. */
  passThrough(process: SupervisedProcess, channel: Channel): number | null
  /** Path of the log file with the automatic name resolved; '' when there is none. */
  logfile(process: SupervisedProcess, channel: Channel): string
  /** The listening socket that takes the place of stdin; null for all but fcgi programs. @throws SystemError */
  openSocket(process: SupervisedProcess): SocketHold | null
}

/** One that nobody else writes to, as others do to our own stdout; or that will be there when it is made. */
function isOwnFile(path: string, files: Files): boolean {
  if (path === '' || ownDescriptor(path) !== null) return false
  try {
    return (files.status(path)?.kind ?? 'file') === 'file'
  } catch {
    return true // what is wrong with it is told by who reads it
  }
}

/**
 * Owns one child: feeds events to the lifecycle table and performs its effects. Everything is driven by events; between
 * them nothing runs, and one timer at most is armed.
 */
export class SupervisedProcess implements Process {
  readonly config: ProcessConfig
  readonly group: Group
  readonly namespec: string
  #life = unborn
  #revision = 0
  #body: Body | null = null
  #lastExit: ChildExit | null = null
  #endings = 0
  #cancelDeadline: Cancel | null = null
  #watchers = new Set<() => void>()
  /** Events raised while effects are performed wait here, so that each transition sees the outcome of the one before. */
  #events: LifeEvent[] | null = null
  /** What went wrong with the latest signal, until somebody asks. */
  #signalProblem: string | null = null
  readonly #surroundings: ProcessSurroundings

  constructor(config: ProcessConfig, group: Group, surroundings: ProcessSurroundings) {
    this.config = config
    this.group = group
    this.namespec = group.name === config.name ? config.name : `${group.name}:${config.name}`
    this.#surroundings = surroundings
  }

  get state(): ProcessState {
    return this.#life.state
  }
  get pid(): number {
    return this.#life.pid
  }
  get startedAt(): number {
    return this.#life.startedAt
  }
  get stoppedAt(): number {
    return this.#life.stoppedAt
  }
  get spawnerr(): string {
    return this.#life.spawnerr
  }
  get exitstatus(): number | null {
    return this.#life.exitstatus
  }
  get lastExit(): ChildExit | null {
    return this.#lastExit
  }
  get endings(): number {
    return this.#endings
  }
  get failures(): number {
    return this.#life.failures
  }
  get retryAt(): number | null {
    return this.#life.state === 'BACKOFF' ? this.#life.deadline : null
  }
  get revision(): number {
    return this.#revision
  }

  logfile(channel: Channel): string {
    return this.#surroundings.logfile(this, channel)
  }

  readableLog(channel: Channel, as: 'bytes' | 'text'): string {
    const log = this.logfile(channel)
    if (channel === 'stderr') return log
    const { stdout_tee_logfile: tee, stdout_plain_logfile: plain } = this.config
    const copy = as === 'text' ? (plain ?? tee) : (tee ?? plain)
    return copy === null || isOwnFile(log, this.#surroundings.system.files) ? log : copy
  }

  checkCommand(): CommandProblem | null {
    const found = this.#findCommand()
    return isProblem(found) ? found : null
  }

  start(): void {
    this.send({ type: 'startRequested' })
  }

  stop(): string | null {
    return this.#withSignalProblem(() => this.send({ type: 'stopRequested' }))
  }

  signal(signal: number): string | null {
    const { pid } = this.#life
    this.#surroundings.log.debug(() => messages.sending(this.config.name, pid, signal))
    return this.#withSignalProblem(() => this.#kill(pid, signal))
  }

  writeStdin(data: Uint8Array): 'written' | 'closed' | 'full' {
    return this.#body?.stdin?.write(data) ?? 'closed'
  }

  /** Bytes that the child has not read yet. */
  get stdinQueued(): number {
    return this.#body?.stdin?.queued ?? 0
  }

  clearLogs(): void {
    for (const log of this.#body?.logs ?? []) log.clear()
  }

  reopenLogs(): void {
    for (const log of this.#body?.logs ?? []) log.reopen()
  }

  watch(changed: () => void): Cancel {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }

  /** The daemon is ending: from now on nothing is started. */
  retire(): void {
    this.send({ type: 'daemonEnding' })
  }

  /** The child was reaped. What it still had to say comes before its end. */
  exited(exit: ChildExit): void {
    const { living } = this.#surroundings
    living.delete(exit.pid)
    this.#lastExit = exit
    this.#endings++
    const body = this.#body
    this.#body = null
    body?.leave()
    this.send({ type: 'exited', exit })
    body?.releaseSocket()
  }

  send(event: LifeEvent): void {
    if (this.#events) {
      this.#events.push(event)
      return
    }
    this.#events = [event]
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) this.#step(next)
    } finally {
      this.#events = null
    }
    this.#tellWatchers()
  }

  #tellWatchers(): void {
    for (const changed of [...this.#watchers]) changed()
  }

  #step(event: LifeEvent): void {
    const { clock } = this.#surroundings.system
    const now = { monotonic: clock.monotonic(), wall: clock.wall() }
    const before = this.#life
    const { life, effects } = transition(before, this.config, event, now)
    if (life === before) return
    this.#life = life
    this.#revision++
    if (life.deadline !== before.deadline) this.#armDeadline()
    this.#surroundings.changed(this)
    for (const effect of effects) this.#perform(effect)
  }

  #armDeadline(): void {
    this.#cancelDeadline?.()
    const { deadline } = this.#life
    this.#cancelDeadline =
      deadline === null
        ? null
        : this.#surroundings.system.clock.at(deadline, () => this.send({ type: 'deadlinePassed' }))
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'say':
        this.#surroundings.log[effect.level](effect.text)
        break
      case 'announce':
        this.#surroundings.announce(this, effect)
        break
      case 'spawn':
        this.send(this.#spawn())
        break
      case 'kill':
        this.#killForStop(effect.signal, effect.wholeGroup)
        break
    }
  }

  #killForStop(signal: number, wholeGroup: boolean): void {
    const { pid } = this.#life
    this.#surroundings.log.debug(() => messages.killing(this.config.name, pid, signal, wholeGroup))
    this.#kill(wholeGroup ? -pid : pid, signal)
  }

  #kill(target: number, signal: number): void {
    const { system, log } = this.#surroundings
    const { pid } = this.#life
    try {
      system.children.kill(target, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
        log.debug(messages.gone(this.config.name, pid))
        return
      }
      const text = messages.unknownProblem(this.config.name, pid, (error as Error).message)
      this.#signalProblem = text
      this.send({ type: 'signalFailed', text })
    }
  }

  #withSignalProblem(action: () => void): string | null {
    this.#signalProblem = null
    action()
    return this.#signalProblem
  }

  #findCommand() {
    const { files, host } = this.#surroundings.system
    return findCommand(this.config.command, this.config.environment.PATH ?? host.environment.PATH, files)
  }

  /** One attempt. Whatever happens, the answer is an event. */
  #spawn(): LifeEvent {
    const found = this.#findCommand()
    if (isProblem(found)) return { type: 'spawnFailed', text: found.text }
    const { system, living } = this.#surroundings
    const { name, user, directory, umask } = this.config
    try {
      const body = new Body(this.config, this.#parts())
      const pid = this.#fork(() =>
        system.children.spawn({
          file: found.file,
          argv: found.argv,
          environment: this.#environment(),
          descriptors: body.descriptors,
          directory,
          umask,
          user,
        }),
      )
      if (typeof pid === 'string') {
        body.abandon()
        return { type: 'spawnFailed', text: pid }
      }
      living.set(pid, this)
      body.begin(this.#stdinDrained)
      this.#body = body
      return { type: 'spawned', pid }
    } catch (error) {
      if (error instanceof FcgiSocketError) return { type: 'spawnFailed', text: error.message }
      const code = (error as NodeJS.ErrnoException).code
      if (code === undefined) throw error
      const text =
        code === 'EMFILE' || code === 'ENFILE' ? spawnErrors.tooManyFiles(name) : spawnErrors.noDispatchers(name, code)
      return { type: 'spawnFailed', text }
    }
  }

  readonly #stdinDrained = (): void => this.#tellWatchers()

  #parts(): Parts {
    const { system, openLog, passThrough, openSocket } = this.#surroundings
    return {
      pipes: system.pipes,
      openLog: (channel, source) => openLog(this, channel, source),
      passThrough: channel => passThrough(this, channel),
      openSocket: () => openSocket(this),
    }
  }

  #fork(start: () => number): number | string {
    try {
      return start()
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      const { name } = this.config
      return code === 'EAGAIN' ? spawnErrors.tooManyProcesses(name) : spawnErrors.forkFailed(name, code)
    }
  }

  /** Source: contract 5.2; later wins, [supervisord] environment over SUPERVISOR_* included */
  #environment(): Record<string, string> {
    const { serverUrl, system } = this.#surroundings
    const url = this.config.serverurl ?? serverUrl()
    const tee = this.config.stdout_tee_logfile
    return {
      ...system.host.environment,
      SUPERVISOR_ENABLED: '1',
      ...(url === null ? {} : { SUPERVISOR_SERVER_URL: url }),
      SUPERVISOR_PROCESS_NAME: this.config.name,
      SUPERVISOR_GROUP_NAME: this.group.name,
      ...(tee === null ? {} : { SUPERVISOR_STDOUT_TEE: tee }),
      ...this.config.environment,
    }
  }
}
