/**
 * What a file of assignments means to bash, without running it: `NAME=value` and `export NAME=value`, with every kind of
 * quotes, `\`, `$NAME`, `${NAME}`, `${NAME:-text}`, `~`, `+=`, comments. Anything else is a program: it is told, and what it
 * would set is not known here. Where nothing is told, bash agrees: test/unit/programs/common/shell-assignments.test.ts
 */

export interface Assignment {
  readonly name: string
  readonly value: string
  /** from 1 */
  readonly line: number
}

export interface Misread {
  readonly line: number
  readonly message: string
  readonly fix: string
}

export interface Assignments {
  /** In their order; the last one of a name counts. */
  readonly assignments: readonly Assignment[]
  readonly misread: readonly Misread[]
}

/** What bash would find a variable to be that the file has not set. */
export type Lookup = (name: string) => string | undefined

/** Never throws. */
export function parseAssignments(text: string, lookup: Lookup = () => undefined): Assignments {
  const assignments: Assignment[] = []
  const misread: Misread[] = []
  const known = new Map<string, string>()
  const cursor: Cursor = { text, offset: 0 }
  const lineNow = lineCounter(text)
  while (skipToCommand(cursor)) {
    const line = lineNow(cursor.offset)
    try {
      for (const [name, value] of readCommand(cursor, name => known.get(name) ?? lookup(name))) {
        known.set(name, value)
        assignments.push({ name, value, line })
        if (value.endsWith('\r'))
          misread.push({ line, message: `${name} ends with a carriage return`, fix: UNIX_LINES })
      }
    } catch (error) {
      if (!(error instanceof NotAssignments)) throw error
      misread.push({ line, message: error.message, fix: error.fix })
      if (error.opens || !skipLine(cursor)) break
    }
  }
  return { assignments, misread }
}

const UNIX_LINES = 'write the file without Windows line ends'
const WITH_QUOTES = 'write NAME="value", with quotes around the value'

/** What stands here is more than assignments. */
class NotAssignments extends Error {
  readonly fix: string
  /** Bash reads on to the end of something: how it reads the lines that follow is not known. */
  readonly opens: boolean

  constructor(message: string, fix: string, opens = false) {
    super(message)
    this.fix = fix
    this.opens = opens
  }
}

interface Cursor {
  readonly text: string
  offset: number
}

/** Lines of ever greater offsets. */
function lineCounter(text: string): (offset: number) => number {
  let [line, counted] = [1, 0]
  return offset => {
    for (let next: number; (next = text.indexOf('\n', counted)) !== -1 && next < offset; line++) counted = next + 1
    return line
  }
}

/** Takes what is there, or nothing. The pattern is sticky. */
function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.offset
  const match = pattern.exec(cursor.text)?.[0]
  cursor.offset += match?.length ?? 0
  return match
}

/** @returns whether there is one */
function skipToCommand(cursor: Cursor): boolean {
  take(cursor, /(?:[ \t\n]|\\\n|#[^\n]*)+/y)
  return cursor.offset < cursor.text.length
}

/** The end of the text. */
const END = '$(?![sS])'
const BLANKS = /(?:[ \t]|\\\n)+/y
const END_OF_COMMAND = new RegExp(`${END}|[;\\n]|(?=#)`, 'y')
const ASSIGNED_NAME = /[A-Za-z_][A-Za-z0-9_]*(?=\+?=)/y
const EXPORT = new RegExp(`export(?=[ \\t\\n;]|\\\\\\n|${END})`, 'y')
const EXPORTED_NAME = new RegExp(`[A-Za-z_][A-Za-z0-9_]*(?=[ \\t\\n;]|${END})`, 'y')
/** Bash reads on to the end of these, over any number of lines; or reads no further. */
const OPENING = new RegExp(
  `(?:if|for|while|until|case|select|function|coproc|time|return|exit|exec|[{!]|\\[\\[)(?=[\\s;]|${END})` +
    '|[^\\s;&|<>()=]+[ \\t]*\\(|[(;&|)]',
  'y',
)

/**
 * One command, and its end.
 * @returns name and value, in the order in which they take effect
 */
function readCommand(cursor: Cursor, lookup: Lookup): readonly (readonly [string, string])[] {
  const start = cursor.offset
  const opening = take(cursor, OPENING)
  if (opening !== undefined)
    throw new NotAssignments(`${opening} is shell code; what follows is not read here`, 'write assignments only', true)
  // `export A=1 B=$A` expands B before A is set; `A=1 B=$A` afterwards
  const exporting = take(cursor, EXPORT) !== undefined
  const pairs: [string, string][] = []
  const own = new Map<string, string>()
  const look: Lookup = exporting ? lookup : name => own.get(name) ?? lookup(name)
  try {
    for (;;) {
      take(cursor, BLANKS)
      if (take(cursor, END_OF_COMMAND) !== undefined) return pairs
      const name = take(cursor, ASSIGNED_NAME)
      if (name !== undefined) {
        const appending = take(cursor, /\+?=/y) === '+='
        const value = readValue(cursor, name, look, exporting)
        const whole = appending ? `${own.get(name) ?? lookup(name) ?? ''}${value}` : value
        own.set(name, whole)
        pairs.push([name, whole])
      } else if (!exporting || take(cursor, EXPORTED_NAME) === undefined)
        throw stranger(cursor, exporting ? 'export' : pairs.at(-1)?.[0])
    }
  } catch (error) {
    cursor.offset = start // for skipLine, which knows nothing of the quotes that we are in
    throw error
  }
}

function stranger(cursor: Cursor, before: string | undefined): NotAssignments {
  const word = take(cursor, /[&|<>()]|[^\s;&|<>()]{1,40}/y) ?? 'the end'
  if (before === undefined) return new NotAssignments(`${word} is a command, which is not run here`, WITH_QUOTES)
  if (before === 'export') return new NotAssignments(`export of ${word} is not understood here`, WITH_QUOTES)
  const what = /^[&|<>()]$/.test(word) ? 'ends it' : 'is a command'
  return new NotAssignments(
    `${before} is not set like this: to bash, the ${word} behind its value ${what}`,
    WITH_QUOTES,
  )
}

/** Up to a blank, or what ends a command. */
function readValue(cursor: Cursor, name: string, lookup: Lookup, exporting: boolean): string {
  let value = ''
  let part: string | undefined
  for (let first = true; ; first = false) {
    if ((part = take(cursor, /[^ \t\n;&|<>()'"$`\\~:{]+|:(?!~)/y)) !== undefined) value += part
    else if ((part = take(cursor, first ? /:?~/y : /:~/y)) !== undefined)
      value += part.slice(0, -1) + readTilde(cursor, lookup)
    else if ((part = take(cursor, exporting ? /~/y : /[~{]/y)) !== undefined) value += part
    else if (take(cursor, /\{/y) !== undefined)
      throw new NotAssignments(`${name}: behind export, braces make several words`, WITH_QUOTES)
    else if (takeContinuation(cursor, name)) continue
    else if ((part = take(cursor, /\\[\s\S]/y)) !== undefined) value += part.slice(-1)
    else if (take(cursor, /'/y) !== undefined) value += closed(cursor, /[^']*'/y, `'`, name).slice(0, -1)
    else if (take(cursor, /\$?"/y) !== undefined) value += readDoubleQuoted(cursor, name, lookup)
    else if (take(cursor, /\$'/y) !== undefined)
      value += ansi(closed(cursor, /(?:[^'\\]|\\[\s\S])*'/y, `$'`, name).slice(0, -1), name)
    else if ((part = readExpansion(cursor, name, lookup)) !== undefined) value += part
    else return value
  }
}

function closed(cursor: Cursor, pattern: RegExp, quote: string, name: string): string {
  const text = take(cursor, pattern)
  if (text !== undefined) return text
  throw new NotAssignments(`${name}: the ${quote} has no end; bash reads nothing from here on`, 'end the quote', true)
}

function readDoubleQuoted(cursor: Cursor, name: string, lookup: Lookup): string {
  let value = ''
  let part: string | undefined
  for (;;) {
    if ((part = take(cursor, /[^"$`\\]+/y)) !== undefined) value += part
    else if (take(cursor, /"/y) !== undefined) return value
    else if ((part = take(cursor, /\\[$`"\\]/y)) !== undefined) value += part.slice(1)
    else if (takeContinuation(cursor, name)) continue
    else if (take(cursor, /\\/y) !== undefined) value += '\\'
    else if ((part = readExpansion(cursor, name, lookup)) !== undefined) value += part
    else closed(cursor, /(?!)/y, '"', name)
  }
}

/** What bash knows without having been told. */
const BASHS_OWN =
  /^(?:BASH.*|_|PWD|OLDPWD|PATH|TERM|SHELL|SHLVL|HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|UID|EUID|PPID|GROUPS|IFS|OPTIND|OPTERR|PS4|RANDOM|SRANDOM|SECONDS|EPOCH.*|LINENO|DIRSTACK|SHELLOPTS|COMP_.*|HISTCMD|FUNCNAME)$/

/** `$…` or a backtick; undefined: there is none of them. */
function readExpansion(cursor: Cursor, name: string, lookup: Lookup): string | undefined {
  const plain = take(cursor, /\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*(?::?-[^{}"'$`\\\n~]*)?\})/y)
  if (plain !== undefined) {
    const [, wanted, orEmpty, otherwise = ''] = /^\$\{?(\w+)(?:(:?)-(.*?))?\}?$/.exec(plain)!
    const found = lookup(wanted!)
    if (found === undefined && BASHS_OWN.test(wanted!))
      throw new NotAssignments(`${name}: only the shell knows ${plain}`, 'write the value itself')
    return found === undefined || (orEmpty === ':' && found === '') ? otherwise : found
  }
  const code = take(cursor, /`|\$[({[0-9@*#?$!-]/y)
  if (code !== undefined)
    throw new NotAssignments(`${name}: only a shell can work out ${code}…`, `quote it with ' to have it as it is`)
  return take(cursor, /\$/y)
}

/** A backslash at the end of a line: bash never sees both. Where they split something that it would read as one, we do not. */
function takeContinuation(cursor: Cursor, name: string): boolean {
  const before = cursor.text.slice(Math.max(0, cursor.offset - 100), cursor.offset)
  if (take(cursor, /(?:\\\n)+/y) === undefined) return false
  if (/\$\w*$/.test(before) || cursor.text[cursor.offset] === '~')
    throw new NotAssignments(`${name}: a line ends within what belongs together`, 'write it on one line')
  return true
}

/** Behind a tilde that stands where it means a home: at the beginning, or behind a colon. */
function readTilde(cursor: Cursor, lookup: Lookup): string {
  take(cursor, /(?:\\\n)+/y)
  const next = cursor.text[cursor.offset]
  if (next !== undefined && /["'\\$`]/.test(next)) return '~'
  if (next !== undefined && !/[/: \t\n;&|<>()]/.test(next))
    throw new NotAssignments(`only the shell knows ~${next}…`, 'write the path itself')
  const home = lookup('HOME')
  if (home === undefined) throw new NotAssignments('~ is the home of whoever reads it', 'write the path itself')
  return home
}

const ANSI: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Text between `$'` and `'`. */
const ansi = (text: string, name: string): string =>
  text.replaceAll(
    /\\(?:([abeEfnrtv])|([\\'"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([cU]|x)|[\s\S])/g,
    (whole, letter?: string, itself?: string, octal?: string, hex?: string, unicode?: string, rare?: string) => {
      if (letter !== undefined) return ANSI[letter]!
      if (itself !== undefined) return itself
      const code = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? unicode ?? '-', 16)
      // single bytes beyond ASCII may be halves of a character, and a NUL ends the text
      const known = code > 0 && (code < 0x80 || (unicode !== undefined && (code < 0xd800 || code > 0xdfff)))
      if (rare !== undefined || (!Number.isNaN(code) && !known))
        throw new NotAssignments(`${name}: ${whole} is not understood here`, 'write the character itself')
      return known ? String.fromCharCode(code) : whole
    },
  )

/** To the end of a line that is no assignment. @returns false where it leads into something that has no end here */
function skipLine(cursor: Cursor): boolean {
  for (;;) {
    if (!skipTo(cursor, '\n')) return false
    if (cursor.offset >= cursor.text.length) return true
    const line = cursor.text.slice(cursor.text.lastIndexOf('\n', cursor.offset - 1) + 1, cursor.offset)
    if (!/(?:\||&&)[ \t]*(?:[ \t]#[^\n]*)?$/.test(line)) return true
    // the next line is still the same command
    cursor.offset++
  }
}

/** Nobody means more than that. */
const DEEPEST = 100

/** To the unquoted end character, which is taken unless it ends a line. */
function skipTo(cursor: Cursor, end: string, depth = 0): boolean {
  const { text } = cursor
  if (depth > DEEPEST) return false
  const inQuotes = end === '"'
  while (cursor.offset < text.length) {
    const rest = text.slice(cursor.offset, cursor.offset + 2)
    const char = rest[0]!
    if (char === end) {
      if (end !== '\n') cursor.offset++
      return true
    }
    cursor.offset++
    if (char === '\\') cursor.offset++
    else if (rest === '$(' || rest === '${') {
      cursor.offset++
      if (!skipTo(cursor, rest === '$(' ? ')' : '}', depth + 1)) return false
    } else if (char === '`' || char === '"') {
      if (!skipTo(cursor, char, depth + 1)) return false
    } else if (inQuotes) continue
    else if (rest === "$'" || char === "'") {
      const pattern = rest === "$'" ? /'(?:[^'\\]|\\[\s\S])*'/y : /[^']*'/y
      if (take(cursor, pattern) === undefined) return false
    } else if (char === '(') {
      if (!skipTo(cursor, ')', depth + 1)) return false
    } else if (rest === '<<' || char === ')' || char === '{') return false
    else if (/[ \t;&|]#/.test(rest)) take(cursor, /[^\n]*/y)
  }
  return end === '\n'
}
