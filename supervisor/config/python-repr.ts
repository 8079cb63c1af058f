/**
 * Python's `repr`, which appears inside many texts that clients compare.
 * Source: contract 13.2
 */

/** What Python does not call printable: controls, format characters, lone surrogates, unassigned, every blank but ' '. */
const notPrintable = /[\p{C}\p{Z}]/u

const shortEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!
  if (code <= 0xff) return `\\x${hex(code, 2)}`
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

const quoteFor = (hasSingle: boolean, hasDouble: boolean): string => (hasSingle && !hasDouble ? '"' : "'")

/** `it's` → `"it's"`, line feeds and the like escaped, printable characters of any script kept; bytes → `b'…'`. */
export function pythonRepr(value: string | Uint8Array): string {
  if (typeof value !== 'string') return `b${reprBytes(value)}`
  const quote = quoteFor(value.includes("'"), value.includes('"'))
  let text = ''
  for (const character of value) {
    if (character === quote) text += `\\${character}`
    else if (character in shortEscapes) text += shortEscapes[character]
    else if (character !== ' ' && notPrintable.test(character)) text += escapeCharacter(character)
    else text += character
  }
  return quote + text + quote
}

function reprBytes(bytes: Uint8Array): string {
  const quote = quoteFor(bytes.includes(0x27), bytes.includes(0x22))
  let text = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    if (character === quote) text += `\\${character}`
    else if (character in shortEscapes) text += shortEscapes[character]
    else text += byte >= 0x20 && byte < 0x7f ? character : `\\x${hex(byte, 2)}`
  }
  return quote + text + quote
}

/** `['foo', 'bar']` */
export const pythonListRepr = (values: readonly string[]): string => `[${values.map(pythonRepr).join(', ')}]`
