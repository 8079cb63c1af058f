/**
 * What an event listener says on its stdout, as a state and what follows from it: `receive(state, bytes)` returns the next
 * state and the outcomes, and touches nothing. However the bytes are cut into pieces, the outcomes are the same.
 *
 *     ACKNOWLEDGED   READY\n                → READY          initially, and after each result
 *     READY          an event is sent       → BUSY           anything it says now is a violation
 *     BUSY           RESULT 2\nOK           → ACKNOWLEDGED   processed
 *                    RESULT n\n, n bytes    → ACKNOWLEDGED   rejected
 *                    any other line         → UNKNOWN
 *     UNKNOWN                                                nothing it says matters, until it is started again
 *
 * The word before the number is not looked at: the number begins at byte 7 of the line. A state never holds more than
 * LONGEST_LINE bytes of what was said: of a result only as much as tells it from `OK`.
 *
 * Differences from the original: RESULT 0 is a rejection at once, not when more bytes arrive; a negative length is a bad
 * line (there: endless recursion), and so is a line without an end (there: memory).
 * Source: contract 11.3; the original with RESULT -1 and `FOO BAR 1_0`
 */
import { readable } from './payload.ts'

export type ListenerState =
  | { readonly name: 'ACKNOWLEDGED'; readonly begun: string }
  | { readonly name: 'READY' }
  | { readonly name: 'BUSY'; readonly line: string }
  | { readonly name: 'BUSY'; readonly line: null; readonly left: number; readonly result: string }
  | { readonly name: 'UNKNOWN' }

export type Outcome =
  | { readonly type: 'ready' }
  | { readonly type: 'processed' }
  | { readonly type: 'rejected' }
  /** `line` as text, without its end */
  | { readonly type: 'badResultLine'; readonly line: string }
  | { readonly type: 'violated'; readonly from: 'ACKNOWLEDGED' | 'READY' }

export interface Received {
  readonly state: ListenerState
  readonly outcomes: readonly Outcome[]
}

/** A child that has just been started. */
export const started: ListenerState = { name: 'ACKNOWLEDGED', begun: '' }
/** READY, and an event was written to it. */
export const busy: ListenerState = { name: 'BUSY', line: '' }

const ready: ListenerState = { name: 'READY' }
const unknown: ListenerState = { name: 'UNKNOWN' }

const READY = 'READY\n'
const OK = 'OK'
const NUMBER_AT = 'RESULT '.length
/** bytes; `RESULT 2` takes 8 */
export const LONGEST_LINE = 1024

export function receive(before: ListenerState, chunk: Uint8Array): Received {
  const outcomes: Outcome[] = []
  if (before.name === 'UNKNOWN') return { state: before, outcomes }
  let state: ListenerState = before
  // one character per byte
  let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
  while (rest !== '' && state.name !== 'UNKNOWN') {
    const step: Step = read(state, rest)
    if (step.outcome) outcomes.push(step.outcome)
    state = step.state
    rest = step.rest
  }
  return { state, outcomes }
}

/** What becomes of a state by what was said, and what is still to be read then. */
interface Step {
  readonly state: ListenerState
  readonly rest: string
  readonly outcome?: Outcome
}

const wait = (state: ListenerState): Step => ({ state, rest: '' })

function read(state: ListenerState, said: string): Step {
  switch (state.name) {
    case 'ACKNOWLEDGED':
      return readGreeting(state.begun + said)
    case 'READY':
      return { state: unknown, rest: '', outcome: { type: 'violated', from: 'READY' } }
    case 'BUSY':
      return state.line === null ? readResult(state.left, state.result, said) : readLine(state.line + said)
    case 'UNKNOWN':
      return wait(state)
  }
}

function readGreeting(said: string): Step {
  if (said.length < READY.length) return wait({ name: 'ACKNOWLEDGED', begun: said })
  if (said.startsWith(READY)) return { state: ready, rest: said.slice(READY.length), outcome: { type: 'ready' } }
  return { state: unknown, rest: '', outcome: { type: 'violated', from: 'ACKNOWLEDGED' } }
}

function readLine(said: string): Step {
  const line = said.slice(0, LONGEST_LINE).split('\n', 1)[0]!
  const tooLong = line.length === LONGEST_LINE
  if (line.length === said.length && !tooLong) return wait({ name: 'BUSY', line })
  const length = tooLong ? null : parseLength(line.slice(NUMBER_AT))
  if (length === null) {
    const text = readable(Buffer.from(line, 'latin1'))
    return { state: unknown, rest: '', outcome: { type: 'badResultLine', line: text } }
  }
  const rest = said.slice(line.length + 1)
  if (length === 0) return { state: started, rest, outcome: { type: 'rejected' } }
  return { state: { name: 'BUSY', line: null, left: length, result: '' }, rest }
}

function readResult(left: number, before: string, said: string): Step {
  const result = (before + said.slice(0, left)).slice(0, OK.length + 1)
  if (said.length < left) return wait({ name: 'BUSY', line: null, left: left - said.length, result })
  return { state: started, rest: said.slice(left), outcome: { type: result === OK ? 'processed' : 'rejected' } }
}

/** `2`, ` 2 `, `+2`, `1_0`: as Python reads whole numbers; null when it is none, or negative. */
function parseLength(text: string): number | null {
  if (!/^\s*[+-]?\d+(_\d+)*\s*$/.test(text)) return null
  const length = Number(text.replaceAll('_', ''))
  return length >= 0 ? Math.abs(length) : null
}
