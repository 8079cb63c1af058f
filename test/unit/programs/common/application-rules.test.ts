import { describe, expect, test } from 'vitest'
import {
  type ApplicationStatus,
  describeApplications,
  describeProgram,
  type Facts,
  type ProgramStatus,
  type RuleName,
  rules,
} from '../../../../programs/common/application-rules.ts'
import type { Application } from '../../../../programs/common/portal-config.ts'
import type { MoreOfProgram, Program } from '../../../../programs/common/supervisor-watch.ts'

const NOW = 1_700_000_000_000

const comfy: Application = {
  name: 'ComfyUI',
  hostname: 'localhost',
  external_port: 8188,
  internal_port: 18188,
  open_path: '/',
  extra: {},
}

const more: MoreOfProgram = { ending: '', expected: true, endings: 0, failures: 0, retryAt: 0 }

const program = (change: Partial<Program> = {}): Program => ({
  namespec: 'comfyui',
  name: 'comfyui',
  group: 'comfyui',
  state: 'RUNNING',
  description: '',
  pid: 7,
  started: NOW - 20_000,
  stopped: 0,
  spawnerr: '',
  exitstatus: 0,
  logfile: '/dev/stdout',
  more,
  ends: [],
  ...change,
})

const facts = (change: Partial<Facts> = {}): Facts => ({
  now: NOW,
  applications: [comfy],
  problems: [],
  programs: [program()],
  skipMarkers: new Map(),
  verdicts: new Map(),
  boot: undefined,
  provisioning: undefined,
  answering: new Set(),
  terms: new Map(),
  listeners: new Map(),
  ...change,
})

const of = (change: Partial<Program>, others: Partial<Facts> = {}): Facts =>
  facts({ programs: [program(change)], ...others })

/** A program that no application belongs to. */
const alone = (change: Partial<Program>): Facts => of(change, { applications: [] })

const verdict = (gate: string, decided: 'go' | 'wait' | 'skip' | 'error', reason = '', since = NOW - 10_000) => ({
  verdicts: new Map([['comfyui', { gate, verdict: decided, reason, since }]]),
})

const running = (file: string, message = '') => ({
  name: 'x',
  file,
  started: NOW - 5000,
  ended: null,
  result: 'running' as const,
  message,
})
const booting = { started: NOW - 9000, phase: 'boot' as const, steps: [running('36-sync-workspace.sh')] }
const provisioning = { started: NOW, phase: 'provisioning' as const, steps: [running('75-x.sh', 'downloads, 2 of 5')] }
const answering = { answering: new Set(['ComfyUI']) }
const died = (change: Partial<MoreOfProgram>): MoreOfProgram => ({ ...more, expected: false, endings: 9, ...change })
const tooQuick = { pid: 0, stopped: NOW - 1000, spawnerr: 'Exited too quickly (process log may have details)' }
const LOG = '/var/log/portal/comfyui.log'

/** One for each row of the table, and more where a sentence has variants. */
const cases: Readonly<
  Record<RuleName, readonly (readonly [Facts, sentence: string, rest?: Partial<ApplicationStatus>])[]>
> = {
  ready: [
    [facts(answering), 'ready', { program: 'comfyui', since: NOW - 20_000 }],
    [of({ state: 'STARTING' }, answering), 'ready'],
    [facts({ ...answering, ...verdict('portal', 'skip') }), 'ready'],
  ],
  readyByOthers: [
    [
      facts({ ...answering, programs: [] }),
      'ready: port 18188 answers, though no program of supervisord belongs to it',
    ],
    [of({ state: 'EXITED', pid: 0 }, answering), 'ready: port 18188 answers, though its program comfyui does not run'],
  ],
  readyUnsupervised: [
    [facts({ ...answering, programs: undefined }), 'ready: port 18188 answers, but supervisord does not'],
  ],
  booting: [
    [
      facts({ programs: undefined, boot: booting }),
      'waiting for the instance to boot (step 36-sync-workspace)',
      { since: NOW - 9000, program: undefined },
    ],
    [facts({ programs: undefined, boot: { ...booting, steps: [] } }), 'waiting for the instance to boot'],
  ],
  noSupervisor: [
    [facts({ programs: undefined }), 'not known: supervisord does not answer, and neither does port 18188'],
  ],
  notInstalled: [
    [facts({ programs: [], provisioning: 'running' }), 'not there yet: provisioning is running'],
    [
      facts({ programs: [], provisioning: 'running', boot: provisioning }),
      'not there yet: provisioning is running (downloads, 2 of 5)',
    ],
  ],
  namedWrongly: [
    [
      facts({ applications: [{ ...comfy, extra: { program: 'cmfy' } }] }),
      'not known: /etc/portal.yaml says "program: cmfy", and supervisord has no such program',
    ],
  ],
  noProgram: [
    [
      facts({ programs: [] }),
      'not known: nothing answers on port 18188, and no program of supervisord belongs to it; ' +
        'name one by "program:" in /etc/portal.yaml',
    ],
  ],
  stopping: [[of({ state: 'STOPPING' }), 'being stopped']],
  neverStarted: [[of({ state: 'STOPPED', pid: 0, started: 0 }), 'not started yet (autostart is off)']],
  stoppedByHand: [
    [of({ state: 'STOPPED', pid: 0, stopped: NOW - 3000 }), 'stopped by hand', { since: NOW - 3000 }],
    [
      of({ state: 'STOPPED', pid: 0, stopped: NOW, more: died({ ending: 'terminated by SIGTERM' }) }),
      'stopped by hand',
    ],
  ],
  lostControl: [[of({ state: 'UNKNOWN' }), 'not known: supervisord cannot signal comfyui']],
  skipped: [
    [
      facts({ skipMarkers: new Map([['comfyui', 'Comfy']]) }),
      'skipped: not in /etc/portal.yaml, where its gate looked for "Comfy"',
      { since: undefined },
    ],
    [of({ state: 'EXITED', pid: 0 }, { skipMarkers: new Map([['comfyui', '']]) }), 'skipped: not in /etc/portal.yaml'],
    [
      facts(verdict('serverless', 'skip', 'the instance is serverless')),
      'skipped: the instance is serverless',
      { since: NOW - 10_000 },
    ],
    [facts(verdict('launch-managed', 'skip')), 'skipped: its gate launch-managed said no'],
    [facts(verdict('portal', 'skip')), 'skipped: not in /etc/portal.yaml'],
  ],
  waitingForProvisioning: [
    [facts(verdict('provisioning', 'wait')), 'waiting for provisioning', { since: NOW - 10_000 }],
    [facts({ ...verdict('provisioning', 'wait'), boot: provisioning }), 'waiting for provisioning (downloads, 2 of 5)'],
  ],
  waitingForGate: [
    [facts(verdict('portal', 'wait', 'for /etc/portal.yaml')), 'waiting: for /etc/portal.yaml'],
    [facts(verdict('portal', 'wait')), 'waiting: its gate portal has not decided'],
  ],
  gateFailed: [
    [
      of(
        { state: 'BACKOFF', ...tooQuick, more: { ...more, retryAt: NOW + 1500 } },
        verdict('portal', 'error', 'no file'),
      ),
      'its gate portal failed: no file; next try in 2 s',
      { retryAt: NOW + 1500 },
    ],
    [
      of({ state: 'FATAL' }, verdict('portal', 'error')),
      'its gate portal failed: no reason given; not tried again until somebody starts it',
    ],
  ],
  cannotBeStarted: [
    [
      of({ state: 'BACKOFF', spawnerr: "can't find command '/x'", more: { ...more, failures: 1, retryAt: NOW + 900 } }),
      "cannot be started: can't find command '/x'; next try in 1 s",
    ],
    [
      of({ state: 'BACKOFF', spawnerr: "can't find command '/x'", more: undefined }),
      "cannot be started: can't find command '/x'; it is tried again",
    ],
  ],
  crashing: [
    [
      of({
        state: 'BACKOFF',
        ...tooQuick,
        ends: [NOW - 9000, NOW - 5000, NOW - 1000],
        more: died({ ending: 'exit status 1', failures: 3, retryAt: NOW + 12_000 }),
      }),
      `crashed 3 times in the last minute, last: exit status 1; next try in 12 s; see ${LOG}`,
      { since: NOW - 1000, retryAt: NOW + 12_000 },
    ],
    [
      of({ state: 'BACKOFF', ...tooQuick, more: died({ ending: 'exit status 127', failures: 2, retryAt: NOW - 1 }) }),
      `crashed 2 times in a row, last: exit status 127 (command not found, perhaps); next try now; see ${LOG}`,
    ],
    [
      of({
        state: 'BACKOFF',
        ...tooQuick,
        more: died({ ending: 'terminated by SIGKILL', failures: 1, retryAt: NOW + 1 }),
      }),
      `was terminated by SIGKILL (out of memory, perhaps); next try in 1 s; see ${LOG}`,
    ],
    [
      of({ state: 'BACKOFF', ...tooQuick, more: { ...more, ending: 'exit status 0', failures: 1, retryAt: NOW + 1 } }),
      `ended with exit status 0; next try in 1 s; see ${LOG}`,
    ],
    [of({ state: 'BACKOFF', ...tooQuick, more: undefined }), `crashed; it is tried again; see ${LOG}`],
  ],
  couldNotBeStarted: [
    [
      of({ state: 'FATAL', spawnerr: "can't find command '/x'" }),
      "cannot be started: can't find command '/x'; it is not tried again until somebody starts it",
    ],
  ],
  gaveUp: [
    [
      of({ state: 'FATAL', ...tooQuick, more: died({ ending: 'exit status 3' }) }),
      `crashed at every try, last: exit status 3; not tried again until somebody starts it; see ${LOG}`,
    ],
    [
      of({ state: 'FATAL', ...tooQuick, logfile: '/var/log/c.log', more: undefined }),
      'crashed at every try; not tried again until somebody starts it; see /var/log/c.log',
    ],
  ],
  endedWell: [
    [
      of({ state: 'EXITED', pid: 0, more: { ...more, ending: 'exit status 2', expected: true } }),
      'ended by itself with exit status 2, and is not started again',
    ],
    [of({ state: 'EXITED', pid: 0, more: undefined }), 'ended by itself with exit status 0, and is not started again'],
  ],
  endedBadly: [
    [
      of({ state: 'EXITED', pid: 0, more: died({ ending: 'terminated by SIGSEGV' }) }),
      `was terminated by SIGSEGV; not tried again until somebody starts it; see ${LOG}`,
    ],
    [
      of({ state: 'EXITED', pid: 0, more: undefined, exitstatus: 4, spawnerr: 'Bad exit code 4' }),
      `crashed with exit status 4; not tried again until somebody starts it; see ${LOG}`,
    ],
  ],
  looping: [
    [
      of({ ends: [NOW - 3000, NOW - 2000, NOW - 1000], stopped: NOW - 1000, more: died({ ending: 'exit status 1' }) }),
      `crashed 3 times in the last minute, last: exit status 1; started again each time; see ${LOG}`,
      { since: NOW - 1000 },
    ],
  ],
  running: [[alone({}), 'running', { since: NOW - 20_000 }]],
  comingUp: [[alone({ state: 'STARTING' }), 'starting', { since: NOW - 20_000 }]],
  installing: [[facts({ provisioning: 'running' }), 'port 18188 does not answer yet: provisioning is running']],
  starting: [
    [facts(), 'starting: its program runs, port 18188 does not answer yet', { since: NOW - 20_000 }],
    [
      of({ state: 'STARTING' }, { provisioning: 'failed' }),
      'starting: its program runs, port 18188 does not answer yet; provisioning has failed',
    ],
    [facts(verdict('portal', 'go')), 'starting: its program runs, port 18188 does not answer yet'],
  ],
}

const described = (given: Facts): readonly ProgramStatus[] =>
  given.applications.length > 0
    ? describeApplications(given)
    : given.programs!.map(program => describeProgram(program, given))

describe.each(Object.entries(cases))('%s', (name, examples) => {
  const { state } = rules[name as RuleName]
  test.each(examples.map(([given, sentence, rest]) => [sentence, given, rest] as const))(
    '%s',
    (sentence, given, rest) => {
      expect(described(given)).toMatchObject([{ state, sentence, ...rest }])
    },
  )
})

test('a verdict and a wait of an earlier life count no more', () => {
  const stale = verdict('portal', 'skip', 'no', NOW - 60_000)
  expect(describeApplications(facts(stale))[0]!.state).toBe('starting')
})

test('every sentence is one line without a full stop, and never HTML', () => {
  const sentences = Object.values(cases).flatMap(examples => examples.flatMap(([given]) => described(given)))
  for (const { sentence } of sentences) expect(sentence).toMatch(/^[^<>\n]+[^.\n]$/)
})

test('a program that its gate sent away is skipped, however often it is started again', () => {
  const sentAway = facts({ skipMarkers: new Map([['comfyui', 'Comfy']]) })
  for (const state of ['STARTING', 'RUNNING', 'EXITED', 'BACKOFF'] as const)
    expect(describeProgram(program({ state }), sentAway).state).toBe('skipped')
})
