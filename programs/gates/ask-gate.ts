/** Asks a gate until it has decided, and leaves what it says where others look: its verdict, and the skip marker. */
import { type Close, watchPath } from '../common/file-watch.ts'
import { type Env, type Facts, type Gate, type GateName, gates, type Verdict, type Wait } from './gates.ts'
import { type OwnFacts, ownFacts } from './own-facts.ts'
import { recordVerdict } from './records.ts'

export interface Asking {
  readonly env: Env
  /** One line for the log of the program. */
  say(line: string): void
}

/** Whoever waits says so that often. */
const SAY_EVERY_MS = 30_000

/**
 * Resolves once the gate has decided; what it waits for is told by the kernel. What it says goes to `say`, its verdict to
 * /run/bosun/gates/PROC_NAME.json, beside the marker in /tmp/supervisor-skip. `argument` is '' for gates that take none.
 */
export async function askGate(name: GateName, argument: string, { env, say }: Asking): Promise<Verdict> {
  const gate: Gate = gates[name]
  const program = env.PROC_NAME ?? ''
  const facts = ownFacts(env, program)
  const record = ({ verdict, reason }: Verdict | Wait): void =>
    recordVerdict(program, name, gate, argument, verdict, reason)
  const answer = gate.decide({ ...facts, late: false }, argument)
  const verdict = answer.verdict === 'wait' ? await waitFor(gate, argument, facts, say, record) : answer
  record(verdict)
  if (verdict.says !== undefined) say(verdict.says)
  return verdict
}

async function waitFor(
  gate: Gate,
  argument: string,
  facts: OwnFacts,
  say: (line: string) => void,
  record: (wait: Wait) => void,
): Promise<Verdict> {
  const started = performance.now()
  let nextWord = started
  let recorded = ''
  let wake = (): void => {}
  const close: Close = gate.watch === undefined ? () => {} : watchPath(gate.watch, () => wake())
  try {
    for (;;) {
      const woken = new Promise<void>(done => (wake = done)) // before the look: a change meanwhile is not missed
      const left = (gate.limitMs ?? Number.POSITIVE_INFINITY) - (performance.now() - started)
      const answer = gate.decide({ ...facts, late: left <= 0 } satisfies Facts, argument)
      if (answer.verdict !== 'wait') return answer
      if (answer.reason !== recorded) record(answer)
      recorded = answer.reason
      if (answer.says !== undefined && performance.now() >= nextWord) {
        say(answer.says)
        nextWord = performance.now() + SAY_EVERY_MS
      }
      await orAfter(woken, Math.min(left, answer.againMs ?? SAY_EVERY_MS))
    }
  } finally {
    close()
  }
}

async function orAfter(event: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, Math.max(ms, 0) + 1)
  await Promise.race([event, promise])
  clearTimeout(timer)
}
