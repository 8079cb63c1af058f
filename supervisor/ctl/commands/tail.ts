/** tail, maintail: the end of a log, and what comes. Source: contract 9.4, 7.5 */
import { HttpStatusError } from '../../client/client.ts'
import { HttpProtocolError } from '../../client/response-reader.ts'
import { type Context, UsageError } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { isFault } from '../results.ts'

const { OK, ERROR } = exitStatus
const DEFAULT_BYTES = 1600

export async function tail(context: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length < 1) throw new UsageError('Error: too few arguments')
  if (words.length > 3) throw new UsageError('Error: too many arguments')
  const modifier = words[0]!.startsWith('-') ? words[0]! : null
  const [name, ...channels] = modifier === null ? words : words.slice(1)
  const channel = channels.at(-1) ?? 'stdout'
  if (name === undefined) return refuse(context, 'Error: tail requires process name')
  if (channel !== 'stdout' && channel !== 'stderr') return refuse(context, `Error: bad channel '${channel}'`)
  if (modifier === '-f') return follow(context, `/logtail/${name}/${channel}`)
  const bytes = modifier === null ? DEFAULT_BYTES : parseBytes(modifier)
  if (bytes === null) return refuse(context, `Error: bad argument ${modifier}`)
  const { supervisor } = context
  const log =
    channel === 'stdout'
      ? supervisor.readProcessStdoutLog(name, -bytes, 0)
      : supervisor.readProcessStderrLog(name, -bytes, 0)
  return show(context, log, name)
}

export async function maintail(context: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length > 1) throw new UsageError('Error: too many arguments')
  const modifier = words[0] ?? `-${DEFAULT_BYTES}`
  if (modifier === '-f') return follow(context, '/mainlogtail')
  const bytes = modifier.startsWith('-') ? parseBytes(modifier) : null
  if (bytes === null) return refuse(context, `Error: bad argument ${modifier}`)
  return show(context, context.supervisor.readLog(-bytes, 0), 'supervisord')
}

function refuse({ print }: Context, message: string): ExitStatus {
  print(message)
  return ERROR
}

/** `-100` → 100; digits as Python's int() takes them, so `-1_000` and `--5` pass. */
const parseBytes = (modifier: string): number | null =>
  /^-[+-]?\d+(?:_\d+)*$/.test(modifier) ? Number(modifier.slice(1).replaceAll('_', '')) : null

/** The log and one more newline. */
async function show({ terminal, print }: Context, log: Promise<string>, name: string): Promise<ExitStatus> {
  try {
    terminal.write(`${await log}\n`)
    return OK
  } catch (error) {
    if (isFault(error, 'NO_FILE')) print(`${name}: ERROR (no log file)`)
    else if (isFault(error, 'FAILED')) print(`${name}: ERROR (unknown error reading log)`)
    else if (isFault(error, 'BAD_NAME')) print(`${name}: ERROR (no such process name)`)
    else throw error
    return ERROR
  }
}

export const PRESS_CTRL_C = '==> Press Ctrl-C to exit <=='

/** Until Ctrl-C, or the end of the daemon. An unknown log is told on stderr and is no failure. */
async function follow(context: Context, path: string): Promise<ExitStatus> {
  const { terminal, print } = context
  print(PRESS_CTRL_C)
  const following = context.follow(path, bytes => terminal.write(bytes))
  const cancel = terminal.onInterrupt(() => {
    following.stop()
    print('')
  })
  try {
    await following.ended
  } catch (error) {
    sayCannotRead(context, path, error)
  } finally {
    cancel()
  }
  return OK
}

/** `unix:///run/s.sock/logtail/web/stdout Cannot read, status code 404`; that the daemon ended is not worth a word. */
export function sayCannotRead({ terminal, url }: Context, path: string, error: unknown): void {
  if (error instanceof HttpProtocolError) return
  const why =
    error instanceof HttpStatusError
      ? `Cannot read, status code ${error.status}`
      : `Cannot connect, error: ${(error as Error).message}`
  terminal.writeError(`${url}${path} ${why}\n`)
}
