/** Lines typed, or piped in, until somebody leaves. Source: contract 9.6 */
import type { Files } from '../system/system.ts'
import type { Terminal } from '../system/terminal.ts'
import { complete, type Known } from './completion.ts'
import type { Session } from './session.ts'

export interface ShellOptions {
  /** of [supervisorctl]: `supervisor` gives `supervisor> ` */
  readonly prompt: string
  readonly terminal: Terminal
  /** kept over sessions; null: forgotten at the end */
  readonly historyFile: HistoryFile | null
}

export interface HistoryFile {
  /** the oldest first; empty when there is none */
  read(): readonly string[]
  write(lines: readonly string[]): void
}

/** GNU readline's own format: a line per entry. What cannot be read or written is no reason to leave. */
export const historyFile = (path: string, files: Files): HistoryFile => ({
  read() {
    try {
      return files
        .read(path)
        .toString()
        .split('\n')
        .filter(line => line !== '')
    } catch {
      return []
    }
  },
  write(lines) {
    try {
      files.write(path, lines.map(line => `${line}\n`).join(''), { mode: 0o600 })
    } catch {
      // a directory that is gone or not ours
    }
  },
})

/** Shows the status first. Ctrl-C, Ctrl-D, quit and exit leave it; the exit status is always 0, so nothing is returned. */
export async function runShell(session: Session, { prompt, terminal, historyFile }: ShellOptions): Promise<void> {
  const history = historyFile?.read().toReversed() ?? []
  const interrupt = Promise.withResolvers<'interrupt'>()
  const cancel = terminal.onInterrupt(() => interrupt.resolve('interrupt'))
  const how = await Promise.race([talk(), interrupt.promise])
  cancel()
  if (how !== 'leave') terminal.write('\n')
  historyFile?.write(history.toReversed())

  async function talk(): Promise<'leave' | 'end of input'> {
    let known: Promise<Known> | null = null
    const whatIsKnown = () => (known ??= readKnown(session))
    await session.run('status')
    for (;;) {
      const line = await terminal.ask(`${prompt}> `, {
        history,
        complete: async text => complete(text, await whatIsKnown()),
      })
      known = null // a command may change it
      if (line === null) return 'end of input'
      if ((await session.run(line)) === 'leave') return 'leave'
    }
  }
}

/** Nothing when the daemon cannot be asked: this is no moment for errors. */
async function readKnown({ client }: Session): Promise<Known> {
  try {
    return { processes: await client.supervisor.getAllProcessInfo() }
  } catch {
    return { processes: [] }
  }
}
