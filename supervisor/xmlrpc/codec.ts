/**
 * XML-RPC: values, calls and answers to text and back. What is written is byte for byte what Python's serialiser writes;
 * what is read is what the clients of supervisord send. Shared by `rpc/` and `client/`.
 * Source: contract 7.4, clients.md 2
 */
import { isUtf8 } from 'node:buffer'
import { formOf, type StructForm } from './struct-form.ts'
import { readXml, type XmlReader, XmlRpcSyntaxError, type XmlToken } from './xml-reader.ts'

export { XmlRpcSyntaxError }

/** A struct is an object without a prototype, so `__proto__` is a member like any other. */
export type XmlRpcValue =
  | null
  | boolean
  | number
  | string
  | readonly XmlRpcValue[]
  | { readonly [member: string]: XmlRpcValue }

/** A fault that the other side answered with. */
export class XmlRpcFault extends Error {
  override readonly name = 'XmlRpcFault'
  readonly code: number
  readonly text: string

  constructor(code: number, text: string) {
    super(`fault ${code}: ${text}`)
    this.code = code
    this.text = text
  }
}

/** Calls are written by strangers: deeper nesting and longer documents are refused. Values of the original: none. */
export const limits = { depth: 64, callBytes: 16 * 1024 * 1024 } as const

// -- writing -----------------------------------------------------------------------------------------------------------

// What cannot stand in an XML 1.0 document at all, in whatever form, beside lone surrogates.
const illegal = '\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff'
const illegalCharacter = new RegExp(`[${illegal}]`)
const toBeEscaped = new RegExp(`[&<>${illegal}]`, 'g')
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/**
 * `a<b` → `a&lt;b`. Characters illegal in XML 1.0 (ESC in a log, say) become U+FFFD: the original sends them as they
 * are, and its own client then fails with `not well-formed`. Source: contract 7.4 "Escapes out", trap 31
 */
export const escapeText = (text: string): string =>
  text.toWellFormed().replace(toBeEscaped, character => escapes[character] ?? '\ufffd')

/** How an answer is written; see json-form.ts. */
export type WireForm = 'xml' | 'json'

/** A value that was written already, in the form of the answer it is for; for what is asked for often. */
export class RenderedValue {
  /** `<array>…</array>`, `[…]` */
  readonly text: string
  #response: Buffer | null = null

  constructor(text: string) {
    this.text = text
  }

  /** The whole answer in UTF-8, made by `render` at the first use. */
  response(render: (value: RenderedValue) => string): Buffer {
    this.#response ??= Buffer.from(render(this))
    return this.#response
  }
}

/** What an answer may be made of. */
export type Renderable =
  | null
  | boolean
  | number
  | string
  | RenderedValue
  | readonly Renderable[]
  | { readonly [member: string]: Renderable }

/** `7` → `<int>7</int>`. @throws TypeError for what XML-RPC has no form for: NaN and the infinities */
export function renderValue(value: Renderable): string {
  switch (typeof value) {
    case 'string':
      return `<string>${escapeText(value)}</string>`
    case 'boolean':
      return value ? '<boolean>1</boolean>' : '<boolean>0</boolean>'
    case 'number':
      // Beyond 32 bits (maxbytes=2GB) the original answers 500; its clients read longer integers without trouble.
      if (Number.isInteger(value)) return `<int>${BigInt(value)}</int>`
      if (!Number.isFinite(value)) throw new TypeError(`cannot write ${value} in XML-RPC`)
      return `<double>${value}</double>`
  }
  if (value === null) return '<nil/>'
  if (value instanceof RenderedValue) return value.text
  if (Array.isArray(value)) {
    let xml = '<array><data>\n'
    for (const item of value as readonly Renderable[]) xml += `<value>${renderValue(item)}</value>\n`
    return `${xml}</data></array>`
  }
  let xml = '<struct>\n'
  for (const [name, member] of Object.entries(value as { readonly [member: string]: Renderable })) {
    xml += `<member>\n<name>${escapeText(name)}</name>\n<value>${renderValue(member)}</value>\n</member>\n`
  }
  return `${xml}</struct>`
}

const declaration = "<?xml version='1.0'?>\n"
const renderParam = (value: Renderable): string => `<param>\n<value>${renderValue(value)}</value>\n</param>\n`

export const renderCall = (method: string, params: readonly XmlRpcValue[]): string =>
  `${declaration}<methodCall>\n<methodName>${escapeText(method)}</methodName>\n` +
  `<params>\n${params.map(renderParam).join('')}</params>\n</methodCall>\n`

export const renderResponse = (value: Renderable): string =>
  `${declaration}<methodResponse>\n<params>\n${renderParam(value)}</params>\n</methodResponse>\n`

export const renderFault = (code: number, text: string): string =>
  `${declaration}<methodResponse>\n<fault>\n` +
  `<value>${renderValue({ faultCode: code, faultString: text })}</value>\n</fault>\n</methodResponse>\n`

// -- reading -----------------------------------------------------------------------------------------------------------

const fail = (reader: XmlReader, why: string): never => {
  throw new XmlRpcSyntaxError(`${why} at ${reader.at}`)
}

const blank = /^[ \t\r\n]*$/
const blanks = /[ \t\r\n]*/y
const isBlank = (text: string): boolean => text === '\n' || blank.test(text)

const isAt = (reader: XmlReader, name: string): boolean => reader.content === name

/** The next element, past the blanks around it; `end` at the end of the document. */
function nextElement(reader: XmlReader): XmlToken {
  for (;;) {
    const token = reader.next()
    if (token !== 'text') return token
    if (!isBlank(reader.content)) fail(reader, 'text where none may be')
  }
}

function expectElement(reader: XmlReader, token: 'open' | 'close', name: string): void {
  if (nextElement(reader) !== token || !isAt(reader, name)) fail(reader, `no ${token === 'open' ? '<' : '</'}${name}>`)
}

/** The text up to `</name>`, which may come in several pieces. */
function textOf(reader: XmlReader, name: string): string {
  let text = ''
  for (;;) {
    const token = reader.next()
    if (token === 'text') text += reader.content
    else if (token === 'close' && isAt(reader, name)) return text
    else return fail(reader, `no </${name}>`)
  }
}

const integer = /^[+-]?\d+$/
const double = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const base64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Text of a scalar element to its value. What is not listed is text, as in the original (`<i8>`). */
const scalars: Readonly<Record<string, (text: string) => XmlRpcValue | undefined>> = {
  int: text => (integer.test(text.trim()) ? Number(text) : undefined),
  i4: text => (integer.test(text.trim()) ? Number(text) : undefined),
  boolean: text => (text.trim() === '1' ? true : text.trim() === '0' ? false : undefined),
  double: text => (double.test(text.trim()) ? Number(text) : undefined),
  nil: text => (text === '' ? null : undefined),
  base64(text) {
    const digits = text.replace(/[ \t\r\n]+/g, '')
    return base64.test(digits) ? Buffer.from(digits, 'base64').toString() : undefined
  },
}

function scalar(reader: XmlReader, type: string, text: string): XmlRpcValue {
  if (!Object.hasOwn(scalars, type)) return text
  const value = scalars[type]!(text)
  return value === undefined || (typeof value === 'number' && !Number.isFinite(value))
    ? fail(reader, `not a value of type ${type}`)
    : value
}

/** Blanks in between first: the expression begins with an element. */
function readAlike(reader: XmlReader, { expression, read }: StructForm, items: XmlRpcValue[]): void {
  reader.skip(blanks)
  for (let match = reader.skip(expression); match; match = reader.skip(expression)) items.push(read(match))
}

function readArray(reader: XmlReader, depth: number): XmlRpcValue {
  const items: XmlRpcValue[] = []
  let form: StructForm | null = null
  let token = nextElement(reader)
  if (token === 'close' && isAt(reader, 'array')) return items
  if (!isAt(reader, 'data') || (token !== 'open' && token !== 'empty')) fail(reader, 'no <data>')
  if (token === 'open') {
    for (;;) {
      token = nextElement(reader)
      if (token === 'close' && isAt(reader, 'data')) break
      if (!isAt(reader, 'value') || token === 'end') fail(reader, 'no <value>')
      const { at } = reader
      const item = readValue(reader, token, depth + 1)
      items.push(item)
      if (items.length === 1) form = formOf(reader.from(at), item)
      if (form) readAlike(reader, form, items)
    }
  }
  expectElement(reader, 'close', 'array')
  return items
}

function readStruct(reader: XmlReader, depth: number): XmlRpcValue {
  const members: { [member: string]: XmlRpcValue } = Object.create(null)
  for (;;) {
    const token = nextElement(reader)
    if (token === 'close' && isAt(reader, 'struct')) return members
    if (token !== 'open' || !isAt(reader, 'member')) fail(reader, 'no <member>')
    const nameToken = nextElement(reader)
    if (!isAt(reader, 'name') || (nameToken !== 'open' && nameToken !== 'empty')) fail(reader, 'no <name>')
    const name = nameToken === 'open' ? textOf(reader, 'name') : ''
    members[name] = readValue(reader, nextElement(reader), depth + 1)
    expectElement(reader, 'close', 'member')
  }
}

/** The element inside `<value>`, after its first token. */
function readTyped(reader: XmlReader, token: XmlToken, depth: number): XmlRpcValue {
  const type = reader.content
  if (type === 'array') return token === 'open' ? readArray(reader, depth) : []
  if (type === 'struct') return token === 'open' ? readStruct(reader, depth) : Object.create(null)
  return scalar(reader, type, token === 'open' ? textOf(reader, type) : '')
}

/** After the token of `<value>`: up to and with `</value>`. Untyped text is a string, blanks and all. */
function readValue(reader: XmlReader, token: XmlToken, depth: number): XmlRpcValue {
  if (!isAt(reader, 'value') || (token !== 'open' && token !== 'empty')) fail(reader, 'no <value>')
  if (token === 'empty') return ''
  if (depth > limits.depth) fail(reader, `nested deeper than ${limits.depth}`)
  let text = ''
  for (;;) {
    const inner = reader.next()
    if (inner === 'text') text += reader.content
    else if (inner === 'close' && isAt(reader, 'value')) return text
    else if ((inner !== 'open' && inner !== 'empty') || !isBlank(text)) return fail(reader, 'not a value')
    else {
      const value = readTyped(reader, inner, depth)
      expectElement(reader, 'close', 'value')
      return value
    }
  }
}

/** The value of the `<param>` that was opened. */
function readParam(reader: XmlReader): XmlRpcValue {
  const value = readValue(reader, nextElement(reader), 0)
  expectElement(reader, 'close', 'param')
  return value
}

function readParams(reader: XmlReader, params: XmlRpcValue[]): void {
  for (;;) {
    const token = nextElement(reader)
    if (token === 'close' && isAt(reader, 'params')) return
    if (token !== 'open' || !isAt(reader, 'param')) fail(reader, 'no <param>')
    params.push(readParam(reader))
  }
}

const declaredEncoding = /^<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.-]{1,40})["']/

/** Bytes → text by the declared encoding: utf-8 (also undeclared), us-ascii, latin-1. @throws XmlRpcSyntaxError */
function decodeDocument(document: string | Uint8Array): string {
  if (typeof document === 'string') return document
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength)
  const encoding = declaredEncoding.exec(bytes.toString('latin1', 0, 160))?.[1]?.toLowerCase() ?? 'utf-8'
  switch (encoding) {
    case 'utf-8':
    case 'utf8':
      if (!isUtf8(bytes)) throw new XmlRpcSyntaxError('not UTF-8')
      return bytes.toString('utf8')
    case 'us-ascii':
    case 'ascii':
      if (bytes.some(byte => byte > 127)) throw new XmlRpcSyntaxError('not us-ascii, as declared')
      return bytes.toString('latin1')
    case 'iso-8859-1':
    case 'latin-1':
    case 'latin1':
      return bytes.toString('latin1')
    default:
      throw new XmlRpcSyntaxError(`unknown encoding ${encoding}`)
  }
}

/**
 * The document of a call; without `<params>` it has none.
 * @throws XmlRpcSyntaxError when it is none, or names no method
 */
export function parseCall(document: string | Uint8Array): { method: string; params: readonly XmlRpcValue[] } {
  if (document.length > limits.callBytes) throw new XmlRpcSyntaxError(`longer than ${limits.callBytes} bytes`)
  const text = decodeDocument(document)
  if (illegalCharacter.test(text) || !text.isWellFormed()) throw new XmlRpcSyntaxError('a character that XML excludes')
  const reader = readXml(text)
  expectElement(reader, 'open', 'methodCall')
  if (nextElement(reader) !== 'open' || !isAt(reader, 'methodName')) throw new XmlRpcSyntaxError('no method name')
  const method = textOf(reader, 'methodName')
  if (method === '') throw new XmlRpcSyntaxError('no method name')
  let token = nextElement(reader)
  const params: XmlRpcValue[] = []
  if ((token === 'open' || token === 'empty') && isAt(reader, 'params')) {
    if (token === 'open') readParams(reader, params)
    token = nextElement(reader)
  }
  if (token !== 'close' || !isAt(reader, 'methodCall')) fail(reader, 'no </methodCall>')
  if (nextElement(reader) !== 'end') fail(reader, 'something after the end')
  return { method, params }
}

/**
 * The value of an answer.
 * @throws XmlRpcFault when the answer is a fault
 * @throws XmlRpcSyntaxError when it is no answer
 */
export function parseResponse(document: string | Uint8Array): XmlRpcValue {
  const reader = readXml(decodeDocument(document))
  expectElement(reader, 'open', 'methodResponse')
  const token = nextElement(reader)
  const kind = reader.content
  if (token !== 'open' || (kind !== 'params' && kind !== 'fault')) fail(reader, 'no <params>')
  let value: XmlRpcValue
  if (kind === 'params') {
    expectElement(reader, 'open', 'param')
    value = readParam(reader)
  } else {
    value = readValue(reader, nextElement(reader), 0)
  }
  expectElement(reader, 'close', kind)
  expectElement(reader, 'close', 'methodResponse')
  if (nextElement(reader) !== 'end') fail(reader, 'something after the end')
  if (kind === 'params') return value
  const { faultCode, faultString } = Object(value) as { readonly [member: string]: XmlRpcValue }
  if (typeof faultCode !== 'number' || typeof faultString !== 'string') return fail(reader, 'not a fault')
  throw new XmlRpcFault(faultCode, faultString)
}
