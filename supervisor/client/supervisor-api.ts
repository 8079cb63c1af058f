/**
 * The `supervisor.*` methods as typed functions. The types are the daemon's promise, nothing is checked here.
 * Every call rejects with an XmlRpcFault, an HttpStatusError, an HttpProtocolError, or an error of the socket.
 * Source: contract 8
 */
import type { ProcessState, processStates } from '../process/states.ts'

export interface ProcessInfo {
  readonly name: string
  readonly group: string
  /** s since the epoch; 0: never */
  readonly start: number
  readonly stop: number
  readonly now: number
  readonly state: (typeof processStates)[ProcessState]
  readonly statename: ProcessState
  readonly spawnerr: string
  readonly exitstatus: number
  readonly logfile: string
  readonly stdout_logfile: string
  readonly stderr_logfile: string
  /** 0 when not running */
  readonly pid: number
  readonly description: string
}

/** The members that clients use, of 29. */
export interface ConfigInfo {
  readonly name: string
  readonly group: string
  readonly inuse: boolean
  readonly autostart: boolean
  readonly group_prio: number
  readonly process_prio: number
}

/** What a method on many processes did to one of them: `status` is 80, or the number of a fault. */
export interface ProcessResult {
  readonly name: string
  readonly group: string
  readonly status: number
  /** `OK`, or the text of the fault */
  readonly description: string
}

export interface SupervisorApi {
  /** `3.0`: of the interface, not of the daemon */
  getVersion(): Promise<string>
  getAPIVersion(): Promise<string>
  getSupervisorVersion(): Promise<string>
  getIdentification(): Promise<string>
  getState(): Promise<{ readonly statecode: number; readonly statename: string }>
  getPID(): Promise<number>
  readLog(offset: number, length: number): Promise<string>
  clearLog(): Promise<boolean>
  shutdown(): Promise<boolean>
  restart(): Promise<boolean>
  /** `[[added, changed, removed]]` */
  reloadConfig(): Promise<readonly [readonly [readonly string[], readonly string[], readonly string[]]]>
  addProcessGroup(group: string): Promise<boolean>
  removeProcessGroup(group: string): Promise<boolean>
  startProcess(namespec: string, wait?: boolean): Promise<boolean>
  startProcessGroup(group: string, wait?: boolean): Promise<readonly ProcessResult[]>
  startAllProcesses(wait?: boolean): Promise<readonly ProcessResult[]>
  stopProcess(namespec: string, wait?: boolean): Promise<boolean>
  stopProcessGroup(group: string, wait?: boolean): Promise<readonly ProcessResult[]>
  stopAllProcesses(wait?: boolean): Promise<readonly ProcessResult[]>
  signalProcess(namespec: string, signal: string): Promise<boolean>
  signalProcessGroup(group: string, signal: string): Promise<readonly ProcessResult[]>
  signalAllProcesses(signal: string): Promise<readonly ProcessResult[]>
  getProcessInfo(namespec: string): Promise<ProcessInfo>
  getAllProcessInfo(): Promise<readonly ProcessInfo[]>
  getAllConfigInfo(): Promise<readonly ConfigInfo[]>
  readProcessStdoutLog(namespec: string, offset: number, length: number): Promise<string>
  readProcessStderrLog(namespec: string, offset: number, length: number): Promise<string>
  /** `[text, size of the log, whether something was skipped]` */
  tailProcessStdoutLog(
    namespec: string,
    offset: number,
    length: number,
  ): Promise<readonly [text: string, size: number, overflow: boolean]>
  tailProcessStderrLog(
    namespec: string,
    offset: number,
    length: number,
  ): Promise<readonly [text: string, size: number, overflow: boolean]>
  clearProcessLogs(namespec: string): Promise<boolean>
  clearAllProcessLogs(): Promise<readonly ProcessResult[]>
  sendProcessStdin(namespec: string, chars: string): Promise<boolean>
  sendRemoteCommEvent(type: string, data: string): Promise<boolean>
}
