/**
 * Throws random and mutated documents at the XML-RPC parsers. Anything but a value, an XmlRpcSyntaxError or an
 * XmlRpcFault is a failure; so are a document that takes long and a heap that grows.
 * fuzz-harness.ts has the options.
 */
import {
  parseCall,
  parseResponse,
  renderCall,
  renderFault,
  renderResponse,
  XmlRpcFault,
  XmlRpcSyntaxError,
  type XmlRpcValue,
} from '../../supervisor/xmlrpc/codec.ts'
import { below, fuzz, pick, random } from './fuzz-harness.ts'

const fragments = [
  ...['<', '>', '</', '/>', '&', ';', '&amp;', '&#', '&#x', '&#0;', '&#xd800;', '&lt', '"', "'", '=', ' ', '\n', '\r'],
  ...['<?xml version="1.0"?>', '<?', '?>', '<!--', '-->', '<![CDATA[', ']]>', '<!DOCTYPE a [', '<!ENTITY a "b">'],
  ...['<methodCall>', '</methodCall>', '<methodName>', '</methodName>', '<params>', '</params>', '<params/>'],
  ...['<param>', '</param>', '<value>', '</value>', '<value/>', '<int>', '</int>', '<i4>', '</i4>', '<i8>', '</i8>'],
  ...['<string>', '</string>', '<boolean>', '</boolean>', '<double>', '</double>', '<nil/>', '<base64>', '</base64>'],
  ...['<array>', '</array>', '<data>', '</data>', '<data/>', '<struct>', '</struct>', '<member>', '</member>'],
  ...['<name>', '</name>', '<methodResponse>', '</methodResponse>', '<fault>', '</fault>', 'xmlns:ex="u"', '<ex:nil/>'],
  ...['__proto__', 'constructor', 'toString', 'a', '0', '1', '-1', '9'.repeat(400), '1e999', 'é', '\u0000', '\ud800'],
  ...['\ufeff', '\uffff', '😀', 'encoding="utf-16"', 'faultCode', 'faultString'],
]

function randomValue(depth: number): XmlRpcValue {
  switch (below(depth > 4 ? 5 : 7)) {
    case 0:
      return below(2 ** 32) - 2 ** 31
    case 1:
      return random() < 0.5
    case 2:
      return random() * 1e6
    case 3:
      return null
    case 4:
      return Array.from({ length: below(4) }, () => pick(fragments)).join('')
    case 5:
      return Array.from({ length: below(4) }, () => randomValue(depth + 1))
    default:
      return Object.fromEntries(Array.from({ length: below(4) }, () => [pick(fragments), randomValue(depth + 1)]))
  }
}

function wholeDocument(): string {
  const values = Array.from({ length: below(4) }, () => randomValue(0))
  return pick([
    () => renderCall(pick(fragments), values),
    () => renderResponse(randomValue(0)),
    () => renderFault(below(100), pick(fragments)),
  ])()
}

const mutations: readonly ((text: string) => string)[] = [
  text => text.slice(0, below(text.length + 1)),
  text => {
    const at = below(text.length + 1)
    return text.slice(0, at) + pick(fragments) + text.slice(at)
  },
  text => {
    const from = below(text.length)
    return text.slice(0, from) + text.slice(from + below(20))
  },
  text => {
    const from = below(text.length)
    const piece = text.slice(from, from + below(60))
    const at = below(text.length + 1)
    return text.slice(0, at) + piece.repeat(1 + below(random() < 0.01 ? 100 : 3)) + text.slice(at)
  },
  text => {
    const at = below(text.length + 1)
    return text.slice(0, at) + String.fromCharCode(below(0x10000)) + text.slice(at + 1)
  },
]

function document(): string {
  if (random() < 0.2) return Array.from({ length: below(30) }, () => pick(fragments)).join('')
  let text = wholeDocument()
  for (let rounds = below(5); rounds > 0; rounds--) text = pick(mutations)(text)
  return text
}

type Outcome = 'read' | 'refused' | 'fault'

function outcomeOf(parse: () => unknown): Outcome {
  try {
    parse()
    return 'read'
  } catch (error) {
    if (error instanceof XmlRpcSyntaxError) return 'refused'
    if (error instanceof XmlRpcFault) return 'fault'
    throw error
  }
}

fuzz({
  input: () => {
    const text = document()
    return random() < 0.5 ? text : Buffer.from(text, random() < 0.1 ? 'latin1' : 'utf8')
  },
  run: given => [outcomeOf(() => parseCall(given)), outcomeOf(() => parseResponse(given))],
  show: given => given.toString('latin1'),
  slow: 250,
})
