/**
 * The daemon's own log: `2026-11-21 03:15:46,137 INFO spawned: 'x' with pid 7\n`, each line complete in the file when the
 * call returns. Trouble with the file never reaches who logs. Source: contract 3.3, 6.1, 6.2
 */
import type { LogLevel } from '../config/config.ts'
import type { ActivityLog } from '../daemon/api.ts'
import type { LogFile, LogFiles } from '../system/log-file.ts'
import type { Syslog } from '../system/syslog.ts'
import type { Clock } from '../system/system.ts'
import { SYSLOG_PRIORITY, SYSLOG_TAG } from './syslog.ts'
import { describeTrouble } from './trouble.ts'

const levels = {
  critical: { number: 50, code: 'CRIT' },
  error: { number: 40, code: 'ERRO' },
  warn: { number: 30, code: 'WARN' },
  info: { number: 20, code: 'INFO' },
  debug: { number: 10, code: 'DEBG' },
  trace: { number: 5, code: 'TRAC' },
  blather: { number: 3, code: 'BLAT' },
} as const satisfies Record<LogLevel, { number: number; code: string }>

export interface ActivityLogOptions {
  /** absolute path, or `syslog` */
  readonly logfile: string
  readonly maxBytes: number
  readonly backups: number
  readonly level: LogLevel
  /** Every line goes to our stdout as well: in the foreground, unless silent. */
  readonly echo: boolean
}

export interface ActivityLogSurroundings {
  readonly clock: Pick<Clock, 'wall'>
  readonly files: LogFiles
  readonly syslog: Syslog
}

export interface OwnedActivityLog extends ActivityLog {
  /**
   * Opens the file. What was said before comes first: by level, the gravest first. Where the file is not `required` we go on
   * without one, until it can be reopened.
   * @throws SystemError; lines are kept then
   */
  open(required?: boolean): void
  /** Says so in the old file, then goes on in the one that the path leads to now. */
  reopen(): void
  /** Unlinks the file and begins a new one. 'kept': it is no regular file. @throws SystemError */
  clear(): 'cleared' | 'kept'
  close(): void
}

interface Message {
  readonly level: LogLevel
  readonly text: string
}

type Text = string | (() => string)

export function createActivityLog(
  options: ActivityLogOptions,
  surroundings: ActivityLogSurroundings,
): OwnedActivityLog {
  const { clock, files, syslog } = surroundings
  const lowest = levels[options.level].number
  const timestamp = timestamps()
  let file: LogFile | null = null
  let echo: LogFile | null = null
  /** null: the log is open */
  let early: Message[] | null = []
  let closed = false

  const lineOf = ({ level, text }: Message): string => `${timestamp(clock.wall())} ${levels[level].code} ${text}\n`

  const write = (message: Message) => {
    const line = lineOf(message)
    if (options.logfile === 'syslog') syslog.send(SYSLOG_PRIORITY, SYSLOG_TAG, line)
    const bytes = Buffer.from(line)
    file?.write(bytes)
    echo?.write(bytes)
  }

  const say = (level: LogLevel, text: Text) => {
    if (levels[level].number < lowest) return
    const message = { level, text: typeof text === 'string' ? text : text() }
    if (early) early.push(message)
    else write(message)
  }

  const openFile = (): LogFile =>
    files.open(
      { path: options.logfile, maxBytes: options.maxBytes, backups: options.backups, synchronous: true },
      // it cannot be told in the file that has the trouble
      { trouble: trouble => echo?.write(Buffer.from(lineOf({ level: 'error', text: describeTrouble(trouble) }))) },
    )

  /** Without a file there are still those who read our stdout. */
  const openFileIfPossible = (): LogFile | null => {
    try {
      return openFile()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      say('critical', `cannot open log '${options.logfile}': ${code}; nothing is logged there until it can be reopened`)
      return null
    }
  }

  const openEcho = (): LogFile | null => {
    try {
      return files.open({ path: '/dev/stdout', maxBytes: 0, backups: 0 }, { trouble() {} })
    } catch {
      // a closed stdout is no reason not to start
      return null
    }
  }

  return {
    critical: text => say('critical', text),
    error: text => say('error', text),
    warn: text => say('warn', text),
    info: text => say('info', text),
    debug: text => say('debug', text),
    trace: text => say('trace', text),
    blather: text => say('blather', text),
    debugging: lowest <= levels.debug.number,
    open(required = true) {
      if (!early) return
      if (options.logfile !== 'syslog') file = required ? openFile() : openFileIfPossible()
      if (options.echo) echo = openEcho()
      const messages = early.sort((a, b) => levels[b.level].number - levels[a.level].number)
      early = null
      messages.forEach(write)
    },
    reopen() {
      if (closed) return
      say('info', 'supervisord logreopen')
      if (file) file.reopen()
      else if (options.logfile !== 'syslog') file = openFileIfPossible()
    },
    clear() {
      if (!file) return 'kept'
      // for who follows the file that is removed, and for stdout
      say('info', 'reopening log file')
      return file.clear()
    },
    close() {
      closed = true
      file?.close()
      echo?.close()
      file = null
      echo = null
    },
  }
}

const padded = (n: number, digits: number): string => String(n).padStart(digits, '0')

/** ms since the epoch → `2026-11-21 03:15:46,137`, local time; within one second only the end is made anew. */
function timestamps(): (wall: number) => string {
  let second = Number.NaN
  let text = ''
  return wall => {
    const ms = Math.floor(wall)
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000)
      const time = new Date(ms)
      const date = `${padded(time.getFullYear(), 4)}-${padded(time.getMonth() + 1, 2)}-${padded(time.getDate(), 2)}`
      text = `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(n => padded(n, 2)).join(':')}`
    }
    return `${text},${padded(ms - second * 1000, 3)}`
  }
}
