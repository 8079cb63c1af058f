import { expect, test } from 'vitest'
import type { ProcessConfig } from '../../../supervisor/config/config.ts'
import { processStates } from '../../../supervisor/process/states.ts'
import {
  type Effect,
  type Life,
  type LifeEvent,
  lifecycle,
  transition,
  unborn,
} from '../../../supervisor/process/transition.ts'
import type { ChildExit } from '../../../supervisor/system/system.ts'
import { processConfig } from '../../support/process-config.ts'

const exit = (status: number, signal = 0): LifeEvent => ({
  type: 'exited',
  exit: { pid: 7, status: signal ? -1 : status, signal, coreDumped: false } satisfies ChildExit,
})
const start: LifeEvent = { type: 'startRequested' }
const stop: LifeEvent = { type: 'stopRequested' }
const due: LifeEvent = { type: 'deadlinePassed' }
const spawned: LifeEvent = { type: 'spawned', pid: 7 }

/** Plays events (a number lets that many ms pass); every state that was announced, and every effect. */
function play(config: Partial<ProcessConfig>, ...script: readonly (LifeEvent | number)[]) {
  let life: Life = unborn
  let now = 1000
  const effects: Effect[] = []
  for (const event of script) {
    if (typeof event === 'number') {
      now += event
      continue
    }
    const step = transition(life, processConfig(config), event, { monotonic: now, wall: now + 1e12 })
    life = step.life
    effects.push(...step.effects)
  }
  const announced = effects.filter(effect => effect.type === 'announce')
  return {
    life,
    now,
    announced,
    states: announced.map(({ state }) => state),
    said: effects.flatMap(effect => (effect.type === 'say' ? [`${effect.level} ${effect.text}`] : [])),
    kills: effects.flatMap(effect => (effect.type === 'kill' ? [[effect.signal, effect.wholeGroup]] : [])),
    spawns: effects.filter(({ type }) => type === 'spawn').length,
  }
}

test('STARTING becomes RUNNING after startsecs, not before', () => {
  const { life, states, now } = play({ startsecs: 2 }, start, spawned)
  expect(states).toEqual(['STARTING'])
  expect(life.deadline).toBe(now + 2000)
  expect(play({ startsecs: 2 }, start, spawned, 2000, due).states).toEqual(['STARTING', 'RUNNING'])
})

test('with startsecs=0 a child counts as started at once and says so', () => {
  const { states, said } = play({ startsecs: 0 }, start, spawned)
  expect(states).toEqual(['STARTING', 'RUNNING'])
  expect(said).toEqual([
    "info spawned: 'cat' with pid 7",
    'info success: cat entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)',
  ])
})

test('an exit before startsecs is a failed start whatever the exit code', () => {
  const { life, states, said } = play({}, start, spawned, 999, exit(0))
  expect(states).toEqual(['STARTING', 'BACKOFF'])
  expect(said).toContain('warn exited: cat (exit status 0; not expected)')
  expect(life).toMatchObject({ failures: 1, exitstatus: null, pid: 0 })
  expect(life.spawnerr).toBe('Exited too quickly (process log may have details)')
})

test('an exit exactly at startsecs is RUNNING and then EXITED, without a success line', () => {
  const { states, said } = play({ autorestart: 'false' }, start, spawned, 1000, exit(0))
  expect(states).toEqual(['STARTING', 'RUNNING', 'EXITED'])
  expect(said.filter(line => line.includes('success'))).toEqual([])
})

test('each retry waits a second longer, startretries=N means N+1 attempts, then FATAL', () => {
  const failing = [spawned, exit(1)]
  const { states, announced, spawns, said } = play(
    { startretries: 2 },
    start,
    ...failing,
    1000,
    due,
    ...failing,
    2000,
    due,
    ...failing,
  )
  expect(spawns).toBe(3)
  expect(states).toEqual(['STARTING', 'BACKOFF', 'STARTING', 'BACKOFF', 'STARTING', 'BACKOFF', 'FATAL'])
  expect(announced.map(({ tries }) => tries)).toEqual([0, 1, 1, 2, 2, 3, 0])
  expect(said.at(-1)).toBe('info gave up: cat entered FATAL state, too many start retries too quickly')
  expect(play({}, start, ...failing, 1000, due, ...failing).life.deadline).toBe(1000 + 1000 + 2000)
})

test('startretries=0 means one attempt', () => {
  expect(play({ startretries: 0 }, start, spawned, exit(1)).states).toEqual(['STARTING', 'BACKOFF', 'FATAL'])
})

test('a stop in BACKOFF is immediate and keeps the count of failures', () => {
  const { life, states } = play({}, start, spawned, exit(1), stop)
  expect(states.at(-1)).toBe('STOPPED')
  expect(life).toMatchObject({ failures: 1, deadline: null })
})

test('a success forgets the failures', () => {
  expect(play({}, start, spawned, exit(1), 1000, due, spawned, 1000, due).life.failures).toBe(0)
})

test.each([
  ['false', 0, 'EXITED'],
  ['false', 3, 'EXITED'],
  ['unexpected', 0, 'EXITED'],
  ['unexpected', 3, 'STARTING'],
  ['true', 0, 'STARTING'],
  ['true', 3, 'STARTING'],
] as const)('autorestart=%s and exit status %i end in %s', (autorestart, status, state) => {
  expect(play({ autorestart }, start, spawned, 1000, due, exit(status)).life.state).toBe(state)
})

test('death by signal is exit status -1 and never expected', () => {
  const { life, said, announced } = play({ autorestart: 'false' }, start, spawned, 1000, due, exit(0, 9))
  expect(life).toMatchObject({ exitstatus: -1, spawnerr: 'Bad exit code -1' })
  expect(said.at(-1)).toBe('warn exited: cat (terminated by SIGKILL; not expected)')
  expect(announced.at(-1)).toMatchObject({ state: 'EXITED', from: 'RUNNING', expected: false, pid: 7 })
})

test('stopped while STARTING: startsecs does not shorten stopwaitsecs', () => {
  const { life, kills, now } = play({ startsecs: 1, stopwaitsecs: 10 }, start, spawned, stop)
  expect(life).toMatchObject({ state: 'STOPPING', deadline: now + 10_000 })
  expect(kills).toEqual([[15, false]])
})

test('every stopwaitsecs a SIGKILL goes out, to the group with killasgroup', () => {
  const { kills, said } = play({ killasgroup: true, stopwaitsecs: 2 }, start, spawned, stop, 2000, due, 2000, due)
  expect(kills).toEqual([
    [15, false],
    [9, true],
    [9, true],
  ])
  expect(said.at(-1)).toBe("warn killing 'cat' (7) with SIGKILL")
})

test('stopwaitsecs=0 kills at once but not more than once a second', () => {
  const { life, now } = play({ stopwaitsecs: 0 }, start, spawned, stop, due)
  expect(life.deadline).toBe(now + 1000)
})

test('a stop by a listed exit code is INFO, any other WARN', () => {
  expect(play({}, start, spawned, stop, exit(0)).said.at(-1)).toBe('info stopped: cat (exit status 0)')
  expect(play({}, start, spawned, stop, exit(0, 15)).said.at(-1)).toBe('warn stopped: cat (terminated by SIGTERM)')
})

test('a stopped process is not restarted, whatever autorestart says', () => {
  expect(play({ autorestart: 'true' }, start, spawned, stop, exit(1)).life.state).toBe('STOPPED')
})

test('a start while STOPPING only warns', () => {
  const { life, said } = play({}, start, spawned, stop, start)
  expect(life.state).toBe('STOPPING')
  expect(said.at(-1)).toBe("warn process 'cat' already running")
})

test('a signal that cannot be sent makes it UNKNOWN; the end of the child ends that, too', () => {
  const failed: LifeEvent = { type: 'signalFailed', text: 'unknown problem' }
  const { life, said } = play({}, start, spawned, 1000, due, stop, failed)
  expect(life).toMatchObject({ state: 'UNKNOWN', deadline: null })
  expect(said.at(-1)).toBe('critical unknown problem')
  expect(play({}, start, spawned, 1000, due, stop, failed, exit(0)).life.state).toBe('EXITED')
})

test('once the daemon is ending nothing is started any more', () => {
  const ending: LifeEvent = { type: 'daemonEnding' }
  expect(play({}, ending, start).life.state).toBe('STOPPED')
  expect(play({}, start, spawned, 1000, due, ending, exit(3)).life.state).toBe('EXITED')
  expect(play({}, start, spawned, exit(1), ending).life).toMatchObject({ state: 'BACKOFF', deadline: null })
  const { life, said } = play({}, start, spawned, exit(1), ending, stop)
  expect(life.state).toBe('FATAL')
  expect(said.filter(line => line.includes('gave up'))).toEqual([])
})

test('STARTING may still become RUNNING while the daemon is ending', () => {
  expect(play({}, start, spawned, { type: 'daemonEnding' }, 1000, due).life.state).toBe('RUNNING')
})

test('a failed spawn is logged, counted and retried', () => {
  const { states, said, life, now } = play({}, start, { type: 'spawnFailed', text: "can't find command '/x'" })
  expect(states).toEqual(['STARTING', 'BACKOFF'])
  expect(said).toEqual(["info spawnerr: can't find command '/x'"])
  expect(life.deadline).toBe(now + 1000)
})

test('every state has a row, and a pair that is not in the table changes nothing', () => {
  expect(Object.keys(lifecycle).sort()).toEqual(Object.keys(processStates).sort())
  const before: Life = { ...unborn, state: 'RUNNING', pid: 7 }
  const { life, effects } = transition(before, processConfig(), start, { monotonic: 0, wall: 0 })
  expect(life).toBe(before)
  expect(effects).toEqual([])
})

test('a new start forgets what the last one left behind', () => {
  const { life } = play({ autorestart: 'false' }, start, spawned, 1000, due, exit(3), start)
  expect(life).toMatchObject({ spawnerr: '', exitstatus: null })
})
