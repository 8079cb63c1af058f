/** What boot writes down of itself, for whoever wants to know how far it is. `scripts/boot` writes it, whole each time. */
import { readFileSync } from 'node:fs'
import { paths } from './paths.ts'

export interface BootStep {
  /** `prep-env` */
  readonly name: string
  /** `10-prep-env.sh` */
  readonly file: string
  /** ms since the epoch; `ended` is null while it runs */
  readonly started: number
  readonly ended: number | null
  readonly result: 'ok' | 'skipped' | 'failed' | 'running'
  /** one line; may be '' */
  readonly message: string
}

export interface BootJournal {
  /** ms since the epoch */
  readonly started: number
  readonly steps: readonly BootStep[]
  readonly phase: 'boot' | 'provisioning' | 'done'
}

/** undefined when there is none, or none that can be read: an instance may have been started without our boot. */
export function readBootJournal(path: string = paths.bootJournal): BootJournal | undefined {
  try {
    return parseBootJournal(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const results: readonly unknown[] = ['ok', 'skipped', 'failed', 'running']
const phases: readonly unknown[] = ['boot', 'provisioning', 'done']

export function parseBootJournal(text: string): BootJournal | undefined {
  let journal: BootJournal
  try {
    journal = JSON.parse(text)
  } catch {
    return undefined
  }
  const good =
    typeof journal === 'object' &&
    journal !== null &&
    typeof journal.started === 'number' &&
    phases.includes(journal.phase) &&
    Array.isArray(journal.steps) &&
    journal.steps.every(isStep)
  return good ? journal : undefined
}

const isStep = (step: BootStep): boolean =>
  typeof step === 'object' &&
  step !== null &&
  typeof step.name === 'string' &&
  typeof step.file === 'string' &&
  typeof step.started === 'number' &&
  (step.ended === null || typeof step.ended === 'number') &&
  results.includes(step.result) &&
  typeof step.message === 'string'
