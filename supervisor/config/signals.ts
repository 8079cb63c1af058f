/**
 * Signals by name and number, as Python's `signal` module on Linux knows them. Source: contract 1.6, 6.2
 */

const numbers = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  IOT: 6,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CLD: 17,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
} as const satisfies Readonly<Record<string, number>>

/** Of two names for one number the later one is shown. */
const namesByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(numbers).map(([name, number]) => [number, `SIG${name}`]),
)

/** Constants of Python's module that the original takes for names of signals; 0 is `SIG_DFL`. */
const oddNames = { _DFL: 0, _IGN: 1, _BLOCK: 0, _UNBLOCK: 1, _SETMASK: 2 } as const

const numbersByName: ReadonlyMap<string, number> = new Map(Object.entries({ ...numbers, ...oddNames }))

/** 0–31, 34 and 64: what an option or an RPC call may ask for. */
export const isSignalNumber = (number: number): boolean => number === 0 || namesByNumber.has(number)

/** `TERM`, `SIGTERM`, `term`: with or without SIG, in any case. */
export const isSignalName = (text: string): boolean => numberOfName(text) !== undefined

const numberOfName = (text: string): number | undefined => {
  const name = text.toUpperCase()
  return numbersByName.get(name.startsWith('SIG') ? name.slice(3) : name)
}

/** `'TERM'`, `'SIGTERM'`, `'15'` → 15; null when it is no signal. */
export function signalNumber(text: string): number | null {
  const digits = /^\s*[+-]?\d+(_\d+)*\s*$/.test(text)
  if (!digits) return numberOfName(text) ?? null
  const number = Number(text.replaceAll('_', ''))
  return isSignalNumber(number) ? number : null
}

/** 15 → `SIGTERM`, 29 → `SIGPOLL`; `signal 40` for those without a name. */
export const signalName = (number: number): string => namesByNumber.get(number) ?? `signal ${number}`
