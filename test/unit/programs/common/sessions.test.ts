import { expect, test } from 'vitest'
import { LINK_SECONDS, looksLikePass, openPasses, SESSION_SECONDS } from '../../../../programs/common/sessions.ts'

const NOW = Date.UTC(2026, 10, 21)
const credentials = { username: 'me', password: 'p', token: 't' }
const passes = openPasses(Buffer.alloc(32, 1), credentials, 'C.1')

test.each([
  ['session', SESSION_SECONDS],
  ['link', LINK_SECONDS],
] as const)('a %s is good for %d s, and no longer', (kind, seconds) => {
  const text = passes.issue(kind, NOW)
  const end = NOW + seconds * 1000
  expect(passes.check(kind, text, end - 1)).toMatchObject({ expires: end })
  expect(passes.check(kind, text, end)).toBe('over')
  expect(passes.check(kind === 'link' ? 'session' : 'link', text, NOW)).toBeUndefined()
})

test('no two are the same, and they fit into cookies and URLs', () => {
  const some = Array.from({ length: 100 }, () => passes.issue('session', NOW))
  expect(new Set(some).size).toBe(100)
  for (const text of some) {
    expect(text).toMatch(/^[\w.-]+$/)
    expect(looksLikePass(text)).toBe(true)
  }
})

test('one that was changed anywhere is none', () => {
  const text = passes.issue('session', NOW)
  for (let at = 0; at < text.length; at++)
    for (const letter of ['A', 'x', '.', '0']) {
      const changed = text.slice(0, at) + letter + text.slice(at + 1)
      if (changed === text) continue
      expect(passes.check('session', changed, NOW), `${at} ${letter}`).toBeUndefined()
    }
})

test.each(['', 's1', 's1...', 'x'.repeat(10_000), 's1.zzzzzzzzz.aaaaaaaaaaaaaaaaaaaaaa.b'])('%.20s is none', text => {
  expect(passes.check('session', text, NOW)).toBeUndefined()
  expect(looksLikePass(text)).toBe(false)
})

test('what separates the parts cannot be moved between them', () => {
  const one = openPasses(Buffer.alloc(32, 1), { username: 'a', password: 'b c', token: 't' }, 'C.1')
  const other = openPasses(Buffer.alloc(32, 1), { username: 'a b', password: 'c', token: 't' }, 'C.1')
  expect(other.check('session', one.issue('session', NOW), NOW)).toBeUndefined()
})
