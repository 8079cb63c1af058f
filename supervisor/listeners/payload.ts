/**
 * Bytes of a child as the text of a payload, and the one length that counts: Unicode code points.
 * Source: contract 11.1, 11.2, 13.2
 */
import { isUtf8 } from 'node:buffer'
import { pythonRepr } from '../config/python-repr.ts'

/** UTF-8 as it stands; anything else as `Undecodable: b'\xff\xe9'`. */
export function readable(data: Uint8Array): string {
  if (!isUtf8(data)) return `Undecodable: ${pythonRepr(data)}`
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
}

/** Code points of a text, given its UTF-8 bytes. */
export function countCodePoints(text: string, utf8: Uint8Array): number {
  // only ASCII takes as many bytes as UTF-16 units
  if (utf8.length === text.length) return text.length
  let count = 0
  for (const byte of utf8) if ((byte & 0xc0) !== 0x80) count++
  return count
}
