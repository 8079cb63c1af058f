/**
 * Logs of programs that stay: lines for people, or JSON for machines (BOSUN_LOG_FORMAT), on stdout, where supervisord keeps
 * them. Secrets of the environment do not get there, whatever they are part of.
 *
 *     const log = openLogger('caddy')
 *     log.info({ sites: 3 }, 'reloaded')      2026-11-21T12:00:00Z info reloaded sites=3
 */
import pino from 'pino'
import type { Env } from './environment-file.ts'
import { maskSecrets } from './secrets.ts'
import { readSettings } from './settings.ts'

export type Logger = pino.Logger

export interface LogSink {
  /** A line with its newline. */
  write(line: string): void
}

/**
 * `name` is in the JSON only: each program has a log of its own. What is logged as `err` shows its message, and its stack where
 * the level is error.
 */
export function openLogger(name: string, env: Env = process.env, sink: LogSink = pino.destination(1)): Logger {
  const { BOSUN_LOG_LEVEL: level, BOSUN_LOG_FORMAT: format } = readSettings(env).settings
  const mask = maskSecrets(env)
  const render =
    format === 'json'
      ? (line: string): string =>
          `${JSON.stringify(JSON.parse(line), (_, value) => (typeof value === 'string' ? mask(value) : value))}\n`
      : (line: string): string => mask(renderLine(line))
  const masked = { write: (line: string) => sink.write(render(line)) }
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    masked,
  )
}

interface Entry {
  readonly time: string
  readonly level: string
  readonly name: string
  readonly msg?: string
  readonly err?: { readonly message?: string; readonly stack?: string }
}

/** A line of pino's as a line for people; control characters cannot make it look like another one. */
function renderLine(json: string): string {
  const { time, level, name: _, msg = '', err, ...rest } = JSON.parse(json) as Entry
  const facts = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const what = [msg, ...facts].join(' ') + (err?.message === undefined ? '' : `: ${err.message}`)
  const stack = level === 'error' || level === 'fatal' ? (err?.stack?.split('\n').slice(1) ?? []) : []
  const lines = [`${time.replace(/\.\d+Z$/, 'Z')} ${level} ${what}`, ...stack]
  return lines.map(line => `${line.replaceAll(/\p{Cc}/gu, escapeControl)}\n`).join('')
}

const escapeControl = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
