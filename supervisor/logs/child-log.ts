/**
 * One channel of one process: raw bytes → capture → strip_ansi → log file, syslog, activity log (debug), PROCESS_LOG
 * events. Only what is configured takes part; with a log file alone a write is one call. Source: contract 6.4, 6.5, 11.1
 */
import { pythonRepr } from '../config/python-repr.ts'
import type { ActivityLog, Channel } from '../daemon/api.ts'
import type { LogFile, LogFiles, LogTrouble } from '../system/log-file.ts'
import { ownDescriptor } from '../system/own-descriptors.ts'
import type { Syslog } from '../system/syslog.ts'
import { type Capture, type CaptureOptions, openCapture } from './capture.ts'
import { stripAnsi } from './strip-ansi.ts'
import { sendLines } from './syslog.ts'
import { tellTrouble } from './trouble.ts'

export interface ChildLogOptions {
  /** name of the process, without its group */
  readonly processName: string
  readonly channel: Channel
  /** Automatic names resolved; '' or null: no file. */
  readonly logfile: string | null
  readonly maxBytes: number
  readonly backups: number
  /** ≤ 0: tokens mean nothing */
  readonly captureMaxBytes: number
  readonly eventsEnabled: boolean
  readonly syslog: boolean
  readonly stripAnsi: boolean
  /** stdout of an event listener: the activity log shows it as a bytes literal */
  readonly isProtocol?: boolean
}

export interface ChildLogHooks {
  /** Does anybody subscribe to PROCESS_LOG events of this channel now? */
  wantsLogEvents(): boolean
  /** A view, at most 128 KiB: valid during the call only. */
  onLog(data: Buffer): void
  onCommunication(data: Buffer): void
  /** false: the log cannot keep up, reading had better pause; true: it may go on. */
  flow(ready: boolean): void
}

export interface ChildLogSurroundings {
  readonly files: LogFiles
  readonly syslog: Syslog
  readonly log: ActivityLog
}

export interface ChildLog {
  /** The chunk may be reused when this returns. */
  write(chunk: Buffer): void
  /** The child has ended: what was held back is let go. */
  end(): void
  reopen(): void
  /** What is no regular file stays as it is. @throws SystemError */
  clear(): void
  close(): void
}

/** What one read of the original yields at most, hence the most that one event carries. */
const LARGEST_EVENT = 128 * 1024

/** There are as many as channels: fields and methods, no closures. */
class OpenChildLog implements ChildLog {
  readonly #options: ChildLogOptions
  readonly #hooks: ChildLogHooks
  readonly #syslog: Syslog
  readonly #log: ActivityLog
  readonly #file: LogFile | null
  readonly #capture: Capture | null

  constructor(options: ChildLogOptions, hooks: ChildLogHooks, { files, syslog, log }: ChildLogSurroundings) {
    this.#options = options
    this.#hooks = hooks
    this.#syslog = syslog
    this.#log = log
    const { logfile: path, maxBytes, backups, captureMaxBytes } = options
    this.#file = path ? files.open({ path, maxBytes, backups }, this) : null
    this.#capture = captureMaxBytes > 0 ? openCapture(this.#captureOptions(captureMaxBytes)) : null
  }

  // -- what the child writes

  write(chunk: Buffer): void {
    if (this.#capture) this.#capture.write(chunk)
    else this.#piece(this.#prepare(chunk), false)
  }

  end(): void {
    this.#capture?.end()
  }

  #captureOptions(maxBytes: number): CaptureOptions {
    return {
      maxBytes,
      prepare: data => this.#prepare(data),
      piece: (data, captured) => this.#piece(data, captured),
      communication: data => {
        this.#hooks.onCommunication(data)
        this.#log.debug(() => `${this.#title} emitted a comm event`)
      },
    }
  }

  /** Captured text is not logged, but whoever listens to the channel hears it all the same. */
  #piece(data: Buffer, captured: boolean): void {
    const { syslog, processName, eventsEnabled } = this.#options
    if (!captured) {
      this.#file?.write(data)
      if (syslog) sendLines(this.#syslog, processName, data)
    }
    if (this.#log.debugging) this.#log.debug(`${this.#title} output:\n${debugText(data, this.#options)}`)
    if (eventsEnabled && this.#hooks.wantsLogEvents()) {
      for (let at = 0; at < data.length; at += LARGEST_EVENT) {
        this.#hooks.onLog(data.subarray(at, at + LARGEST_EVENT))
      }
    }
  }

  #prepare(data: Buffer): Buffer {
    return this.#options.stripAnsi ? stripAnsi(data) : data
  }

  get #title(): string {
    return `${pythonRepr(this.#options.processName)} ${this.#options.channel}`
  }

  // -- what the file has to say

  trouble(trouble: LogTrouble): void {
    tellTrouble(this.#log, trouble)
  }

  flow(ready: boolean): void {
    this.#hooks.flow(ready)
  }

  // -- orders

  reopen(): void {
    this.#file?.reopen()
  }

  clear(): void {
    this.#file?.clear()
  }

  close(): void {
    this.#file?.close()
  }
}

/** @throws SystemError when the log file cannot be opened */
export const openChildLog = (
  options: ChildLogOptions,
  hooks: ChildLogHooks,
  surroundings: ChildLogSurroundings,
): ChildLog => new OpenChildLog(options, hooks, surroundings)

/**
 * Must we see what the child writes? Not when there is nothing to be done with it: then it may write to our own stdout
 * itself, and a pipe that it needs all the same is only emptied.
 */
export function needsReading(options: ChildLogOptions, debugging: boolean): boolean {
  const { logfile, captureMaxBytes, eventsEnabled, syslog } = options
  const hasFile = logfile !== null && logfile !== '' && passThroughDescriptorOf(logfile) === null
  const passesStripped = options.stripAnsi && passThroughDescriptorOf(logfile) !== null
  return hasFile || captureMaxBytes > 0 || eventsEnabled || syslog || debugging || passesStripped
}

/** 1 or 2: our own descriptor, for a child whose log is `/dev/stdout` or `/dev/stderr`; null: it has to have a pipe. */
export function passThroughDescriptor(options: ChildLogOptions, debugging: boolean): number | null {
  return needsReading(options, debugging) ? null : passThroughDescriptorOf(options.logfile)
}

function passThroughDescriptorOf(logfile: string | null): number | null {
  const own = logfile === null ? null : ownDescriptor(logfile)
  return own === 1 || own === 2 ? own : null
}

const debugText = (data: Buffer, { isProtocol = false }: ChildLogOptions): string =>
  isProtocol ? pythonRepr(data) : data.toString()
