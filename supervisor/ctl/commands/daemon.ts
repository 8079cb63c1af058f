/** reload, shutdown, open: the daemon as a whole. Source: contract 9.4 */
import type { Context } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { EndOfInputError } from '../python-error.ts'
import { isFault } from '../results.ts'
import { renderUnreachable } from '../upcheck.ts'

const { OK, ERROR } = exitStatus

/** Only an answer that begins with y is a yes. Whoever is not asked has agreed. */
async function agreed({ interactive, terminal }: Context, question: string): Promise<boolean> {
  if (!interactive) return true
  const answer = await terminal.ask(`${question} y/N? `)
  if (answer === null) throw new EndOfInputError('EOF when reading a line')
  return /^y/i.test(answer)
}

export async function reload(context: Context): Promise<ExitStatus> {
  if (!(await agreed(context, 'Really restart the remote supervisord process'))) return OK
  try {
    await context.supervisor.restart()
    context.print('Restarted supervisord')
    return OK
  } catch (error) {
    if (!isFault(error, 'SHUTDOWN_STATE')) throw error
    context.print('ERROR: already shutting down')
    return ERROR
  }
}

/** That it is shutting down already is no failure. */
export async function shutdown(context: Context): Promise<ExitStatus> {
  if (!(await agreed(context, 'Really shut the remote supervisord process down'))) return OK
  try {
    await context.supervisor.shutdown()
    context.print('Shut down')
    return OK
  } catch (error) {
    if (isFault(error, 'SHUTDOWN_STATE')) {
      context.print('ERROR: already shutting down')
      return OK
    }
    const unreachable = renderUnreachable(error, context.url)
    if (!unreachable) throw error
    context.print(`ERROR: ${unreachable.text} (already shut down?)`)
    return ERROR
  }
}

/** Shows the status of the other daemon; what is wrong there does not count. */
export async function open(context: Context, _: readonly string[], url: string): Promise<ExitStatus> {
  if (!/^(?:http|unix):\/\//.test(url)) {
    context.print('ERROR: url must be http:// or unix://')
    return ERROR
  }
  context.open(url)
  await context.run('status')
  return OK
}
