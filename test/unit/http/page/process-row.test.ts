import { expect, test } from 'vitest'
import { processRow, renderProcessRow, tailAddress } from '../../../../supervisor/http/page/process-row.ts'
import { type ProcessState, processStates } from '../../../../supervisor/process/states.ts'
import { fakeDaemon } from '../../../support/fake-daemon.ts'

function given(state: ProcessState, facts: Parameters<ReturnType<typeof fakeDaemon>['process']>[0] | object = {}) {
  const process = fakeDaemon({ g: [{ name: 'web' }] }).process('g:web')
  process.logfiles.stdout = '/out'
  process.logfiles.stderr = '/err'
  process.become(state, facts as object)
  return process
}

/** Labels of buttons that can be pressed. */
const offered = (html: string): string[] =>
  [...html.matchAll(/<button ([^>]*)>([^<]+)</g)]
    .filter(([, attributes]) => !/disabled/.test(attributes!))
    .map(m => m[2]!)

test.each([
  ['STOPPED', 0, ['Start']],
  ['STARTING', 7, ['Stop', 'Clear Log']],
  ['RUNNING', 7, ['Restart', 'Stop', 'Clear Log']],
  ['BACKOFF', 0, ['Stop']],
  ['STOPPING', 7, ['Clear Log']],
  ['EXITED', 0, ['Start']],
  ['FATAL', 0, ['Start']],
  ['UNKNOWN', 0, []],
] as const)('in %s only what the supervisor would not refuse can be pressed', (state, pid, labels) => {
  expect(offered(renderProcessRow(processRow(given(state, { pid }), 0), 't').text)).toEqual(labels)
})

test.each(Object.keys(processStates) as ProcessState[])(
  'every row has the same buttons, so nothing moves: %s',
  state => {
    const html = renderProcessRow(processRow(given(state), 0), 't').text
    expect(html.match(/<button /g)).toHaveLength(3)
    expect(html).toContain(`>${state.toLowerCase()}</span>`)
  },
)

test.each([
  ['RUNNING', 'statusrunning'],
  ['FATAL', 'statuserror'],
  ['BACKOFF', 'statuserror'],
  ['STOPPED', 'statusnominal'],
] as const)('%s has the class of the original: %s', (state, name) => {
  expect(renderProcessRow(processRow(given(state), 0), 't').text).toContain(`<span class="${name}">`)
})

test('uptime stands in the text, and its beginning beside it', () => {
  const row = processRow(given('RUNNING', { pid: 12, startedAt: 1_000_000 }), 1061)
  expect(row).toMatchObject({ description: 'pid 12, uptime 0:01:01', since: 1000 })
  expect(renderProcessRow(row, 't').text).toContain('<span data-since="1000">pid 12, uptime 0:01:01</span>')
})

test('a process that failed says why, what comes next, and where to read on', () => {
  const html = renderProcessRow(processRow(given('FATAL', { spawnerr: 'Exited too quickly' }), 0), 't').text
  expect(html).toContain('<span>Exited too quickly</span>')
  expect(html).toContain('will not be tried again')
  expect(html).toContain('<a href="tail.html?processname=g%3Aweb&amp;channel=stderr">See stderr</a>')
  expect(processRow(given('BACKOFF'), 0).remark).toBe('will be tried again')
})

test('with redirect_stderr the place to read on is stdout', () => {
  const process = given('FATAL')
  process.logfiles.stderr = ''
  expect(processRow(process, 0)).toMatchObject({ evidence: 'stdout', logs: ['stdout'] })
})

test.each([
  [0, '', null],
  [3, 'exit status 3', 'stderr'],
  [-1, 'ended by a signal', 'stderr'],
] as const)('an end with status %d is explained unless it was expected', (exitstatus, remark, evidence) => {
  expect(processRow(given('EXITED', { exitstatus }), 0)).toMatchObject({ remark, evidence })
})

test('names and reasons cannot become HTML', () => {
  const process = fakeDaemon({ '<b>': [{ name: '"x' }] }).process('<b>:"x')
  process.become('FATAL', { spawnerr: "can't find command '<i>'" })
  const html = renderProcessRow(processRow(process, 0), '<t>').text
  expect(html).not.toMatch(/<b>|<i>|<t>|="x/)
})

test('addresses of logs are those of the original', () => {
  expect(tailAddress('g:web')).toBe('tail.html?processname=g%3Aweb')
  expect(tailAddress('web', 'stderr', 2048)).toBe('tail.html?processname=web&channel=stderr&limit=2048')
})
