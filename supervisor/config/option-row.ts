/**
 * What a row of an option table says. Everything about an option is derived from its row: parsing, default, type,
 * expansion, command line, change detection, getAllConfigInfo, OPTIONS.md. Rows stand in `program-options.ts` and
 * `daemon-options.ts`.
 */
import type { Machine } from './config.ts'

export const REQUIRED = Symbol('REQUIRED')

/** The value of another option of the same section. */
export interface SameAs {
  readonly sameAs: string
}
export const sameAs = (option: string): SameAs => ({ sameAs: option })

/**
 * The names that a value may expand (expansions.ts), each with what the one before has:
 * `environment`: `ENV_*`; `here`: + here; `program`: + program_name, group_name, host_node_name;
 * `process`: + process_num, numprocs, and `ENV_*` of the program's own `environment=`.
 * Source: contract 1.5
 */
export type Scope = 'environment' | 'here' | 'program' | 'process'

/** A flag of the command line that says the same as the option. */
export interface Flag {
  /** null: it has only the long form */
  readonly short: string | null
  /** without the dashes */
  readonly long: string
  /** what the usage calls the argument; null: it takes none, and means true */
  readonly argument: string | null
}

export interface Row {
  readonly parse: (text: string, machine: Machine) => unknown
  /** what a user could have typed; null: unset */
  readonly default: string | null | typeof REQUIRED | SameAs
  readonly scope: Scope
  readonly doc: string
  readonly flag?: Flag
}

export interface ProgramRow extends Row {
  /** its name in getAllConfigInfo; null: deliberately absent there */
  readonly report: string | null
  /** does another value make the group "changed" for reread and update? */
  readonly counts: boolean
  /** `command`: error texts about expansion call the option so, not `program:x.command` */
  readonly bareLabel?: true
  /** expanded a second time, so that a percent sign is written `%%%%`; that pass has a bare label */
  readonly expandedTwice?: true
}

export type Table = Readonly<Record<string, Row>>

/** The rows keep their own types, for `Values`. */
export const row = <const R extends Row>(given: R): R => given
export const programRow = <const R extends ProgramRow>(given: R): R => given

type Value<R extends Row> = ReturnType<R['parse']> | (R['default'] extends null ? null : never)

/** What reading a section yields, option by option. */
export type Values<T extends Table> = { readonly [Option in keyof T]: Value<T[Option]> }
