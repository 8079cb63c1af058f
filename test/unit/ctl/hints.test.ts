import { expect, test } from 'vitest'
import { HttpStatusError } from '../../../supervisor/client/client.ts'
import { renderHint } from '../../../supervisor/ctl/hints.ts'

const file = { flag: false, file: '/etc/supervisord.conf' }

test('a missing socket is told with where its url comes from', () => {
  const problem = { text: 'unix:///x no such file', status: 7 }
  expect(renderHint(problem, 'unix:///x', file)).toContain('unix:///x (the url is that of /etc/supervisord.conf)')
  expect(renderHint(problem, 'unix:///x', { flag: true, file: null })).toContain('(the url is that of -s)')
  expect(renderHint({ code: 'ENOENT' }, 'unix:///x', { flag: false, file: null })).toContain('no configuration file')
})

test.each([
  [{ code: 'ECONNREFUSED' }, /nothing listens/],
  [{ status: 4 }, /nothing listens/],
  [{ code: 'EACCES' }, /chmod=/],
  [new HttpStatusError(401, 'Unauthorized', '/RPC2'), /-u USER and -p PASSWORD/],
  [{ code: 'ENOTFOUND' }, /unknown host/],
])('%o has a hint', (problem, hint) => {
  expect(renderHint(problem, 'http://x:1', file)).toMatch(hint)
})

test('nothing is said about what speaks for itself', () => {
  expect(renderHint(new Error('odd'), 'unix:///x', file)).toBe('')
  expect(renderHint({ text: 'Sorry, …', status: 5 }, 'unix:///x', file)).toBe('')
  expect(renderHint(new HttpStatusError(500, 'x', '/RPC2'), 'unix:///x', file)).toBe('')
})
