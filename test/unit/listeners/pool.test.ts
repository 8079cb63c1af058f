import { describe, expect, test } from 'vitest'
import { EventBus } from '../../../supervisor/listeners/event-bus.ts'
import { Pool, type PoolMember } from '../../../supervisor/listeners/pool.ts'
import type { ProcessState } from '../../../supervisor/process/states.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A process whose child does what the test says. */
class FakeMember implements PoolMember {
  readonly config: { readonly name: string }
  state: ProcessState = 'STOPPED'
  pid = 0
  stdinQueued = 0
  stdin: 'written' | 'closed' | 'full' = 'written'
  /** `serial poolserial payload` of what was written */
  heard: string[] = []
  #watchers = new Set<() => void>()

  constructor(name: string) {
    this.config = { name }
  }

  writeStdin(data: Uint8Array): 'written' | 'closed' | 'full' {
    if (this.stdin === 'written') {
      const [header = '', ...payload] = Buffer.from(data).toString().split('\n')
      const [, serial, poolserial] = / serial:(\d+) pool:l poolserial:(\d+) /.exec(header) ?? []
      this.heard.push(`${serial} ${poolserial} ${payload.join('|')}`)
    }
    return this.stdin
  }

  watch(changed: () => void) {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }

  become(state: ProcessState, pid = this.pid): void {
    this.state = state
    this.pid = pid
    this.tell()
  }

  tell(): void {
    for (const changed of this.#watchers) changed()
  }

  get watchers(): number {
    return this.#watchers.size
  }
}

function given({ members = 1, buffer_size = 10, events = ['REMOTE_COMMUNICATION'] } = {}) {
  const clock = new FakeClock()
  const bus = new EventBus(clock)
  const log: string[] = []
  const say =
    (level: string) =>
    (message: string | (() => string)): void =>
      void log.push(`${level} ${typeof message === 'string' ? message : message()}`)
  const processes = Array.from({ length: members }, (_, at) => new FakeMember(`l${at}`))
  const pool = new Pool(
    { config: { name: 'l', priority: -1 }, processes },
    { events, buffer_size, result_handler: 'supervisor.dispatchers:default_handler' },
    { identifier: 'supervisor', clock, log: { error: say('ERRO'), warn: say('WARN'), debug: say('DEBG') } },
  )
  bus.subscribe(pool)
  const [first, second] = processes as [FakeMember, FakeMember]
  return {
    clock,
    bus,
    pool,
    log,
    first,
    second,
    /** events n … */
    announce: (...data: (string | number)[]) => {
      for (const one of data) bus.announce('REMOTE_COMMUNICATION', 'n', String(one))
    },
    says: (member: FakeMember, text: string) => pool.received(member, Buffer.from(text)),
    /** what the pool says of its losses at its end */
    discarded: (): number => {
      pool.close()
      return Number(/^WARN pool l ends, events discarded: (\d+)$/.exec(log.at(-1) ?? '')?.[1] ?? 0)
    },
    /** what was put off until the next turn of the event loop */
    turn: () => clock.advance(0),
    run: (...all: FakeMember[]) => {
      for (const [at, member] of all.entries()) member.become('RUNNING', 100 + at)
    },
  }
}

const READY = 'READY\n'
const OK = 'RESULT 2\nOK'
const FAIL = 'RESULT 4\nFAIL'

describe('delivery', () => {
  test('a RUNNING process that said READY gets the event at once', () => {
    const { first, run, says, announce, log } = given()
    run(first)
    says(first, READY)
    announce('a')
    expect(first.heard).toEqual(['0 0 type:n|a'])
    expect(log).toEqual(['DEBG l0: ACKNOWLEDGED -> READY', 'DEBG event 0 sent to listener l0'])
  })

  test('READY while still STARTING is remembered, and RUNNING sets off the delivery', () => {
    const { first, says, announce, turn } = given()
    first.become('STARTING', 100)
    says(first, READY)
    announce('a')
    turn()
    expect(first.heard).toEqual([])
    first.become('RUNNING')
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a'])
  })

  test.each(['STARTING', 'STOPPING', 'EXITED', 'UNKNOWN', 'BACKOFF'] as const)('nothing is sent while %s', state => {
    const { first, run, says, announce, turn } = given()
    run(first)
    says(first, READY)
    first.become(state)
    announce('a')
    turn()
    expect(first.heard).toEqual([])
  })

  test('the next event waits for RESULT and READY', () => {
    const { first, run, says, announce, turn, log } = given()
    run(first)
    says(first, READY)
    announce('a', 'b')
    says(first, OK)
    turn()
    expect(first.heard).toHaveLength(1)
    says(first, READY)
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a', '1 1 type:n|b'])
    expect(log.slice(2, 4)).toEqual(['DEBG l0: event was processed', 'DEBG l0: BUSY -> ACKNOWLEDGED'])
  })

  test('several listeners work side by side; the first that is ready, in the order of the config, gets the next one', () => {
    const { first, second, run, says, announce, turn } = given({ members: 2 })
    run(first, second)
    says(second, READY)
    says(first, READY)
    announce('a', 'b', 'c')
    expect([first.heard, second.heard]).toEqual([['0 0 type:n|a'], ['1 1 type:n|b']])
    says(second, OK + READY)
    turn()
    expect(second.heard[1]).toBe('2 2 type:n|c')
  })

  test('the order of events is kept', () => {
    const { first, run, says, announce, turn } = given()
    announce(1, 2, 3)
    run(first)
    says(first, READY)
    for (let n = 0; n < 3; n++) {
      turn()
      says(first, OK + READY)
    }
    expect(first.heard).toEqual(['0 0 type:n|1', '1 1 type:n|2', '2 2 type:n|3'])
  })

  test('what a listener says is heeded in a later turn of the event loop', () => {
    const { first, run, says, announce, turn } = given()
    announce('a')
    run(first)
    says(first, READY)
    expect(first.heard).toEqual([])
    turn()
    expect(first.heard).toHaveLength(1)
  })

  test('bytes of an earlier event that wait for room in the pipe hold the next one back', () => {
    const { first, run, says, announce, turn } = given()
    run(first)
    says(first, READY)
    announce('a')
    first.stdinQueued = 10
    says(first, OK + READY)
    announce('b')
    turn()
    expect(first.heard).toHaveLength(1)
    first.stdinQueued = 0
    first.tell()
    turn()
    expect(first.heard).toHaveLength(2)
  })

  test('nothing is asked of the clock while nothing can move', () => {
    const { first, run, says, announce, turn, clock } = given()
    run(first)
    announce('a')
    first.tell()
    expect(clock.pending).toBe(0)
    says(first, READY)
    expect(clock.pending).toBe(1)
    turn()
    expect(clock.pending).toBe(0)
  })
})

describe('rejection', () => {
  test('a rejected event comes again, before all others, with the same serials', () => {
    const { first, run, says, announce, turn, log } = given()
    run(first)
    says(first, READY)
    announce('a', 'b')
    log.length = 0
    says(first, FAIL)
    expect(log).toEqual([
      'WARN l0: event was rejected',
      'DEBG l0: BUSY -> ACKNOWLEDGED',
      'DEBG rebuffering event 0 for pool l (buf size=1, max=10)',
    ])
    says(first, READY)
    turn()
    says(first, OK + READY)
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a', '0 0 type:n|a', '1 1 type:n|b'])
  })

  test('one that rejects everything gets its event once per turn', () => {
    const { first, run, says, announce, turn } = given()
    run(first)
    says(first, READY)
    announce('a')
    for (let n = 2; n < 50; n++) {
      says(first, FAIL + READY)
      expect(first.heard).toHaveLength(n - 1)
      turn()
      expect(first.heard).toHaveLength(n)
    }
  })

  test('another listener may take it', () => {
    const { first, second, run, says, announce, turn } = given({ members: 2 })
    run(first, second)
    says(first, READY)
    announce('a')
    says(second, READY)
    says(first, FAIL)
    turn()
    expect(second.heard).toEqual(['0 0 type:n|a'])
  })

  test('other pools do not get it', () => {
    const { bus, first, run, says, announce, turn } = given()
    const other: string[] = []
    bus.subscribe({ events: ['REMOTE_COMMUNICATION'], priority: -1, accept: ({ payload }) => other.push(payload) })
    run(first)
    says(first, READY)
    announce('a')
    says(first, FAIL)
    turn()
    expect(other).toHaveLength(1)
  })
})

describe('the end of a listener', () => {
  test('the event of one that died while BUSY goes to the next life, with the same serials', () => {
    const { first, run, says, announce, turn, log } = given()
    run(first)
    says(first, READY)
    announce('a')
    log.length = 0
    first.become('EXITED', 0)
    expect(log).toEqual(['DEBG rebuffering event 0 for pool l (buf size=0, max=10)'])
    run(first)
    turn()
    expect(first.heard).toHaveLength(1)
    says(first, READY)
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a', '0 0 type:n|a'])
  })

  test('its last words count', () => {
    const { first, run, says, announce, log } = given()
    run(first)
    says(first, READY)
    announce('a')
    says(first, OK)
    first.become('EXITED', 0)
    expect(log.filter(line => line.includes('rebuffering'))).toEqual([])
  })

  test('what the old life said does not make the new one ready, not even before anybody tells of the change', () => {
    const { first, run, says, announce } = given()
    run(first)
    says(first, READY)
    first.pid = 200 // died and was spawned again; the watchers are told later
    announce('a')
    expect(first.heard).toEqual([])
    says(first, READY)
    announce('b')
    expect(first.heard).toEqual(['0 0 type:n|a'])
  })

  test('a stop and a start clear UNKNOWN', () => {
    const { first, run, says, announce, turn } = given()
    run(first)
    says(first, 'hello there')
    announce('a')
    first.become('STOPPED', 0)
    run(first)
    says(first, READY)
    turn()
    expect(first.heard).toHaveLength(1)
  })
})

describe('violations', () => {
  const warning =
    'WARN l0: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol'

  test('a bad start', () => {
    const { first, run, says, log } = given()
    run(first)
    says(first, 'hello\n')
    expect(log).toEqual(['DEBG l0: ACKNOWLEDGED -> UNKNOWN', warning])
  })

  test('talking out of turn', () => {
    const { first, run, says, announce, turn, log } = given()
    run(first)
    says(first, READY)
    says(first, 'x')
    announce('a')
    turn()
    expect(log.slice(1)).toEqual(['DEBG l0: READY -> UNKNOWN', warning])
    expect(first.heard).toEqual([])
  })

  test('a bad result line returns the event', () => {
    const { first, run, says, announce, log, pool } = given()
    run(first)
    says(first, READY)
    announce('a')
    log.length = 0
    says(first, 'RESULT what\n')
    expect(log).toEqual([
      "WARN l0: bad result line: 'RESULT what'",
      'DEBG l0: BUSY -> UNKNOWN',
      warning,
      'DEBG rebuffering event 0 for pool l (buf size=0, max=10)',
    ])
    expect(pool.length).toBe(1)
  })

  test('nothing it says afterwards is logged', () => {
    const { first, run, says, log } = given()
    run(first)
    says(first, 'hello\n')
    log.length = 0
    says(first, READY)
    expect(log).toEqual([])
  })
})

describe('a full buffer', () => {
  test('discards the oldest event, says so, and how many there were at its end', () => {
    const { pool, announce, log, first, run, says, turn, discarded } = given({ buffer_size: 2 })
    announce(0, 1, 2, 3)
    expect(log).toEqual([
      'ERRO pool l event buffer overflowed, discarding event 0',
      'ERRO pool l event buffer overflowed, discarding event 1',
    ])
    expect(pool.length).toBe(2)
    run(first)
    says(first, READY)
    turn()
    expect(first.heard).toEqual(['2 2 type:n|2'])
    expect(discarded()).toBe(2)
  })

  test('the event a listener is busy with takes no room', () => {
    const { announce, first, run, says, pool, discarded } = given({ buffer_size: 1 })
    run(first)
    says(first, READY)
    announce('a', 'b')
    expect([pool.length, discarded()]).toEqual([1, 0])
  })

  test('a listener that has just got ready saves the oldest', () => {
    const { announce, first, run, says, pool, discarded } = given({ buffer_size: 1 })
    announce('a')
    run(first)
    says(first, READY)
    announce('b')
    expect([first.heard, pool.length, discarded()]).toEqual([['0 0 type:n|a'], 1, 0])
  })

  test('a rejected event pushes the oldest out and takes its place', () => {
    const { announce, first, run, says, log, turn, discarded } = given({ buffer_size: 2 })
    run(first)
    says(first, READY)
    announce('a', 'b', 'c')
    log.length = 0
    says(first, FAIL + READY)
    expect(log.slice(2)).toEqual([
      'DEBG rebuffering event 0 for pool l (buf size=2, max=2)',
      'ERRO pool l event buffer overflowed, discarding event 1',
      'DEBG l0: ACKNOWLEDGED -> READY',
    ])
    turn()
    says(first, OK + READY)
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a', '0 0 type:n|a', '2 2 type:n|c'])
    expect(discarded()).toBe(1)
  })
})

describe('a closed stdin', () => {
  test('the next listener gets the event', () => {
    const { first, second, run, says, announce, log } = given({ members: 2 })
    run(first, second)
    says(first, READY)
    says(second, READY)
    first.stdin = 'closed'
    announce('a')
    expect(second.heard).toHaveLength(1)
    expect(log.slice(2)).toEqual([
      'DEBG epipe occurred while sending event 0 to listener l0, listener state unchanged',
      'DEBG event 0 sent to listener l1',
    ])
  })

  test('without another the event waits, and nothing is tried until there is a new life', () => {
    const { first, run, says, announce, log, turn, clock } = given()
    run(first)
    says(first, READY)
    first.stdin = 'closed'
    announce('a')
    log.length = 0
    announce('b')
    first.tell()
    turn()
    expect([log, clock.pending]).toEqual([[], 0])
    first.stdin = 'written'
    first.become('RUNNING', 300)
    says(first, READY)
    turn()
    expect(first.heard).toEqual(['0 0 type:n|a'])
  })

  test('the log tells of the event that returns', () => {
    const { first, run, says, announce, log } = given()
    run(first)
    says(first, READY)
    first.stdin = 'closed'
    announce('a')
    expect(log.slice(1)).toEqual([
      'DEBG epipe occurred while sending event 0 to listener l0, listener state unchanged',
      'DEBG rebuffering event 0 for pool l (buf size=0, max=10)',
    ])
  })
})

test('an event that is too long for any queue is discarded and counted, and holds nobody up', () => {
  const { first, run, says, announce, log, discarded } = given()
  run(first)
  says(first, READY)
  first.stdin = 'full'
  announce('a')
  first.stdin = 'written'
  announce('b')
  expect(first.heard).toEqual(['1 1 type:n|b'])
  expect(log[1]).toBe('ERRO pool l discarding event 0: it is too long for listener l0')
  expect(discarded()).toBe(1)
})

describe('removal', () => {
  test('what waits is forgotten, nobody is watched, and a new pool counts from 0 while the serial goes on', () => {
    const { pool, announce, first, bus, clock } = given()
    announce('a', 'b')
    pool.close()
    announce('c')
    expect([pool.length, first.watchers]).toEqual([0, 0])

    const again = new FakeMember('l0')
    const log = { error: () => {}, warn: () => {}, debug: () => {} }
    const listener = { events: ['EVENT'], buffer_size: 10, result_handler: '' }
    const next = new Pool({ config: { name: 'l', priority: -1 }, processes: [again] }, listener, {
      identifier: 'supervisor',
      clock,
      log,
    })
    bus.subscribe(next)
    again.become('RUNNING', 7)
    next.received(again, Buffer.from(READY))
    announce('d')
    expect(again.heard).toEqual(['3 0 type:n|d'])
  })

  test('a delivery that was due finds nothing to do', () => {
    const { pool, announce, first, run, says, turn } = given()
    announce('a')
    run(first)
    says(first, READY)
    pool.close()
    turn()
    expect(first.heard).toEqual([])
  })
})

test('a pool without processes only keeps the latest events', () => {
  const { pool, announce, discarded } = given({ members: 0, buffer_size: 3 })
  announce(1, 2, 3, 4, 5)
  expect([pool.length, discarded()]).toEqual([3, 2])
})
