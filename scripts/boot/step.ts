/**
 * What a boot step is. Its file in /etc/vast_boot.d is sourced by the boot shell and calls `boot-step NAME`; that runs the
 * row of steps.ts, and prints what the shell shall change about itself on stdout. All talk goes to stderr.
 */

export type Env = Readonly<Record<string, string | undefined>>

/** What a step gets to work with. */
export interface StepTools {
  /**
   * The environment of the boot shell. Its flags (`export_env`, `generate_tls_cert` … of contract 2.2) are not exported
   * there: a shim that needs one hands it over, `generate_tls_cert="$generate_tls_cert" …/boot-step tls-cert-gen`.
   */
  readonly env: Env
  /** One line for the container log. */
  say(line: string): void
  /**
   * Aborted when the deadline has passed. What the step has started by then is ended without its help; a step that works
   * by itself for long stops at this signal.
   */
  readonly signal: AbortSignal
}

export interface StepOutcome {
  /** `skipped`: there was nothing to do here. A step that failed does not hold up the boot. */
  readonly result: 'ok' | 'skipped' | 'failed'
  /** One line: what was done, or why not and how to mend it. Shown in the journal; of a failed step on the container log, too. Never a secret. */
  readonly message: string
  /** Variables that the boot shell exports from now on. */
  readonly exports?: Readonly<Record<string, string>>
  /** Variables that it forgets. */
  readonly unset?: readonly string[]
  /** Directory that it changes into. */
  readonly cd?: string
}

/** One row of steps.ts. */
export interface Step {
  /** Of `boot-step NAME`: the file's name without number. */
  readonly name: string
  /** In /etc/vast_boot.d: the order is the file name. */
  readonly file: string
  readonly doc: string
  /** A step that takes longer is ended with all that it has started; the boot goes on. */
  readonly deadlineSeconds: number
  /** What it throws is a failure, with the error's message. null: the file does its few lines of work in the shell. */
  readonly run: ((tools: StepTools) => Promise<StepOutcome> | StepOutcome) | null
  /** `boot-step NAME QUESTION ARG…` prints the answer, for shell functions of the step; undefined: there is none. */
  readonly ask?: (question: string, args: readonly string[], env: Env) => string | undefined
}

export const ok = (message: string, change: Omit<StepOutcome, 'result' | 'message'> = {}): StepOutcome => ({
  result: 'ok',
  message,
  ...change,
})

export const skipped = (message: string): StepOutcome => ({ result: 'skipped', message })

export const failed = (message: string, change: Omit<StepOutcome, 'result' | 'message'> = {}): StepOutcome => ({
  result: 'failed',
  message,
  ...change,
})
