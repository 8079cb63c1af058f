/**
 * One channel of one process: raw bytes → capture → strip_ansi → log file, syslog, activity log (debug), PROCESS_LOG
 * events. Only what is configured takes part; with a log file alone a write is one call. Source: contract 6.4, 6.5, 11.1
 */
import { pythonRepr } from '../config/python-repr.ts'
import type { ActivityLog, Channel } from '../daemon/api.ts'
import type { LogFile, LogFileHooks, LogFiles } from '../system/log-file.ts'
import { ownDescriptor } from '../system/own-descriptors.ts'
import type { Syslog } from '../system/syslog.ts'
import { openCapture } from './capture.ts'
import { stripAnsi } from './strip-ansi.ts'
import { sendLines } from './syslog.ts'
import { describeTrouble } from './trouble.ts'

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

type Sink = (data: Buffer) => void

/** What one read of the original yields at most, hence the most that one event carries. */
const LARGEST_EVENT = 128 * 1024

/** @throws SystemError when the log file cannot be opened */
export function openChildLog(
  options: ChildLogOptions,
  hooks: ChildLogHooks,
  { files, syslog, log }: ChildLogSurroundings,
): ChildLog {
  const file = openFile(options, files, {
    trouble: trouble => log.error(describeTrouble(trouble)),
    flow: ready => hooks.flow(ready),
  })
  const title = `${pythonRepr(options.processName)} ${options.channel}`

  const logged: Sink[] = []
  if (file) logged.push(data => file.write(data))
  if (options.syslog) logged.push(data => sendLines(syslog, options.processName, data))
  const seen: Sink[] = []
  if (log.debugging) seen.push(data => log.debug(`${title} output:\n${debugText(data, options)}`))
  if (options.eventsEnabled) seen.push(data => hooks.wantsLogEvents() && inPieces(data, hooks.onLog))

  const toLog = all([...logged, ...seen])
  const toBuffer = all(seen)
  const prepare = options.stripAnsi ? stripAnsi : (data: Buffer) => data
  const capture =
    options.captureMaxBytes > 0
      ? openCapture({
          maxBytes: options.captureMaxBytes,
          prepare,
          piece: (data, captured) => (captured ? toBuffer(data) : toLog(data)),
          communication(data) {
            hooks.onCommunication(data)
            log.debug(() => `${title} emitted a comm event`)
          },
        })
      : null

  return {
    write: capture ? capture.write : options.stripAnsi ? chunk => toLog(stripAnsi(chunk)) : toLog,
    end: () => capture?.end(),
    reopen: () => file?.reopen(),
    clear: () => void file?.clear(),
    close: () => file?.close(),
  }
}

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

function openFile(options: ChildLogOptions, files: LogFiles, hooks: LogFileHooks): LogFile | null {
  const { logfile: path, maxBytes, backups } = options
  return path ? files.open({ path, maxBytes, backups }, hooks) : null
}

function all(sinks: readonly Sink[]): Sink {
  if (sinks.length === 1) return sinks[0]!
  return data => {
    for (const sink of sinks) sink(data)
  }
}

function inPieces(data: Buffer, sink: Sink): void {
  for (let at = 0; at < data.length; at += LARGEST_EVENT) sink(data.subarray(at, at + LARGEST_EVENT))
}

const debugText = (data: Buffer, { isProtocol = false }: ChildLogOptions): string =>
  isProtocol ? pythonRepr(data) : data.toString()
