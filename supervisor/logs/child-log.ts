/**
 * One channel of one process: raw bytes → capture → strip_ansi → log file, syslog, activity log (debug), PROCESS_LOG
 * events. Copies of the log file leave before strip_ansi: one of the bytes as they come, one as plain text, which the log
 * file itself may have, too. Only what is configured takes part; with a log file alone a write is one call.
 * Source: contract 6.4, 6.5, 11.1; contract/vast-instance.md 3.5
 */
import { pythonRepr } from '../config/python-repr.ts'
import type { ActivityLog, Channel } from '../daemon/api.ts'
import type { LogFile, LogFiles, LogTrouble } from '../system/log-file.ts'
import { ownDescriptor } from '../system/own-descriptors.ts'
import type { Syslog } from '../system/syslog.ts'
import { type Capture, type CaptureOptions, openCapture } from './capture.ts'
import { PlainText } from './plain-text.ts'
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
  /** What is logged goes there, too. null: nowhere */
  readonly copies: CopyOptions | null
  /** The log file gets plain text (plain-text.ts). */
  readonly plain: boolean
  /** stdout of an event listener: the activity log shows it as a bytes literal */
  readonly isProtocol?: boolean
}

/** Files that begin anew with each life. One that cannot be opened is told, and done without. */
export interface CopyOptions {
  /** for the bytes as they come */
  readonly tee: string | null
  /** for plain text */
  readonly plain: string | null
  readonly maxBytes: number
  readonly backups: number
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

/** Portals read them, which need not be who we are. */
const COPY_MODE = 0o644

/** There are as many as channels: fields and methods, no closures. */
class OpenChildLog implements ChildLog {
  readonly #options: ChildLogOptions
  readonly #hooks: ChildLogHooks
  readonly #syslog: Syslog
  readonly #log: ActivityLog
  readonly #file: LogFile | null
  readonly #tee: LogFile | null
  readonly #plainFile: LogFile | null
  readonly #plainText: PlainText | null
  readonly #capture: Capture | null
  /** How many of the files cannot keep up. */
  #behind = 0

  constructor(options: ChildLogOptions, hooks: ChildLogHooks, { files, syslog, log }: ChildLogSurroundings) {
    this.#options = options
    this.#hooks = hooks
    this.#syslog = syslog
    this.#log = log
    const { logfile: path, maxBytes, backups, captureMaxBytes, copies } = options
    this.#file = path ? files.open({ path, maxBytes, backups }, this) : null
    this.#tee = copies?.tee ? this.#openCopy(copies.tee, copies, files) : null
    this.#plainFile = copies?.plain ? this.#openCopy(copies.plain, copies, files) : null
    this.#plainText = this.#plainFile || options.plain ? new PlainText() : null
    this.#capture = captureMaxBytes > 0 ? openCapture(this.#captureOptions(captureMaxBytes)) : null
  }

  #openCopy(path: string, { maxBytes, backups }: CopyOptions, files: LogFiles): LogFile | null {
    try {
      return files.open({ path, maxBytes, backups, mode: COPY_MODE, beginsAnew: true }, this)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      this.#log.critical(`cannot open log '${path}': ${code}; the output of ${this.#title} is not kept there`)
      return null
    }
  }

  // -- what the child writes

  write(chunk: Buffer): void {
    if (this.#capture) this.#capture.write(chunk)
    else this.#piece(chunk, false)
  }

  end(): void {
    this.#capture?.end()
    const rest = this.#plainText?.end()
    if (!rest?.length) return
    this.#plainFile?.write(rest)
    if (this.#options.plain) this.#file?.write(rest)
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
  #piece(raw: Buffer, captured: boolean): void {
    const { syslog, processName, eventsEnabled } = this.#options
    const data = this.#prepare(raw)
    if (!captured) {
      this.#keep(raw, data)
      if (syslog) sendLines(this.#syslog, processName, data)
    }
    if (this.#log.debugging) this.#log.debug(`${this.#title} output:\n${debugText(data, this.#options)}`)
    if (eventsEnabled && this.#hooks.wantsLogEvents()) {
      for (let at = 0; at < data.length; at += LARGEST_EVENT) {
        this.#hooks.onLog(data.subarray(at, at + LARGEST_EVENT))
      }
    }
  }

  /** Into each of the files in its form. */
  #keep(raw: Buffer, prepared: Buffer): void {
    this.#tee?.write(raw)
    if (!this.#plainText) {
      this.#file?.write(prepared)
      return
    }
    const plain = this.#plainText.write(raw)
    this.#plainFile?.write(plain)
    this.#file?.write(this.#options.plain ? plain : prepared)
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

  /** Each of them says so in turn; the child is held up as long as there is one. */
  flow(ready: boolean): void {
    this.#behind += ready ? -1 : 1
    if (this.#behind === (ready ? 0 : 1)) this.#hooks.flow(ready)
  }

  // -- orders

  reopen(): void {
    for (const file of this.#files) file.reopen()
  }

  clear(): void {
    for (const file of this.#files) file.clear()
  }

  close(): void {
    for (const file of this.#files) file.close()
  }

  get #files(): readonly LogFile[] {
    return [this.#file, this.#tee, this.#plainFile].filter(file => file !== null)
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
  const { logfile, captureMaxBytes, eventsEnabled, syslog, copies } = options
  const passes = passThroughDescriptorOf(logfile) !== null
  const hasFile = copies !== null || (logfile !== null && logfile !== '' && !passes)
  const passesOtherwise = passes && (options.stripAnsi || options.plain)
  return hasFile || captureMaxBytes > 0 || eventsEnabled || syslog || debugging || passesOtherwise
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
