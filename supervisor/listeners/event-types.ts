/**
 * THE table of event types: what happens in the daemon, under which name, told with which payload. Whoever subscribes to a
 * name gets everything below it; a name without a payload only stands for those below it.
 * Payloads are exact: who ends with a newline and who does not is part of the protocol.
 * Source: contract 11.1
 */
import type { ProcessState } from '../process/states.ts'
import { readable } from './payload.ts'

/** A process entered the state that the type names. */
export interface StateChange {
  /** process name, without its group */
  readonly process: string
  readonly group: string
  readonly from: ProcessState
  /** failed starts since the last success */
  readonly tries: number
  /** of the child, also of one that has just ended; 0: there was none */
  readonly pid: number
  readonly expected: boolean
}

/** Output of a child. The bytes are read only when somebody subscribes, and not kept: a shared buffer will do. */
export interface Output {
  readonly process: string
  readonly group: string
  readonly pid: number
  readonly data: Uint8Array
}

interface AbstractRow {
  readonly parent: string | null
  readonly doc: string
  readonly payload: null
}

interface ConcreteRow<Data extends readonly unknown[]> {
  readonly parent: string
  readonly doc: string
  readonly payload: (...data: Data) => string
  /** what the reference shows */
  readonly example: Data
}

const family = (parent: string | null, doc: string): AbstractRow => ({ parent, doc, payload: null })

const row = <Data extends readonly unknown[]>(
  parent: string,
  doc: string,
  payload: (...data: Data) => string,
  ...example: NoInfer<Data>
): ConcreteRow<Data> => ({ parent, doc, payload, example })

/** `processname:cat groupname:cat from_state:STOPPED` and what else this state has to say. */
const state = (doc: string, from: ProcessState, more: (change: StateChange) => string): ConcreteRow<[StateChange]> =>
  row(
    'PROCESS_STATE',
    doc,
    change => `processname:${change.process} groupname:${change.group} from_state:${change.from}${more(change)}`,
    { process: 'cat', group: 'cat', from, tries: from === 'STARTING' ? 1 : 0, pid: 2766, expected: false },
  )

const tries = ({ tries }: StateChange): string => ` tries:${tries}`
const pid = ({ pid }: StateChange): string => ` pid:${pid}`
const expected = ({ expected }: StateChange): string => ` expected:${expected ? 1 : 0}`
const nothing = (): string => ''

const log = (channel: 'stdout' | 'stderr', doc: string): ConcreteRow<[Output]> =>
  row(
    'PROCESS_LOG',
    doc,
    ({ process, group, pid, data }) =>
      `processname:${process} groupname:${group} pid:${pid} channel:${channel}\n${readable(data)}`,
    { process: 'cat', group: 'cat', pid: 2766, data: Buffer.from('text\n') },
  )

const communication = (doc: string): ConcreteRow<[Output]> =>
  row(
    'PROCESS_COMMUNICATION',
    doc,
    ({ process, group, pid, data }) => `processname:${process} groupname:${group} pid:${pid}\n${readable(data)}`,
    { process: 'cat', group: 'cat', pid: 2766, data: Buffer.from('text') },
  )

const group = (doc: string): ConcreteRow<[string]> => row('PROCESS_GROUP', doc, name => `groupname:${name}\n`, 'cat')

/** Seconds between two ticks, shortest first: in this order they are told when they coincide. */
export const tickPeriods = { TICK_5: 5, TICK_60: 60, TICK_3600: 3600 } as const
export type TickType = keyof typeof tickPeriods

const tick = (type: TickType, doc: string): ConcreteRow<[number]> =>
  row('TICK', doc, when => `when:${when}`, 1201063800 - (1201063800 % tickPeriods[type]))

export const eventTypes = {
  EVENT: family(null, 'Everything.'),

  PROCESS_STATE: family('EVENT', 'A process entered another state.'),
  PROCESS_STATE_STARTING: state(
    'A start is attempted. `tries` counts the failed attempts before it.',
    'STOPPED',
    tries,
  ),
  PROCESS_STATE_RUNNING: state('The child has stayed up for `startsecs`.', 'STARTING', pid),
  PROCESS_STATE_BACKOFF: state(
    'The start failed. `tries` counts this failure, too; the last one before FATAL says startretries + 1.',
    'STARTING',
    tries,
  ),
  PROCESS_STATE_STOPPING: state('A stop was asked for, from RUNNING or STARTING.', 'RUNNING', pid),
  PROCESS_STATE_STOPPED: state(
    'The child ended after a stop; or a stop ended the retries, with `from_state:BACKOFF pid:0`.',
    'STOPPING',
    pid,
  ),
  PROCESS_STATE_EXITED: state(
    'The child ended by itself. `expected` is 1 when its exit status is among `exitcodes`, else 0.',
    'RUNNING',
    change => expected(change) + pid(change),
  ),
  PROCESS_STATE_FATAL: state('Too many failed starts: it is given up.', 'BACKOFF', nothing),
  PROCESS_STATE_UNKNOWN: state('A signal could not be sent: nobody knows what it does now.', 'STOPPING', nothing),

  PROCESS_LOG: family('EVENT', 'A process wrote something, with `stdout_events_enabled` or `stderr_events_enabled`.'),
  PROCESS_LOG_STDOUT: log('stdout', 'A piece of its stdout, as it was read: not necessarily a line.'),
  PROCESS_LOG_STDERR: log('stderr', 'A piece of its stderr.'),

  PROCESS_COMMUNICATION: family(
    'EVENT',
    'A process wrote something between `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->`, in capture mode.',
  ),
  PROCESS_COMMUNICATION_STDOUT: communication('On stdout, with `stdout_capture_maxbytes`.'),
  PROCESS_COMMUNICATION_STDERR: communication('On stderr, with `stderr_capture_maxbytes`.'),

  REMOTE_COMMUNICATION: row(
    'EVENT',
    'A client called `supervisor.sendRemoteCommEvent(type, data)`.',
    (type: string, data: string) => `type:${type}\n${data}`,
    'type',
    'data',
  ),

  SUPERVISOR_STATE_CHANGE: family('EVENT', 'The daemon itself.'),
  SUPERVISOR_STATE_CHANGE_RUNNING: row('SUPERVISOR_STATE_CHANGE', 'It has started.', () => ''),
  SUPERVISOR_STATE_CHANGE_STOPPING: row('SUPERVISOR_STATE_CHANGE', 'It begins to stop or to restart.', () => ''),

  PROCESS_GROUP: family('EVENT', 'Groups that come and go.'),
  PROCESS_GROUP_ADDED: group('A group was activated.'),
  PROCESS_GROUP_REMOVED: group('A group was removed.'),

  TICK: family('EVENT', 'The wall clock, in seconds since the epoch, as a multiple of the period. None at the start.'),
  TICK_5: tick('TICK_5', 'Every five seconds.'),
  TICK_60: tick('TICK_60', 'Every minute.'),
  TICK_3600: tick('TICK_3600', 'Every hour.'),
} as const

export type EventType = keyof typeof eventTypes
/** A type that really happens. */
export type ConcreteEventType = {
  [T in EventType]: (typeof eventTypes)[T] extends AbstractRow ? never : T
}[EventType]
/** What has to be said to announce it. */
export type EventData<T extends ConcreteEventType> = Parameters<(typeof eventTypes)[T]['payload']>

/** `process_state` → `PROCESS_STATE`; undefined when there is no such type. */
export function eventTypeNamed(name: string): EventType | undefined {
  const upper = name.toUpperCase()
  return Object.hasOwn(eventTypes, upper) ? (upper as EventType) : undefined
}

export const isEventType = (name: string): boolean => eventTypeNamed(name) !== undefined

const isA = (type: EventType, ancestor: EventType): boolean =>
  type === ancestor || (eventTypes[type].parent !== null && isA(eventTypes[type].parent as EventType, ancestor))

const allTypes = Object.keys(eventTypes) as readonly EventType[]

export const concreteEventTypes: readonly ConcreteEventType[] = allTypes.filter(
  (type): type is ConcreteEventType => eventTypes[type].payload !== null,
)

/** Everything that really happens under any of these names, each once, in the order of the table. */
export function typesUnder(names: readonly string[]): readonly ConcreteEventType[] {
  const ancestors = names.map(eventTypeNamed).filter(type => type !== undefined)
  return concreteEventTypes.filter(type => ancestors.some(ancestor => isA(type, ancestor)))
}

/** The text that follows the header of an event. */
export const renderPayload = <T extends ConcreteEventType>(type: T, data: EventData<T>): string =>
  (eventTypes[type].payload as (...data: readonly unknown[]) => string)(...data)
