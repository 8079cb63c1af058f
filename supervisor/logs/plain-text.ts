/**
 * What a terminal would show as lines: escape sequences are cut, CR LF and a lone CR become LF, what is no UTF-8 becomes
 * U+FFFD. Reads cut anywhere; the result is the same wherever they do. Source: contract/vast-instance.md 3.5
 *
 * Sequences are those of ECMA-48: CSI (`ESC [` … a final byte), strings (`ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _` … `ESC \`
 * or BEL), and `ESC` with one byte, or with blanks to slashes and one byte. What can be no part of a sequence ends it and
 * counts itself, so that a string without end costs the rest of its line.
 */
import { isUtf8 } from 'node:buffer'

const BEL = 0x07
const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const ESC = 0x1b
const BRACKET = 0x5b
const BACKSLASH = 0x5c
/** the first bytes of strings: `P X ] ^ _` */
const beginsString: ReadonlySet<number> = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f])

/** Where in a sequence we are. */
const TEXT = 0
/** behind `ESC` and what may stand between it and its final byte */
const ESCAPE = 1
const CSI = 2
const STRING = 3
/** behind an `ESC` in a string: with a backslash that is its end */
const STRING_ESCAPE = 4
/** The byte is no part of a sequence that it ends. */
const NOT_PART = 5

const NOTHING = Buffer.alloc(0)
/** What is kept of a chunk, until the next one; memory that is not used costs nothing. */
let room = NOTHING

/** Of one stream; all that it keeps between two reads is a few bytes. */
export class PlainText {
  #state = TEXT
  /** A CR that may be the beginning of CR LF. */
  #returned = false
  /** The beginning of a character: at most 3 bytes. */
  #begun: Buffer = NOTHING

  /** The chunk itself where there is nothing to do. Valid until the next call of anybody, and until the chunk is reused. */
  write(chunk: Buffer): Buffer {
    const isText = this.#state === TEXT && !this.#returned && !chunk.includes(ESC) && !chunk.includes(CR)
    return this.#whole(isText ? chunk : this.#cut(chunk))
  }

  /** What was held back: no more will come. */
  end(): Buffer {
    const rest = this.#begun.toString() + (this.#returned ? '\n' : '')
    this.#state = TEXT
    this.#returned = false
    this.#begun = NOTHING
    return Buffer.from(rest)
  }

  #cut(chunk: Buffer): Buffer {
    // a CR that was held back takes a byte more
    if (room.length <= chunk.length) room = Buffer.from(new ArrayBuffer(chunk.length + 1))
    const kept = room
    const end = chunk.length
    let length = 0
    let state = this.#state
    let returned = this.#returned
    for (let at = 0; at < end; at++) {
      let byte = chunk[at]!
      if (state !== TEXT) {
        const following = next(state, byte)
        state = following === NOT_PART ? TEXT : following
        if (following !== NOT_PART) continue
      }
      if (byte === ESC) {
        state = ESCAPE
        continue
      }
      if (returned && byte !== LF) kept[length++] = LF
      returned = byte === CR
      if (returned) continue
      // most of it is text: no further questions until the next control character
      kept[length++] = byte
      while (at + 1 < end && (byte = chunk[at + 1]!) > ESC) {
        kept[length++] = byte
        at++
      }
    }
    this.#state = state
    this.#returned = returned
    return kept.subarray(0, length)
  }

  /** Whole characters; one that is not complete is held back. */
  #whole(data: Buffer): Buffer {
    const all = this.#begun.length > 0 ? Buffer.concat([this.#begun, data]) : data
    const certain = all.length - lengthOfBegunCharacter(all)
    this.#begun = certain < all.length ? Buffer.from(all.subarray(certain)) : NOTHING
    const whole = all.subarray(0, certain)
    return isUtf8(whole) ? whole : Buffer.from(whole.toString())
  }
}

/** The state behind the byte; TEXT when it was the last one of the sequence. */
function next(state: number, byte: number): number {
  const inString = state === STRING || state === STRING_ESCAPE
  if (byte === ESC) return inString ? STRING_ESCAPE : ESCAPE
  switch (state) {
    case ESCAPE:
      if (byte === BRACKET) return CSI
      if (beginsString.has(byte)) return STRING
      return byte >= 0x20 && byte < 0x30 ? ESCAPE : final(byte, 0x30)
    case CSI:
      return byte >= 0x20 && byte < 0x40 ? CSI : final(byte, 0x40)
    case STRING_ESCAPE:
      return byte === BACKSLASH ? TEXT : next(ESCAPE, byte)
    default:
      if (byte === BEL) return TEXT
      return byte >= 0x20 || byte === TAB ? STRING : NOT_PART
  }
}

const final = (byte: number, lowest: number): number => (byte >= lowest && byte < 0x7f ? TEXT : NOT_PART)

/** How many bytes at the end are the beginning of a character that is not complete? */
function lengthOfBegunCharacter(data: Buffer): number {
  for (let length = 1; length <= 3 && length <= data.length; length++) {
    const byte = data[data.length - length]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return length < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? length : 0
  }
  return 0
}
