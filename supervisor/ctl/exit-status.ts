/**
 * THE exit statuses. Within one command every problem overwrites the one before, so the last failing item decides.
 * Source: contract 9.2
 */
export const exitStatus = {
  OK: 0,
  ERROR: 1,
  /** `start` without a name, or of an unknown group; a bad command line */
  INVALID_ARGUMENTS: 2,
  /** the daemon has no [rpcinterface:supervisor] */
  NO_NAMESPACE: 3,
  CONNECTION_REFUSED: 4,
  OTHER_API_VERSION: 5,
  /** the program, or the socket's file, is not there */
  NOT_RUNNING: 7,
  /** only of `status`: something listed is not running */
  STATUS_NOT_RUNNING: 3,
  /** only of `status`: a name is unknown, or the daemon cannot be reached */
  STATUS_UNKNOWN: 4,
} as const

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]
