/**
 * The life of one process, as a table: `transition(life, config, event, now)` returns the next life and the effects that
 * somebody else performs. It touches nothing and waits for nothing: waiting is a state.
 *
 * A process is STOPPED until a start is asked for. STARTING lasts until the child has been up for `startsecs`; a child that
 * ends before that, with whatever exit code, or that could not be spawned, makes it BACKOFF: one more second of waiting for
 * each consecutive failure, then the next attempt, and after `startretries` retries FATAL. A child that made it is RUNNING;
 * its end is EXITED, from where `autorestart` may start it again at once and for ever. A stop makes it STOPPING until the
 * child is reaped; every `stopwaitsecs` a SIGKILL goes out. A signal that cannot be sent makes it UNKNOWN.
 *
 * A state has one deadline; entering a state replaces it, so a timer of an earlier life cannot fire into this one.
 * A pair that is not in the table changes nothing. Deadlines are on the monotonic clock: a clock that is set changes nothing.
 *
 * Source: contract 4.1–4.5
 */
import type { ProcessConfig } from '../config/config.ts'
import type { ChildExit } from '../system/system.ts'
import { messages, spawnErrors } from './messages.ts'
import type { ProcessState } from './states.ts'

export interface Life {
  readonly state: ProcessState
  /** 0: no child */
  readonly pid: number
  /** monotonic ms; null: nothing is due */
  readonly deadline: number | null
  /** Failed starts since the last success. Survives a stop in BACKOFF. */
  readonly failures: number
  readonly spawnerr: string
  readonly exitstatus: number | null
  /** wall ms; 0: never */
  readonly startedAt: number
  readonly stoppedAt: number
  /** The daemon is ending: nothing is started any more. */
  readonly last: boolean
}

export const unborn: Life = {
  state: 'STOPPED',
  pid: 0,
  deadline: null,
  failures: 0,
  spawnerr: '',
  exitstatus: null,
  startedAt: 0,
  stoppedAt: 0,
  last: false,
}

export type LifeEvent =
  | { readonly type: 'startRequested' }
  | { readonly type: 'spawned'; readonly pid: number }
  | { readonly type: 'spawnFailed'; readonly text: string }
  | { readonly type: 'exited'; readonly exit: ChildExit }
  | { readonly type: 'deadlinePassed' }
  | { readonly type: 'stopRequested' }
  | { readonly type: 'signalFailed'; readonly text: string }
  | { readonly type: 'daemonEnding' }

export type Effect =
  | { readonly type: 'spawn' }
  | { readonly type: 'kill'; readonly signal: number; readonly wholeGroup: boolean }
  | {
      readonly type: 'announce'
      readonly state: ProcessState
      readonly from: ProcessState
      readonly tries: number
      readonly pid: number
      readonly expected: boolean
    }
  | { readonly type: 'say'; readonly level: 'critical' | 'warn' | 'info' | 'debug'; readonly text: string }

export interface Now {
  readonly monotonic: number
  readonly wall: number
}

export interface Step {
  readonly life: Life
  readonly effects: readonly Effect[]
}

type Handler<E extends LifeEvent> = (life: Life, config: ProcessConfig, event: E, now: Now) => Step
type Row = { readonly [T in LifeEvent['type']]?: Handler<Extract<LifeEvent, { type: T }>> }

const SIGKILL = 9

const say = (level: Extract<Effect, { type: 'say' }>['level'], text: string): Effect => ({ type: 'say', level, text })
const stay = (life: Life, ...effects: readonly Effect[]): Step => ({ life, effects })

/** Into another state: its deadline is the new one, and the change is announced with what the new life says. */
function enter(before: Life, state: ProcessState, change: Partial<Life> = {}, expected = false): Step {
  const life = { ...before, deadline: null, ...change, state }
  // events about an end still name the child that ended
  const pid = life.pid || before.pid
  return { life, effects: [{ type: 'announce', state, from: before.state, tries: life.failures, pid, expected }] }
}

/** One step after another: the second sees the life that the first left behind. */
function then(first: Step, next: (life: Life) => Step): Step {
  const second = next(first.life)
  return { life: second.life, effects: [...first.effects, ...second.effects] }
}
const also = (step: Step, ...effects: readonly Effect[]): Step => ({
  life: step.life,
  effects: [...step.effects, ...effects],
})

const begin: Handler<LifeEvent> = (life, _config, _event, now) =>
  life.last
    ? stay(life)
    : also(enter(life, 'STARTING', { startedAt: now.wall, spawnerr: '', exitstatus: null }), { type: 'spawn' })

const succeed = (life: Life, { name, startsecs }: ProcessConfig): Step =>
  also(enter(life, 'RUNNING', { failures: 0 }), say('info', messages.success(name, startsecs)))

/** Another failed start: wait a second longer than the last time, or give up. */
function backOff(life: Life, config: ProcessConfig, spawnerr: string, now: Now): Step {
  const failures = life.failures + 1
  const deadline = life.last ? null : now.monotonic + failures * 1000
  const waiting = enter({ ...life, failures }, 'BACKOFF', { spawnerr, deadline, pid: 0 })
  return failures <= config.startretries
    ? waiting
    : then(waiting, failed => also(giveUp(failed), say('info', messages.gaveUp(config.name))))
}

const giveUp = (life: Life): Step => enter(life, 'FATAL', { failures: 0 })

function end(life: Life, config: ProcessConfig, exit: ChildExit, now: Now): Step {
  const expected = config.exitcodes.includes(exit.status)
  const spawnerr = expected ? life.spawnerr : spawnErrors.badExitCode(exit.status)
  const ended = also(
    enter(life, 'EXITED', { pid: 0, failures: 0, exitstatus: exit.status, stoppedAt: now.wall, spawnerr }, expected),
    say(expected ? 'info' : 'warn', messages.exited(config.name, exit, expected)),
  )
  const again = config.autorestart === 'true' || (config.autorestart === 'unexpected' && !expected)
  return again ? then(ended, over => begin(over, config, { type: 'startRequested' }, now)) : ended
}

const tooQuick = (life: Life, config: ProcessConfig, exit: ChildExit, now: Now): Step => {
  const failed = backOff({ ...life, stoppedAt: now.wall }, config, spawnErrors.exitedTooQuickly, now)
  return { life: failed.life, effects: [say('warn', messages.exited(config.name, exit, false)), ...failed.effects] }
}

const askToStop: Handler<LifeEvent> = (life, { stopsignal, stopwaitsecs, stopasgroup }, _event, now) =>
  also(enter(life, 'STOPPING', { deadline: now.monotonic + stopwaitsecs * 1000 }), {
    type: 'kill',
    signal: stopsignal,
    wholeGroup: stopasgroup,
  })

const loseControl: Handler<Extract<LifeEvent, { type: 'signalFailed' }>> = (life, _config, { text }) =>
  also(enter(life, 'UNKNOWN'), say('critical', text))

const lastTime: Handler<LifeEvent> = life => stay({ ...life, last: true })

export const lifecycle: { readonly [S in ProcessState]: Row } = {
  STOPPED: { startRequested: begin, daemonEnding: lastTime },
  EXITED: { startRequested: begin, daemonEnding: lastTime },
  FATAL: { startRequested: begin, daemonEnding: lastTime },

  STARTING: {
    spawned: (life, config, { pid }, now) => {
      const born = { ...life, pid, deadline: now.monotonic + config.startsecs * 1000 }
      const told = stay(born, say('info', messages.spawned(config.name, pid)))
      return config.startsecs > 0 ? told : then(told, up => succeed(up, config))
    },
    spawnFailed: (life, config, { text }, now) => {
      const failed = backOff(life, config, text, now)
      return { life: failed.life, effects: [say('info', messages.spawnerr(text)), ...failed.effects] }
    },
    // exactly at the limit is not too quick; nobody is told of a success that is over already
    exited: (life, config, { exit }, now) =>
      life.deadline !== null && now.monotonic < life.deadline
        ? tooQuick(life, config, exit, now)
        : then(enter(life, 'RUNNING', { failures: 0 }), up => end(up, config, exit, now)),
    deadlinePassed: succeed,
    stopRequested: askToStop,
    signalFailed: loseControl,
    daemonEnding: lastTime,
  },

  RUNNING: {
    exited: (life, config, { exit }, now) => end(life, config, exit, now),
    stopRequested: askToStop,
    signalFailed: loseControl,
    daemonEnding: lastTime,
  },

  BACKOFF: {
    startRequested: begin,
    deadlinePassed: begin,
    // at the end of the daemon it is given up without a word; otherwise its failures go on counting at the next start
    stopRequested: (life, { name }) =>
      life.last ? giveUp(life) : also(enter(life, 'STOPPED'), say('debug', messages.stopInBackoff(name))),
    daemonEnding: life => stay({ ...life, last: true, deadline: null }),
  },

  STOPPING: {
    startRequested: (life, { name }) => stay(life, say('warn', messages.alreadyRunning(name))),
    deadlinePassed: (life, { name, stopwaitsecs, killasgroup }, _event, now) =>
      // at least a second between two SIGKILLs, also with stopwaitsecs=0
      stay(
        { ...life, deadline: now.monotonic + Math.max(stopwaitsecs, 1) * 1000 },
        say('warn', messages.sigkill(name, life.pid)),
        { type: 'kill', signal: SIGKILL, wholeGroup: killasgroup },
      ),
    exited: (life, config, { exit }, now) =>
      also(
        enter(life, 'STOPPED', { pid: 0, exitstatus: exit.status, stoppedAt: now.wall }),
        say(config.exitcodes.includes(exit.status) ? 'info' : 'warn', messages.stopped(config.name, exit)),
      ),
    signalFailed: loseControl,
    daemonEnding: lastTime,
  },

  // the child may still be there; its end is the only way out besides a new start after it
  UNKNOWN: {
    exited: (life, config, { exit }, now) =>
      also(
        enter(life, 'EXITED', { pid: 0, failures: 0, exitstatus: exit.status, stoppedAt: now.wall }),
        say('warn', messages.exited(config.name, exit, false)),
      ),
    daemonEnding: lastTime,
  },
}

export function transition(life: Life, config: ProcessConfig, event: LifeEvent, now: Now): Step {
  const handler = lifecycle[life.state][event.type] as Handler<LifeEvent> | undefined
  return handler ? handler(life, config, event, now) : stay(life)
}
