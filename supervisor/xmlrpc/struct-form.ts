/**
 * A listing is one struct after the other of the same form: the members of `getProcessInfo`, a thousand times over. Once
 * the first has been read, an expression made of it reads the others, ten times as quick as the general reader.
 */
import type { XmlRpcValue } from './codec.ts'

interface ScalarForm {
  readonly pattern: string
  readonly value: (text: string) => XmlRpcValue
}

/** Only what is written plainly; the rest is left to the general reader. */
const forms: Readonly<Record<string, ScalarForm>> = {
  string: { pattern: '[^<&\\r]*', value: text => text },
  int: { pattern: '-?\\d{1,15}', value: Number },
  boolean: { pattern: '[01]', value: text => text === '1' },
}
const scalar = new RegExp(`<(${Object.keys(forms).join('|')})>[^<]*</\\1>`)

export interface StructForm {
  /** Sticky: a `<value>` of this form and the blanks behind it. */
  readonly expression: RegExp
  read(match: RegExpExecArray): XmlRpcValue
}

/** `xml`: the whole `<value>`; null when `struct` is not made of scalars alone, or is written in an unusual way. */
export function formOf(xml: string, struct: XmlRpcValue): StructForm | null {
  if (typeof struct !== 'object' || struct === null || Array.isArray(struct) || xml.includes('<!')) return null
  const names = Object.keys(struct)
  const pieces = xml.split(scalar) // what is around the scalars, and in between their types
  const types = pieces.filter((_, at) => at % 2 === 1)
  if (types.length !== names.length || Object.values(struct).some(member => typeof member === 'object')) return null
  const source = pieces.map((piece, at) =>
    at % 2 === 1 ? `<${piece}>(${forms[piece]!.pattern})</${piece}>` : RegExp.escape(piece),
  )
  const values = types.map(type => forms[type]!.value)
  return {
    expression: new RegExp(`${source.join('')}[ \\t\\r\\n]*`, 'y'),
    read(match) {
      // an object made by Object.create(null) keeps its members in a hash table: twice as slow
      const members: { [member: string]: XmlRpcValue } = Object.setPrototypeOf({}, null)
      for (let at = 0; at < names.length; at++) members[names[at]!] = values[at]!(match[at + 1]!)
      return members
    },
  }
}
