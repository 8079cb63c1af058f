/**
 * `%(program_name)s` and the like: Python's `%` operator with a mapping, applied to every option that is read.
 * Names are `here`, `program_name`, `group_name`, `host_node_name`, `process_num`, `numprocs` and `ENV_<variable>`;
 * which of them an option knows is the `scope` of its row. Source: contract 1.5
 */
import { BadValue } from './config-error.ts'
import { pythonRepr } from './python-repr.ts'
import { compareText } from './python-text.ts'

/** Layers, the later ones hide the earlier. */
export type Names = readonly ReadonlyMap<string, string | number>[]

/** `{ PATH: '/bin' }` → `ENV_PATH` */
export const environmentNames = (environment: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(environment).map(([name, value]) => [`ENV_${name}`, value]))

const percentHint = 'write %% for a percent sign'

/** No honest name is that wide, and the original would ask for the memory. */
const widest = 4096

/**
 * @param label what the texts call the option: `program:x.command`
 * @throws BadValue `Format string … contains names ('x') which cannot be expanded. …`, `Format string … is badly formatted: …`
 */
export function expand(text: string, names: Names, label: string): string {
  if (!text.includes('%')) return text
  try {
    return format(text, names)
  } catch (error) {
    const about = `Format string ${pythonRepr(text)} for '${label}'`
    if (error instanceof UnknownName) {
      const available = availableNames(names).join(', ')
      throw new BadValue(
        `${about} contains names (${pythonRepr(error.key)}) which cannot be expanded. Available names: ${available}`,
        hintForName(error.key),
      )
    }
    if (error instanceof BadFormat) throw new BadValue(`${about} is badly formatted: ${error.message}`, percentHint)
    throw error
  }
}

class UnknownName extends Error {
  readonly key: string
  constructor(key: string) {
    super(key)
    this.key = key
  }
}
class BadFormat extends Error {}

const lookUp = (names: Names, key: string): string | number | undefined =>
  names.findLast(layer => layer.has(key))?.get(key)

const availableNames = (names: Names): readonly string[] =>
  [...new Set(names.flatMap(layer => [...layer.keys()]))].sort(compareText)

const hintForName = (key: string): string =>
  key.startsWith('ENV_')
    ? `set ${key.slice(4)} in the environment of supervisord, or in environment= of [supervisord]`
    : percentHint

/** Every name with its value, as Python prints a dict: what `%s` without a name becomes. */
const mappingText = (names: Names): string => {
  const merged = new Map(names.flatMap(layer => [...layer]))
  const shown = [...merged].map(
    ([key, value]) => `${pythonRepr(key)}: ${typeof value === 'string' ? pythonRepr(value) : value}`,
  )
  return `{${shown.join(', ')}}`
}

/** `%(name)05.2d`, or without a name */
interface Specifier {
  /** null: no name was given */
  readonly key: string | null
  readonly flags: string
  readonly width: number
  /** −1: none */
  readonly precision: number
  readonly type: string
  /** of the type, in UTF-16 units */
  readonly position: number
}

function format(text: string, names: Names): string {
  let result = ''
  let at = 0
  // The mapping itself is the one argument of a specifier without a name, and a name uses it up.
  let mappingIsLeft = true
  for (;;) {
    const percent = text.indexOf('%', at)
    if (percent === -1) return result + text.slice(at)
    result += text.slice(at, percent)
    if (text[percent + 1] === '%') {
      result += '%'
      at = percent + 2
      continue
    }
    const specifier = parseSpecifier(text, percent + 1, names)
    at = specifier.position + specifier.type.length
    if (specifier.key === null && !mappingIsLeft) throw new BadFormat('not enough arguments for format string')
    mappingIsLeft = false
    const value = specifier.key === null ? names : lookUp(names, specifier.key)!
    result += convert(specifier, value, text)
  }
}

function parseSpecifier(text: string, start: number, names: Names): Specifier {
  let at = start
  let key: string | null = null
  if (text[at] === '(') {
    const end = endOfKey(text, at)
    key = text.slice(at + 1, end)
    if (lookUp(names, key) === undefined) throw new UnknownName(key)
    at = end + 1
  }
  const flagsAt = at
  while (at < text.length && '-+ #0'.includes(text[at]!)) at++
  const flags = text.slice(flagsAt, at)
  const width = readNumber(text, at, 'width')
  at = width.end
  let precision = -1
  if (text[at] === '.') {
    const digits = readNumber(text, at + 1, 'precision')
    precision = digits.value
    at = digits.end
  }
  if (at < text.length && 'hlL'.includes(text[at]!)) at++
  const code = text.codePointAt(at)
  if (code === undefined) throw new BadFormat('incomplete format')
  return { key, flags, width: width.value, precision, type: String.fromCodePoint(code), position: at }
}

/** Index of the `)`; brackets inside a name may nest. */
function endOfKey(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  throw new BadFormat('incomplete format key')
}

function readNumber(text: string, start: number, what: string): { value: number; end: number } {
  if (text[start] === '*') throw new BadFormat('* wants int')
  let end = start
  while (end < text.length && text[end]! >= '0' && text[end]! <= '9') end++
  const value = Number(text.slice(start, end))
  if (value > widest) throw new BadFormat(`${what} too big`)
  return { value, end }
}

function convert(specifier: Specifier, value: string | number | Names, text: string): string {
  const { type, flags, width, precision } = specifier
  const pythonType = typeof value === 'number' ? 'int' : typeof value === 'string' ? 'str' : 'dict'
  switch (type) {
    case 's':
    case 'r':
    case 'a': {
      const whole = Array.isArray(value)
        ? mappingText(value)
        : type === 's' || typeof value === 'number'
          ? `${value}`
          : pythonRepr(value as string)
      const shown = precision === -1 ? whole : [...whole].slice(0, precision).join('')
      return pad(shown, width, flags)
    }
    case 'c':
      if (typeof value === 'number' && value >= 0 && value <= 0x10ffff)
        return pad(String.fromCodePoint(value), width, flags)
      if (typeof value === 'number') throw new BadFormat('%c arg not in range(0x110000)')
      if (typeof value === 'string' && [...value].length === 1) return pad(value, width, flags)
      throw new BadFormat('%c requires int or char')
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X': {
      const wanted = 'diu'.includes(type) ? 'a real number' : 'an integer'
      if (typeof value !== 'number') throw new BadFormat(`%${type} format: ${wanted} is required, not ${pythonType}`)
      return renderNumber(value, renderInteger(Math.abs(value), type, precision, flags), width, flags)
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (typeof value !== 'number') throw new BadFormat(`must be real number, not ${pythonType}`)
      return renderNumber(value, renderFloat(Math.abs(value), type, precision, flags), width, flags)
    default: {
      const code = type.codePointAt(0)!
      const shown = code > 30 && code < 126 ? type : '?'
      const index = [...text.slice(0, specifier.position)].length
      throw new BadFormat(`unsupported format character '${shown}' (0x${code.toString(16)}) at index ${index}`)
    }
  }
}

const pad = (text: string, width: number, flags: string): string => {
  const missing = Math.max(0, width - [...text].length)
  return flags.includes('-') ? text + ' '.repeat(missing) : ' '.repeat(missing) + text
}

/** Puts the sign and the width around `prefix` (`0x`) and `digits`. */
function renderNumber(
  value: number,
  { prefix, digits }: { prefix: string; digits: string },
  width: number,
  flags: string,
): string {
  const sign = value < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  const zeros = flags.includes('0') && !flags.includes('-') ? Math.max(0, width - (sign + prefix + digits).length) : 0
  return pad(sign + prefix + '0'.repeat(zeros) + digits, width, flags)
}

function renderInteger(
  value: number,
  type: string,
  precision: number,
  flags: string,
): { prefix: string; digits: string } {
  const base = type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10
  const lower = value.toString(base).padStart(Math.max(precision, 0), '0')
  const prefix = flags.includes('#') && base !== 10 ? `0${type}` : ''
  return { prefix, digits: type === 'X' ? lower.toUpperCase() : lower }
}

/** The values are whole numbers, so more than a hundred decimals are only more zeros, and left out. */
function renderFloat(
  value: number,
  type: string,
  precision: number,
  flags: string,
): { prefix: string; digits: string } {
  const decimals = Math.min(precision === -1 ? 6 : precision, 100)
  const point = flags.includes('#')
  const kind = type.toLowerCase()
  let digits: string
  if (kind === 'f') digits = value.toFixed(decimals)
  else if (kind === 'e') digits = exponential(value, decimals)
  else {
    const significant = Math.max(decimals, 1)
    const exponent = value === 0 ? 0 : Number(value.toExponential(significant - 1).split('e')[1])
    const plain =
      exponent < significant ? value.toFixed(significant - 1 - exponent) : exponential(value, significant - 1)
    digits = point ? plain : plain.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '')
  }
  if (point && !digits.includes('.')) digits = digits.replace(/(?=e|$)/, '.')
  return { prefix: '', digits: type === kind ? digits : digits.toUpperCase() }
}

/** Python writes at least two digits of exponent. */
const exponential = (value: number, decimals: number): string =>
  value.toExponential(decimals).replace(/e([+-])(\d)$/, 'e$10$2')
