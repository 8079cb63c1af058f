import { expect, test } from 'vitest'
import { cookieValues, withoutCookie } from '../../../programs/caddy/cookies.ts'

test.each([
  ['', []],
  ['n=1', ['1']],
  ['a=1; n=2;n=3', ['2', '3']],
  ['n="x y"', ['x y']],
  ['n=a=b', ['a=b']],
  ['xn=1; nn=2; N=3', []],
  ['a=n=1', []],
  ['n', ['n']],
])('%s', (header, values) => expect(cookieValues(header, 'n')).toEqual(values))

test.each([
  ['n=1', ''],
  ['a=1; n=2; b="c d"', 'a=1; b="c d"'],
  ['n=1; a=1; n=2', 'a=1'],
  ['a=1;b=2', 'a=1;b=2'],
])('%s without n', (header, rest) => expect(withoutCookie(header, 'n')).toBe(rest))
