import { XmlRpcFault } from '../../xmlrpc/codec.ts'
import { type Context, UsageError } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { isFault } from '../results.ts'
import { PRESS_CTRL_C, sayCannotRead } from './tail.ts'

const { OK, ERROR } = exitStatus

/**
 * Joins a process: its logs are shown, lines typed go to its stdin, until Ctrl-C, the end of input, or its death.
 * The process goes on. Source: contract 9.4
 */
export async function fg(context: Context, words: readonly string[]): Promise<ExitStatus> {
  const { supervisor, terminal, print } = context
  const [name] = words
  if (name === undefined) throw new UsageError('ERROR: no process name supplied')
  if (words.length > 1) return refuse(context, 'ERROR: too many process names supplied')
  try {
    const info = await supervisor.getProcessInfo(name)
    if (info.statename !== 'RUNNING') return refuse(context, 'ERROR: process not running')
  } catch (error) {
    if (!isFault(error, 'BAD_NAME')) throw error
    return refuse(context, 'ERROR: bad process name supplied')
  }

  print(PRESS_CTRL_C)
  const over = new AbortController()
  const logs = ['stdout', 'stderr'].map(channel => {
    const path = `/logtail/${name}/${channel}`
    const log = context.follow(path, bytes => terminal.write(bytes))
    log.ended.catch(error => sayCannotRead(context, path, error))
    return log
  })
  const cancel = terminal.onInterrupt(() => over.abort())
  try {
    for (;;) {
      const line = await terminal.ask('', { plain: true, abort: over.signal })
      if (line === null) break
      await supervisor.sendProcessStdin(name, `${line}\n`)
    }
  } catch (error) {
    if (!(error instanceof XmlRpcFault)) throw error
    print('Process got killed')
  } finally {
    cancel()
    for (const log of logs) log.stop()
  }
  print('Exiting foreground')
  return OK
}

function refuse({ print }: Context, message: string): ExitStatus {
  print(message)
  return ERROR
}
