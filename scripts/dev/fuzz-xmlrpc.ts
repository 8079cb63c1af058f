/**
 * Throws random and mutated documents at the XML-RPC parsers. Anything but a value, an XmlRpcSyntaxError or an
 * XmlRpcFault is a failure; so are a document that takes long and a heap that grows.
 *
 *     node scripts/dev/fuzz-xmlrpc.ts [--count N] [--seconds S] [--seed X]
 *
 * Stops after whichever comes first (default: a million documents, two minutes). A failure prints its document and the
 * seed with which it comes again, and the exit status is 1.
 */
import { parseArgs } from 'node:util'
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

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})

/** mulberry32: the same numbers for the same seed, on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = randomNumbers(Number(options.seed))
const below = (limit: number): number => Math.floor(random() * limit)
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!

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

const SLOW_MS = 250
const HEAP_GROWTH = 64 * 1024 * 1024

const began = performance.now()
const outcomes: Record<Outcome, number> = { read: 0, refused: 0, fault: 0 }
let done = 0
let heapBefore = 0

function fail(why: string, text: string): never {
  console.error(`${why}\nseed ${options.seed}, document ${done}:\n${JSON.stringify(text)}`)
  process.exit(1)
}

for (; done < Number(options.count) && performance.now() - began < Number(options.seconds) * 1000; done++) {
  const text = document()
  const input = random() < 0.5 ? text : Buffer.from(text, random() < 0.1 ? 'latin1' : 'utf8')
  const started = performance.now()
  try {
    outcomes[outcomeOf(() => parseCall(input))]++
    outcomes[outcomeOf(() => parseResponse(input))]++
  } catch (error) {
    fail((error as Error).stack ?? String(error), text)
  }
  const took = performance.now() - started
  // the machine may have been busy with something else: only what is slow twice is slow
  if (took > SLOW_MS) {
    const again = performance.now()
    outcomeOf(() => parseCall(input))
    outcomeOf(() => parseResponse(input))
    if (performance.now() - again > SLOW_MS) fail(`took ${Math.round(took)} ms`, text)
  }
  if (done % 100_000 === 0) {
    const { heapUsed } = process.memoryUsage()
    if (done === 100_000) heapBefore = heapUsed
    if (done > 100_000 && heapUsed - heapBefore > HEAP_GROWTH) fail(`heap grew to ${heapUsed} bytes`, text)
  }
}

const seconds = ((performance.now() - began) / 1000).toFixed(1)
console.log(`${done} documents in ${seconds} s, seed ${options.seed}: ${JSON.stringify(outcomes)}`)
