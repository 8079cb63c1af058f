import { expect, test } from 'vitest'
import { addressOf, clientOf, Guesses } from '../../../programs/caddy/guesses.ts'

const MINUTE = 60_000

test('five are free, and each further one has to wait twice as long, up to a minute', () => {
  const guesses = new Guesses()
  const waits = Array.from({ length: 14 }, (_, index) => {
    const now = index * MINUTE
    expect(guesses.waitOf('a', now)).toBe(0)
    guesses.add('a', [`guess ${index}`], now)
    return guesses.waitOf('a', now) / 1000
  })
  expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60])
})

test('the same wrong one again is one mistake', () => {
  const guesses = new Guesses()
  for (let request = 0; request < 100; request++) guesses.add('a', ['old cookie', 'old token'], request)
  expect(guesses.waitOf('a', 100)).toBe(0)
})

test('many at once count as many', () => {
  const guesses = new Guesses()
  guesses.add('a', ['1', '2', '3', '4', '5', '6'], 0)
  expect(guesses.waitOf('a', 0)).toBe(2000)
})

test('others do not wait, and who has been quiet is forgotten', () => {
  const guesses = new Guesses()
  for (let guess = 0; guess < 9; guess++) guesses.add('a', [String(guess)], 0)
  expect(guesses.waitOf('a', 0)).toBe(16_000)
  expect(guesses.waitOf('b', 0)).toBe(0)
  guesses.add('a', ['once more'], 15 * MINUTE)
  expect(guesses.waitOf('a', 15 * MINUTE)).toBe(0)
})

test('as many clients as there may be do not take more memory than that', () => {
  const guesses = new Guesses()
  for (let client = 0; client < 10_001; client++)
    for (let guess = 0; guess < 5; guess++) guesses.add(`client ${client}`, [String(guess)], 0)
  expect(guesses.waitOf('client 0', 0)).toBe(0)
  expect(guesses.waitOf('client 1', 0)).toBe(1000)
})

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['not an address', 'not an address'],
])('%s counts as %s', (address, client) => expect(clientOf(address)).toBe(client))

test('what Cloudflare says counts from a tunnel, and from nobody else', () => {
  expect(addressOf('127.0.0.1', '203.0.113.7')).toBe('203.0.113.7')
  expect(addressOf('::1', '203.0.113.7')).toBe('203.0.113.7')
  expect(addressOf('127.0.0.1', '')).toBe('127.0.0.1')
  expect(addressOf('198.51.100.1', '203.0.113.7')).toBe('198.51.100.1')
})
