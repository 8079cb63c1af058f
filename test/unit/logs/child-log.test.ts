import { expect, test } from 'vitest'
import {
  type ChildLogOptions,
  needsReading,
  openChildLog,
  passThroughDescriptor,
} from '../../../supervisor/logs/child-log.ts'
import type { LogFileHooks } from '../../../supervisor/system/log-file.ts'

const plain: ChildLogOptions = {
  processName: 'x',
  channel: 'stdout',
  logfile: '/logs/x',
  maxBytes: 100,
  backups: 2,
  captureMaxBytes: 0,
  eventsEnabled: false,
  syslog: false,
  stripAnsi: false,
  copies: null,
  plain: false,
}

function given(options: Partial<ChildLogOptions> = {}, { debugging = false, subscribed = true } = {}) {
  const seen = {
    file: [] as string[],
    tee: [] as string[],
    plain: [] as string[],
    syslog: [] as string[],
    activity: [] as string[],
    events: [] as string[],
    communications: [] as string[],
    flow: [] as boolean[],
    calls: [] as string[],
  }
  let hooks: LogFileHooks | null = null
  const allHooks: LogFileHooks[] = []
  const say = (text: string | (() => string)) => void seen.activity.push(typeof text === 'string' ? text : text())
  const log = openChildLog(
    { ...plain, ...options },
    {
      wantsLogEvents: () => subscribed,
      onLog: data => void seen.events.push(data.toString()),
      onCommunication: data => void seen.communications.push(data.toString()),
      flow: ready => void seen.flow.push(ready),
    },
    {
      files: {
        createNew: () => true,
        allFinished: async () => {},
        open(file, fileHooks) {
          if (file.path.startsWith('/none')) throw Object.assign(new Error(), { code: 'ENOENT' })
          const anew = file.beginsAnew ? ` anew ${file.mode!.toString(8)}` : ''
          seen.calls.push(`open ${file.path} ${file.maxBytes} ${file.backups}${anew}`)
          hooks ??= fileHooks
          allHooks.push(fileHooks)
          const name = file.path.slice('/logs/'.length)
          const written = name === 'tee' || name === 'plain' ? seen[name] : seen.file
          return {
            path: file.path,
            write: chunk => void written.push(Buffer.from(chunk).toString()),
            reopen: () => void seen.calls.push('reopen'),
            clear() {
              seen.calls.push('clear')
              return 'cleared'
            },
            close: () => void seen.calls.push('close'),
          }
        },
      },
      syslog: { send: (_, __, text) => void seen.syslog.push(text.toString()), close() {} },
      log: {
        critical: say,
        error: say,
        warn: say,
        info: say,
        debug: text => debugging && say(text),
        trace() {},
        blather() {},
        debugging,
      },
    },
  )
  return { log, seen, hooks: () => hooks!, allHooks, write: (text: string) => log.write(Buffer.from(text)) }
}

const BEGIN = '<!--XSUPERVISOR:BEGIN-->'
const END = '<!--XSUPERVISOR:END-->'

test('with a log file alone, chunks go to the file as they are', () => {
  const { seen, write } = given()
  write('a\x1b[1m')
  write(`${BEGIN}b`)
  expect(seen).toMatchObject({ file: ['a\x1b[1m', `${BEGIN}b`], syslog: [], activity: [], events: [] })
})

test('file operations are passed on; without a file they do nothing', () => {
  const { log, seen } = given()
  log.reopen()
  log.clear()
  log.end()
  log.close()
  expect(seen.calls).toEqual(['open /logs/x 100 2', 'reopen', 'clear', 'close'])
  for (const logfile of [null, '']) {
    const none = given({ logfile })
    none.write('lost')
    none.log.reopen()
    none.log.clear()
    none.log.close()
    expect(none.seen).toMatchObject({ calls: [], file: [] })
  }
})

test('strip_ansi applies to file, syslog and events', () => {
  const { seen, write } = given({ stripAnsi: true, syslog: true, eventsEnabled: true })
  write('\x1b[31mred\x1b[0m\n')
  expect(seen).toMatchObject({ file: ['red\n'], syslog: ['x red'], events: ['red\n'] })
})

const copies = { tee: '/logs/tee', plain: '/logs/plain', maxBytes: 5, backups: 1 }

test('copies get what is logged, as it comes and as plain text; they begin anew with each life', () => {
  const { log, seen, write } = given({ copies, stripAnsi: true })
  write('\x1b[1mbold\x1b]0;t\u0007\r')
  write('\nend\r')
  expect(seen).toMatchObject({
    calls: ['open /logs/x 100 2', 'open /logs/tee 5 1 anew 644', 'open /logs/plain 5 1 anew 644'],
    file: ['bold\x1b]0;t\u0007\r', '\nend\r'],
    tee: ['\x1b[1mbold\x1b]0;t\u0007\r', '\nend\r'],
    plain: ['bold', '\nend'],
  })
  log.end()
  expect(seen.plain.at(-1)).toBe('\n')
  seen.calls.length = 0
  log.reopen()
  log.clear()
  log.close()
  expect(seen.calls).toEqual(['reopen', 'clear', 'close'].flatMap(call => [call, call, call]))
})

test('the log file itself may be plain text, what is heard of it is not', () => {
  const { log, seen, write } = given({ plain: true, eventsEnabled: true, syslog: true })
  write('\x1b[1mbold\r\n\r')
  log.end()
  expect(seen.file).toEqual(['bold\n', '\n'])
  expect(seen).toMatchObject({ events: ['\x1b[1mbold\r\n\r'], syslog: ['x \x1b[1mbold\r', 'x \r'] })
})

test('captured text is in no copy', () => {
  const { seen, write } = given({ copies, captureMaxBytes: 100 })
  write(`a${BEGIN}b${END}c`)
  expect(seen).toMatchObject({ tee: ['a', 'c'], plain: ['a', 'c'] })
})

test('a copy that cannot be opened is told, and everything else is logged', () => {
  const { seen, write } = given({ copies: { ...copies, tee: '/none/tee' } })
  write('text')
  expect(seen).toMatchObject({
    activity: ["cannot open log '/none/tee': ENOENT; the output of 'x' stdout is not kept there"],
    file: ['text'],
    plain: ['text'],
  })
})

test('the child is held up until the last of the files can keep up', () => {
  const { seen, allHooks } = given({ copies })
  const [file, tee, plainFile] = allHooks as [LogFileHooks, LogFileHooks, LogFileHooks]
  file.flow!(false)
  tee.flow!(false)
  file.flow!(true)
  plainFile.flow!(false)
  plainFile.flow!(true)
  expect(seen.flow).toEqual([false])
  tee.flow!(true)
  expect(seen.flow).toEqual([false, true])
})

test('PROCESS_LOG events are made only while somebody wants them', () => {
  const { seen, write } = given({ eventsEnabled: true }, { subscribed: false })
  write('text')
  expect(seen).toMatchObject({ file: ['text'], events: [] })
})

test('one event carries 128 KiB at most, the file gets the chunk in one piece', () => {
  const { seen, write } = given({ eventsEnabled: true })
  write('x'.repeat(300 * 1024))
  expect(seen.events.map(text => text.length)).toEqual([131_072, 131_072, 45_056])
  expect(seen.file).toHaveLength(1)
})

test('captured text makes a communication event and a log event, and is not logged', () => {
  const { seen, write } = given({ captureMaxBytes: 100, eventsEnabled: true, syslog: true })
  write(`a${BEGIN}b${END}c`)
  expect(seen).toMatchObject({
    file: ['a', 'c'],
    syslog: ['x a', 'x c'],
    communications: ['b'],
    events: ['a', 'b', 'c'],
  })
})

test('strip_ansi comes after capture: an unfinished sequence does not eat a token', () => {
  const { seen, write } = given({ captureMaxBytes: 100, stripAnsi: true })
  write(`\x1b[1ma\x1b[${BEGIN}\x1b[1mb${END}c`)
  expect(seen).toMatchObject({ file: ['a', 'c'], communications: ['b'] })
})

test('what was held back as a possible token is logged at the end', () => {
  const { log, seen, write } = given({ captureMaxBytes: 100 })
  write('short <!--')
  log.end()
  expect(seen.file.join('')).toBe('short <!--')
})

test('at debug the activity log shows the output, captured text included', () => {
  const { seen, write } = given({ processName: "it's", channel: 'stderr', captureMaxBytes: 100 }, { debugging: true })
  write(`hello\n${BEGIN}b${END}`)
  expect(seen.activity).toEqual([
    `"it's" stderr output:\nhello\n`,
    `"it's" stderr output:\nb`,
    `"it's" stderr emitted a comm event`,
  ])
})

test('the protocol of a listener is shown as a bytes literal', () => {
  const { seen, write } = given({ isProtocol: true }, { debugging: true })
  write('READY\n')
  expect(seen.activity).toEqual(["'x' stdout output:\nb'READY\\n'"])
})

test('trouble with the file is told in the activity log, its back-pressure is passed on', () => {
  const { seen, hooks } = given()
  hooks().trouble({ type: 'lost', path: '/logs/x', bytes: 7 })
  hooks().flow!(false)
  expect(seen.activity).toEqual(["log '/logs/x' lacks 7 bytes that could not be written"])
  expect(seen.flow).toEqual([false])
})

test.each<[string, Partial<ChildLogOptions>, boolean, boolean, number | null]>([
  ['a file', {}, false, true, null],
  ['our stdout', { logfile: '/dev/stdout' }, false, false, 1],
  ['our stderr', { logfile: '/dev/stderr' }, false, false, 2],
  ['our stdout by number', { logfile: '/dev/fd/1' }, false, false, 1],
  ['our stdout by proc', { logfile: '/proc/self/fd/1' }, false, false, 1],
  ['another descriptor of ours', { logfile: '/dev/fd/5' }, false, true, null],
  ['no log', { logfile: null }, false, false, null],
  ['an empty name', { logfile: '' }, false, false, null],
  ['our stdout with capture', { logfile: '/dev/stdout', captureMaxBytes: 1 }, false, true, null],
  ['our stdout with events', { logfile: '/dev/stdout', eventsEnabled: true }, false, true, null],
  ['our stdout with syslog', { logfile: '/dev/stdout', syslog: true }, false, true, null],
  ['our stdout, stripped', { logfile: '/dev/stdout', stripAnsi: true }, false, true, null],
  ['our stdout in plain text', { logfile: '/dev/stdout', plain: true }, false, true, null],
  ['our stdout with a copy', { logfile: '/dev/stdout', copies }, false, true, null],
  ['no log, in plain text', { logfile: null, plain: true }, false, false, null],
  ['no log with a copy', { logfile: null, copies }, false, true, null],
  ['our stdout at debug', { logfile: '/dev/stdout' }, true, true, null],
  ['no log, stripped', { logfile: null, stripAnsi: true }, false, false, null],
  ['no log with capture', { logfile: null, captureMaxBytes: 1 }, false, true, null],
])('%s: is it read, and is our descriptor the child’s?', (_, options, debugging, reading, descriptor) => {
  expect(needsReading({ ...plain, ...options }, debugging)).toBe(reading)
  expect(passThroughDescriptor({ ...plain, ...options }, debugging)).toBe(descriptor)
})
