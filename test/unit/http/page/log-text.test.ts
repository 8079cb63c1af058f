import { expect, test } from 'vitest'
import { LogText, readable } from '../../../../supervisor/http/page/log-text.ts'

test.each([
  ['colours', '\x1b[1;31mred\x1b[0m', 'red'],
  ['cursor movements', 'a\x1b[2K\x1b[1Gb', 'ab'],
  ['titles of windows', '\x1b]0;title\x07text', 'text'],
  ['character sets', '\x1b(Btext', 'text'],
  ['lines of Windows', 'a\r\nb\r\n', 'a\nb\n'],
  ['bells and the like', 'a\x07b\x00', 'a\ufffdb\ufffd'],
])('%s do not get into the page', (_, text, shown) => {
  expect(readable(text)).toBe(shown)
})

test('a line that is written over is a line each time', () => {
  expect(readable(' 10%\r 20%\r')).toBe(' 10%\n 20%\n')
})

test.each([
  ['a character', Buffer.from('é')],
  ['a colour', Buffer.from('\x1b[31m')],
  ['a title', Buffer.from('\x1b]0;t\x1b\\')],
  ['the end of a line', Buffer.from('\r\n')],
])('%s may be cut anywhere', (_, bytes) => {
  const whole = readable(`<${bytes}>`)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const text = new LogText()
    const parts = [Buffer.concat([Buffer.from('<'), bytes.subarray(0, cut)]), bytes.subarray(cut), Buffer.from('>')]
    expect(parts.map(part => text.push(part)).join('')).toBe(whole)
  }
})

test('a sequence that never ends is not kept for ever', () => {
  const text = new LogText()
  text.push(Buffer.from('\x1b]'))
  expect(text.push(Buffer.from('x'.repeat(300)))).toContain('x'.repeat(300))
})
