/**
 * `[program-defaults]`: what every `[program:x]`, `[eventlistener:x]` and `[fcgi-program:x]` is that does not say otherwise
 * itself. An option counts as if it stood in each of those sections, so it is expanded for each of them; `[DEFAULT]`, which
 * is there for all sections, comes after it. The original ignores the section.
 */
import type { Entry, Ini, Section } from './ini-reader.ts'
import { programOptions } from './program-options.ts'

export const PROGRAM_DEFAULTS = 'program-defaults'

const kinds = /^(program|eventlistener|fcgi-program):/

/** Listeners come before those they listen to, and answer on a stdout of their own. */
export const notForListeners: readonly string[] = ['priority', 'redirect_stderr']

/** The sections with what they inherit, and WARN lines about what nobody can inherit. */
export function inheritProgramDefaults(ini: Ini): { readonly ini: Ini; readonly warnings: readonly string[] } {
  const defaults = ini.sections.get(PROGRAM_DEFAULTS)
  if (!defaults) return { ini, warnings: [] }
  const options = [...defaults.options]
  const known = options.filter(([option]) => Object.hasOwn(programOptions, option))
  const forPrograms = new Map(known)
  const forListeners = new Map(known.filter(([option]) => !notForListeners.includes(option)))

  const inherited = (section: Section): ReadonlyMap<string, Entry> | undefined => {
    const kind = kinds.exec(section.name)?.[1]
    return kind === undefined ? undefined : kind === 'eventlistener' ? forListeners : forPrograms
  }
  const sections = new Map(
    [...ini.sections].map(([name, section]) => {
      const inherits = inherited(section)
      return [name, inherits ? { ...section, inherits } : section]
    }),
  )
  const warnings = options
    .filter(option => !known.includes(option))
    .map(
      ([option, { file, line }]) =>
        `For [${PROGRAM_DEFAULTS}], ${option} is no option of a program and has no effect (file: '${file}', line: ${line})`,
    )
  return { ini: { ...ini, sections }, warnings }
}
