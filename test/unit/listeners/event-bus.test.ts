import { describe, expect, test } from 'vitest'
import { type AnnouncedEvent, EventBus, type Subscriber } from '../../../supervisor/listeners/event-bus.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const given = (wall = 1_700_000_001_500) => {
  const clock = new FakeClock({ wall })
  return { clock, bus: new EventBus(clock) }
}

/** Somebody who writes down what it hears, by name. */
const hearer = (diary: string[], name: string, events: readonly string[], priority = -1): Subscriber => ({
  events,
  priority,
  accept: ({ serial, eventname, payload }) => diary.push(`${name} ${serial} ${eventname} ${payload}`),
})

describe('announcing', () => {
  test('what nobody subscribes to takes no serial', () => {
    const { bus } = given()
    const diary: string[] = []
    bus.subscribe(hearer(diary, 'a', ['REMOTE_COMMUNICATION']))
    bus.announce('PROCESS_GROUP_ADDED', 'x')
    bus.announce('REMOTE_COMMUNICATION', 't', 'd')
    expect(diary).toEqual(['a 0 REMOTE_COMMUNICATION type:t\nd'])
  })

  test('what nobody subscribes to is not even looked at', () => {
    const { bus } = given()
    const untouchable = {
      get process(): string {
        throw new Error('looked at')
      },
    }
    bus.announce('PROCESS_LOG_STDOUT', untouchable as never)
    expect(bus.wants('PROCESS_LOG_STDOUT')).toBe(false)
  })

  test('every subscriber hears the same event, and the next has the next serial', () => {
    const { bus } = given()
    const heard: AnnouncedEvent[] = []
    for (const priority of [1, 2]) bus.subscribe({ events: ['EVENT'], priority, accept: event => heard.push(event) })
    bus.announce('SUPERVISOR_STATE_CHANGE_RUNNING')
    bus.announce('SUPERVISOR_STATE_CHANGE_STOPPING')
    expect(heard.map(({ serial }) => serial)).toEqual([0, 0, 1, 1])
    expect(heard[0]).toBe(heard[1])
  })

  test('low priorities hear first, equal ones in the order of subscription', () => {
    const { bus } = given()
    const diary: string[] = []
    for (const [name, priority] of [
      ['a', 5],
      ['b', -1],
      ['c', 5],
      ['d', -1],
    ] as const) {
      bus.subscribe(hearer(diary, name, ['TICK', 'PROCESS_GROUP'], priority))
    }
    bus.announce('PROCESS_GROUP_ADDED', 'x')
    expect(diary.map(line => line[0]).join('')).toBe('bdac')
  })

  test('an event that is subscribed to under two names is heard once', () => {
    const { bus } = given()
    const diary: string[] = []
    bus.subscribe(hearer(diary, 'a', ['PROCESS_GROUP', 'PROCESS_GROUP_ADDED', 'EVENT']))
    bus.announce('PROCESS_GROUP_ADDED', 'x')
    expect(diary).toHaveLength(1)
  })

  test('an unsubscribed one hears nothing more from the next event on', () => {
    const { bus } = given()
    const diary: string[] = []
    bus.subscribe({ events: ['EVENT'], priority: 0, accept: () => leave() })
    const leave = bus.subscribe(hearer(diary, 'a', ['EVENT'], 1))
    bus.announce('PROCESS_GROUP_ADDED', 'x')
    bus.announce('PROCESS_GROUP_ADDED', 'y')
    leave()
    expect(diary).toEqual(['a 0 PROCESS_GROUP_ADDED groupname:x\n'])
    expect(bus.wants('PROCESS_GROUP_ADDED')).toBe(true)
  })

  test('serials go on over a restart in the same process', () => {
    const { bus, clock } = given()
    bus.subscribe({ events: ['EVENT'], priority: 0, accept: () => {} })
    bus.announce('PROCESS_GROUP_ADDED', 'x')
    const diary: string[] = []
    const next = new EventBus(clock, bus.nextSerial)
    next.subscribe(hearer(diary, 'a', ['EVENT']))
    next.announce('PROCESS_GROUP_ADDED', 'x')
    expect(diary[0]).toMatch(/^a 1 /)
  })
})

describe('ticks', () => {
  const listen = (...events: string[]) => {
    const setting = given()
    const diary: string[] = []
    const cancel = setting.bus.subscribe({
      events,
      priority: -1,
      accept: ({ eventname, payload }) => diary.push(`${eventname} ${payload}`),
    })
    return { ...setting, diary, cancel }
  }

  test('no timer runs while nobody wants them, and none after the last one left', () => {
    const { bus, clock } = given()
    const others = bus.subscribe({ events: ['PROCESS_STATE'], priority: 0, accept: () => {} })
    expect(clock.pending).toBe(0)
    const leave = bus.subscribe({ events: ['TICK_60'], priority: 0, accept: () => {} })
    expect(clock.pending).toBe(1)
    leave()
    expect(clock.pending).toBe(0)
    others()
  })

  test('nothing at the start, then a multiple of the period as soon as it begins', () => {
    const { clock, diary } = listen('TICK_5')
    clock.advance(3499)
    expect(diary).toEqual([])
    clock.advance(1)
    expect(diary).toEqual(['TICK_5 when:1700000005'])
    clock.advance(10_000)
    expect(diary).toEqual(['TICK_5 when:1700000005', 'TICK_5 when:1700000010', 'TICK_5 when:1700000015'])
  })

  test('those that coincide come shortest first', () => {
    const { clock, diary } = listen('TICK')
    clock.setWall(1_700_002_799_000) // a second before the hour
    clock.advance(5_000)
    expect(diary.slice(-3)).toEqual(['TICK_5 when:1700002800', 'TICK_60 when:1700002800', 'TICK_3600 when:1700002800'])
  })

  test('only those that are wanted', () => {
    const { clock, diary } = listen('TICK_3600')
    clock.advance(2 * 3600_000)
    expect(diary).toEqual(['TICK_3600 when:1700002800', 'TICK_3600 when:1700006400'])
  })

  test.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ])('a clock that is set %s is followed within five seconds', (_direction, by) => {
    const { clock, diary } = listen('TICK_3600')
    clock.setWall(clock.wall() + by)
    clock.advance(5_000)
    const hour = Math.floor(clock.wall() / 3_600_000) * 3600
    expect(diary).toEqual([`TICK_3600 when:${hour}`])
  })

  test('a wake-up a moment too early tells nothing and waits for the rest', () => {
    const { clock, diary } = listen('TICK_5')
    clock.setWall(clock.wall() - 2) // the wall clock is slowed down
    clock.advance(3500)
    expect(diary).toEqual([])
    clock.advance(2)
    expect(diary).toEqual(['TICK_5 when:1700000005'])
  })

  test('a second pool does not repeat or shift them', () => {
    const { bus, clock, diary } = listen('TICK_5')
    clock.advance(4000)
    bus.subscribe({ events: ['TICK_60'], priority: 0, accept: () => {} })
    clock.advance(1000)
    expect(diary).toEqual(['TICK_5 when:1700000005'])
  })
})
