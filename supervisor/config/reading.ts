/**
 * What the parts of the configuration reader share.
 */
import type { Machine } from './config.ts'
import type { Ini, Section } from './ini-reader.ts'
import type { ScopeNames, SectionReader } from './option-reader.ts'
import { strip } from './python-text.ts'

export interface Reading {
  readonly ini: Ini
  readonly machine: Machine
  /** for the scopes that do not depend on a program */
  readonly names: ScopeNames
  /** of `[supervisord]` */
  readonly environment: Readonly<Record<string, string>>
  readonly isEventType: (name: string) => boolean
  /** grows */
  readonly warnings: string[]
}

export const readerOf = ({ ini, machine, names }: Reading, section: Section): SectionReader => ({
  ini,
  machine,
  names,
  section,
})

/** `[program:x]` and `[program: x ]` → `x`; null when the section is of another kind. */
export const nameIn = (section: Section, kind: string): string | null =>
  section.name.startsWith(`${kind}:`) ? strip(section.name.slice(kind.length + 1)) : null
