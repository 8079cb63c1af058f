/**
 * THE fault table: the numbers that clients compare. Source: contract 8.1
 * Faults travel as `NAME` or `NAME: suffix`; clients also compare the beginning of that text.
 */
export const faults = {
  UNKNOWN_METHOD: 1,
  INCORRECT_PARAMETERS: 2,
  BAD_ARGUMENTS: 3,
  SIGNATURE_UNSUPPORTED: 4,
  SHUTDOWN_STATE: 6,
  BAD_NAME: 10,
  BAD_SIGNAL: 11,
  NO_FILE: 20,
  NOT_EXECUTABLE: 21,
  FAILED: 30,
  ABNORMAL_TERMINATION: 40,
  SPAWN_ERROR: 50,
  ALREADY_STARTED: 60,
  NOT_RUNNING: 70,
  /** only in the structs that group methods answer with */
  SUCCESS: 80,
  ALREADY_ADDED: 90,
  STILL_RUNNING: 91,
  CANT_REREAD: 92,
} as const

export type FaultName = keyof typeof faults

/** What a method answers instead of a value. `text` is the faultString: `BAD_NAME: ghost`. */
export class RpcFault extends Error {
  override readonly name: FaultName
  readonly code: number
  readonly text: string

  constructor(name: FaultName, suffix?: string | number) {
    const text = suffix === undefined ? name : `${name}: ${suffix}`
    super(text)
    this.name = name
    this.code = faults[name]
    this.text = text
  }
}
