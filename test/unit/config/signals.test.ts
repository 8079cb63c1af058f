import { expect, test } from 'vitest'
import { isSignalName, isSignalNumber, signalName, signalNumber } from '../../../supervisor/config/signals.ts'

test.each([
  ['TERM', 15],
  ['SIGTERM', 15],
  ['sigusr1', 10],
  ['CLD', 17],
  ['POLL', 29],
  ['RTMIN', 34],
  ['RTMAX', 64],
  ['SIG_DFL', 0],
  ['9', 9],
  ['+15', 15],
  ['0', 0],
  ['64', 64],
])('%s is signal %i', (text, number) => {
  expect(signalNumber(text)).toBe(number)
})

test.each(['', 'FOO', 'SIGSIGTERM', 'SIG15', '32', '33', '35', '63', '65', '-1', '1.5', 'constructor'])(
  '%j is no signal',
  text => {
    expect(signalNumber(text)).toBeNull()
  },
)

test.each([
  [1, 'SIGHUP'],
  [6, 'SIGABRT'],
  [17, 'SIGCHLD'],
  [29, 'SIGPOLL'],
  [31, 'SIGSYS'],
  [34, 'SIGRTMIN'],
  [64, 'SIGRTMAX'],
  [40, 'signal 40'],
])('signal %i is called %s', (number, name) => {
  expect(signalName(number)).toBe(name)
})

test('names and numbers can be asked for alone', () => {
  expect([isSignalName('hup'), isSignalName('1'), isSignalNumber(1), isSignalNumber(40)]).toEqual([
    true,
    false,
    true,
    false,
  ])
})
