import type { FastifyInstance } from 'fastify'
import { beforeEach, expect, test } from 'vitest'
import { parsePortalConfig } from '../../../../programs/common/portal-config.ts'
import { app } from '../../../../programs/tunnel_manager/app.ts'

let server: FastifyInstance
let told: string | undefined
const opened = new Map<string, string>()

/** As the real ones, less the processes. */
const quick = {
  list: () => [...opened].map(([targetUrl, tunnelUrl]) => ({ targetUrl, tunnelUrl })),
  find: (target: string) => opened.get(target),
  open: async (target: string) => {
    if (target.endsWith(':666')) throw new Error('cloudflared ended before it named an address: exit status 1')
    opened.set(target, opened.get(target) ?? `https://a-${opened.size}.trycloudflare.com`)
    return opened.get(target)!
  },
  stop: async (target: string) => opened.delete(target),
}
const named = {
  routes: async () => [{ targetUrl: 'http://localhost:1111', tunnelUrl: 'https://portal.example.com' }],
}

const build = (changed: object = {}): FastifyInstance =>
  app({
    quick: quick as never,
    quickOff: '',
    named: named as never,
    applications: () =>
      parsePortalConfig('localhost:1111:11111:/:Portal|localhost:8080:8080:/:Jupyter|backend:9000:9000:/:Other')
        .applications,
    httpsEnabled: () => false,
    publicPort: port => ({ 1111: 41111, 8080: 48080 })[port],
    publicAddress: { get: () => told, set: address => void (told = address) },
    ...changed,
  })

const call = async (method: 'GET' | 'POST' | 'PUT', url: string, headers: Record<string, string> = {}) => {
  const { statusCode, body } = await server.inject({ method, url, headers })
  return [statusCode, JSON.parse(body)]
}

beforeEach(() => {
  opened.clear()
  told = undefined
  server = build()
})

test('a quick tunnel is made, found, listed, refreshed and stopped, under one name', async () => {
  expect(await call('GET', '/get-quick-tunnel-if-exists/http://localhost:1111')).toEqual([
    404,
    { detail: 'Quick tunnel not found' },
  ])
  const made = [200, { tunnel_url: 'https://a-0.trycloudflare.com' }]
  expect(await call('GET', '/get-quick-tunnel/http://localhost:1111')).toEqual(made)
  expect(await call('GET', '/get-quick-tunnel/localhost:1111')).toEqual(made)
  expect(await call('GET', '/get-quick-tunnel/http%3A%2F%2Flocalhost%3A1111%2F')).toEqual(made)
  expect(await call('GET', '/get-quick-tunnel-if-exists/localhost:1111')).toEqual(made)
  expect(await call('GET', '/get-all-quick-tunnels')).toEqual([
    200,
    [{ targetUrl: 'http://localhost:1111', tunnelUrl: 'https://a-0.trycloudflare.com' }],
  ])
  expect(await call('POST', '/refresh-quick-tunnel/localhost:1111')).toEqual(made)
  expect(await call('POST', '/stop-quick-tunnel/localhost:1111')).toEqual([
    200,
    { message: 'Quick tunnel stopped successfully' },
  ])
  expect(await call('POST', '/stop-quick-tunnel/localhost:1111')).toEqual([404, { detail: 'Quick tunnel not found' }])
})

test('what cannot be tunnelled is refused with the fix', async () => {
  expect(await call('GET', '/get-quick-tunnel/http://localhost:11111')).toMatchObject([
    400,
    { detail: expect.stringMatching(/11111 is the Instance Portal/) },
  ])
  expect(await call('GET', '/get-quick-tunnel/http://10.0.0.1:80')).toMatchObject([400, {}])
  expect(await call('GET', '/get-quick-tunnel/http://backend:9000')).toMatchObject([200, {}])
  expect(await call('GET', '/get-quick-tunnel/localhost:666')).toEqual([
    500,
    { detail: 'cloudflared ended before it named an address: exit status 1' },
  ])
})

test('switched off, it says why', async () => {
  server = build({ quick: undefined, quickOff: 'CF_QUICK_TUNNELS is false' })
  expect(await call('GET', '/get-quick-tunnel/localhost:1111')).toEqual([500, { detail: 'CF_QUICK_TUNNELS is false' }])
  expect(await call('GET', '/get-all-quick-tunnels')).toEqual([200, []])
})

test('a direct address needs a mapping and a public address', async () => {
  expect(await call('GET', '/get-direct-url/1111')).toMatchObject([
    404,
    { detail: expect.stringMatching(/public address is not known/) },
  ])
  expect(await call('PUT', '/set-public-ip/1.2.3')).toEqual([500, { detail: 'Invalid IPv4 address' }])
  expect(await call('PUT', '/set-public-ip/1.2.3.256')).toEqual([500, { detail: 'Invalid IPv4 address' }])
  expect(await call('PUT', '/set-public-ip/1.2.3.4')).toEqual([200, { status: 'success', ip: '1.2.3.4' }])
  expect(await call('GET', '/get-direct-url/1111')).toEqual([200, { result: 'http://1.2.3.4:41111' }])
  // the platform's own Jupyter speaks TLS
  expect(await call('GET', '/get-direct-url/8080')).toEqual([200, { result: 'https://1.2.3.4:48080' }])
  expect(await call('GET', '/get-direct-url/9000')).toMatchObject([
    404,
    { detail: expect.stringMatching(/VAST_TCP_PORT_9000 is not set/) },
  ])
})

test('the named tunnel says where it leads', async () => {
  const route = { targetUrl: 'http://localhost:1111', tunnelUrl: 'https://portal.example.com' }
  expect(await call('GET', '/get-named-tunnels')).toEqual([200, [route]])
  expect(await call('GET', '/get-named-tunnel/1111')).toEqual([200, { tunnel_url: route.tunnelUrl }])
  expect(await call('GET', '/get-named-tunnel/111')).toMatchObject([404, {}])
  server = build({ named: undefined })
  expect(await call('GET', '/get-named-tunnels')).toMatchObject([
    404,
    { detail: expect.stringMatching(/CF_TUNNEL_TOKEN/) },
  ])
})

test('it answers nobody that a browser brings along', async () => {
  const address = '/get-quick-tunnel/localhost:1111'
  expect(await call('GET', address, { host: 'evil.example' })).toMatchObject([403, {}])
  expect(await call('GET', address, { host: 'localhost.evil.example:11112' })).toMatchObject([403, {}])
  expect(await call('GET', address, { host: 'localhost:11112', origin: 'https://evil.example' })).toMatchObject([
    403,
    {},
  ])
  expect(await call('GET', address, { host: 'localhost:11112', 'sec-fetch-site': 'cross-site' })).toMatchObject([
    403,
    {},
  ])
  expect(opened.size).toBe(0)
  expect(await call('GET', address, { host: '127.0.0.1:11112' })).toMatchObject([200, {}])
  expect(await call('GET', '/elsewhere')).toEqual([404, { detail: 'Not Found' }])
})
