import { describe, expect, test } from 'vitest'
import { PlainText } from '../../../supervisor/logs/plain-text.ts'

/** The rendering of these reads, one after the other. */
function plainOf(...chunks: readonly (string | Buffer)[]): string {
  const plain = new PlainText()
  const pieces = chunks.map(chunk => Buffer.from(plain.write(Buffer.from(chunk))))
  return Buffer.concat([...pieces, plain.end()]).toString('latin1')
}
const shown = (text: string): string => Buffer.from(text).toString('latin1')

const cases: readonly (readonly [what: string, written: string | Buffer, plain: string])[] = [
  ['text stays', 'a\tb\u0007 é €😀\n\n', 'a\tb\u0007 é €😀\n\n'],
  ['colours', '\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mrgb\x1b[m', 'red and rgb'],
  ['colons, blanks and private marks in a CSI', '\x1b[38:2::1:2:3mx\x1b[?25l\x1b[>4;2m\x1b[0 q', 'x'],
  ['cursor and erasing', 'a\x1b[2K\x1b[1Gb\x1b[10Ac', 'abc'],
  ['a title that BEL ends', '\x1b]0;title é\u0007text', 'text'],
  ['a link whose ends are ST', '\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\.', 'link.'],
  [
    'device control, application, privacy and start of string',
    '\x1bPq#0~\x1b\\a\x1b_Gi=1;\x1b\\b\x1b^x\x1b\\c\x1bXy\x1b\\d',
    'abcd',
  ],
  ['sequences of two and three bytes', '\x1b7\x1b=\x1bM\x1b(B\x1b#8\x1b%Gx\x1b8\x1bc', 'x'],
  ['CR LF and a lone CR', 'a\r\nb\rc\n\rd\r\r\ne', 'a\nb\nc\n\nd\n\ne'],
  ['a CR at the end', 'a\r', 'a\n'],
  ['a sequence between CR and LF', 'a\r\x1b[K\nb\r\x1b[Kc', 'a\nb\nc'],
  ['a string without end costs its line', '\x1b]0;no end\nnext\x1bPno\rmore', '\nnext\nmore'],
  ['a sequence that is cut off by a line', 'a\x1b[31\nb\x1b\nc', 'a\nb\nc'],
  ['a sequence that begins anew', '\x1b[3\x1b[1mx\x1b\x1b[0my\x1b]0;t\x1b[1mz', 'xyz'],
  ['characters beyond ASCII in a sequence end it', '\x1bé\x1b[1ü', 'éü'],
  ['a sequence at the end', 'a\x1b[3', 'a'],
  ['bytes that are no UTF-8', Buffer.from('a\xffb\xc3(\xe2\x82c\x80\xf0\x9f\x98', 'latin1'), 'a�b�(�c��'],
  ['what UTF-8 does not have', Buffer.from('\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80', 'latin1'), '��|���|����'],
  ['a character that a sequence divides', Buffer.from('\xe2\x82\x1b[m\xac', 'latin1'), '€'],
]

describe('the plain rendering', () => {
  test.each(cases)('%s', (_, written, plain) => {
    expect(plainOf(written)).toBe(shown(plain))
  })

  test.each(cases)('%s: the same wherever it is cut', (_, written, plain) => {
    const bytes = Buffer.from(written)
    for (let at = 0; at <= bytes.length; at++) {
      expect(plainOf(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}`).toBe(shown(plain))
    }
    expect(plainOf(...[...bytes].map(byte => Buffer.from([byte])))).toBe(shown(plain))
  })

  test('all of them in a row, cut at any two places', () => {
    const bytes = Buffer.concat(cases.map(([, written]) => Buffer.concat([Buffer.from(written), Buffer.from('\n|')])))
    const whole = plainOf(bytes)
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 7) {
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        if (plainOf(...pieces) !== whole) expect(plainOf(...pieces), `cut at ${first} and ${second}`).toBe(whole)
      }
    }
  })
})

test('a chunk without escapes and CRs goes through untouched', () => {
  const plain = new PlainText()
  const chunk = Buffer.from('plain text é\n'.repeat(1000))
  expect(plain.write(chunk).buffer).toBe(chunk.buffer)
  plain.write(Buffer.from('\x1b[1mbold\x1b[m'))
  expect(plain.write(chunk).buffer).toBe(chunk.buffer)
})

test('only what may go on is held back', () => {
  const plain = new PlainText()
  const write = (text: string | Buffer) => plain.write(Buffer.from(text)).toString('latin1')
  expect(write('50%\r')).toBe('50%')
  expect(write('60%\r')).toBe('\n60%')
  expect(write('\n')).toBe('\n')
  expect(write(Buffer.from([0x61, 0xe2, 0x82]))).toBe('a')
  expect(write(Buffer.from([0xac]))).toBe(shown('€'))
})
