/**
 * How an application is, in one word and one sentence, decided from facts alone: can it be used now, and if not, why not
 * and what comes next.
 *
 * An application is ready when its port accepts connections, whatever its program's state is called: RUNNING says no more
 * than that a process exists. Source: contract 3.6, 14 rows 17–21; issue 6 part 3
 */
import { namedProgram, type ProgramHints, programKey, programOf } from './application-program.ts'
import type { BootJournal } from './boot-journal.ts'
import { paths } from './paths.ts'
import type { Application } from './portal-config.ts'
import type { Problem } from './problem.ts'
import type { GateVerdict } from './skip-markers.ts'
import type { Program } from './supervisor-watch.ts'

export type ApplicationState =
  /** provisioning is at work, and the application waits for it or is not there yet */
  | 'installing'
  /** for something else: boot, /etc/portal.yaml */
  | 'waiting'
  /** its program runs, its port does not answer yet */
  | 'starting'
  | 'ready'
  /** by hand, or it ended by itself without an error */
  | 'stopped'
  /** its gate said no: not in /etc/portal.yaml, serverless, the platform runs it */
  | 'skipped'
  /** its program failed; the sentence says whether it is tried again */
  | 'crashed'
  /** supervisord does not answer, or no program is known for it */
  | 'unknown'

export interface ApplicationStatus {
  /** as in /etc/portal.yaml */
  readonly name: string
  readonly state: ApplicationState
  /** `crashed 3 times in the last minute, last: exit status 1; next try in 2 s`: no capital, no full stop, text and not HTML */
  readonly sentence: string
  /** namespec of its program in supervisord */
  readonly program: string | undefined
  /** ms since the epoch: when it came about, where that is known */
  readonly since: number | undefined
  /** ms since the epoch: what the sentence counts down to; undefined when nothing is due */
  readonly retryAt: number | undefined
}

/** What is known of the instance at one moment. */
export interface Facts extends ProgramHints {
  /** ms since the epoch */
  readonly now: number
  /** of /etc/portal.yaml, in its order; and what is wrong with it */
  readonly applications: readonly Application[]
  readonly problems: readonly Problem[]
  /** undefined while supervisord does not answer */
  readonly programs: readonly Program[] | undefined
  /** name of a program → the term that its gate did not find */
  readonly skipMarkers: ReadonlyMap<string, string>
  /** name of a program → what a gate decided last */
  readonly verdicts: ReadonlyMap<string, GateVerdict>
  readonly boot: BootJournal | undefined
  /** by /.provisioning, and what is left when that is gone */
  readonly provisioning: 'running' | 'failed' | undefined
  /** names of applications whose port accepts connections */
  readonly answering: ReadonlySet<string>
}

/** What can be said of a program that no application belongs to. */
export type ProgramStatus = Pick<ApplicationStatus, 'state' | 'sentence' | 'since' | 'retryAt'>

/** In the order of /etc/portal.yaml. */
export const describeApplications = (facts: Facts): readonly ApplicationStatus[] =>
  facts.applications.map(application => describeApplication(application, facts))

/** By the same rules; it is ready when it runs. */
export const describeProgram = (program: Program, facts: Facts): ProgramStatus => describe(undefined, program, facts)

// -- one application ---------------------------------------------------------------------------------------------------

/** What the rules look at. */
interface Case {
  readonly facts: Facts
  /** undefined where a program alone is described */
  readonly application: Application | undefined
  readonly program: Program | undefined
  /** of its present life, or its last */
  readonly verdict: GateVerdict | undefined
  readonly marker: string | undefined
  readonly answers: boolean
}

interface Rule {
  readonly when: (its: Case) => boolean
  readonly state: ApplicationState
  readonly sentence: (its: Case) => string
  /** ms since the epoch; 0: not known */
  readonly since?: (its: Case) => number
  readonly retryAt?: (its: Case) => number
}

/** This often within a minute is a loop, and no coincidence or restart by hand. */
const LOOP = 3

const isAlive = ({ program }: Case): boolean => program?.state === 'RUNNING' || program?.state === 'STARTING'
const isProvisioning = ({ facts }: Case): boolean => facts.provisioning === 'running'
const isBooting = ({ facts }: Case): boolean => facts.boot?.phase === 'boot'
const isSkipped = ({ verdict, marker }: Case): boolean =>
  verdict?.verdict === 'skip' || (marker !== undefined && verdict === undefined)
const loops = ({ program }: Case): boolean => program !== undefined && program.ends.length >= LOOP
const port = ({ application }: Case): string => `port ${application?.internal_port}`
const stopped = ({ program }: Case): number => program?.stopped ?? 0
const started = ({ program }: Case): number => program?.started ?? 0
const retryAt = ({ program }: Case): number => program?.more?.retryAt ?? 0
const verdictSince = ({ verdict }: Case): number => verdict?.since ?? 0

/** THE table: the first rule that fits decides. Each is named in test/unit/programs/common/application-rules.test.ts. */
export const rules = {
  ready: {
    when: its => its.answers && isAlive(its),
    state: 'ready',
    sentence: () => 'ready',
    since: started,
  },
  readyByOthers: {
    when: its => its.answers && its.facts.programs !== undefined,
    state: 'ready',
    sentence: its =>
      its.program === undefined
        ? `ready: ${port(its)} answers, though no program of supervisord belongs to it`
        : `ready: ${port(its)} answers, though its program ${its.program.namespec} does not run`,
  },
  readyUnsupervised: {
    when: its => its.answers,
    state: 'ready',
    sentence: its => `ready: ${port(its)} answers, but supervisord does not`,
  },

  booting: {
    when: its => its.facts.programs === undefined && isBooting(its),
    state: 'waiting',
    sentence: ({ facts }) => `waiting for the instance to boot${bootStep(facts.boot)}`,
    since: ({ facts }) => facts.boot?.started ?? 0,
  },
  noSupervisor: {
    when: its => its.facts.programs === undefined,
    state: 'unknown',
    sentence: its => `not known: supervisord does not answer, and neither does ${port(its)}`,
  },
  notInstalled: {
    when: its => its.program === undefined && isProvisioning(its),
    state: 'installing',
    sentence: ({ facts }) => `not there yet: provisioning is running${provisioningStep(facts.boot)}`,
  },
  namedWrongly: {
    when: its => its.program === undefined && namedProgram(its.application!) !== undefined,
    state: 'unknown',
    sentence: its =>
      `not known: ${paths.portalYaml} says "${programKey}: ${namedProgram(its.application!)}", and supervisord has no such program`,
  },
  noProgram: {
    when: its => its.program === undefined,
    state: 'unknown',
    sentence: its =>
      `not known: nothing answers on ${port(its)}, and no program of supervisord belongs to it; ` +
      `name one by "${programKey}:" in ${paths.portalYaml}`,
  },

  stopping: {
    when: its => its.program?.state === 'STOPPING',
    state: 'stopped',
    sentence: () => 'being stopped',
  },
  neverStarted: {
    when: its => its.program?.state === 'STOPPED' && its.program.started === 0,
    state: 'stopped',
    sentence: () => 'not started yet (autostart is off)',
  },
  stoppedByHand: {
    when: its => its.program?.state === 'STOPPED',
    state: 'stopped',
    sentence: () => 'stopped by hand',
    since: stopped,
  },
  lostControl: {
    when: its => its.program?.state === 'UNKNOWN',
    state: 'unknown',
    sentence: ({ program }) => `not known: supervisord cannot signal ${program!.namespec}`,
  },

  skipped: {
    when: isSkipped,
    state: 'skipped',
    sentence: its => `skipped: ${skipReason(its)}`,
    since: verdictSince,
  },
  waitingForProvisioning: {
    when: its => isAlive(its) && its.verdict?.verdict === 'wait' && its.verdict.gate === 'provisioning',
    state: 'installing',
    sentence: ({ facts }) => `waiting for provisioning${provisioningStep(facts.boot)}`,
    since: verdictSince,
  },
  waitingForGate: {
    when: its => isAlive(its) && its.verdict?.verdict === 'wait',
    state: 'waiting',
    sentence: ({ verdict }) => `waiting: ${verdict!.reason || `its gate ${verdict!.gate} has not decided`}`,
    since: verdictSince,
  },
  gateFailed: {
    when: ({ verdict }) => verdict?.verdict === 'error',
    state: 'crashed',
    sentence: its =>
      `its gate ${its.verdict!.gate} failed: ${its.verdict!.reason || 'no reason given'}; ${nextTry(its)}`,
    since: verdictSince,
    retryAt,
  },

  cannotBeStarted: {
    when: ({ program }) => program?.state === 'BACKOFF' && !endedTooQuickly(program),
    state: 'crashed',
    sentence: its => `cannot be started: ${its.program!.spawnerr}; ${nextTry(its)}`,
    retryAt,
  },
  crashing: {
    when: ({ program }) => program?.state === 'BACKOFF',
    state: 'crashed',
    sentence: its => `${crashes(its)}; ${nextTry(its)}${seeLog(its)}`,
    since: stopped,
    retryAt,
  },
  couldNotBeStarted: {
    when: ({ program }) => program?.state === 'FATAL' && !endedTooQuickly(program),
    state: 'crashed',
    sentence: its => `cannot be started: ${its.program!.spawnerr}; it is not tried again until somebody starts it`,
  },
  gaveUp: {
    when: ({ program }) => program?.state === 'FATAL',
    state: 'crashed',
    sentence: its => `${crashes(its)}; not tried again until somebody starts it${seeLog(its)}`,
    since: stopped,
  },
  looping: {
    // Python's supervisord is also seen between two lives
    when: its => loops(its) && (isAlive(its) || its.program?.state === 'EXITED'),
    state: 'crashed',
    sentence: its => `${crashes(its)}; started again each time${seeLog(its)}`,
    since: stopped,
  },
  endedWell: {
    when: ({ program }) => program?.state === 'EXITED' && endedAsExpected(program),
    state: 'stopped',
    sentence: its => `ended by itself with ${ending(its) || 'exit status 0'}, and is not started again`,
    since: stopped,
  },
  endedBadly: {
    when: ({ program }) => program?.state === 'EXITED',
    state: 'crashed',
    sentence: its => `${crashes(its)}; not tried again until somebody starts it${seeLog(its)}`,
    since: stopped,
  },
  running: {
    when: ({ application, program }) => application === undefined && program?.state === 'RUNNING',
    state: 'ready',
    sentence: () => 'running',
    since: started,
  },
  comingUp: {
    when: ({ application }) => application === undefined,
    state: 'starting',
    sentence: () => 'starting',
    since: started,
  },
  installing: {
    when: its => isAlive(its) && isProvisioning(its),
    state: 'installing',
    sentence: its => `${port(its)} does not answer yet: provisioning is running${provisioningStep(its.facts.boot)}`,
    since: started,
  },
  starting: {
    when: isAlive,
    state: 'starting',
    sentence: its =>
      `starting: its program runs, ${port(its)} does not answer yet` +
      (its.facts.provisioning === 'failed' ? '; provisioning has failed' : ''),
    since: started,
  },
} as const satisfies Readonly<Record<string, Rule>>

export type RuleName = keyof typeof rules

const inOrder: readonly Rule[] = Object.values(rules)

function describeApplication(application: Application, facts: Facts): ApplicationStatus {
  const program = facts.programs && programOf(application, facts.programs, facts)
  return { name: application.name, program: program?.namespec, ...describe(application, program, facts) }
}

/** What a gate has decided in its present life, or its last; `started` is in whole seconds, rounded down. */
export function presentVerdict(program: Program, { verdicts }: Pick<Facts, 'verdicts'>): GateVerdict | undefined {
  const verdict = verdicts.get(program.name)
  return verdict !== undefined && verdict.since >= program.started ? verdict : undefined
}

function describe(application: Application | undefined, program: Program | undefined, facts: Facts): ProgramStatus {
  const its: Case = {
    facts,
    application,
    program,
    verdict: program && presentVerdict(program, facts),
    marker: program && facts.skipMarkers.get(program.name),
    answers: application !== undefined && facts.answering.has(application.name),
  }
  const rule = inOrder.find(({ when }) => when(its))!
  return {
    state: rule.state,
    sentence: rule.sentence(its),
    since: rule.since?.(its) || undefined,
    retryAt: rule.retryAt?.(its) || undefined,
  }
}

// -- parts of sentences ------------------------------------------------------------------------------------------------

function bootStep(boot: BootJournal | undefined): string {
  const step = boot?.steps.find(({ result }) => result === 'running')
  return step === undefined ? '' : ` (step ${step.file.replace(/\.sh$/, '')})`
}

function provisioningStep(boot: BootJournal | undefined): string {
  const step = boot?.steps.find(({ result, message }) => result === 'running' && message !== '')
  return boot?.phase !== 'provisioning' || step === undefined ? '' : ` (${step.message})`
}

function skipReason({ verdict, marker, program }: Case): string {
  if (verdict?.reason) return verdict.reason
  if (verdict !== undefined && verdict.gate !== 'portal') return `its gate ${verdict.gate} said no`
  if (!marker || marker === program!.name) return `not in ${paths.portalYaml}`
  return `not in ${paths.portalYaml}, where its gate looked for "${marker}"`
}

/** The original's words. Source: contract/supervisord.md 4.4 */
const endedTooQuickly = ({ spawnerr }: Program): boolean => spawnerr.startsWith('Exited too quickly')

const endedAsExpected = ({ more, spawnerr }: Program): boolean => more?.expected ?? spawnerr === ''

/** What a shell means by an exit status, and what a signal often means on such machines. */
const meanings: Readonly<Record<string, string>> = {
  'exit status 126': 'not executable, perhaps',
  'exit status 127': 'command not found, perhaps',
  'exit status 137': 'killed: out of memory, perhaps',
  'terminated by SIGKILL': 'out of memory, perhaps',
}

/** `exit status 1`; '' when supervisord does not tell */
function ending({ program }: Case): string {
  const { more, state, exitstatus } = program!
  const inferred = state !== 'EXITED' ? '' : exitstatus < 0 ? 'a signal' : `exit status ${exitstatus}`
  const text = more?.ending ?? inferred
  return meanings[text] === undefined ? text : `${text} (${meanings[text]})`
}

/** `crashed 3 times in the last minute, last: exit status 1` */
function crashes(its: Case): string {
  const { state, ends, more } = its.program!
  const verb = more?.expected && more.ending !== '' ? 'ended' : 'crashed'
  const how = ending(its)
  const times = Math.max(ends.length, more?.failures ?? 0)
  if (times > 1) {
    const span = ends.length >= times ? 'in the last minute' : 'in a row'
    return `${verb} ${times} times ${span}${how && `, last: ${how}`}`
  }
  if (state === 'FATAL') return `${verb} at every try${how && `, last: ${how}`}`
  return how === '' ? verb : how.startsWith('terminated') ? `was ${how}` : `${verb} with ${how}`
}

function nextTry(its: Case): string {
  const seconds = Math.ceil((retryAt(its) - its.facts.now) / 1000)
  if (retryAt(its) === 0)
    return its.program!.state === 'FATAL' ? 'not tried again until somebody starts it' : 'it is tried again'
  return seconds > 0 ? `next try in ${seconds} s` : 'next try now'
}

/** Programs of images log to `/dev/stdout`, and their launchers keep a copy by their name. Source: contract 3.2, 3.4 */
export const logOf = ({ logfile, name }: Pick<Program, 'logfile' | 'name'>): string =>
  logfile.startsWith('/') && !logfile.startsWith('/dev/') ? logfile : `${paths.portalLogs}/${name}.log`

const seeLog = ({ program }: Case): string => `; see ${logOf(program!)}`
