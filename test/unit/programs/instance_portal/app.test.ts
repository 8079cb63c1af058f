import { describe, expect, test } from 'vitest'
import { formToken } from '../../../../programs/instance_portal/visitor.ts'
import { application, loggedIn, NOW, portalLab, program, TOKEN } from './lab.ts'

const local = { host: 'localhost:11111' }
const byBrowser = { ...loggedIn, origin: 'https://203.0.113.7:41111', 'sec-fetch-site': 'same-origin' }
const form = (fields: Readonly<Record<string, string>>) => ({
  payload: new URLSearchParams({ token: formToken(TOKEN), ...fields }).toString(),
  headers: { ...byBrowser, 'content-type': 'application/x-www-form-urlencoded' },
})

describe('what old clients know', () => {
  test('/health', async () => {
    const answer = await portalLab().server.inject({ url: '/health', headers: local })
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }])
  })

  test('/openapi.json has the title, the version and the paths', async () => {
    const { info, paths } = (await portalLab().server.inject({ url: '/openapi.json', headers: local })).json()
    expect(info).toEqual({ title: 'Vast Instance Portal', version: '1.0.0' })
    expect(Object.keys(paths)).toContain('/supervisor/processes')
  })

  test('/get-applications has the keys of portal.yaml, the address of its tunnel, and its public port', async () => {
    const { server } = portalLab({
      facts: {
        applications: [
          application('Web', { extra: { program: 'x' } }),
          application('Raw', { external_port: 3000, internal_port: 3000 }),
        ],
      },
      env: { ENABLE_HTTPS: 'true' },
    })
    expect((await server.inject({ url: '/get-applications', headers: local })).json()).toEqual({
      Web: {
        ...{ hostname: 'localhost', external_port: 7860, internal_port: 17860, open_path: '/', name: 'Web' },
        ...{ program: 'x', target_url: 'https://localhost:7860', mapped_port: '47860' },
      },
      Raw: {
        ...{ hostname: 'localhost', external_port: 3000, internal_port: 3000, open_path: '/', name: 'Raw' },
        ...{ target_url: 'https://localhost:3000', mapped_port: '' },
      },
    })
  })

  test('whoever has logged in gets a pass in the path of what Caddy serves', async () => {
    const { server } = portalLab({
      facts: {
        applications: [
          application('Web', { open_path: '/?a=1' }),
          application('Raw', { external_port: 3000, internal_port: 3000 }),
        ],
      },
    })
    const { Web, Raw } = (await server.inject({ url: '/get-applications', headers: loggedIn })).json()
    expect([Web.open_path, Raw.open_path]).toEqual(['/?a=1&token=a-pass', '/'])
  })

  test('/supervisor/processes hides what its gate sent away, and Jupyter when it is the platform’s', async () => {
    const programs = [
      program('caddy'),
      program('g:a', { state: 'EXITED', pid: 0 }),
      program('jupyter'),
      program('gone'),
    ]
    const { server } = portalLab({
      facts: { programs, skipMarkers: new Map([['gone', 'x']]) },
      change: { launchMode: () => 'ssh' },
    })
    expect((await server.inject({ url: '/supervisor/processes', headers: local })).json()).toEqual([
      {
        ...{ name: 'caddy', group: 'caddy', state: 'RUNNING', description: 'pid 7, uptime 0:00:20', pid: 7 },
        ...{ start: (NOW - 20_000) / 1000, now: NOW / 1000, unstoppable: true },
      },
      {
        ...{ name: 'a', group: 'g', state: 'EXITED', description: 'pid 7, uptime 0:00:20', pid: 0 },
        ...{ start: (NOW - 20_000) / 1000, now: NOW / 1000, unstoppable: false },
      },
    ])
  })

  test('without a supervisord that is a 500', async () => {
    const { server } = portalLab({ facts: { programs: undefined } })
    const answer = await server.inject({ url: '/supervisor/processes', headers: local })
    expect([answer.statusCode, answer.json()]).toEqual([500, { detail: 'Failed to communicate with supervisor' }])
  })

  test('a token in the address is taken out of it', async () => {
    const answer = await portalLab().server.inject({ url: '/?token=secret', headers: local })
    expect([answer.statusCode, answer.headers.location]).toEqual([302, './'])
  })

  test('a path that is none is JSON, too', async () => {
    const answer = await portalLab().server.inject({ url: '/nothing', headers: local })
    expect([answer.statusCode, answer.json()]).toEqual([404, { detail: 'Not Found' }])
  })
})

describe('programs', () => {
  const post = (url: string, headers: Readonly<Record<string, string>> = loggedIn) => ({
    method: 'POST' as const,
    url,
    headers,
  })

  test.each(['start', 'stop', 'restart'])('%s', async action => {
    const { server, done } = portalLab()
    const answer = await server.inject(post(`/supervisor/process/web/${action}`))
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok', name: 'web', action }])
    expect(done).toEqual([`${action} web`])
  })

  test('one of a group goes by its namespec, or by its name where that is enough', async () => {
    const { server, done } = portalLab({ facts: { programs: [program('g:a'), program('g:b'), program('h:b')] } })
    await server.inject(post('/supervisor/process/g%3Ab/start'))
    await server.inject(post('/supervisor/process/a/start'))
    expect((await server.inject(post('/supervisor/process/b/restart'))).statusCode).toBe(404)
    expect(done).toEqual(['start g:b', 'start g:a'])
  })

  test.each(['instance_portal', 'caddy', 'tunnel_manager', 'mine'])(
    '%s cannot be stopped, and can be restarted',
    async name => {
      const { server, done } = portalLab({
        facts: { programs: [program(name)] },
        env: { PORTAL_UNSTOPPABLE: 'other,mine' },
      })
      const answer = await server.inject(post(`/supervisor/process/${name}/stop`))
      expect([answer.statusCode, answer.json()]).toEqual([403, { detail: `Process '${name}' cannot be stopped` }])
      expect((await server.inject(post(`/supervisor/process/${name}/restart`))).statusCode).toBe(200)
      expect(done).toEqual([`restart ${name}`])
    },
  )

  test('what supervisord refuses is a 400 with its words; an unknown one cannot be restarted', async () => {
    const { server } = portalLab({ refusals: { web: 'ALREADY_STARTED: web' } })
    const refused = await server.inject(post('/supervisor/process/web/start'))
    expect([refused.statusCode, refused.json()]).toEqual([400, { detail: 'ALREADY_STARTED: web' }])
    const unknown = await server.inject(post('/supervisor/process/ghost/start'))
    expect([unknown.statusCode, unknown.json()]).toEqual([400, { detail: 'BAD_NAME: ghost' }])
    expect((await server.inject(post('/supervisor/process/ghost/restart'))).statusCode).toBe(404)
  })

  test('nobody waits for a restart; what goes wrong with it is logged', async () => {
    const { server, said } = portalLab({ refusals: { web: 'SPAWN_ERROR: web' } })
    expect((await server.inject(post('/supervisor/process/web/restart'))).statusCode).toBe(200)
    await expect.poll(() => said.at(-1)).toMatch(/cannot restart web: RefusedError: SPAWN_ERROR/)
  })

  test('a form of the page is answered by the page, which tells what became of it', async () => {
    const { server } = portalLab({
      refusals: { bad: 'SPAWN_ERROR: bad' },
      facts: { programs: [program('web'), program('bad')] },
    })
    const first = await server.inject({ method: 'POST', url: '/act', ...form({ action: 'restart', program: 'web' }) })
    expect([first.statusCode, first.headers.location]).toEqual([303, './?answer=1'])
    expect((await server.inject({ url: '/?answer=1', headers: loggedIn })).body).toContain('web: restarted.')
    await server.inject({ method: 'POST', url: '/act', ...form({ action: 'start', program: 'bad' }) })
    const { body } = await server.inject({ url: '/?answer=2', headers: loggedIn })
    expect(body).toContain('<p id="message" role="status" class="crashed">bad: not started. SPAWN_ERROR: bad</p>')
  })

  test('the script of the page is answered in JSON', async () => {
    const { server } = portalLab()
    const { payload, headers } = form({ action: 'stop', program: 'web' })
    const answer = await server.inject({
      method: 'POST',
      url: '/act',
      payload,
      headers: { ...headers, accept: 'application/json' },
    })
    expect(answer.json()).toEqual({ text: 'web: stopped.', trouble: false })
  })

  test.each([
    ['an unknown action', { action: 'constructor', program: 'web' }, 400],
    ['nothing', {}, 400],
  ])('%s is refused', async (_, fields, status) => {
    const { server, done } = portalLab()
    const answer = await server.inject({ method: 'POST', url: '/act', ...form(fields as Record<string, string>) })
    expect([answer.statusCode, done]).toEqual([status, []])
  })
})

describe('who may change something', () => {
  const orders = [
    ['POST', '/supervisor/process/web/start'],
    ['POST', '/act'],
    ['POST', '/start-quick-tunnel/http%3A%2F%2Flocalhost%3A1'],
    ['POST', '/stop-quick-tunnel/http%3A%2F%2Flocalhost%3A1'],
    ['POST', '/refresh-quick-tunnel/http%3A%2F%2Flocalhost%3A1'],
  ] as const

  test.each(orders)(
    '%s %s: nobody without the token, from another site, or without a form of ours',
    async (method, url) => {
      const { server, done } = portalLab()
      for (const headers of [
        local,
        { ...byBrowser, 'x-portal-token': 'x' },
        byBrowser,
        { ...loggedIn, origin: 'https://evil.example' },
      ]) {
        const answer = await server.inject({ method, url, headers })
        expect([answer.statusCode, Object.keys(answer.json())]).toEqual([403, ['detail']])
      }
      expect(done).toEqual([])
    },
  )

  test('every route that is no GET is among these', async () => {
    const { paths } = (await portalLab().server.inject({ url: '/openapi.json', headers: local })).json()
    const changing = Object.entries(paths as Record<string, object>)
      .filter(([, methods]) => Object.keys(methods).some(method => method !== 'get'))
      .map(([path]) => path.replace('/*', '').replace(/:name\/\w+/, 'web/start'))
    expect([...new Set(changing)].sort()).toEqual(orders.map(([, url]) => url.replace(/\/http.*/, '')).sort())
  })

  test('a GET changes nothing', async () => {
    const { server, done } = portalLab()
    for (const url of ['/supervisor/process/web/start', '/act?action=stop&program=web', '/start-quick-tunnel/x'])
      expect((await server.inject({ url, headers: loggedIn })).statusCode).toBe(404)
    expect(done).toEqual([])
  })

  test('another site cannot take the places of those who look', async () => {
    const headers = { ...loggedIn, 'sec-fetch-site': 'same-site' }
    expect((await portalLab().server.inject({ url: '/events', headers })).statusCode).toBe(403)
  })

  test('the script may send its token as a header', async () => {
    const headers = { ...byBrowser, 'x-form-token': formToken(TOKEN) }
    const answer = await portalLab().server.inject({ method: 'POST', url: '/supervisor/process/web/stop', headers })
    expect(answer.statusCode).toBe(200)
  })

  test('a name that somebody has made mean our address gets nothing at all', async () => {
    for (const url of ['/', '/health', '/events', '/supervisor/processes'])
      expect((await portalLab().server.inject({ url, headers: { host: 'rebound.example:11111' } })).statusCode).toBe(
        403,
      )
  })
})

describe('tunnels', () => {
  const get = (url: string) => ({ url, headers: local })
  const quick = 'http%3A%2F%2Flocalhost%3A7860'

  test.each([
    ['/get-existing-quick-tunnel/http://localhost:7860', `GET /get-quick-tunnel-if-exists/${quick}`],
    [`/get-existing-quick-tunnel/${quick}`, `GET /get-quick-tunnel-if-exists/${quick}`],
    ['/get-existing-named-tunnel/7860', 'GET /get-named-tunnel/7860'],
  ])('GET %s is the address as text', async (url, asked) => {
    const { server, done } = portalLab({
      tunnels: { [asked]: { status: 200, body: { tunnel_url: 'https://a.example' } } },
    })
    const answer = await server.inject(get(url))
    expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'text/html; charset=utf-8',
      'https://a.example',
    ])
    expect(done).toEqual([asked])
    const none = portalLab({ tunnels: { [asked]: { status: 404, body: { detail: 'x' } } } })
    const missing = await none.server.inject(get(url))
    expect([missing.statusCode, missing.json()]).toEqual([404, { detail: 'Tunnel not found' }])
  })

  test('an address that is none, or would be HTML, is not passed on', async () => {
    for (const tunnel_url of ['<script>', 'javascript:x', 7, undefined]) {
      const { server } = portalLab({ tunnels: { 'GET /get-named-tunnel/1': { status: 200, body: { tunnel_url } } } })
      expect((await server.inject(get('/get-existing-named-tunnel/1'))).statusCode).toBe(500)
    }
  })

  test.each([
    ['GET', '/get-all-quick-tunnels', 'GET /get-all-quick-tunnels', [{ targetUrl: 'a', tunnelUrl: 'b' }]],
    ['GET', '/get-named-tunnels', 'GET /get-named-tunnels', []],
    ['GET', '/get-direct-url/7860', 'GET /get-direct-url/7860', { result: 'http://203.0.113.7:47860' }],
    ['POST', `/start-quick-tunnel/${quick}`, `GET /get-quick-tunnel/${quick}`, { tunnel_url: 'x' }],
    ['POST', `/stop-quick-tunnel/${quick}`, `POST /stop-quick-tunnel/${quick}`, { message: 'x' }],
    ['POST', `/refresh-quick-tunnel/${quick}`, `POST /refresh-quick-tunnel/${quick}`, { tunnel_url: 'x' }],
  ] as const)('%s %s asks the tunnel manager', async (method, url, asked, body) => {
    const { server } = portalLab({ tunnels: { [asked]: { status: 200, body } } })
    const answer = await server.inject({ method, url, headers: loggedIn })
    expect([answer.statusCode, answer.json()]).toEqual([200, body])
  })

  test.each([
    ['/get-all-quick-tunnels', { status: 418, body: {} }, 418, 'Tunnel manager error'],
    ['/get-all-quick-tunnels', { status: 500, body: undefined }, 500, 'Error communicating with the API'],
    ['/get-named-tunnels', { status: 404, body: {} }, 404, 'Tunnel config not found'],
    ['/get-named-tunnels', { status: 500, body: {} }, 404, 'Tunnel config not found'],
    ['/get-direct-url/1', { status: 404, body: {} }, 404, 'Direct URL unavailable'],
  ])('%s: %j is %d, %s', async (url, given, status, detail) => {
    const { server } = portalLab({ tunnels: { [`GET ${url}`]: given } })
    const answer = await server.inject(get(url))
    expect([answer.statusCode, answer.json()]).toEqual([status, { detail }])
  })

  test('a visit tells the address of the instance, once it is known no more', async () => {
    const visit = async (headers: Readonly<Record<string, string>>, known?: string) => {
      const { server, done } = portalLab({ change: { publicAddress: () => known } })
      await server.inject({ url: '/', headers })
      return done
    }
    expect(await visit(loggedIn)).toEqual(['PUT /set-public-ip/203.0.113.7'])
    expect(await visit(loggedIn, '203.0.113.7')).toEqual([])
    expect(await visit({ ...loggedIn, 'x-forwarded-host': '203.0.113.7:41112' })).toEqual([])
    expect(await visit({ ...loggedIn, 'x-forwarded-host': 'a.example:41111' })).toEqual([])
  })
})

describe('links', () => {
  const open = async (
    query: string,
    headers: Readonly<Record<string, string>>,
    applications = [application('Web', { open_path: '/x?y' })],
  ) => {
    const tunnels = {
      known: () => [{ targetUrl: 'http://localhost:7860', tunnelUrl: 'https://a-b.trycloudflare.com' }],
      refresh: async () => {},
      ask: async () => ({ status: 500, body: undefined }),
    }
    const { server } = portalLab({ facts: { applications }, change: { tunnels, publicAddress: () => '198.51.100.1' } })
    const answer = await server.inject({ url: `/open?${query}`, headers })
    return answer.headers.location ?? answer.statusCode
  }

  test('a pass goes along to where there is a login, for who has logged in', async () => {
    expect(await open('application=Web', loggedIn)).toBe('https://203.0.113.7:47860/x?y&token=a-pass')
    expect(await open('application=Web&tunnel=https://a-b.trycloudflare.com', loggedIn)).toBe(
      'https://a-b.trycloudflare.com/x?y&token=a-pass',
    )
    expect(await open('application=Web', local)).toBe('http://198.51.100.1:47860/x?y')
  })

  test('it never goes to an application that Caddy does not guard, or to an address that is not ours', async () => {
    const raw = [application('Web', { external_port: 7860, internal_port: 7860 })]
    expect(await open('application=Web', loggedIn, raw)).toBe('http://203.0.113.7:47860/')
    expect(await open('application=Web&tunnel=https://evil.example', loggedIn)).toBe(404)
    expect(await open('application=Ghost', loggedIn)).toBe(404)
    expect(await open('', loggedIn)).toBe(404)
  })

  test('a link for another device is for who has logged in', async () => {
    const applications = [application('Instance Portal', { external_port: 1111, internal_port: 11111 })]
    const { server } = portalLab({ facts: { applications } })
    const { body } = await server.inject({ url: '/share', headers: loggedIn })
    expect(body).toContain('https://203.0.113.7:41111/?token=a-pass')
    expect((await server.inject({ url: '/share', headers: local })).statusCode).toBe(403)
  })

  test('no pass and no token is on the page itself, or in the log', async () => {
    const { server, said } = portalLab()
    const { body } = await server.inject({ url: '/?token=secret', headers: loggedIn })
    const page = await server.inject({ url: '/', headers: loggedIn })
    for (const text of [body, page.body, said.join()]) expect(text).not.toMatch(/a-pass|the-local-token|secret/)
  })
})

describe('every answer', () => {
  test.each(['/', '/log?program=web', '/health', '/static/portal.css', '/nothing'])('%s is guarded', async url => {
    const { headers } = await portalLab().server.inject({ url, headers: local })
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self'; script-src 'self';/)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
    })
  })

  test('/log knows programs, and nothing else of the machine', async () => {
    const { server } = portalLab()
    const status = async (program: string) =>
      (await server.inject({ url: `/log?program=${encodeURIComponent(program)}`, headers: local })).statusCode
    expect(await status('web')).toBe(200)
    expect(await status('provisioning')).toBe(200)
    for (const program of ['../../etc/passwd', '/etc/passwd', 'ghost', '']) expect(await status(program)).toBe(404)
  })

  test('what goes wrong inside is logged, and not told', async () => {
    const { server, said } = portalLab({
      change: {
        exposure: () => {
          throw new Error('a secret reason')
        },
      },
    })
    const answer = await server.inject({ url: '/', headers: local })
    expect([answer.statusCode, answer.json()]).toEqual([500, { detail: 'Internal Server Error' }])
    expect(said.join()).toContain('a secret reason')
  })
})
