/**
 * Sentences of the activity log and of `spawnerr` that other tools look for, each written once.
 * Source: contract 4.4, 6.2
 */
import { signalName } from '../config/signals.ts'
import type { ChildExit } from '../system/system.ts'

/** `exit status 3` or `terminated by SIGSEGV (core dumped)` */
export function describeExit({ status, signal, coreDumped }: ChildExit): string {
  if (signal === 0) return `exit status ${status}`
  return `terminated by ${signalName(signal)}${coreDumped ? ' (core dumped)' : ''}`
}

export const messages = {
  spawned: (name: string, pid: number) => `spawned: '${name}' with pid ${pid}`,
  success: (name: string, startsecs: number) =>
    `success: ${name} entered RUNNING state, process has stayed up for > than ${startsecs} seconds (startsecs)`,
  exited: (name: string, exit: ChildExit, expected: boolean) =>
    `exited: ${name} (${describeExit(exit)}; ${expected ? 'expected' : 'not expected'})`,
  stopped: (name: string, exit: ChildExit) => `stopped: ${name} (${describeExit(exit)})`,
  gaveUp: (name: string) => `gave up: ${name} entered FATAL state, too many start retries too quickly`,
  spawnerr: (text: string) => `spawnerr: ${text}`,
  sigkill: (name: string, pid: number) => `killing '${name}' (${pid}) with SIGKILL`,
  killing: (name: string, pid: number, signal: number, group: boolean) =>
    `killing ${name} (pid ${pid}) ${group ? 'process group ' : ''}with signal ${signalName(signal)}`,
  sending: (name: string, pid: number, signal: number) => `sending ${name} (pid ${pid}) sig ${signalName(signal)}`,
  gone: (name: string, pid: number) =>
    `unable to signal ${name} (pid ${pid}), it probably just exited on its own: [Errno 3] No such process`,
  unknownProblem: (name: string, pid: number, error: string) => `unknown problem killing ${name} (${pid}):${error}`,
  alreadyRunning: (name: string) => `process '${name}' already running`,
  stopInBackoff: (name: string) => `Attempted to kill ${name}, which is in BACKOFF state.`,
  reapedUnknown: (exit: ChildExit) => `reaped unknown pid ${exit.pid} (${describeExit(exit)})`,
} as const

export const spawnErrors = {
  exitedTooQuickly: 'Exited too quickly (process log may have details)',
  badExitCode: (status: number) => `Bad exit code ${status}`,
  tooManyFiles: (name: string) => `too many open files to spawn '${name}'`,
  noDispatchers: (name: string, code: string) => `unknown error making dispatchers for '${name}': ${code}`,
  tooManyProcesses: (name: string) => `Too many processes in process table to spawn '${name}'`,
  forkFailed: (name: string, code: string) => `unknown error during fork for '${name}': ${code}`,
} as const
