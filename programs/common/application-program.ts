/** Which program of supervisord an application of portal.yaml is. Source: issue 6 part 3; contract 3.4, 6.3 */
import type { Application } from './portal-config.ts'
import { readBeginning } from './read-beginning.ts'
import type { Program } from './supervisor-watch.ts'

/** What is known of programs besides their names. */
export interface ProgramHints {
  /** namespec → the term that its launcher hands to the portal gate */
  readonly terms: ReadonlyMap<string, string>
  /** port on loopback or on all addresses → namespec of the program whose process listens there */
  readonly listeners: ReadonlyMap<number, string>
}

/** The key of an application in portal.yaml that names its program, where names alone cannot tell. */
export const programKey = 'program'

/** What portal.yaml says itself: `program: comfyui`; undefined when it says nothing. */
export function namedProgram({ extra }: Application): string | undefined {
  const named = extra[programKey]
  return typeof named === 'string' && named !== '' ? named : undefined
}

/**
 * In this order: the one that portal.yaml names; one whose gate looks for a term that fits the application's name, as the
 * gate matches; one of the same name; the one that listens on its port. undefined: none.
 */
export function programOf(
  application: Application,
  programs: readonly Program[],
  { terms, listeners }: ProgramHints,
): Program | undefined {
  const named = namedProgram(application)
  if (named !== undefined) return programs.find(({ namespec, name }) => namespec === named || name === named)
  const sameName = programs.find(({ name }) => plain(name) === plain(application.name))
  const gated = programs.filter(({ namespec }) => fits(terms.get(namespec), application.name))
  // several may have the same term, as instance_portal and tunnel_manager do
  if (gated.length > 0) return gated.find(program => program === sameName) ?? longestTerm(gated, terms)
  if (sameName !== undefined) return sameName
  const listener = listeners.get(application.internal_port)
  return programs.find(({ namespec }) => namespec === listener)
}

/** `ace-step_ui`, `ACE Step UI` → `acestepui` */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')

/** Terms are extended regular expressions, found anywhere, in any case; one that is none is taken as text. */
function fits(term: string | undefined, name: string): boolean {
  if (term === undefined || term === '') return false
  try {
    return new RegExp(term, 'i').test(name)
  } catch {
    return name.toLowerCase().includes(term.toLowerCase())
  }
}

/** `ace step` fits ACE Step UI, too; `ace step ui` says more. */
const longestTerm = (programs: readonly Program[], terms: ReadonlyMap<string, string>): Program =>
  programs.reduce((best, other) =>
    terms.get(other.namespec)!.length > terms.get(best.namespec)!.length ? other : best,
  )

/** `. /opt/…/exit_portal.sh "Open WebUI"` → `Open WebUI`; undefined when the script does not source the gate. */
export function gateTermOf(script: string): string | undefined {
  for (const line of script.split('\n')) {
    if (/^\s*#/.test(line)) continue
    const found = /exit_portal\.sh["']?[ \t]+(?:"([^"]+)"|'([^']+)'|([^\s;&|"']+))/.exec(line)
    if (found) return found[1] ?? found[2] ?? found[3]
  }
  return undefined
}

const MOST_OF_SCRIPT = 64 * 1024

/** Reads the scripts that a command line names: `/opt/supervisor-scripts/comfyui.sh`, `bash /opt/x.sh`. */
export function readGateTerm(command: string): string | undefined {
  for (const word of command.split(/\s+/).slice(0, 8)) {
    const text = word.startsWith('/') ? readBeginning(word, MOST_OF_SCRIPT) : undefined
    const term = text?.startsWith('#!') || word.endsWith('.sh') ? gateTermOf(text ?? '') : undefined
    if (term !== undefined) return term
  }
  return undefined
}
