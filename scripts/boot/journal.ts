/**
 * The record of a boot. The boot shell and boot-step append one line per event to /run/bosun/boot.events, at the same time if
 * it so happens; boot.json is what they come to, written anew by every boot-step.
 *
 *     {"at":1732170000000,"file":"10-prep-env.sh","event":"started","status":null}
 *     {"at":1732170000090,"file":"10-prep-env.sh","event":"result","result":"ok","message":"workspace is /workspace"}
 *     {"at":1732170000095,"file":"10-prep-env.sh","event":"ended","status":0}
 */
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { writeFileAtomically } from '../../programs/common/atomic-file.ts'
import type { BootJournal, BootStep } from '../../programs/common/boot-journal.ts'
import { paths } from '../../programs/common/paths.ts'
import type { StepOutcome } from './step.ts'

export const bootEvents = `${paths.run}/boot.events`

/** `ended` and `exited` carry the status of the shell; `booted` begins the boot and has no file. */
type ShellEvent = 'booted' | 'started' | 'ended' | 'exited'

type Event =
  | { readonly at: number; readonly file: string; readonly event: ShellEvent; readonly status: number | null }
  | ({ readonly at: number; readonly file: string; readonly event: 'result' } & Pick<StepOutcome, 'result' | 'message'>)

/** `first_boot/05-update-vast.sh` → `update-vast`; `60-my-app.sh` → `my-app` */
export const stepName = (file: string): string => file.replace(/^.*\//, '').replace(/^\d+-(?=.)|\.sh$/g, '')

/** The step that waits for supervisord, as long as the instance lives; and the one that may take hours. */
const LAST = 'supervisor-wait'
const PROVISIONING = 'provisioning-manifest'

/** Pure. A line that is none is skipped: a full disk cuts lines off. undefined: no boot has begun. */
export function foldEvents(text: string): BootJournal | undefined {
  const steps: BootStep[] = []
  let started: number | undefined
  for (const event of parseEvents(text)) {
    started ??= event.at
    const index = steps.findLastIndex(({ file }) => file === event.file)
    if (event.event === 'started') steps.push(begin(event))
    else if (index >= 0) steps[index] = advance(steps[index]!, event)
  }
  return started === undefined ? undefined : { started, steps, phase: phaseOf(steps) }
}

const begin = ({ file, at }: Event): BootStep => ({
  name: stepName(file),
  file,
  started: at,
  ended: null,
  result: 'running',
  message: '',
})

/** What a step says of itself counts; what its shell says fills in. A step says so once: later runs by hand are no boot. */
function advance(step: BootStep, event: Event): BootStep {
  const open = step.result === 'running'
  switch (event.event) {
    case 'result':
      return open ? { ...step, ended: event.at, result: event.result, message: event.message } : step
    case 'ended':
      return { ...step, ended: event.at, ...(open ? judge(event.status ?? 0) : {}) }
    case 'exited':
      return { ...step, ended: event.at, result: 'failed', message: `called exit ${event.status}` }
    default:
      return step
  }
}

/** Of a file that says nothing itself: its last command's status tells little, unless that could not be found or run. */
const judge = (status: number): Pick<BootStep, 'result' | 'message'> =>
  status === 126 || status === 127
    ? { result: 'failed', message: `a command could not be started (status ${status})` }
    : { result: 'ok', message: status === 0 ? '' : `returned ${status}` }

function phaseOf(steps: readonly BootStep[]): BootJournal['phase'] {
  if (steps.some(({ name }) => name === LAST)) return 'done'
  return steps.some(({ name, result }) => name === PROVISIONING && result === 'running') ? 'provisioning' : 'boot'
}

function parseEvents(text: string): readonly Event[] {
  return text.split('\n').flatMap(line => {
    try {
      const event: Event = JSON.parse(line)
      return typeof event.at === 'number' && typeof event.file === 'string' ? [event] : []
    } catch {
      return []
    }
  })
}

/** Says how a step went. Without a place to write there is no journal, and that is all. */
export function recordOutcome(file: string, { result, message }: Pick<StepOutcome, 'result' | 'message'>): void {
  const event: Event = { at: Date.now(), file, event: 'result', result, message }
  try {
    appendFileSync(bootEvents, `${JSON.stringify(event)}\n`)
  } catch {}
}

/** Makes boot.json of the events; undefined when there are none, or no place for it. */
export function writeJournal(): BootJournal | undefined {
  let journal: BootJournal | undefined
  try {
    // another may have written between our reading and our renaming, and less than we know
    for (let read = -1; read !== statSync(bootEvents).size; ) {
      const text = readFileSync(bootEvents)
      read = text.length
      journal = foldEvents(text.toString())
      if (journal !== undefined) writeFileAtomically(paths.bootJournal, `${JSON.stringify(journal, null, 1)}\n`)
    }
  } catch {}
  return journal
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** For people: a line per step. `now` in ms since the epoch. */
export function renderReport({ started, steps, phase }: BootJournal, now: number): string {
  const width = Math.max(4, ...steps.map(({ file }) => file.length))
  const lines = steps.map(({ file, started, ended, result, message }) =>
    `${file.padEnd(width)}  ${seconds((ended ?? now) - started).padStart(9)}  ${result.padEnd(7)}  ${message}`.trimEnd(),
  )
  return [`boot of ${new Date(started).toISOString()}: ${phase}`, ...lines, ''].join('\n')
}

/** What went wrong: `46-user-propagate-ssh-keys.sh: cannot …` */
export const problemsOf = ({ steps }: BootJournal): readonly string[] =>
  steps.filter(({ result }) => result === 'failed').map(({ file, message }) => `${file}: ${message}`)
