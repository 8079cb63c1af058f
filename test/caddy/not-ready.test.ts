/** What callers get while an application is not there, through the real Caddy, and when it is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/lab.ts'
import { type Call, type GatewayLab, openGateway, type Reply, TOKEN } from './gateway-lab.ts'

const bearer = { authorization: `Bearer ${TOKEN}` }
const page = { accept: 'text/html' }
const tunnel = { 'cf-ray': '8f', 'cf-visitor': '{"scheme":"https"}', 'cf-connecting-ip': '203.0.113.7' }

let lab: GatewayLab
beforeAll(async () => {
  lab = await openGateway('localhost:7860:17860:/:App|localhost:9000:19000:/:Silent')
  // takes connections, and closes them
  lab.instance.start(
    `exec /opt/instance-tools/node/bin/node -e "require('net').createServer(s => s.destroy()).listen(19000, '127.0.0.1')"`,
  )
  await lab.listens(19_000)
})
afterAll(() => lab?.[Symbol.asyncDispose]())

const call = async (given: Partial<Call> & { port?: number; path?: string }): Promise<Reply> =>
  (
    await lab.call({
      url: `http://localhost:${given.port ?? 7860}${given.path ?? '/'}`,
      ...given,
      headers: { ...bearer, ...given.headers },
    })
  )[0]!

describe('while nobody is there', () => {
  test.each([
    ['a page', { headers: page }, 502],
    ['a page by what it is for', { headers: { 'sec-fetch-dest': 'document' } }, 502],
    ['a page through a tunnel', { headers: { ...page, ...tunnel } }, 200],
    ['an API', { headers: { accept: 'application/json' } }, 503],
    ['an API through a tunnel', { headers: { accept: 'application/json', ...tunnel } }, 503],
    ['a probe', { method: 'HEAD' }, 503],
    ['a form', { method: 'POST', bytes: 1000 }, 503],
    ['a websocket', { kind: 'websocket' }, 503],
    ['a stream', { headers: { accept: 'text/event-stream' } }, 503],
    ['what closes without an answer', { port: 9000, headers: page }, 502],
  ] satisfies readonly (readonly [string, Parameters<typeof call>[0], number])[])('%s', async (_, given, status) => {
    const reply = await call(given)
    expect(reply.status, reply.error).toBe(status)
    expect(reply.headers).toMatchObject({ 'x-portal-placeholder': 'true', 'cache-control': 'no-store' })
    expect(reply.headers['retry-after']).toBe(status === 503 ? '5' : undefined)
    if (status !== 503) expect(reply.body).toContain('<!doctype html>')
  })

  test('programs are told why', async () => {
    // who asks first gets what is known in a second
    await expect
      .poll(async () => JSON.parse((await call({})).body))
      .toEqual({
        application: 'App',
        state: 'unknown',
        detail: 'Not known: supervisord does not answer, and neither does port 17860.',
      })
  })

  test('nobody is told anything without a login', async () => {
    const [reply] = await lab.call({ url: 'http://localhost:7860/', headers: page })
    expect(reply!.status).toBe(401)
    const [readiness] = await lab.call({ url: 'http://localhost:7860/portal-readiness' })
    expect(readiness!.status).toBe(401)
  })

  test('the log says once what does not answer, with what Caddy says of it', async () => {
    const news = 'App does not answer: not known: supervisord does not answer'
    await lab.said(news)
    expect(lab.output.split(news)).toHaveLength(2)
    await lab.said('connection refused')
  })
})

test('readiness is told to programs, and so is its change', async () => {
  const path = '/portal-readiness'
  expect(await call({ path })).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
  const follower = lab.instance.start(
    `curl -sN -H 'Authorization: Bearer ${TOKEN}' -H 'Accept: text/event-stream' http://localhost:7860${path}`,
  )
  let news = ''
  follower.stdout!.setEncoding('utf8').on('data', text => (news += text))
  await until('it is told how it is', () => news.includes('"state":"unknown"'))
  await lab.startUpstream(17_860)
  await until('it is told that it is ready', () => news.includes('"state":"ready"'))
  follower.kill()
  expect(await call({ path })).toMatchObject({ status: 200 })
  // as old pages look for it
  const head = await call({ method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.headers['x-portal-placeholder']).toBeUndefined()
})

test('the health of the gateway itself is for everybody', async () => {
  const [reply] = await lab.call({ url: 'http://localhost:7860/ai-dock/health-check' })
  expect(reply!.status).toBe(200)
})
