import { expect, test } from 'vitest'
import { ShellWordsError, splitShellWords } from '../../../supervisor/config/shell-words.ts'

test.each<[string, string[]]>([
  ['', []],
  ['  a\tb\nc\r ', ['a', 'b', 'c']],
  [`"a b" 'c d' e\\ f`, ['a b', 'c d', 'e f']],
  [`x"y z"'w'`, ['x', 'y z', 'w'].join('').split('|')],
  [`""`, ['']],
  [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
  [`'a\\b'`, ['a\\b']],
  ['$HOME * && true | cat > file # x', ['$HOME', '*', '&&', 'true', '|', 'cat', '>', 'file', '#', 'x']],
])('%j', (text, words) => {
  expect(splitShellWords(text)).toEqual(words)
})

test.each([
  [`a 'b`, 'No closing quotation'],
  ['a "b', 'No closing quotation'],
  ['a\\', 'No escaped character'],
  ['"a\\', 'No escaped character'],
])('%j cannot be split', (text, message) => {
  expect(() => splitShellWords(text)).toThrow(new ShellWordsError(message))
})
