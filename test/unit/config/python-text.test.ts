import { expect, test } from 'vitest'
import { pythonListRepr, pythonRepr } from '../../../supervisor/config/python-repr.ts'
import { compareText, splitBlanks, strip } from '../../../supervisor/config/python-text.ts'

test.each<[string | Uint8Array, string]>([
  ['foo', "'foo'"],
  ["it's", `"it's"`],
  [`it's "x"`, `'it\\'s "x"'`],
  ['a\\b\n\r\t', "'a\\\\b\\n\\r\\t'"],
  ['\u0000\u001b\u007f\u0085\u00a0', "'\\x00\\x1b\\x7f\\x85\\xa0'"],
  ['é 日本 😀', "'é 日本 😀'"],
  ['\ufeff\u2028\ud800', "'\\ufeff\\u2028\\ud800'"],
  ['\u{e0001}', "'\\U000e0001'"],
  [Buffer.from([0x61, 0x27, 0xe9, 0x0a, 0x5c]), `b"a'\\xe9\\n\\\\"`],
])('repr of %j', (value, repr) => {
  expect(pythonRepr(value)).toBe(repr)
})

test('repr of a list', () => {
  expect(pythonListRepr(['foo', "it's"])).toBe(`['foo', "it's"]`)
})

test('blanks are those of Python: 1C to 1F and 85 are, the byte order mark is not', () => {
  expect(strip('\u001c\u0085 \u3000x\ufeff\n')).toBe('x\ufeff')
  expect(splitBlanks(' a\u001fb\n\nc ')).toEqual(['a', 'b', 'c'])
})

test('order is that of code points', () => {
  expect(['\uff5e', '😀', 'p2', 'p10', 'p1', 'P'].sort(compareText)).toEqual(['P', 'p1', 'p10', 'p2', '\uff5e', '😀'])
})
