import { expect, test } from 'vitest'
import { parseEnvironment } from '../../../supervisor/config/environment.ts'

test.each<[string, string, Record<string, string>]>([
  ['nothing', '', {}],
  ['plain words hold / . + - ( ) : _', 'A=plain/path:1.2-3+(4)_5', { A: 'plain/path:1.2-3+(4)_5' }],
  ['quotes protect blanks, commas and =', `A="x y",B='c,d',C="k=v"`, { A: 'x y', B: 'c,d', C: 'k=v' }],
  ['the other quotes inside stay', `D="it's"`, { D: "it's" }],
  ['a trailing comma is harmless', 'A=1,', { A: '1' }],
  ['newlines are blanks', 'A="1",\nB="2"', { A: '1', B: '2' }],
  ['any token separates: a full stop', 'A="1".\nB="2"', { A: '1', B: '2' }],
  ['any token separates: a semicolon', 'A=1;B=2', { A: '1', B: '2' }],
  ['an empty value needs quotes', 'A=""', { A: '' }],
  ['the last of equal keys wins', 'A=1,A=2', { A: '2' }],
  ['# drops the rest of its line', 'A=foo#bar\n,B=2', { A: 'foo', B: '2' }],
  ['an unquoted $ is a token of its own', 'A=$HOME', { A: '$' }],
  ['legacy: all quotes at the ends go', `A='"x"'`, { A: 'x' }],
  ['legacy: a quote inside a word stays', 'A=x"y z"', { A: 'x"y' }],
  ['legacy: a quoted key keeps its quotes', '"A"=1', { '"A"': '1' }],
  ['legacy: a lone accented letter is a token', 'A=é', { A: 'é' }],
  ['legacy: what is glued to a closing quote separates', 'A="x"y', { A: 'x' }],
  ['legacy: a backslash escapes nothing', 'A="it\\"s"', { A: 'it\\' }],
  ['POSIX, where legacy cannot: escaped quotes', 'A="say \\"hi\\" now"', { A: 'say "hi" now' }],
  ['POSIX, where legacy cannot: a backslash outside quotes', 'A=x\\ y', { A: 'x y' }],
  ['POSIX, where legacy cannot: quoted and bare parts join', `A="x"'y z'"w"`, { A: 'xy zw' }],
  ['POSIX, where legacy cannot: accented words', 'A=éàü', { A: 'éàü' }],
  ['a key may be called like a property of every object', '__proto__=1', Object.fromEntries([['__proto__', '1']])],
])('%s', (_, text, environment) => {
  expect(parseEnvironment(text)).toEqual(environment)
})

test.each([
  ['A', "Unexpected end of key/value pairs in value 'A'"],
  ['A=1,B', "Unexpected end of key/value pairs in value 'A=1,B'"],
  ['A=', "Unexpected end of key/value pairs in value 'A='"],
  ['A=1 B=2', "Unexpected end of key/value pairs in value 'A=1 B=2'"],
  ['A=1,,B=2', "Unexpected end of key/value pairs in value 'A=1,,B=2'"],
  ['A=1=2', "Unexpected end of key/value pairs in value 'A=1=2'"],
  ['A="x', 'No closing quotation'],
])('%j is refused', (text, message) => {
  expect(() => parseEnvironment(text)).toThrow(message)
})
