/**
 * Where Python and JavaScript disagree about text: what is a blank, how strings are ordered, what a bad byte is called.
 * Source: contract 1.3, 13.2
 */

/** Python's `str.isspace` for one UTF-16 unit. JavaScript's differs: it has the BOM, and lacks 1C–1F and 85. */
export const isBlank = (code: number): boolean =>
  (code >= 0x09 && code <= 0x0d) ||
  (code >= 0x1c && code <= 0x20) ||
  code === 0x85 ||
  code === 0xa0 ||
  (code >= 0x1680 &&
    (code === 0x1680 ||
      (code >= 0x2000 && code <= 0x200a) ||
      code === 0x2028 ||
      code === 0x2029 ||
      code === 0x202f ||
      code === 0x205f ||
      code === 0x3000))

export function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}

export const indentOf = (text: string): number => {
  let start = 0
  while (start < text.length && isBlank(text.charCodeAt(start))) start++
  return start
}

export const strip = (text: string): string => stripEnd(text.slice(indentOf(text)))

/** `" a \n b"` → `["a", "b"]` */
export function splitBlanks(text: string): string[] {
  const words: string[] = []
  for (let at = 0; at < text.length; at++) {
    if (isBlank(text.charCodeAt(at))) continue
    const start = at
    while (at < text.length && !isBlank(text.charCodeAt(at))) at++
    words.push(text.slice(start, at))
  }
  return words
}

/** In the order of code points, which is not that of UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    const surrogates = Number(isSurrogate(left)) - Number(isSurrogate(right))
    return surrogates || left - right
  }
  return a.length - b.length
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Strict UTF-8; a byte order mark stays.
 * @throws Error: `'utf-8' codec can't decode byte 0xe9 in position 41: invalid continuation byte`, `offset` beside it
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    const { start, length, reason } = firstBadBytes(bytes)
    const what =
      length === 1
        ? `byte 0x${bytes[start]!.toString(16).padStart(2, '0')} in position ${start}`
        : `bytes in position ${start}-${start + length - 1}`
    throw Object.assign(new Error(`'utf-8' codec can't decode ${what}: ${reason}`), { offset: start })
  }
}

/** Lowest and highest second byte after a lead byte; the other continuation bytes are 80–BF. */
function secondByteRange(lead: number): readonly [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf]
  if (lead === 0xed) return [0x80, 0x9f]
  if (lead === 0xf0) return [0x90, 0xbf]
  if (lead === 0xf4) return [0x80, 0x8f]
  return [0x80, 0xbf]
}

function firstBadBytes(bytes: Uint8Array): { start: number; length: number; reason: string } {
  let start = 0
  while (start < bytes.length) {
    const lead = bytes[start]!
    if (lead < 0x80) {
      start++
      continue
    }
    const length = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (length === 0) return { start, length: 1, reason: 'invalid start byte' }
    for (let at = 1; at < length; at++) {
      const byte = bytes[start + at]
      if (byte === undefined) return { start, length: at, reason: 'unexpected end of data' }
      const [low, high] = at === 1 ? secondByteRange(lead) : [0x80, 0xbf]
      if (byte < low || byte > high) return { start, length: at, reason: 'invalid continuation byte' }
    }
    start += length
  }
  throw new Error('cannot find the bad byte: there is none')
}
