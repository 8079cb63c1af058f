import { expect, test } from 'vitest'
import { describe as describeProcess, timeSpan, wholeSeconds } from '../../../supervisor/rpc/description.ts'
import { ProcessListing, processInfo } from '../../../supervisor/rpc/process-info.ts'
import { parseResponse, renderResponse, renderValue } from '../../../supervisor/xmlrpc/codec.ts'
import { renderJson } from '../../../supervisor/xmlrpc/json-form.ts'
import { fakeDaemon } from '../../support/fake-daemon.ts'

const NOW = 1_795_230_630

test('the 14 members, in their order', () => {
  const process = fakeDaemon({ g: [{ name: 'x' }] }).process('g:x')
  process.logfiles.stdout = '/var/log/x.log'
  process.become('RUNNING', { pid: 7, startedAt: NOW * 1000 - 5_400, stoppedAt: 1_795_000_000_999, exitstatus: null })
  const info = processInfo(process, NOW)
  expect(info).toEqual({
    name: 'x',
    group: 'g',
    start: NOW - 6,
    stop: 1_795_000_000,
    now: NOW,
    state: 20,
    statename: 'RUNNING',
    spawnerr: '',
    exitstatus: 0,
    logfile: '/var/log/x.log',
    stdout_logfile: '/var/log/x.log',
    stderr_logfile: '',
    pid: 7,
    description: 'pid 7, uptime 0:00:06',
  })
  expect(Object.keys(info).join(' ')).toBe(
    'name group start stop now state statename spawnerr exitstatus logfile stdout_logfile stderr_logfile pid description',
  )
})

test.each([
  [0, '0:00:00'],
  [3_599, '0:59:59'],
  [36_000, '10:00:00'],
  [86_399, '23:59:59'],
  [86_400, '1 day, 0:00:00'],
  [93_784, '1 day, 2:03:04'],
  [12 * 86_400, '12 days, 0:00:00'],
])('%d seconds are %s', (seconds, text) => expect(timeSpan(seconds)).toBe(text))

test('an uptime is never negative', () => {
  const process = fakeDaemon({ x: [{}] }).process('x')
  process.become('RUNNING', { pid: 7, startedAt: (NOW + 3600) * 1000 })
  expect(describeProcess(process, NOW)).toBe('pid 7, uptime 0:00:00')
})

test('times fit into 32 bits', () => {
  expect([wholeSeconds(5e15), wholeSeconds(-5), wholeSeconds(1_999)]).toEqual([0x7fffffff, 0, 1])
})

test('descriptions of the other states', () => {
  const process = fakeDaemon({ x: [{}] }).process('x')
  const said = (): string => describeProcess(process, NOW)
  expect(said()).toBe('Not started')
  const midnight = new Date(2026, 10, 3, 0, 5).getTime()
  const night = new Date(2026, 10, 20, 23, 56).getTime()
  process.become('EXITED', { startedAt: midnight - 10, stoppedAt: midnight })
  expect(said()).toBe('Nov 03 12:05 AM')
  process.become('STOPPED', { stoppedAt: night })
  expect(said()).toBe('Nov 20 11:56 PM')
  process.become('BACKOFF', { spawnerr: 'Exited too quickly (process log may have details)' })
  expect(said()).toBe('Exited too quickly (process log may have details)')
  process.become('FATAL', { spawnerr: '' })
  expect(said()).toBe('unknown error (try "tail x")')
  for (const state of ['STARTING', 'STOPPING', 'UNKNOWN'] as const) {
    process.become(state)
    expect(said()).toBe('')
  }
})

const listed = (listing: ProcessListing, now: number) => parseResponse(renderResponse(listing.at(now)))
const renderers = { xml: renderValue, json: renderJson } as const
const states = ['STOPPED', 'STARTING', 'RUNNING', 'BACKOFF', 'STOPPING', 'EXITED', 'FATAL', 'UNKNOWN'] as const

test.each(['xml', 'json'] as const)('the listing in %s says of each process what getProcessInfo says', form => {
  const daemon = fakeDaemon({ 'a<&"': [{}], g: [{ name: 'b' }, { name: 'a' }], a: [{}] })
  const listing = new ProcessListing(daemon, form)
  const sorted = ['a', 'a<&"', 'g:a', 'g:b'].map(spec => daemon.process(spec))
  for (const [index, state] of [...states, ...states].entries()) {
    sorted[index % 4]!.become(state, { pid: index, startedAt: NOW * 1000, spawnerr: `<name>now</name>"now":${index}` })
    for (const now of [NOW + index, NOW + index + 1]) {
      const expected = sorted.map(process => processInfo(process, now))
      expect(listing.at(now).text).toBe(renderers[form](expected))
    }
  }
})

test('the whole answer is used again while neither a revision nor the second has changed', () => {
  const daemon = fakeDaemon({ x: [{}] })
  const listing = new ProcessListing(daemon, 'xml')
  const first = listing.at(NOW)
  expect(listing.at(NOW)).toBe(first)
  expect(listing.at(NOW + 1)).not.toBe(first)
  const second = listing.at(NOW + 1)
  daemon.process('x').become('STARTING')
  expect(listing.at(NOW + 1)).not.toBe(second)
})

test('a group that goes is not listed any more', () => {
  const daemon = fakeDaemon({ x: [{}], y: [{}] })
  const listing = new ProcessListing(daemon, 'xml')
  expect(listed(listing, NOW)).toHaveLength(2)
  daemon.removeGroup('x')
  expect(listed(listing, NOW)).toEqual([expect.objectContaining({ name: 'y' })])
  daemon.removeGroup('y')
  expect(listed(listing, NOW)).toEqual([])
})
