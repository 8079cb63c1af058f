import { describe, expect, test } from 'vitest'
import { formToken, isOwnHost, visitorOf, whyNot } from '../../../../programs/instance_portal/visitor.ts'

const TOKEN = 'the-local-token'
const outside = { 'x-forwarded-host': '203.0.113.7:41111', 'x-forwarded-proto': 'https' }
const loggedIn = { ...outside, 'x-portal-token': TOKEN }

test.each([
  ['localhost', true],
  ['LOCALHOST:11111', true],
  ['127.0.0.1:11111', true],
  ['[::1]:11111', true],
  [undefined, true],
  ['evil.example', false],
  ['localhost.evil.example:11111', false],
  ['127.0.0.1.evil.example', false],
  ['203.0.113.7', false],
])('Host %s is ours: %s', (host, ours) => {
  expect(isOwnHost(host)).toBe(ours)
})

test('the address in front of the visitor is what stands before us says', () => {
  expect(visitorOf(outside, TOKEN)).toEqual({
    outside: { scheme: 'https', host: '203.0.113.7:41111', hostname: '203.0.113.7', port: '41111' },
    trusted: false,
  })
  expect(visitorOf({}, TOKEN).outside).toBeUndefined()
  for (const host of ['a b', '"><script>', 'a/b', '', 'x:123456', '[::1'])
    expect(visitorOf({ 'x-forwarded-host': host }, TOKEN).outside).toBeUndefined()
})

test.each([
  ['the token', TOKEN, true],
  ['another one', 'the-local-tokeN', false],
  ['a longer one', `${TOKEN}x`, false],
  ['nothing', undefined, false],
])('whoever has %s has logged in: %s', (_, token, trusted) => {
  expect(visitorOf({ 'x-portal-token': token }, TOKEN).trusted).toBe(trusted)
})

describe('to change something takes', () => {
  const ask = (headers: Readonly<Record<string, string>>, form?: string) =>
    whyNot({ host: 'localhost:11111', ...headers }, visitorOf(headers, TOKEN), form, TOKEN)
  const own = { ...loggedIn, origin: 'https://203.0.113.7:41111', 'sec-fetch-site': 'same-origin' }

  test.each([
    ['a script of root', { 'x-portal-token': TOKEN }, undefined],
    ['a client that came through Caddy and is no browser', loggedIn, undefined],
    ['a form of our page', own, formToken(TOKEN)],
  ])('%s may', (_, headers, form) => {
    expect(ask(headers, form)).toBeUndefined()
  })

  test.each([
    ['a local program', {}, undefined, /portal-token/],
    ['whoever has not logged in', outside, formToken(TOKEN), /not opened through the login/],
    ['a form without its token', own, undefined, /load it again/],
    ['a form with another token', own, formToken('x'), /load it again/],
    [
      'another site',
      { ...loggedIn, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      formToken(TOKEN),
      /another site/,
    ],
    [
      "somebody else's instance behind another port of this address",
      { ...loggedIn, origin: 'https://203.0.113.7:41112', 'sec-fetch-site': 'same-site' },
      formToken(TOKEN),
      /another site/,
    ],
    ['an old browser there', { ...loggedIn, origin: 'https://203.0.113.7:41112' }, formToken(TOKEN), /another site/],
    ['one that hides where it is', { ...loggedIn, origin: 'null' }, formToken(TOKEN), /another site/],
    [
      'one with a foreign referer',
      { ...loggedIn, referer: 'https://evil.example/x' },
      formToken(TOKEN),
      /another site/,
    ],
    ['the same name by http', { ...loggedIn, origin: 'http://203.0.113.7:41111' }, formToken(TOKEN), /another site/],
  ])('%s may not', (_, headers, form, reason) => {
    expect(ask(headers as Readonly<Record<string, string>>, form)).toMatch(reason)
  })
})
