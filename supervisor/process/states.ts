/**
 * The states of a process, their numbers on the wire, and the sets that decide what an order may do.
 * BACKOFF is in the running set: a start answers ALREADY_STARTED, a stop is accepted.
 * Source: contract/supervisord.md 4.1
 */
export const processStates = {
  STOPPED: 0,
  STARTING: 10,
  RUNNING: 20,
  BACKOFF: 30,
  STOPPING: 40,
  EXITED: 100,
  FATAL: 200,
  UNKNOWN: 1000,
} as const

export type ProcessState = keyof typeof processStates

const among =
  (...states: readonly ProcessState[]) =>
  (state: ProcessState): boolean =>
    states.includes(state)

export const isStopped = among('STOPPED', 'EXITED', 'FATAL', 'UNKNOWN')
export const isRunning = among('STARTING', 'RUNNING', 'BACKOFF')
export const isSignallable = among('STARTING', 'RUNNING', 'STOPPING')

/** What `supervisor.getState` can answer. Source: contract 8.1 */
export const supervisorStates = { FATAL: 2, RUNNING: 1, RESTARTING: 0, SHUTDOWN: -1 } as const
export type SupervisorState = keyof typeof supervisorStates
