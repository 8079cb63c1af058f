/** What a command is, what it gets, and how it says that it was called the wrong way. */
import type { Following } from '../client/client.ts'
import type { SupervisorApi } from '../client/supervisor-api.ts'
import type { Terminal } from '../system/terminal.ts'
import { type ExitStatus, exitStatus } from './exit-status.ts'

/** What a command works with. */
export interface Context {
  /** as the user wrote it; in messages */
  readonly url: string
  readonly supervisor: SupervisorApi
  follow(path: string, write: (bytes: Buffer) => void): Following
  readonly terminal: Terminal
  /** Ask before ending the daemon, ask for a password. */
  readonly interactive: boolean
  /** A line to stdout. */
  print(line: string): void
  /** Turns to another daemon. @throws ServerUrlError */
  open(url: string): void
  /** Runs another command as if typed. */
  run(line: string): Promise<ExitStatus>
}

export interface Command {
  /** Lines of `help NAME`, tabs and trailing blanks included. Source: contract 9.5 */
  readonly help: readonly string[]
  /** Words after the command that the tab key knows. */
  readonly completes?: 'processes' | 'groups' | 'commands'
  /** Words after the command are an error. */
  readonly bare?: true
  /** Look first whether the daemon is there and speaks our version. Source: contract 9.3 */
  readonly upcheck: boolean
  /** Exit status when it is not, instead of the usual ones. */
  readonly unreachable?: ExitStatus
  /** `words` is the rest of the line, split at blanks; `rest` is the same unsplit. */
  run(context: Context, words: readonly string[], rest: string): ExitStatus | 'leave' | Promise<ExitStatus | 'leave'>
}

/** Called the wrong way: the message is shown, and the help of the command below it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly status: ExitStatus

  constructor(message: string, status: ExitStatus = exitStatus.ERROR) {
    super(message)
    this.status = status
  }
}
