/** LIFECYCLE.md, found by playing the lifecycle table through: what is in the page is what the table does. */
import type { ProcessConfig } from '../config/config.ts'
import { isRunning, isSignallable, isStopped, type ProcessState, processStates } from './states.ts'
import { type Life, type LifeEvent, lifecycle, transition, unborn } from './transition.ts'

const states = Object.keys(processStates) as readonly ProcessState[]

const NOW = 10_000

const exit = (status: number): LifeEvent => ({
  type: 'exited',
  exit: { pid: 7, status, signal: 0, coreDumped: false },
})

/** Every event, in the variants that can make a difference. */
const samples: Readonly<Record<LifeEvent['type'], { readonly doc: string; readonly events: readonly LifeEvent[] }>> = {
  startRequested: { doc: 'a start is asked for', events: [{ type: 'startRequested' }] },
  spawned: { doc: 'there is a child', events: [{ type: 'spawned', pid: 7 }] },
  spawnFailed: { doc: 'there can be no child', events: [{ type: 'spawnFailed', text: '' }] },
  exited: { doc: 'the child has ended', events: [exit(0), exit(3)] },
  deadlinePassed: { doc: 'the deadline of the state has passed', events: [{ type: 'deadlinePassed' }] },
  stopRequested: { doc: 'a stop is asked for', events: [{ type: 'stopRequested' }] },
  signalFailed: { doc: 'a signal could not be sent', events: [{ type: 'signalFailed', text: '' }] },
  daemonEnding: { doc: 'the daemon begins to end', events: [{ type: 'daemonEnding' }] },
}

const configs = (['true', 'unexpected', 'false'] as const).flatMap(autorestart =>
  [0, 1].flatMap(startsecs =>
    [0, 3].map(
      startretries =>
        ({
          name: 'x',
          autorestart,
          startsecs,
          startretries,
          exitcodes: [0],
          stopsignal: 15,
          stopwaitsecs: 10,
          stopasgroup: false,
          killasgroup: false,
        }) as unknown as ProcessConfig,
    ),
  ),
)

const lives = (state: ProcessState): readonly Life[] =>
  [false, true].flatMap(last => [NOW - 1, NOW + 1].map(deadline => ({ ...unborn, state, pid: 7, deadline, last })))

/** The ways through the states that an event can lead to: `BACKOFF → FATAL`; '' when nothing changes. */
function outcomes(state: ProcessState, type: LifeEvent['type']): readonly string[] {
  const ways = new Set<string>()
  for (const life of lives(state)) {
    for (const config of configs) {
      for (const event of samples[type].events) {
        const { effects } = transition(life, config, event, { monotonic: NOW, wall: NOW })
        ways.add(effects.flatMap(effect => (effect.type === 'announce' ? [effect.state] : [])).join(' → '))
      }
    }
  }
  return [...ways]
}

/** Pairs of neighbours in all outcomes. */
function edges(): readonly string[] {
  const found = new Set<string>()
  for (const state of states) {
    for (const type of Object.keys(lifecycle[state]) as LifeEvent['type'][]) {
      for (const way of outcomes(state, type)) {
        const path = [state, ...way.split(' → ').filter(Boolean)]
        for (let at = 1; at < path.length; at++) found.add(`  ${path[at - 1]} --> ${path[at]}`)
      }
    }
  }
  return [...found]
}

const list = (test: (state: ProcessState) => boolean): string => states.filter(test).join(', ')

const rows = (): readonly string[] =>
  states.flatMap(state =>
    (Object.keys(samples) as LifeEvent['type'][])
      .filter(type => lifecycle[state][type])
      .map(type => {
        const ways = outcomes(state, type).map(way => (way === '' ? '*stays*' : way))
        return `| ${state} | ${samples[type].doc} | ${ways.join('<br>')} |`
      }),
  )

export const renderLifecycleReference = (): string => `# The life of a process

<!-- Made from transition.ts by \`npm run docs\`. -->

A process is STOPPED until a start is asked for. STARTING lasts until the child has been up for \`startsecs\`; a child that ends
before that, with whatever exit code, makes it BACKOFF: one more second of waiting for each consecutive failure, and after
\`startretries\` retries FATAL. A child that made it is RUNNING; its end is EXITED, from where \`autorestart\` may start it again at
once and for ever. A stop makes it STOPPING until the child is reaped; every \`stopwaitsecs\` a SIGKILL goes out. A signal that
cannot be sent makes it UNKNOWN.

\`\`\`mermaid
stateDiagram-v2
  [*] --> STOPPED
${edges().join('\n')}
\`\`\`

| State | Number | | |
|---|---|---|---|
${states.map(state => `| ${state} | ${processStates[state]} | ${isRunning(state) ? 'running' : isStopped(state) ? 'stopped' : ''} | ${isSignallable(state) ? 'can be signalled' : ''} |`).join('\n')}

A start is refused (ALREADY_STARTED) in ${list(isRunning)}. A stop is accepted there, and refused (NOT_RUNNING) elsewhere.
A group can be removed when all of it is ${list(isStopped)}.

| In | when | it becomes |
|---|---|---|
${rows().join('\n')}

What is not in the table changes nothing. Each state has one deadline, which ends with it: a timer of an earlier life cannot
reach into this one. Deadlines do not follow the wall clock when that is set.
`
