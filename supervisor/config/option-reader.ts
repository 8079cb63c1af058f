/**
 * From a section and an option table to values, with every error naming its place.
 */
import type { Machine } from './config.ts'
import { atPlace, ConfigError, type Place } from './config-error.ts'
import { expand, type Names } from './expansions.ts'
import { type Entry, type Ini, optionOf, type Section } from './ini-reader.ts'
import { type ProgramRow, REQUIRED, type Row, type SameAs, type Scope, type Table, type Values } from './option-row.ts'

/** What the values of a section may expand, by the scope of their rows. */
export type ScopeNames = (scope: Scope) => Names

export interface SectionReader {
  readonly ini: Ini
  readonly section: Section
  readonly names: ScopeNames
  readonly machine: Machine
}

/**
 * Every option of the table, or of the part of it that `wanted` picks; null for what is unset and has no default.
 * @param missing makes the error for a required option that is not there
 * @throws ConfigError
 */
export function readOptions<T extends Table>(
  reader: SectionReader,
  table: T,
  missing: (option: string) => ConfigError = option => missingOption(reader.section, option),
  wanted: (row: Row) => boolean = () => true,
): Values<T> {
  const values: Record<string, unknown> = {}
  const borrowed: [string, SameAs][] = []
  for (const [option, row] of Object.entries(table)) {
    if (!wanted(row)) continue
    const value = readOption(reader, option, row)
    if (value === REQUIRED) throw missing(option)
    if (isSameAs(value)) borrowed.push([option, value])
    else values[option] = value
  }
  for (const [option, { sameAs }] of borrowed) values[option] = values[sameAs]
  return values as Values<T>
}

const isSameAs = (value: unknown): value is SameAs => typeof value === 'object' && value !== null && 'sameAs' in value

/** Expanded and parsed; the default of the row as it is when that is no text. @throws ConfigError */
export function readOption<R extends Row>(
  reader: SectionReader,
  option: string,
  row: R,
): ReturnType<R['parse']> | Exclude<R['default'], string> {
  const { ini, section, names, machine } = reader
  const entry = optionOf(ini, section, option)
  const written = entry?.value ?? row.default
  if (typeof written !== 'string') return written as Exclude<R['default'], string>
  const { bareLabel, expandedTwice } = row as Partial<ProgramRow>
  const known = names(row.scope)
  return atPlace(placeOf(section, option, entry), () => {
    const once = expand(written, known, bareLabel ? option : `${section.name}.${option}`)
    return row.parse(expandedTwice ? expand(once, known, option) : once, machine) as ReturnType<R['parse']>
  })
}

export const placeOf = (section: Section, option?: string, entry?: Entry): Place => ({
  file: entry?.file ?? section.file,
  line: entry?.line ?? section.line,
  section: entry?.section ?? section.name,
  ...(option === undefined ? {} : { option }),
  ...(entry ? { value: entry.value } : {}),
})

const missingOption = (section: Section, option: string): ConfigError =>
  new ConfigError(`section [${section.name}] has no ${option} value`, {
    ...placeOf(section),
    hint: `add ${option}=…`,
  })
