/**
 * The part of XML that XML-RPC needs, as a pull reader: elements and text. Comments and processing instructions are
 * skipped, CDATA is text, attributes are checked and dropped. There is no DTD and so there are no entities but the five
 * of XML: nothing can be expanded into more than was sent. Every character is looked at a fixed number of times.
 */

/** The document is not XML, not XML-RPC, or over a limit. */
export class XmlRpcSyntaxError extends Error {
  override readonly name = 'XmlRpcSyntaxError'
}

/** `empty` is `<nil/>`; `text` has its entities resolved; `end` comes once, after the root element. */
export type XmlToken = 'open' | 'close' | 'empty' | 'text' | 'end'

export interface XmlReader {
  /** Moves to the next token. @throws XmlRpcSyntaxError */
  next(): XmlToken
  /** of `open`, `close`, `empty`: the name without its namespace prefix; of `text`: the text */
  readonly content: string
  /** Where in the document the token begins: for error messages. */
  readonly at: number
  /** The document from there to the end of the token. */
  from(at: number): string
  /** Moves past what a sticky expression matches behind the token. */
  skip(expression: RegExp): RegExpExecArray | null
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const isXmlCharacter = (code: number): boolean =>
  code === 9 ||
  code === 10 ||
  code === 13 ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  (code >= 0x10000 && code <= 0x10ffff)

/** `&lt;` → `<`, `&#233;` → `é`; line ends become `\n`, as every XML parser does it. */
function resolveText(raw: string, at: number): string {
  const text = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw
  if (!text.includes('&')) return text
  return text.replace(/&(?:([a-z]{1,4})|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g, (reference, name, decimal, hex) => {
    if (name !== undefined && Object.hasOwn(entities, name)) return entities[name]!
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : -1
    if (!isXmlCharacter(code)) throw new XmlRpcSyntaxError(`unknown entity or character ${reference} at ${at}`)
    return String.fromCodePoint(code)
  })
}

/** Tags that are written plainly, as they nearly always are, need no closer look. */
const plainNames: ReadonlySet<string> = new Set([
  ...['methodCall', 'methodName', 'methodResponse', 'params', 'param', 'fault', 'value', 'array', 'data', 'struct'],
  ...['member', 'name', 'string', 'int', 'i4', 'boolean', 'double', 'base64', 'nil'],
])
const LONGEST_PLAIN_NAME = 14
const tag = /([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)/y
const attribute = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"[^"<]*"|'[^'<]*')/y
const tagEnd = /\s*(\/?)>/y
const declaresPrefix = /^xmlns:(.+)$/

export function readXml(document: string): XmlReader {
  let position = document.charCodeAt(0) === 0xfeff ? 1 : 0
  let tokenAt = position
  let content = ''
  let prefixes: Set<string> | null = null

  const fail = (why: string): never => {
    throw new XmlRpcSyntaxError(`${why} at ${tokenAt}`)
  }
  const endOf = (terminator: string, from: number, what: string): number => {
    const found = document.indexOf(terminator, from)
    return found < 0 ? fail(`${what} without an end`) : found
  }
  const match = (pattern: RegExp, from: number): RegExpExecArray | null => {
    pattern.lastIndex = from
    return pattern.exec(document)
  }

  function localName(from: number): number {
    const found = match(tag, from)
    if (!found) return fail('not a tag')
    const [all, prefix, name] = found
    content = name!
    let after = from + all.length
    for (let next = match(attribute, after); next; next = match(attribute, after)) {
      after += next[0].length
      const declared = declaresPrefix.exec(next[1]!)
      if (declared) (prefixes ??= new Set()).add(`${declared[1]!}:`)
    }
    if (prefix !== undefined && !prefixes?.has(prefix)) fail(`undeclared namespace prefix ${prefix}`)
    return after
  }

  function element(): XmlToken {
    const closing = document.charCodeAt(position + 1) === 47
    const nameAt = position + (closing ? 2 : 1)
    const end = endOf('>', nameAt, 'tag')
    const empty = !closing && document.charCodeAt(end - 1) === 47
    const nameEnd = empty ? end - 1 : end
    const name = nameEnd - nameAt <= LONGEST_PLAIN_NAME ? document.slice(nameAt, nameEnd) : ''
    if (plainNames.has(name)) {
      content = name
      position = end + 1
      return closing ? 'close' : empty ? 'empty' : 'open'
    }
    const last = match(tagEnd, localName(nameAt))
    if (!last) return fail('broken tag')
    position = tagEnd.lastIndex
    if (closing) return last[1] ? fail('broken tag') : 'close'
    return last[1] ? 'empty' : 'open'
  }

  return {
    get content() {
      return content
    },
    get at() {
      return tokenAt
    },
    from: at => document.slice(at, position),
    skip(expression) {
      const found = match(expression, position)
      if (found) position = expression.lastIndex
      return found
    },
    next() {
      for (;;) {
        tokenAt = position
        if (position >= document.length) return 'end'
        if (document.charCodeAt(position) !== 60) {
          const found = document.indexOf('<', position)
          const end = found < 0 ? document.length : found
          content = resolveText(document.slice(position, end), position)
          position = end
          return 'text'
        }
        const following = document.charCodeAt(position + 1)
        if (following === 63) {
          position = endOf('?>', position + 2, 'processing instruction') + 2
        } else if (following !== 33) {
          return element()
        } else if (document.startsWith('<!--', position)) {
          position = endOf('-->', position + 4, 'comment') + 3
        } else if (document.startsWith('<![CDATA[', position)) {
          const end = endOf(']]>', position + 9, 'CDATA')
          const raw = document.slice(position + 9, end)
          content = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw
          position = end + 3
          return 'text'
        } else {
          // The original expands entities of an internal DTD; docs/differences.md says why we do not.
          fail('a DTD is not accepted')
        }
      }
    },
  }
}
