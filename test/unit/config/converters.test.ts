import { describe, expect, test } from 'vitest'
import { AUTO } from '../../../supervisor/config/config.ts'
import * as convert from '../../../supervisor/config/converters.ts'
import { messageOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const machine = fakeMachine()

describe('integer', () => {
  test.each([
    ['0', 0],
    ['-5', -5],
    ['+5', 5],
    ['007', 7],
    [' 1_000 ', 1000],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ])('%j', (text, value) => {
    expect(convert.integer(text)).toBe(value)
  })
  test.each(['', '1.5', '1e3', '0x10', '1__0', '_1', 'soon', '½'])('%j is refused', text => {
    expect(messageOf(() => convert.integer(text))).toBe(`invalid literal for int() with base 10: '${text}'`)
  })
})

test('booleans have four words each way, in any case', () => {
  expect(['yes', 'TRUE', 'On', '1'].map(convert.boolean)).toEqual([true, true, true, true])
  expect(['no', 'False', 'OFF', '0'].map(convert.boolean)).toEqual([false, false, false, false])
})

describe('byte sizes', () => {
  test.each([
    ['0', 0],
    ['77', 77],
    ['2KB', 2048],
    ['3mb', 3 << 20],
    ['1 GB', 1 << 30],
    ['-5kb', -5120],
  ])('%j', (text, value) => {
    expect(convert.byteSize(text)).toBe(value)
  })
  test.each([
    ['50M', '50m'],
    ['1.5MB', '1.5'],
    ['7B', '7b'],
    ['MB', ''],
  ])('%j is refused, and the text shows %j', (text, shown) => {
    expect(messageOf(() => convert.byteSize(text))).toBe(`invalid literal for int() with base 10: '${shown}'`)
  })
})

test('octal numbers may have 0o before them', () => {
  expect(['022', '22', '0o22', '0O22', '1_0'].map(convert.octal)).toEqual([18, 18, 18, 18, 8])
  expect(messageOf(() => convert.octal(''))).toBe(' can not be converted to an octal type')
})

test('signals: a bad number is called a number', () => {
  expect(messageOf(() => convert.signal('99'))).toBe("value '99' is not a valid signal number")
  expect(messageOf(() => convert.signal('1.5'))).toBe("value '1.5' is not a valid signal name")
})

test('exit codes: none, one, several; never a gap', () => {
  expect(['', '0', ' 0 , 2', '255'].map(convert.exitCodes)).toEqual([[], [0], [0, 2], [255]])
  for (const text of ['0,', '0 2', '0;2', '-1', '256', 'x']) {
    expect(messageOf(() => convert.exitCodes(text))).toBe(`not a valid list of exit codes: '${text}'`)
  }
})

test('users: a name or a number, which exists', () => {
  expect(convert.user('root', machine).uid).toBe(0)
  expect(convert.user('1000', machine).name).toBe('lab')
  expect(messageOf(() => convert.user('99999', machine))).toBe('Invalid user id 99999')
  expect(messageOf(() => convert.user('', machine))).toBe('Invalid user name ')
})

test('child log files', () => {
  const logfile = (text: string) => convert.childLogfile(text, machine)
  expect(['NONE', 'off'].map(logfile)).toEqual([null, null])
  expect(['AUTO', 'auto'].map(logfile)).toEqual([AUTO, AUTO])
  expect(logfile('SysLog')).toBe(convert.SYSLOG)
  expect(['', 'no', 'x.log', '/dev/stdout', '/', '~/x', '~lab/x'].map(logfile)).toEqual([
    ...['', 'no', 'x.log', '/dev/stdout', '/', '/root/x', '/home/lab/x'],
  ])
  expect(messageOf(() => logfile('~no-such/x'))).toBe(
    'The directory named as part of the path ~no-such/x does not exist',
  )
})

test('the activity log may be syslog, in lower case only', () => {
  expect(convert.daemonLogfile('syslog', machine)).toBe('syslog')
  expect(convert.daemonLogfile('SYSLOG', machine)).toBe('/home/lab/SYSLOG')
  expect(convert.daemonLogfile('NONE', machine)).toBe('/home/lab/NONE')
})

describe('addresses to listen on', () => {
  test.each([
    ['9001', '', 9001],
    [':9001', '', 9001],
    ['*:9001', '', 9001],
    ['LOCALHOST:1', 'localhost', 1],
    ['a:b:65535', 'a:b', 65535],
    ['a: 9', 'a', 9],
  ])('%s', (text, host, port) => {
    expect(convert.listenAddress(text)).toEqual({ host, port })
  })
  test.each([
    ['', "not a valid port number: '' "],
    ['abc', "not a valid port number: 'abc' "],
    ['0', "not a valid port number: '0' "],
    ['65536', "not a valid port number: '65536' "],
    ['a:', "no port number specified in ''"],
    ['a:abc', "invalid literal for int() with base 10: 'abc'"],
    ['a:0', '0 is below lower bound (1)'],
    ['a:99999', '99999 is above upper bound (65535)'],
  ])('%j is refused', (text, message) => {
    expect(messageOf(() => convert.listenAddress(text))).toBe(message)
  })
})

describe('fcgi sockets', () => {
  test.each([
    ['unix:///a b', { kind: 'unix', path: '/a b' }],
    ['unix://~/s', { kind: 'unix', path: '/root/s' }],
    ['tcp://h:65535', { kind: 'tcp', host: 'h', port: 65535 }],
  ])('%s', (url, address) => {
    expect(convert.fcgiSocket(url, machine)).toEqual({ url, address })
  })
  test.each([
    ['unix://foo', "('Unix socket path %s is not an absolute path', 'foo')"],
    ['UNIX:///a', "('Bad socket format %s', 'UNIX:///a')"],
    ['tcp://:80', "('Bad socket format %s', 'tcp://:80')"],
    ['tcp://[::1]:80', "('Bad socket format %s', 'tcp://[::1]:80')"],
    ['tcp://a:0', '0 is below lower bound (1)'],
    ['tcp://a:65536', '65536 is above upper bound (65535)'],
  ])('%j is refused', (text, message) => {
    expect(messageOf(() => convert.fcgiSocket(text, machine))).toBe(message)
  })
})

test('owners: a user, or user:group', () => {
  const owner = convert.owner('sockchown')
  expect(owner('0:lab', machine)).toEqual({ uid: 0, gid: 1000 })
  for (const text of ['no-such', 'root:no-such', 'root:root:x', ':root', '']) {
    expect(messageOf(() => owner(text, machine))).toBe(`Invalid sockchown value ${text}`)
  }
})

test('~ is $HOME, or the home of the account; ~name that of the user', () => {
  const poor = fakeMachine({ environment: {}, uid: 1000 })
  expect([
    convert.expandHome('~', poor),
    convert.expandHome('~/x', poor),
    convert.expandHome('~nobody/x', poor),
  ]).toEqual([...['/home/lab', '/home/lab/x', '/nonexistent/x']])
  expect([convert.expandHome('~no-such/x', machine), convert.expandHome('a~', machine)]).toEqual(['~no-such/x', 'a~'])
})
