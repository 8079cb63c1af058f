/** pid, version, avail: what can be asked. Source: contract 9.4 */
import type { Context } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { renderNamespec } from '../namespec.ts'
import { isFault } from '../results.ts'

/** Without words the daemon's own. */
export async function pid({ supervisor, print }: Context, words: readonly string[]): Promise<ExitStatus> {
  if (words.length === 0) {
    print(String(await supervisor.getPID()))
    return exitStatus.OK
  }
  if (words.includes('all')) {
    for (const info of await supervisor.getAllProcessInfo()) print(String(info.pid))
    return exitStatus.OK
  }
  let status: ExitStatus = exitStatus.OK
  for (const word of words) {
    try {
      const info = await supervisor.getProcessInfo(word)
      print(String(info.pid))
      if (info.pid === 0) status = exitStatus.NOT_RUNNING
    } catch (error) {
      if (!isFault(error, 'BAD_NAME')) throw error
      print(`No such process ${word}`)
      status = exitStatus.ERROR
    }
  }
  return status
}

export async function version({ supervisor, print }: Context): Promise<ExitStatus> {
  print(await supervisor.getSupervisorVersion())
  return exitStatus.OK
}

/** `team:m0                          in use    auto      999:999` */
export async function avail({ supervisor, print }: Context): Promise<ExitStatus> {
  try {
    for (const config of await supervisor.getAllConfigInfo()) {
      const name = renderNamespec(config.group, config.name)
      const inUse = config.inuse ? 'in use' : 'avail'
      const autostart = config.autostart ? 'auto' : 'manual'
      const priorities = `${config.group_prio}:${config.process_prio}`
      print(`${name.padEnd(32)} ${inUse.padEnd(9)} ${autostart.padEnd(9)} ${priorities}`)
    }
    return exitStatus.OK
  } catch (error) {
    if (!isFault(error, 'SHUTDOWN_STATE')) throw error
    print('ERROR: supervisor shutting down')
    return exitStatus.ERROR
  }
}
