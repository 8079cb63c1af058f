import { describe, expect, test } from 'vitest'
import {
  type ConcreteEventType,
  concreteEventTypes,
  type EventType,
  eventTypeNamed,
  eventTypes,
  isEventType,
  renderPayload,
  type StateChange,
  typesUnder,
} from '../../../supervisor/listeners/event-types.ts'

const change: StateChange = { process: 'p', group: 'g', from: 'STARTING', tries: 2, pid: 7, expected: true }
const output = { process: 'p', group: 'g', pid: 7, data: Buffer.from('é\n') }
const who = 'processname:p groupname:g from_state:STARTING'

const payloads: Record<ConcreteEventType, () => [rendered: string, expected: string]> = {
  PROCESS_STATE_STARTING: () => [renderPayload('PROCESS_STATE_STARTING', [change]), `${who} tries:2`],
  PROCESS_STATE_RUNNING: () => [renderPayload('PROCESS_STATE_RUNNING', [change]), `${who} pid:7`],
  PROCESS_STATE_BACKOFF: () => [renderPayload('PROCESS_STATE_BACKOFF', [change]), `${who} tries:2`],
  PROCESS_STATE_STOPPING: () => [renderPayload('PROCESS_STATE_STOPPING', [change]), `${who} pid:7`],
  PROCESS_STATE_STOPPED: () => [renderPayload('PROCESS_STATE_STOPPED', [change]), `${who} pid:7`],
  PROCESS_STATE_EXITED: () => [renderPayload('PROCESS_STATE_EXITED', [change]), `${who} expected:1 pid:7`],
  PROCESS_STATE_FATAL: () => [renderPayload('PROCESS_STATE_FATAL', [change]), who],
  PROCESS_STATE_UNKNOWN: () => [renderPayload('PROCESS_STATE_UNKNOWN', [change]), who],
  PROCESS_LOG_STDOUT: () => [
    renderPayload('PROCESS_LOG_STDOUT', [output]),
    'processname:p groupname:g pid:7 channel:stdout\né\n',
  ],
  PROCESS_LOG_STDERR: () => [
    renderPayload('PROCESS_LOG_STDERR', [output]),
    'processname:p groupname:g pid:7 channel:stderr\né\n',
  ],
  PROCESS_COMMUNICATION_STDOUT: () => [
    renderPayload('PROCESS_COMMUNICATION_STDOUT', [output]),
    'processname:p groupname:g pid:7\né\n',
  ],
  PROCESS_COMMUNICATION_STDERR: () => [
    renderPayload('PROCESS_COMMUNICATION_STDERR', [output]),
    'processname:p groupname:g pid:7\né\n',
  ],
  REMOTE_COMMUNICATION: () => [renderPayload('REMOTE_COMMUNICATION', ['kind', 'data']), 'type:kind\ndata'],
  SUPERVISOR_STATE_CHANGE_RUNNING: () => [renderPayload('SUPERVISOR_STATE_CHANGE_RUNNING', []), ''],
  SUPERVISOR_STATE_CHANGE_STOPPING: () => [renderPayload('SUPERVISOR_STATE_CHANGE_STOPPING', []), ''],
  PROCESS_GROUP_ADDED: () => [renderPayload('PROCESS_GROUP_ADDED', ['g']), 'groupname:g\n'],
  PROCESS_GROUP_REMOVED: () => [renderPayload('PROCESS_GROUP_REMOVED', ['g']), 'groupname:g\n'],
  TICK_5: () => [renderPayload('TICK_5', [1201063885]), 'when:1201063885'],
  TICK_60: () => [renderPayload('TICK_60', [1201063860]), 'when:1201063860'],
  TICK_3600: () => [renderPayload('TICK_3600', [1201060800]), 'when:1201060800'],
}

test.each(Object.entries(payloads))('%s has its exact payload', (_type, rendered) => {
  const [got, wanted] = rendered()
  expect(got).toBe(wanted)
})

test('every type that happens has a payload above, and there are no others', () => {
  expect(Object.keys(payloads).sort()).toEqual([...concreteEventTypes].sort())
})

test('an exit that was not expected says 0', () => {
  expect(renderPayload('PROCESS_STATE_EXITED', [{ ...change, expected: false }])).toContain(' expected:0 ')
})

describe('names', () => {
  test.each(Object.keys(eventTypes) as EventType[])('the parent of %s is a type', type => {
    const { parent } = eventTypes[type]
    expect(type === 'EVENT' ? parent === null : parent !== null && isEventType(parent)).toBe(true)
  })

  test('case does not matter', () => {
    expect(eventTypeNamed('process_State')).toBe('PROCESS_STATE')
    expect(isEventType('tick_5')).toBe(true)
  })

  test.each(['', 'TICK_7', 'constructor', 'toString', ' TICK'])('%j is none', name => {
    expect(isEventType(name)).toBe(false)
  })
})

describe('subscription', () => {
  test('EVENT means all of them', () => {
    expect(typesUnder(['EVENT'])).toEqual(concreteEventTypes)
  })

  test('an abstract name means what is below it', () => {
    expect(typesUnder(['TICK', 'process_log'])).toEqual([
      'PROCESS_LOG_STDOUT',
      'PROCESS_LOG_STDERR',
      'TICK_5',
      'TICK_60',
      'TICK_3600',
    ])
  })

  test('a name whose beginning is another name is not below it', () => {
    expect(typesUnder(['PROCESS_GROUP'])).toEqual(['PROCESS_GROUP_ADDED', 'PROCESS_GROUP_REMOVED'])
    expect(typesUnder(['TICK_5'])).toEqual(['TICK_5'])
  })

  test('names that cover each other count once; unknown ones not at all', () => {
    expect(typesUnder(['TICK_60', 'TICK', 'NOPE'])).toEqual(['TICK_5', 'TICK_60', 'TICK_3600'])
  })
})
