/** Handlers of the `supervisor.*` methods; methods.ts has the table. Source: contract 8.2–8.6 */
import { ConfigError } from '../config/config-error.ts'
import { allConfigInfo } from '../config/config-info.ts'
import { signalNumber } from '../config/signals.ts'
import type { Channel, Group, Process } from '../daemon/api.ts'
import { readFromLog, tailOfLog } from '../logs/read.ts'
import { isRunning, isSignallable, supervisorStates } from '../process/states.ts'
import type { Renderable } from '../xmlrpc/codec.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import { wholeSeconds } from './description.ts'
import { resolveSpec } from './namespec.ts'
import { onEach } from './on-each.ts'
import { processInfo } from './process-info.ts'
import type { Call } from './surroundings.ts'
import { type Doing, untilRunning, untilStopped } from './waiting.ts'

type Answer = Renderable | Promise<Renderable>

// -- finding what a name means -----------------------------------------------------------------------------------------

function find({ daemon }: Call, spec: string): { readonly group: Group; readonly process: Process | null } {
  const found = resolveSpec(daemon, spec)
  if (!found) throw new RpcFault('BAD_NAME', spec)
  return found
}

function findProcess(call: Call, spec: string): Process {
  const { process } = find(call, spec)
  if (!process) throw new RpcFault('BAD_NAME', spec)
  return process
}

function findGroup({ daemon }: Call, name: string): Group {
  const group = daemon.group(name)
  if (!group) throw new RpcFault('BAD_NAME', name)
  return group
}

/** Ascending priority, of the group first; equal ones as configured. Source: contract 4.6 */
const inOrder = ({ processes }: Group): readonly Process[] =>
  processes.toSorted((a, b) => a.config.priority - b.config.priority)

const everybody = ({ daemon }: Call): readonly Process[] => daemon.groups.flatMap(inOrder)

// -- the daemon --------------------------------------------------------------------------------------------------------

/** Not the release of the daemon: supervisorctl refuses to work with any other. */
export const API_VERSION = '3.0'

export const getState = ({ daemon }: Call): Answer => ({
  statecode: supervisorStates[daemon.state],
  statename: daemon.state,
})

/** A configuration that cannot be read is the caller's to mend: nothing has happened. */
function withConfig<Result>(read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) throw new RpcFault('CANT_REREAD', error.message)
    throw error
  }
}

export function shutdown({ daemon }: Call): Answer {
  daemon.shutdown()
  return true
}

export function restart({ daemon }: Call): Answer {
  withConfig(() => daemon.restart())
  return true
}

/** Doubly nested: trap 4. */
export function reloadConfig({ daemon }: Call): Answer {
  const { added, changed, removed } = withConfig(() => daemon.reread())
  return [[added, changed, removed]]
}

export function addProcessGroup({ daemon }: Call, name: string): Answer {
  switch (daemon.addGroup(name)) {
    case 'added':
      return true
    case 'already active':
      throw new RpcFault('ALREADY_ADDED', name)
    case 'unknown':
      throw new RpcFault('BAD_NAME', name)
  }
}

export function removeProcessGroup({ daemon }: Call, name: string): Answer {
  switch (daemon.removeGroup(name)) {
    case 'removed':
      return true
    case 'still running':
      throw new RpcFault('STILL_RUNNING', name)
    case 'unknown':
      throw new RpcFault('BAD_NAME', name)
  }
}

export function sendRemoteCommEvent({ daemon }: Call, type: string, data: string): Answer {
  daemon.sendRemoteCommEvent(type, data)
  return true
}

// -- looking at processes ----------------------------------------------------------------------------------------------

export const getProcessInfo = (call: Call, spec: string): Answer =>
  processInfo(findProcess(call, spec), wholeSeconds(call.clock.wall()))

export const getAllProcessInfo = (call: Call): Answer => call.allProcessInfo()

/**
 * Of the configuration that was read last. An automatic name is known while the group that runs is the very one of that
 * configuration: after a reread it is `auto`. Source: contract 8.6
 */
export const getAllConfigInfo = ({ daemon }: Call): Answer =>
  allConfigInfo(daemon.latestConfig, {
    inUse: group => daemon.group(group.name) !== undefined,
    automaticLogfile(group, { name }, channel) {
      const active = daemon.group(group.name)
      return active?.config === group ? active.process(name)?.logfile(channel) || 'none' : null
    },
  })

// -- starting, stopping, signalling ------------------------------------------------------------------------------------

/** Source: contract 8.3. The command is looked at first: a program that is gone is NO_FILE even while it runs. */
function start(call: Call, process: Process, spec: string, wait: boolean): Doing {
  const problem = process.checkCommand()
  if (problem) throw new RpcFault(problem.fault, problem.text)
  if (isRunning(process.state)) throw new RpcFault('ALREADY_STARTED', spec)
  if (process.state === 'UNKNOWN') throw new RpcFault('FAILED', `${spec} is in an unknown process state`)
  process.start()
  if (process.spawnerr !== '') throw new RpcFault('SPAWN_ERROR', spec)
  // While STOPPING nothing was started and this is not true; clients of the original are used to it (trap 7).
  return !wait || process.state === 'RUNNING' ? true : untilRunning(call, process, spec)
}

function stop(call: Call, process: Process, spec: string, wait: boolean): Doing {
  if (!isRunning(process.state)) throw new RpcFault('NOT_RUNNING', spec)
  const problem = process.stop()
  if (problem !== null) throw new RpcFault('FAILED', problem)
  return wait ? untilStopped(call, process) : true
}

function signal(process: Process, spec: string, name: string): true {
  const number = signalNumber(name)
  if (number === null) throw new RpcFault('BAD_SIGNAL', name)
  if (!isSignallable(process.state)) throw new RpcFault('NOT_RUNNING', spec)
  const problem = process.signal(number)
  if (problem !== null) throw new RpcFault('FAILED', problem)
  return true
}

const finish = (doing: Doing): Answer => (doing === true ? true : doing())

const startEach = (call: Call, processes: readonly Process[], wait: boolean): Answer =>
  onEach(
    processes.filter(({ state }) => !isRunning(state)),
    process => start(call, process, process.namespec, wait),
  )

const stopEach = (call: Call, processes: readonly Process[], wait: boolean): Answer =>
  onEach(
    processes.filter(({ state }) => isRunning(state)),
    process => stop(call, process, process.namespec, wait),
  )

const signalEach = (processes: readonly Process[], name: string): Answer =>
  onEach(
    processes.filter(({ state }) => isSignallable(state)),
    process => signal(process, process.namespec, name),
  )

export function startProcess(call: Call, spec: string, wait: boolean): Answer {
  const { group, process } = find(call, spec)
  return process ? finish(start(call, process, spec, wait)) : startEach(call, inOrder(group), wait)
}
export const startProcessGroup = (call: Call, name: string, wait: boolean): Answer =>
  startEach(call, inOrder(findGroup(call, name)), wait)
export const startAllProcesses = (call: Call, wait: boolean): Answer => startEach(call, everybody(call), wait)

export function stopProcess(call: Call, spec: string, wait: boolean): Answer {
  const { group, process } = find(call, spec)
  return process ? finish(stop(call, process, spec, wait)) : stopEach(call, inOrder(group), wait)
}
export const stopProcessGroup = (call: Call, name: string, wait: boolean): Answer =>
  stopEach(call, inOrder(findGroup(call, name)), wait)
export const stopAllProcesses = (call: Call, wait: boolean): Answer => stopEach(call, everybody(call), wait)

export function signalProcess(call: Call, spec: string, name: string): Answer {
  const { group, process } = find(call, spec)
  return process ? signal(process, spec, name) : signalEach(inOrder(group), name)
}
export const signalProcessGroup = (call: Call, groupName: string, name: string): Answer =>
  signalEach(inOrder(findGroup(call, groupName)), name)
export const signalAllProcesses = (call: Call, name: string): Answer => signalEach(everybody(call), name)

// -- logs --------------------------------------------------------------------------------------------------------------

/** Only a missing file is named, if it has a name. Source: contract 8.2, 8.4; conformance logs.dev_stdout_may_be_a_pipe */
function read({ files }: Call, path: string, offset: number, length: number): Answer {
  const outcome = readFromLog(files, path, offset, length)
  if (typeof outcome === 'object') return outcome.text
  throw new RpcFault(outcome, outcome === 'NO_FILE' && path !== '' ? path : undefined)
}

export function readLog(call: Call, offset: number, length: number): Answer {
  const { logfile } = call.daemon
  if (logfile === null) throw new RpcFault('NO_FILE', 'syslog')
  return read(call, logfile, offset, length)
}

export function clearLog({ daemon, files }: Call): Answer {
  const { logfile } = daemon
  try {
    if (logfile === null || files.status(logfile) === null) throw new RpcFault('NO_FILE')
    daemon.clearLog()
    return true
  } catch (error) {
    throw error instanceof RpcFault ? error : new RpcFault('FAILED')
  }
}

export const readProcessLog =
  (channel: Channel) =>
  (call: Call, spec: string, offset: number, length: number): Answer =>
    read(call, findProcess(call, spec).readableLog(channel, 'text'), offset, length)

/** `[text, size, overflow]`. What cannot be read is an empty log. */
export const tailProcessLog =
  (channel: Channel) =>
  (call: Call, spec: string, offset: number, length: number): Answer => {
    const path = findProcess(call, spec).readableLog(channel, 'text')
    const { text, offset: size, overflow } = tailOfLog(call.files, path, offset, length)
    return [text, size, overflow]
  }

/** Logs of a process without a child are closed: success, and their files stay as they are. Source: contract 6.4 */
function clear(process: Process, spec: string): true {
  try {
    if (process.pid !== 0) process.clearLogs()
    return true
  } catch {
    throw new RpcFault('FAILED', spec)
  }
}

export const clearProcessLogs = (call: Call, spec: string): Answer => clear(findProcess(call, spec), spec)
export const clearAllProcessLogs = (call: Call): Answer =>
  onEach(everybody(call), process => clear(process, process.namespec))

// -- stdin -------------------------------------------------------------------------------------------------------------

export function sendProcessStdin(call: Call, spec: string, chars: string): Answer {
  const process = findProcess(call, spec)
  if (process.pid === 0 || process.state === 'STOPPING') throw new RpcFault('NOT_RUNNING', spec)
  switch (process.writeStdin(Buffer.from(chars))) {
    case 'written':
      return true
    case 'closed':
      throw new RpcFault('NO_FILE', spec)
    case 'full':
      throw new RpcFault('FAILED', `${spec} does not read its stdin, and enough waits there already`)
  }
}
