/**
 * What is wrong with a configuration or a command line, told twice: in the words of the original, which tools match on,
 * and with the place and a way to mend it, for whoever edits the file.
 */

/** A text that is no value of its option; whoever knows the place turns it into a `ConfigError`. */
export class BadValue extends Error {
  /** how to mend it: `write a whole number`; null when the message says it all */
  readonly hint: string | null
  /** a value that would do */
  readonly example: string | null

  constructor(message: string, hint: string | null = null, example: string | null = null) {
    super(message)
    this.name = 'BadValue'
    this.hint = hint
    this.example = example
  }
}

export interface Place {
  readonly file?: string | null
  readonly line?: number | null
  readonly section?: string | null
  readonly option?: string | null
  /** as written, before expansion */
  readonly value?: string | null
  readonly hint?: string | null
}

/** `message` is exactly the original's text, without its `Error: `. Most have one line, parse errors more. Source: contract 1.2, 1.7 */
export class ConfigError extends Error implements Place {
  readonly file: string | null
  readonly line: number | null
  readonly section: string | null
  readonly option: string | null
  readonly value: string | null
  readonly hint: string | null

  constructor(message: string, place: Place = {}) {
    super(message)
    this.name = 'ConfigError'
    this.file = place.file ?? null
    this.line = place.line ?? null
    this.section = place.section ?? null
    this.option = place.option ?? null
    this.value = place.value ?? null
    this.hint = place.hint ?? null
  }
}

/** Runs `work`; what is wrong with a value in it is wrong at this place. */
export function atPlace<T>(place: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    const example = error.example === null || !place.option ? '' : `, e.g. ${place.option}=${error.example}`
    throw new ConfigError(error.message, { ...place, hint: error.hint === null ? null : error.hint + example })
  }
}

const secrets: ReadonlySet<string> = new Set(['password', 'environment'])

/** `startsecs=soon`; the option alone when its value is secret, or too much for the line. */
function renderOption(option: string, value: string | null): string {
  const showsValue = value !== null && value.length <= 60 && !value.includes('\n') && !secrets.has(option)
  return showsValue ? `${option}=${value}` : option
}

/**
 * The line below the original's two: `  at /a/b.conf:4: [program:x] startsecs=soon — write a whole number, e.g. startsecs=10`.
 * '' for an error that has no file, as those of the command line.
 */
export function renderConfigError(error: ConfigError): string {
  if (error.file === null) return ''
  const where = error.line === null ? error.file : `${error.file}:${error.line}`
  const what = [
    error.section === null ? '' : `[${error.section}]`,
    error.option === null ? '' : renderOption(error.option, error.value),
  ].filter(part => part !== '')
  const place = what.length === 0 ? where : `${where}: ${what.join(' ')}`
  return `  at ${place}${error.hint === null ? '' : ` — ${error.hint}`}`
}
