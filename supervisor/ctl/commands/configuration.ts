/** reread, update, add, remove: what changes the set of groups. Source: contract 9.4, 10.2 */
import type { SupervisorApi } from '../../client/supervisor-api.ts'
import { compareText } from '../../config/python-text.ts'
import { faults } from '../../xmlrpc/faults.ts'
import type { Context } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { isFault } from '../results.ts'

const { OK, ERROR } = exitStatus

export async function reread({ supervisor, print }: Context): Promise<ExitStatus> {
  try {
    const [[added, changed, removed]] = await supervisor.reloadConfig()
    const lines = [
      ...added.map(group => [group, 'available'] as const),
      ...changed.map(group => [group, 'changed'] as const),
      ...removed.map(group => [group, 'disappeared'] as const),
    ].sort(([a], [b]) => compareText(a, b))
    for (const [group, what] of lines) print(`${group}: ${what}`)
    if (lines.length === 0) print('No config updates to processes')
    return OK
  } catch (error) {
    if (isFault(error, 'SHUTDOWN_STATE')) print('ERROR: supervisor shutting down')
    else if (isFault(error, 'CANT_REREAD')) print(`ERROR: ${error.text}`)
    else throw error
    return ERROR
  }
}

/** A broken configuration is not told in words of its own here, unlike in reread: clients know both. */
export async function update({ supervisor, print }: Context, words: readonly string[]): Promise<ExitStatus> {
  const changes = await changesOrNone(supervisor)
  if (changes === null) {
    print('ERROR: already shutting down')
    return ERROR
  }
  const [added, changed, removed] = changes
  let status: ExitStatus = OK
  let selected = (_group: string) => true
  if (words.length > 0 && !words.includes('all')) {
    const infos = await supervisor.getAllProcessInfo()
    const known = new Set([...infos.map(info => info.group), ...added, ...changed, ...removed])
    for (const unknown of words.filter(word => !known.has(word))) {
      print(`ERROR: no such group: ${unknown}`)
      status = ERROR
    }
    selected = group => words.includes(group)
  }

  for (const group of removed.filter(selected)) {
    const results = await supervisor.stopProcessGroup(group)
    print(`${group}: stopped`)
    if (results.some(result => result.status === faults.FAILED)) {
      print(`${group}: has problems; not removing`)
      status = ERROR
      continue
    }
    await supervisor.removeProcessGroup(group)
    print(`${group}: removed process group`)
  }
  for (const group of changed.filter(selected)) {
    await supervisor.stopProcessGroup(group)
    print(`${group}: stopped`)
    await supervisor.removeProcessGroup(group)
    await supervisor.addProcessGroup(group)
    print(`${group}: updated process group`)
  }
  for (const group of added.filter(selected)) {
    await supervisor.addProcessGroup(group)
    print(`${group}: added process group`)
  }
  return status
}

/** null: the daemon is shutting down */
async function changesOrNone(supervisor: SupervisorApi) {
  try {
    return (await supervisor.reloadConfig())[0]
  } catch (error) {
    if (isFault(error, 'SHUTDOWN_STATE')) return null
    throw error
  }
}

export async function add({ supervisor, print }: Context, words: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = OK
  for (const group of words) {
    try {
      await supervisor.addProcessGroup(group)
      print(`${group}: added process group`)
    } catch (error) {
      if (isFault(error, 'ALREADY_ADDED')) {
        print('ERROR: process group already active') // so one may add without looking first: the exit status stays
        continue
      }
      if (isFault(error, 'SHUTDOWN_STATE')) print('ERROR: shutting down')
      else if (isFault(error, 'BAD_NAME')) print(`ERROR: no such process/group: ${group}`)
      else throw error
      status = ERROR
    }
  }
  return status
}

export async function remove({ supervisor, print }: Context, words: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = OK
  for (const group of words) {
    try {
      await supervisor.removeProcessGroup(group)
      print(`${group}: removed process group`)
    } catch (error) {
      if (isFault(error, 'STILL_RUNNING')) print(`ERROR: process/group still running: ${group}`)
      else if (isFault(error, 'BAD_NAME')) print(`ERROR: no such process/group: ${group}`)
      else throw error
      status = ERROR
    }
  }
  return status
}
