import { expect, test } from 'vitest'
import { stripAnsi } from '../../../supervisor/logs/strip-ansi.ts'

const stripped = (text: string) => stripAnsi(Buffer.from(text)).toString()

test.each([
  ['\x1b[31mred\x1b[0m \x1b[1;42mbold\x1b[m plain\n', 'red bold plain\n'],
  ['plain', 'plain'],
  ['', ''],
  ['\x1b[H\x1b[f\x1b[A\x1b[B\x1b[C\x1b[D\x1b[R\x1b[s\x1b[u\x1b[J\x1b[K\x1b[h\x1b[l\x1b[p\x1b[m!', '!'],
  ['x\x1b[Ky', 'xy'],
  ['a\x1b', 'a\x1b'],
  ['\x1b\x1b[1mz', '\x1bz'],
  ['\x1b[m', ''],
  ['\x1b[1m\x1b[31m', ''],
])('escape sequences are removed: %j → %j', (text, expected) => {
  expect(stripped(text)).toBe(expected)
})

test('whatever stands before the first final letter goes with the sequence', () => {
  expect(stripped('\x1b[1;2Xz \x1b[38;5;1mq')).toBe('q')
})

test('OSC sequences stay', () => {
  expect(stripped('\x1b]0;title\x07text')).toBe('\x1b]0;title\x07text')
})

test('each chunk is on its own: an unfinished sequence takes the rest, its end in the next chunk stays', () => {
  expect(stripped('text\x1b[31')).toBe('text')
  expect(stripped('mred')).toBe('mred')
})

test('a chunk without sequences is not copied, one with sequences is not changed', () => {
  const plain = Buffer.from('plain \x1b]')
  expect(stripAnsi(plain)).toBe(plain)
  const coloured = Buffer.from('\x1b[1mx')
  stripAnsi(coloured)
  expect(coloured.toString()).toBe('\x1b[1mx')
})

test('bytes that are no text stay', () => {
  expect(stripAnsi(Buffer.from([0xff, 0x1b, 0x5b, 0x6d, 0x00, 0x80]))).toEqual(Buffer.from([0xff, 0x00, 0x80]))
})
