/**
 * What became of one process: the number that the daemon answers with, as the line and the exit status of a command.
 * Source: contract 9.4
 */
import type { ProcessResult } from '../client/supervisor-api.ts'
import { XmlRpcFault } from '../xmlrpc/codec.ts'
import { type FaultName, faults } from '../xmlrpc/faults.ts'
import type { Context } from './command.ts'
import { type ExitStatus, exitStatus } from './exit-status.ts'
import { parseNamespec, renderNamespec } from './namespec.ts'
import { UnknownResultError } from './python-error.ts'

interface Meaning {
  /** of SUCCESS: `web: started`; of a fault: `web: ERROR (spawn error)`; null: the daemon's own text, bare */
  readonly words: string | null
  readonly status: ExitStatus
}
export type Meanings = Partial<Record<FaultName, Meaning>>

const { OK, ERROR, NOT_RUNNING } = exitStatus

export const startMeanings: Meanings = {
  SUCCESS: { words: 'started', status: OK },
  BAD_NAME: { words: 'no such process', status: ERROR },
  NO_FILE: { words: 'no such file', status: ERROR },
  NOT_EXECUTABLE: { words: 'file is not executable', status: ERROR },
  ALREADY_STARTED: { words: 'already started', status: OK },
  SPAWN_ERROR: { words: 'spawn error', status: NOT_RUNNING },
  ABNORMAL_TERMINATION: { words: 'abnormal termination', status: NOT_RUNNING },
}

const asTold: Meaning = { words: null, status: ERROR }

export const stopMeanings: Meanings = {
  SUCCESS: { words: 'stopped', status: OK },
  BAD_NAME: { words: 'no such process', status: ERROR },
  NOT_RUNNING: { words: 'not running', status: OK },
  FAILED: asTold,
}

export const signalMeanings: Meanings = {
  SUCCESS: { words: 'signalled', status: OK },
  BAD_NAME: { words: 'no such process', status: ERROR },
  BAD_SIGNAL: { words: 'bad signal name', status: ERROR },
  NOT_RUNNING: { words: 'not running', status: NOT_RUNNING },
  FAILED: asTold,
}

export const clearMeanings: Meanings = {
  SUCCESS: { words: 'cleared', status: OK },
  BAD_NAME: { words: 'no such process', status: ERROR },
  FAILED: { words: 'failed', status: ERROR },
}

const nameOf = Object.fromEntries(Object.entries(faults).map(([name, code]) => [code, name as FaultName]))

/**
 * → `{ line: 'web: started', status: 0 }`
 * @throws UnknownResultError for a number that is not in the table
 */
export function renderResult(meanings: Meanings, result: ProcessResult): { line: string; status: ExitStatus } {
  const namespec = renderNamespec(result.group, result.name)
  const name = nameOf[result.status]
  const meaning = name && meanings[name]
  if (!meaning) throw new UnknownResultError(`Unknown result code ${result.status} for ${namespec}`)
  const { words, status } = meaning
  if (words === null) return { line: result.description, status }
  return { line: `${namespec}: ${name === 'SUCCESS' ? words : `ERROR (${words})`}`, status }
}

/** What `start`, `stop` and `signal` have in common: the three calls, and what their answers mean. */
export interface Order {
  readonly meanings: Meanings
  one(namespec: string): Promise<unknown>
  group(group: string): Promise<readonly ProcessResult[]>
  all(): Promise<readonly ProcessResult[]>
  /** exit status for a group that nobody knows */
  readonly unknownGroup: ExitStatus
}

/** Carries out an order on `all` or on each word, and prints a line per process as soon as it is done. */
export async function carryOut(order: Order, words: readonly string[], { print }: Context): Promise<ExitStatus> {
  let status: ExitStatus = OK
  const report = (results: readonly ProcessResult[]) => {
    for (const result of results) {
      const rendered = renderResult(order.meanings, result)
      print(rendered.line)
      status = rendered.status || status
    }
  }
  if (words.includes('all')) {
    report(await order.all())
    return status
  }
  for (const word of words) {
    const { group, process } = parseNamespec(word)
    if (process !== null) {
      report([await resultOf(order.one(word), group, process)])
      continue
    }
    try {
      report(await order.group(group))
    } catch (error) {
      if (!isFault(error, 'BAD_NAME')) throw error
      print(`${group}: ERROR (no such group)`)
      status = order.unknownGroup
    }
  }
  return status
}

/** The answer to a call on one process, in the form that calls on many answer with. */
export async function resultOf(call: Promise<unknown>, group: string, name: string): Promise<ProcessResult> {
  try {
    await call
    return { group, name, status: faults.SUCCESS, description: 'OK' }
  } catch (error) {
    if (!(error instanceof XmlRpcFault)) throw error
    return { group, name, status: error.code, description: error.text }
  }
}

export const isFault = (error: unknown, name: FaultName): error is XmlRpcFault =>
  error instanceof XmlRpcFault && error.code === faults[name]
