import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSpent } from '../../../programs/caddy/spent.ts'

let path: string
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'spent-')), 'spent.json')
})
afterEach(() => rmSync(join(path, '..'), { recursive: true }))

test('what is spent stays so after a restart, and nobody else can read it', () => {
  openSpent(path).add({ id: 'a', expires: 2000 }, 1000)
  expect(openSpent(path).has('a')).toBe(true)
  expect(openSpent(path).has('b')).toBe(false)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('what would have ended by itself is forgotten', () => {
  const spent = openSpent(path)
  spent.add({ id: 'a', expires: 2000 }, 1000)
  spent.add({ id: 'b', expires: 9000 }, 3000)
  expect([spent.has('a'), spent.has('b')]).toEqual([false, true])
})

test.each(['', '{', '[]', '{"a":"soon"}', 'null'])('%j is an empty file', text => {
  writeFileSync(path, text)
  expect(openSpent(path).has('a')).toBe(false)
})

test('where it cannot be kept it counts all the same', () => {
  const spent = openSpent('/dev/null/none/spent.json')
  expect(() => spent.add({ id: 'a', expires: 2000 }, 1000)).toThrow()
  expect(spent.has('a')).toBe(true)
})
