/**
 * May this program start? THE gate table: what each gate looks at, and what it answers. `instance-gate NAME [ARG]` asks for
 * launchers (ROOT/opt/supervisor-scripts/utils), `askGate` for TypeScript. A decision touches nothing but the facts that it
 * is given, and is asked for again when the file that it watches changes: waiting is an answer.
 *
 * Lines that a gate says are what launchers have always said, and what people grep for. Source: contract 3.3, 3.4, 14 (17–19)
 */
import type { LaunchMode } from '../common/launch-mode.ts'
import { paths } from '../common/paths.ts'
import { parsePortalYaml } from '../common/portal-yaml.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface Facts {
  readonly env: Env
  /** PROC_NAME: for what is said */
  readonly program: string
  /** The limit has passed: a decision may not ask for more time. */
  readonly late: boolean
  exists(path: string): boolean
  launchMode(): LaunchMode
  read(path: string): FileFacts
  /** As grep finds it: an extended regular expression, any case, in the launcher's locale. */
  findLine(expression: string, text: string): FoundLine
  /** Where a command is: a path, or a name looked up on PATH. */
  findCommand(command: string): string | undefined
}

export interface FileFacts {
  /** '' when there is none */
  readonly text: string
  /** Why it cannot be read, where it is there. */
  readonly problem?: string
  /** How long it has been as it is. */
  readonly quietMs: number
}

export type FoundLine =
  | { readonly found: true; readonly number: number; readonly line: string }
  | { readonly found: false; readonly problem?: string }

export interface Verdict {
  /** `error`: it cannot be told */
  readonly verdict: 'go' | 'skip' | 'error'
  /** One line, for whoever looks why. */
  readonly reason: string
  /** The line that the launcher's log gets. */
  readonly says?: string
}

export interface Wait {
  readonly verdict: 'wait'
  readonly reason: string
  readonly says?: string
  /** Ask again after that, also when nothing has changed. */
  readonly againMs?: number
}

export interface Gate {
  readonly doc: string
  /** Name of its argument; null: it takes none. */
  readonly argument: string | null
  /** When its marker is in /tmp/supervisor-skip, where portals of old look for programs to hide. */
  readonly marker: 'never' | 'when skipped' | 'always'
  /** The file whose changes may change the answer. */
  readonly watch?: string
  /** How long it may wait; without it, for ever. */
  readonly limitMs?: number
  decide(facts: Facts, argument: string): Verdict | Wait
}

const go = (reason: string): Verdict => ({ verdict: 'go', reason })
const skip = (reason: string, says: string): Verdict => ({ verdict: 'skip', reason, says })

/** `true` in any case, and nothing else. Source: contract 9 */
const isOn = (value: string | undefined): boolean => value?.toLowerCase() === 'true'

/** Somebody writes the file if it has changed within that time. */
const SETTLED_MS = 1000
/** For one that looks unfinished. */
const SETTLED_UNFINISHED_MS = 5000
const PORTAL_LIMIT_S = 120

export const gates = {
  serverless: {
    doc: 'Skips when the instance serves requests without people: SERVERLESS is true, in any case.',
    argument: null,
    marker: 'never',
    decide: ({ env, program }) =>
      isOn(env.SERVERLESS)
        ? skip('the instance is serverless', `Skipping ${program} startup (Serverless)`)
        : go('the instance is not serverless'),
  },

  portal: {
    doc:
      `Skips unless ${paths.portalYaml} names TERM: as an application, or on any line that does not begin with #, as an extended ` +
      `regular expression in any case. Waits up to ${PORTAL_LIMIT_S} s for the file to be written. A serverless instance starts all.`,
    argument: 'TERM',
    marker: 'when skipped',
    watch: paths.portalYaml,
    limitMs: PORTAL_LIMIT_S * 1000,
    decide(facts, term) {
      const { env, program, late } = facts
      const file = paths.portalYaml
      if (isOn(env.SERVERLESS)) return go('the instance is serverless')
      const { text, problem, quietMs } = facts.read(file)
      if (problem !== undefined)
        return { verdict: 'error', reason: `${file} ${problem}`, says: `ERROR: ${file} ${problem}` }
      if (text === '') {
        const missing = `${file} is still missing or empty after ${PORTAL_LIMIT_S} s`
        return late
          ? { verdict: 'error', reason: missing, says: `ERROR: ${missing}, cannot start ${program}` }
          : {
              verdict: 'wait',
              reason: `waiting for ${file}`,
              says: `Waiting for ${file} before starting ${program}...`,
            }
      }
      const { applications, problems } = parsePortalYaml(text)
      const named = applications.find(({ name }) => name.toLowerCase().includes(term.toLowerCase()))
      if (named !== undefined) return go(`${file} lists ${named.name}`)
      const line = facts.findLine(`^[^#].*${term}`, text)
      if (line.found) return go(`line ${line.number} of ${file} matches ${term}: ${line.line.trim()}`)
      const settled = problems.length === 0 ? SETTLED_MS : SETTLED_UNFINISHED_MS
      if (quietMs < settled && !late)
        return { verdict: 'wait', reason: `${file} is being written`, againMs: settled - quietMs }
      const remark = line.problem === undefined ? '' : `; as a regular expression: ${line.problem}`
      return skip(`${term} is not in ${file}${remark}`, `Skipping ${program} startup (not in ${file})`)
    },
  },

  provisioning: {
    doc: `Waits for the end of provisioning: until ${paths.provisioning} is gone, whether it succeeded or not.`,
    argument: null,
    marker: 'never',
    watch: paths.provisioning,
    decide({ exists, program }) {
      if (exists(paths.provisioning))
        return {
          verdict: 'wait',
          reason: 'waiting for the end of provisioning',
          says: `Waiting for the end of provisioning before starting ${program}...`,
        }
      return go(exists(paths.provisioningFailed) ? 'provisioning has failed' : 'provisioning is over')
    },
  },

  'launch-managed': {
    doc: `Skips when the platform runs its own Jupyter server (${paths.launch} mentions it), unless JUPYTER_OVERRIDE is true.`,
    argument: null,
    marker: 'never',
    decide({ env, program, launchMode }) {
      if (launchMode() !== 'jupyter') return go('the platform runs no Jupyter server')
      if (isOn(env.JUPYTER_OVERRIDE)) return go("JUPYTER_OVERRIDE is true, beside the platform's Jupyter server")
      return skip('the platform runs its own Jupyter server', `Refusing to start ${program} (${paths.launch} managing)`)
    },
  },

  installed: {
    doc: 'Skips when COMMAND, a path or a name on PATH, is not there or cannot be executed.',
    argument: 'COMMAND',
    marker: 'when skipped',
    decide({ program, findCommand }, command) {
      const path = findCommand(command)
      if (path !== undefined) return go(`${path} is installed`)
      return skip(`${command} is not installed`, `Skipping ${program} startup (${command} is not installed)`)
    },
  },

  pyworker: {
    doc: 'Skips unless the instance is serverless; also when SUPERVISOR_SKIP_PYWORKER is true, or /root/onstart.sh starts the worker.',
    argument: null,
    marker: 'always',
    decide({ env, program, read }) {
      const no = (reason: string): Verdict => skip(reason, `Skipping ${program} startup (${reason})`)
      if (!isOn(env.SERVERLESS)) return no('not serverless')
      if (isOn(env.SUPERVISOR_SKIP_PYWORKER)) return no('SUPERVISOR_SKIP_PYWORKER is true')
      if (/pyworker|start_server\.sh/.test(read(ONSTART).text)) return no(`${ONSTART} starts it`)
      return go('the instance is serverless')
    },
  },
} as const satisfies Readonly<Record<string, Gate>>

const ONSTART = '/root/onstart.sh'

export type GateName = keyof typeof gates
