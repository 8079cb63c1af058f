/** start, stop, restart, signal, clear: what is done to processes. Source: contract 9.4 */
import { type Context, UsageError } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { parseNamespec } from '../namespec.ts'
import {
  carryOut,
  clearMeanings,
  renderResult,
  resultOf,
  signalMeanings,
  startMeanings,
  stopMeanings,
} from '../results.ts'

export async function start(context: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length === 0) throw new UsageError('Error: start requires a process name', exitStatus.INVALID_ARGUMENTS)
  const { supervisor } = context
  return carryOut(
    {
      meanings: startMeanings,
      one: namespec => supervisor.startProcess(namespec),
      group: group => supervisor.startProcessGroup(group),
      all: () => supervisor.startAllProcesses(),
      unknownGroup: exitStatus.INVALID_ARGUMENTS,
    },
    words,
    context,
  )
}

export async function stop(context: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length === 0) throw new UsageError('Error: stop requires a process name')
  const { supervisor } = context
  return carryOut(
    {
      meanings: stopMeanings,
      one: namespec => supervisor.stopProcess(namespec),
      group: group => supervisor.stopProcessGroup(group),
      all: () => supervisor.stopAllProcesses(),
      unknownGroup: exitStatus.ERROR,
    },
    words,
    context,
  )
}

/** The lines of both; what did not run is started all the same. */
export async function restart(context: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length === 0) throw new UsageError('Error: restart requires a process name')
  const stopped = await stop(context, words)
  return (await start(context, words)) || stopped
}

export async function signal(context: Context, words: readonly string[]): Promise<ExitStatus> {
  const [name, ...namespecs] = words
  if (name === undefined || namespecs.length === 0)
    throw new UsageError('Error: signal requires a signal name and a process name')
  const { supervisor } = context
  return carryOut(
    {
      meanings: signalMeanings,
      one: namespec => supervisor.signalProcess(namespec, name),
      group: group => supervisor.signalProcessGroup(group, name),
      all: () => supervisor.signalAllProcesses(name),
      unknownGroup: exitStatus.ERROR,
    },
    namespecs,
    context,
  )
}

/** Knows no groups: `clear team:*` is told as the original does, `team:None: ERROR (no such process)`. */
export async function clear({ supervisor, print }: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length === 0) throw new UsageError('Error: clear requires a process name')
  let status: ExitStatus = exitStatus.OK
  const report = (result: Parameters<typeof renderResult>[1]) => {
    const rendered = renderResult(clearMeanings, result)
    print(rendered.line)
    status = rendered.status || status
  }
  if (words.includes('all')) {
    for (const result of await supervisor.clearAllProcessLogs()) report(result)
    return status
  }
  for (const word of words) {
    const { group, process } = parseNamespec(word)
    report(await resultOf(supervisor.clearProcessLogs(word), group, process ?? 'None'))
  }
  return status
}
