import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogLevel } from '../../../supervisor/config/config.ts'
import { type ActivityLogOptions, createActivityLog } from '../../../supervisor/logs/activity-log.ts'
import { type LogFile, type LogFileHooks, logFiles } from '../../../supervisor/system/log-file.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'activity-'))
  path = join(directory, 'supervisord.log')
})
afterEach(() => rmSync(directory, { recursive: true }))

const NOON = new Date(2026, 10, 1, 12, 0, 0, 7).getTime()

/** The real file, and a stdout and a syslog that are remembered. */
function given(options: Partial<ActivityLogOptions> = {}) {
  const time = { now: NOON }
  const sent: string[] = []
  const echoed: string[] = []
  const stdout: LogFile = {
    path: '/dev/stdout',
    write: chunk => void echoed.push(Buffer.from(chunk).toString()),
    reopen() {},
    clear: () => 'kept',
    close() {},
  }
  let hooks: LogFileHooks | null = null
  const log = createActivityLog(
    { logfile: path, maxBytes: 0, backups: 0, level: 'info', echo: false, ...options },
    {
      clock: { wall: () => time.now },
      files: {
        ...logFiles,
        open(file, fileHooks) {
          if (file.path === '/dev/stdout') return stdout
          hooks = fileHooks
          return logFiles.open(file, fileHooks)
        },
      },
      syslog: { send: (priority, tag, text) => void sent.push(`<${priority}>${tag}: ${text}`), close() {} },
    },
  )
  return { log, time, sent, echoed, content: () => readFileSync(path, 'utf8'), hooks: () => hooks! }
}

test('a line has local time with milliseconds, a level of four letters, and the message', () => {
  const { log, time, content } = given()
  log.open()
  log.info("spawned: 'x' with pid 7")
  time.now += 991
  log.warn('late in the second')
  time.now += 3
  log.critical('next second')
  expect(content()).toBe(
    "2026-11-01 12:00:00,007 INFO spawned: 'x' with pid 7\n" +
      '2026-11-01 12:00:00,998 WARN late in the second\n' +
      '2026-11-01 12:00:01,001 CRIT next second\n',
  )
})

test('the time follows a clock that is set back', () => {
  const { log, time, content } = given()
  log.open()
  log.info('a')
  time.now -= 3_600_000
  log.info('b')
  expect(content()).toBe('2026-11-01 12:00:00,007 INFO a\n2026-11-01 11:00:00,007 INFO b\n')
})

describe('levels', () => {
  const all = ['critical', 'error', 'warn', 'info', 'debug', 'trace', 'blather'] as const
  const codes = ['CRIT', 'ERRO', 'WARN', 'INFO', 'DEBG', 'TRAC', 'BLAT']
  test.each(all.map((level, index) => [level, codes.slice(0, index + 1)] as const))('%s shows %j', (level, shown) => {
    const { log, content } = given({ level })
    log.open()
    for (const each of all) log[each]('x')
    expect(
      content()
        .split('\n')
        .slice(0, -1)
        .map(line => line.split(' ')[2]),
    ).toEqual(shown)
  })
  test.each<[LogLevel, boolean]>([
    ['info', false],
    ['debug', true],
    ['trace', true],
    ['blather', true],
  ])('%s: debugging is %j', (level, debugging) => {
    expect(given({ level }).log.debugging).toBe(debugging)
  })
  test('a line of a level that is off is never built', () => {
    const { log } = given()
    log.open()
    log.debug(() => {
      throw new Error('built')
    })
  })
})

test('what is said before the log is open comes first, the gravest before the others', () => {
  const { log, content } = given()
  log.info('info 1')
  log.warn('warn 1')
  log.critical('crit')
  log.info('info 2')
  log.open()
  log.info('open')
  expect(
    content()
      .split('\n')
      .map(line => line.slice(24)),
  ).toEqual(['CRIT crit', 'WARN warn 1', 'INFO info 1', 'INFO info 2', 'INFO open', ''])
})

test('a log that cannot be opened is an error', () => {
  mkdirSync(path)
  expect(() => given().log.open()).toThrow(expect.objectContaining({ code: 'EISDIR' }))
})

test('a log that is not required is gone on without, told on stdout, and opened when it can be reopened', () => {
  mkdirSync(path)
  const { log, echoed, content } = given({ echo: true })
  log.open(false)
  expect(echoed.join('')).toContain(
    `CRIT cannot open log '${path}': EISDIR; nothing is logged there until it can be reopened\n`,
  )
  log.reopen()
  expect(echoed.join('').match(/cannot open/g)).toHaveLength(2)
  rmdirSync(path)
  log.reopen()
  log.info('there it is')
  expect(content()).toBe('2026-11-01 12:00:00,007 INFO there it is\n')
})

test('with echo each line goes to stdout, too', () => {
  const { log, echoed, content } = given({ echo: true })
  log.open()
  log.info('both')
  expect(echoed.join('')).toBe(content())
})

test('syslog gets each whole line, with its own time, and there is no file', () => {
  const { log, sent } = given({ logfile: 'syslog' })
  log.open()
  log.info('hello')
  expect(sent).toEqual(['<14>supervisord: 2026-11-01 12:00:00,007 INFO hello\n'])
  expect(log.clear()).toBe('kept')
  log.reopen()
  expect(sent).toHaveLength(2)
})

test('reopening is told in the old file, the next line stands in the new one', () => {
  const { log, content } = given()
  log.open()
  renameSync(path, join(directory, 'moved'))
  log.reopen()
  log.info('new')
  expect(readFileSync(join(directory, 'moved'), 'utf8')).toMatch(/INFO supervisord logreopen\n$/)
  expect(content()).toBe('2026-11-01 12:00:00,007 INFO new\n')
})

test('clearing begins a new file', () => {
  const { log, content } = given()
  log.open()
  log.info('old')
  const { ino } = statSync(path)
  expect(log.clear()).toBe('cleared')
  log.info('new')
  expect(content()).toBe('2026-11-01 12:00:00,007 INFO new\n')
  expect(ino).toBeGreaterThan(0)
})

test('it rotates after the line that reaches maxbytes', () => {
  const { log, content } = given({ maxBytes: 60, backups: 1 })
  log.open()
  log.info('first')
  log.info('second line')
  log.info('third')
  expect(readFileSync(`${path}.1`, 'utf8')).toMatch(/first\n.*second line\n$/)
  expect(content()).toBe('2026-11-01 12:00:00,007 INFO third\n')
})

test('trouble with its file is told on stdout', () => {
  const { log, echoed, hooks } = given({ echo: true })
  log.open()
  hooks().trouble({ type: 'losing', path, code: 'ENOSPC' })
  expect(echoed).toEqual([
    `2026-11-01 12:00:00,007 ERRO cannot write to log '${path}': ENOSPC; output is lost until that works again\n`,
  ])
})

test('after closing nothing is written, and nothing is thrown', () => {
  const { log, content } = given()
  log.open()
  log.info('last')
  log.close()
  log.info('too late')
  expect(content()).toMatch(/last\n$/)
})

test('after closing it is not reopened', () => {
  const { log } = given()
  log.open()
  log.close()
  rmSync(path)
  log.reopen()
  expect(existsSync(path)).toBe(false)
})
