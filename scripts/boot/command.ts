/** Commands that steps run: their output is kept, none of it reaches the shell that evaluates ours. */

export interface CommandResult {
  readonly ok: boolean
  /** without the last newline */
  readonly stdout: string
  /** One line: `cp: exit status 1: cannot stat …`, `git: not installed`; '' when all is well. */
  readonly problem: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly input?: string
  readonly signal?: AbortSignal
  readonly timeoutSeconds?: number
}

/** Longest text of a command that is kept for a message. */
const MOST_SAID = 300

/** Never throws. */
export async function runCommand(
  file: string,
  args: readonly string[],
  { env, input, signal, timeoutSeconds }: CommandOptions = {},
): Promise<CommandResult> {
  const { execa } = await import('execa')
  const result = await execa(file, args, {
    reject: false,
    ...(env === undefined ? {} : { env }),
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000 }),
  })
  const { failed, exitCode, stdout, stderr } = result
  if (!failed) return { ok: true, stdout, problem: '' }
  const name = file.replace(/^.*\//, '')
  const said = stderr.trim().split('\n').join('; ').slice(0, MOST_SAID)
  const why =
    result.code === 'ENOENT'
      ? 'not installed'
      : result.timedOut
        ? `no answer within ${timeoutSeconds} s`
        : exitCode === undefined
          ? `ended by ${result.signal ?? result.code}`
          : `exit status ${exitCode}`
  return { ok: false, stdout, problem: [name, why, said].filter(Boolean).join(': ') }
}
