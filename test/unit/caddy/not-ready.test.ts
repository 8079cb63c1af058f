import { expect, test } from 'vitest'
import { renderDenial } from '../../../programs/caddy/denials.ts'
import { type NotReady, newsOf, renderNotReady, renderReadiness } from '../../../programs/caddy/not-ready.ts'

const NOW = Date.UTC(2026, 10, 21)
const what = (more: Partial<NotReady> = {}): NotReady => ({
  name: 'My App',
  readiness: { state: 'starting', sentence: 'starting: its program runs', since: NOW - 5000, retryAt: undefined },
  wantsPage: true,
  throughCloudflare: false,
  portalUrl: undefined,
  problems: [],
  now: NOW,
  ...more,
})

test('a browser gets 502, and 200 through Cloudflare; the marker and no-store with both', () => {
  for (const throughCloudflare of [false, true]) {
    const { status, headers } = renderNotReady(what({ throughCloudflare }))
    expect(status).toBe(throughCloudflare ? 200 : 502)
    expect(headers).toMatchObject({
      'X-Portal-Placeholder': 'true',
      'Cache-Control': 'no-store',
      'Content-Type': 'text/html; charset=utf-8',
    })
  }
})

test('a program gets 503, when to come again, and why', () => {
  const { status, headers, body } = renderNotReady(what({ wantsPage: false, throughCloudflare: true }))
  expect(status).toBe(503)
  expect(headers).toMatchObject({ 'X-Portal-Placeholder': 'true', 'Cache-Control': 'no-store', 'Retry-After': '5' })
  expect(JSON.parse(body)).toEqual({
    detail: 'Starting: its program runs.',
    application: 'My App',
    state: 'starting',
  })
})

test.each([
  [NOW + 12_400, '13'],
  [NOW - 1, '1'],
  [NOW + 3_600_000, '60'],
])('the next try at %d is worth coming again for after %s s', (retryAt, seconds) => {
  const { headers } = renderNotReady(what({ wantsPage: false, readiness: { ...what().readiness, retryAt } }))
  expect(headers['Retry-After']).toBe(seconds)
})

test('whatever names and sentences hold, they stay text', () => {
  const evil = `</script><script>alert(1)</script>"'&`
  const { body } = renderNotReady(
    what({
      name: evil,
      readiness: { state: 'crashed', sentence: evil, since: undefined, retryAt: undefined },
      problems: [{ where: evil, message: evil, fix: evil }],
      portalUrl: `http://a/${evil}`,
    }),
  )
  expect(body).not.toContain('<script>alert')
  expect(body).toContain('&lt;/script&gt;&lt;script&gt;alert(1)')
  expect(body.match(/<script>/g)).toHaveLength(1)
})

test('pages run and show nothing but what they bring', () => {
  for (const { headers } of [renderNotReady(what()), renderDenial('nothing', true, 0)]) {
    const policy = headers['Content-Security-Policy']
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
  }
})

test.each([
  ['installing', 'busy', 'My App is being installed'],
  ['waiting', 'busy', 'My App is waiting'],
  ['starting', 'busy', 'My App is starting'],
  ['ready', 'good', 'My App is ready'],
  ['stopped', 'calm', 'My App is stopped'],
  ['skipped', 'calm', 'My App has not been started'],
  ['crashed', 'bad', 'My App has crashed'],
  ['unknown', 'calm', 'My App does not answer'],
] as const)('%s', (state, mood, heading) => {
  expect(newsOf('My App', { state, sentence: 'why', since: 1, retryAt: 2 })).toEqual({
    ...{ state, mood, heading },
    sentence: 'Why.',
    since: 1,
    retryAt: 2,
  })
})

test('readiness for programs: 200 when it is ready, 503 until then', () => {
  const ready = renderReadiness('My App', { state: 'ready', sentence: 'ready', since: 1, retryAt: undefined }, NOW)
  expect(ready.status).toBe(200)
  expect(JSON.parse(ready.body)).toEqual({ application: 'My App', state: 'ready', ready: true, detail: 'Ready.' })
  expect(renderReadiness('My App', what().readiness, NOW)).toMatchObject({
    status: 503,
    headers: { 'Retry-After': '5' },
  })
})

test.each([
  ['nothing', 401],
  ['wrong', 401],
  ['over', 401],
  ['foreign', 403],
  ['blocked', 429],
] as const)('%s is answered by %d, to people and to programs', (reason, status) => {
  for (const wantsPage of [true, false]) {
    const answer = renderDenial(reason, wantsPage, 3500)
    expect(answer.status).toBe(status)
    expect(answer.headers['WWW-Authenticate']).toBe(status === 401 ? 'Basic realm="restricted"' : undefined)
    expect(answer.headers['Retry-After']).toBe(status === 429 ? '4' : undefined)
    expect(answer.headers['Content-Type']).toMatch(wantsPage ? /^text\/html/ : /^application\/json$/)
  }
})
