import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { mayAct } from '../../../../supervisor/http/page/permission.ts'

const own = 'http://host:9001'
const other = 'http://evil.example'

const asks = (method: string, headers: Record<string, string>, { trusted = false, given = '' } = {}): boolean =>
  mayAct(
    { method, headers: { host: 'host:9001', ...headers } } as unknown as IncomingMessage,
    { trusted },
    given,
    'right',
  )

test.each([
  ['says that it comes from the same site', { 'sec-fetch-site': 'same-origin' }, '', true],
  ['comes from our own origin', { origin: own }, '', true],
  ['carries the token', {}, 'right', true],
  ['carries the token through a proxy that changes Host', { origin: other }, 'right', true],
  ['comes from another site', { 'sec-fetch-site': 'cross-site', origin: other }, '', false],
  ['comes from another site, whatever token it has', { 'sec-fetch-site': 'cross-site' }, 'right', false],
  ['comes from a neighbour', { 'sec-fetch-site': 'same-site', origin: own }, '', false],
  ['comes from another origin', { origin: other }, '', false],
  ['comes from another port', { origin: 'http://host:8080' }, '', false],
  ['hides its origin', { origin: 'null' }, '', false],
  ['carries a wrong token', {}, 'wrong', false],
  ['says nothing', {}, '', false],
])('a form that %s', (_, headers, given, allowed) => {
  expect(asks('POST', headers as Record<string, string>, { given })).toBe(allowed)
})

test('a form of another site is refused also where a password was given', () => {
  expect(asks('POST', { origin: other }, { trusted: true })).toBe(false)
  expect(asks('POST', { 'sec-fetch-site': 'cross-site' }, { trusted: true })).toBe(false)
})

test('a script behind the password needs no token', () => {
  expect(asks('POST', {}, { trusted: true })).toBe(true)
})

test.each([
  ['a bookmark', { 'sec-fetch-site': 'none' }, true],
  ['a script', {}, true],
  ['a link of our own', { 'sec-fetch-site': 'same-origin' }, true],
  ['a link of another site', { 'sec-fetch-site': 'cross-site' }, false],
  ['a picture in a page of another site', { referer: `${other}/page` }, false],
  ['a browser that only looks ahead', { 'sec-fetch-site': 'none', 'sec-purpose': 'prefetch' }, false],
])('%s, by GET: with the unix socket or the password only', (_, headers, allowed) => {
  expect(asks('GET', headers as Record<string, string>, { trusted: true })).toBe(allowed)
  expect(asks('GET', headers as Record<string, string>)).toBe(false)
})

test('a token does not make a GET acceptable', () => {
  expect(asks('GET', {}, { given: 'right' })).toBe(false)
})
