/** Who comes in, and how: each way × (http, https) × (page, API, websocket, large upload, stream), through the real Caddy. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPasses } from '../../programs/common/sessions.ts'
import { type Call, COOKIE, type GatewayLab, openGateway, PASSWORD, type Reply, TOKEN } from './gateway-lab.ts'

const APPLICATIONS =
  'localhost:1111:11111:/:Instance Portal|localhost:7860:17860:/:App|localhost:9000:19000:/:Open|localhost:8188:18188:/:Own'

const LARGE = 8 * 1024 * 1024
/** More than the buffers between two programs take. */
const HUGE = 128 * 1024 * 1024

/** What people and programs do. */
const kinds = {
  page: { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } },
  api: { headers: { accept: 'application/json' } },
  websocket: { kind: 'websocket' },
  upload: { method: 'POST', bytes: LARGE, headers: { 'content-type': 'application/octet-stream' } },
  stream: { kind: 'stream', headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip, zstd' } },
} as const satisfies Readonly<Record<string, Partial<Call>>>

type Kind = keyof typeof kinds

const basic = (pair: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
})

interface Way {
  readonly headers?: (session: string) => Readonly<Record<string, string>>
  readonly query?: string
  readonly port?: number
  readonly expected: Readonly<Record<Kind, number>>
  /** begins a session */
  readonly begins?: true
}

const everywhere = (status: number): Way['expected'] => ({
  page: status,
  api: status,
  websocket: status,
  upload: status,
  stream: status,
})
const letIn: Way['expected'] = { ...everywhere(200), websocket: 101 }

const ways: Readonly<Record<string, Way>> = {
  'nothing at all': { expected: everywhere(401) },
  'token link': { query: `token=${encodeURIComponent(TOKEN)}`, expected: { ...letIn, page: 302 }, begins: true },
  'password as token': {
    query: `token=${encodeURIComponent(PASSWORD)}`,
    expected: { ...letIn, page: 302 },
    begins: true,
  },
  'wrong token': { query: 'token=nonsense', expected: everywhere(401) },
  session: { headers: session => ({ cookie: `x=1; ${COOKIE}=${session}` }), expected: letIn },
  'secret in the cookie, as before': { headers: () => ({ cookie: `${COOKIE}=${TOKEN}` }), expected: letIn },
  'wrong secret in the cookie': { headers: () => ({ cookie: `${COOKIE}=${TOKEN}x` }), expected: everywhere(401) },
  'session under another name': { headers: session => ({ cookie: `token=${session}` }), expected: everywhere(401) },
  'token as bearer': { headers: () => ({ authorization: `Bearer ${TOKEN}` }), expected: letIn },
  'password as bearer': { headers: () => ({ authorization: `Bearer ${PASSWORD}` }), expected: letIn },
  'wrong bearer': { headers: () => ({ authorization: 'Bearer nonsense' }), expected: everywhere(401) },
  basic: { headers: () => basic(`vastai:${PASSWORD}`), expected: letIn, begins: true },
  'basic by token': { headers: () => basic(`vastai:${TOKEN}`), expected: everywhere(401) },
  'site without login': { port: 9000, expected: letIn },
}

const pair = mkdtempSync(join(tmpdir(), 'pair-'))
beforeAll(() => {
  const files = ['-keyout', join(pair, 'key'), '-out', join(pair, 'crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=a', '-days', '2', ...files], {
    stdio: 'ignore',
  })
})
afterAll(() => rmSync(pair, { recursive: true }))

const setCookies = (reply: Reply): readonly string[] => (reply.headers['set-cookie'] as readonly string[]) ?? []
const ourCookie = (reply: Reply): string | undefined =>
  setCookies(reply).find(cookie => cookie.startsWith(`${COOKIE}=`))
const sessionOf = (reply: Reply): string =>
  ourCookie(reply)!
    .slice(COOKIE.length + 1)
    .split(';')[0]!
/** What the application was asked. */
const seenBy = (reply: Reply): { url: string; headers: Record<string, string>; bytes: number; name: string } =>
  JSON.parse(reply.body.split('\n')[0]!)

describe.each(['http', 'https'] as const)('%s', scheme => {
  let lab: GatewayLab
  let session: string
  const url = (port = 7860, rest = '/'): string => `${scheme}://localhost:${port}${rest}`
  const call = async (given: Partial<Call> & { rest?: string; port?: number }): Promise<Reply> =>
    (await lab.call({ url: url(given.port, given.rest), ...given }))[0]!
  const bearer = { authorization: `Bearer ${TOKEN}` }

  beforeAll(async () => {
    const tls = {
      '/etc/instance.crt': readFileSync(join(pair, 'crt'), 'utf8'),
      '/etc/instance.key': readFileSync(join(pair, 'key'), 'utf8'),
    }
    lab = await openGateway(APPLICATIONS, {
      env: {
        AUTH_EXCLUDE: '9000',
        ENABLE_HTTPS: String(scheme === 'https'),
        CADDY_HEADER_UP_LOCALHOST: '18188',
        CADDY_CORS_ALLOWED_ORIGINS: 'https://friend.example',
      },
      files: scheme === 'https' ? tls : {},
    })
    await Promise.all([11_111, 17_860, 18_188, 19_000].map(port => lab.startUpstream(port)))
    session = sessionOf(await call({ headers: basic(`vastai:${PASSWORD}`) }))
  })
  afterAll(() => lab?.[Symbol.asyncDispose]())

  describe.each(Object.entries(ways))('%s', (_, { headers, query, port, expected, begins }) => {
    let replies: Readonly<Record<string, Reply>>
    beforeAll(async () => {
      const names = Object.keys(kinds) as Kind[]
      const calls = names.map((name): Call => {
        const kind: Partial<Call> = kinds[name]
        const path = name === 'stream' ? '/sse' : '/path'
        // a large one that is refused ends by an answer or by the end of the connection, as Node's client has it; see below
        const size = name === 'upload' && expected.upload === 401 ? { bytes: 1000 } : {}
        return {
          ...kind,
          ...size,
          url: url(port, query === undefined ? path : `${path}?a=1&${query}&b=%7B2`),
          headers: { ...kind.headers, ...headers?.(session) },
        }
      })
      const got = await lab.call(...calls)
      replies = Object.fromEntries(names.map((name, index) => [name, got[index]!]))
    })

    test.each(Object.keys(kinds) as Kind[])('%s', kind => {
      const reply = replies[kind]!
      const status = expected[kind]
      expect(reply.status, reply.error ?? reply.body).toBe(status)
      expect(reply.headers['www-authenticate']).toBe(status === 401 ? 'Basic realm="restricted"' : undefined)
      if (begins) {
        const flags = `Path=/; Max-Age=604800; HttpOnly; SameSite=Lax${scheme === 'https' ? '; Secure' : ''}`
        expect(ourCookie(reply)).toMatch(new RegExp(`^${COOKIE}=s1\\.[\\w.-]+; ${flags}$`))
      } else expect(ourCookie(reply)).toBeUndefined()
      if (status === 302) expect(reply.headers.location).toBe('/path?a=1&b=%7B2')
      if (status === 401) return expect(reply.body).not.toContain('app-')
      if (kind === 'upload') expect(seenBy(reply).bytes).toBe(LARGE)
      if (kind === 'websocket') expect(reply.body).toContain('echo hello')
      if (kind === 'stream') expect(reply.body).toContain('data: more')
      if (kind === 'api') {
        expect(seenBy(reply).url).toBe(query === undefined ? '/path' : '/path?a=1&b=%7B2')
        expect(setCookies(reply)).toContain('app=1; Path=/')
        expect(reply.headers['x-portal-placeholder']).toBeUndefined()
      }
    })

    test('nothing of ours gets to the application, and nothing to a log', () => {
      for (const [kind, reply] of Object.entries(replies)) {
        if (reply.status !== 200 && reply.status !== 101) continue
        for (const secret of [
          TOKEN,
          encodeURIComponent(TOKEN),
          PASSWORD,
          session,
          basic(`vastai:${PASSWORD}`).authorization,
        ])
          expect(reply.body, kind).not.toContain(secret)
      }
    })
  })

  test('a large upload that may not come in is refused before it is there', async () => {
    const { stdout } = await lab.instance.exec(
      `head -c ${HUGE} /dev/zero | curl -sk -o /dev/null -w '%{http_code} %{size_upload}' -T - ${url(7860, '/up')}`,
    )
    const [status, uploaded] = stdout.split(' ').map(Number)
    expect(status).toBe(401)
    expect(uploaded).toBeLessThan(HUGE)
  })

  test('what the application sends itself goes through as it is', async () => {
    const reply = await call({ rest: '/own-502', headers: bearer })
    expect([reply.status, reply.body]).toEqual([502, 'my own'])
  })

  test('cookies and credentials of the application itself get to it', async () => {
    const reply = await call({
      headers: { cookie: `a="b c"; ${COOKIE}=${session}; d=e`, authorization: 'Bearer theirs' },
    })
    expect(seenBy(reply).headers).toMatchObject({ cookie: 'a="b c"; d=e', authorization: 'Bearer theirs' })
  })

  test('the application learns who asks, and how', async () => {
    const { headers } = seenBy(
      await call({ headers: { ...bearer, 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6' } }),
    )
    expect(headers).toMatchObject({
      host: 'localhost:17860',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'localhost:7860',
      'x-forwarded-proto': scheme,
      'x-real-ip': '127.0.0.1',
    })
    for (const name of ['authorization', 'cookie', 'x-portal-token']) expect(headers[name]).toBeUndefined()
  })

  test('through Cloudflare it is its visitor who asks, by https', async () => {
    const cloudflare = { 'cf-visitor': '{"scheme":"http"}', 'cf-connecting-ip': '203.0.113.7', 'cf-ray': 'x' }
    const { headers } = seenBy(await call({ headers: { ...bearer, ...cloudflare } }))
    expect(headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-real-ip': '203.0.113.7' })
    const login = await call({ headers: { ...basic(`vastai:${PASSWORD}`), ...cloudflare } })
    expect(ourCookie(login)).toMatch(/; Secure$/)
  })

  test('an application may see requests to localhost', async () => {
    const reply = await call({ port: 8188, headers: { ...bearer, origin: 'http://a.example' } })
    expect(seenBy(reply).headers).toMatchObject({ host: 'localhost:18188', origin: 'http://localhost:18188' })
    expect(seenBy(await call({ port: 8188, headers: bearer })).headers.origin).toBeUndefined()
  })

  test('the portal is told who has logged in, and nobody else is', async () => {
    const token = lab.instance.read('/run/bosun/portal-token').trim()
    expect(seenBy(await call({ port: 1111, headers: { ...bearer, 'x-portal-token': 'mine' } })).headers).toMatchObject({
      'x-portal-token': token,
    })
    for (const port of [7860, 9000]) {
      const { headers } = seenBy(await call({ port, headers: { ...bearer, 'x-portal-token': 'mine' } }))
      expect(headers['x-portal-token']).toBeUndefined()
    }
    const open = seenBy(await call({ port: 1111, rest: '/manifest.json' }))
    expect(open.headers['x-portal-token']).toBeUndefined()
  })

  test('the resolver answers everybody, also where nobody is there', async () => {
    for (const method of ['GET', 'OPTIONS'])
      expect(await call({ rest: '/portal-resolver?t=1', method })).toMatchObject({
        status: 200,
        body: '',
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'GET, OPTIONS',
          'access-control-allow-headers': '*',
        },
      })
  })

  test.each(['/manifest.json', '/.well-known/acme-challenge/abc'])('%s asks nobody', async rest => {
    expect(await call({ rest })).toMatchObject({ status: 200 })
  })

  test('pages of another origin that may call do, and others do not', async () => {
    const friend = { origin: 'https://friend.example' }
    const preflight = { 'access-control-request-method': 'PUT' }
    expect((await call({ method: 'OPTIONS', headers: { ...friend, ...preflight } })).headers).toMatchObject({
      'access-control-allow-origin': 'https://friend.example',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers': 'Authorization, Content-Type',
    })
    const other = { origin: 'https://other.example' }
    expect((await call({ method: 'OPTIONS', headers: { ...other, ...preflight } })).status).toBe(401)
    expect((await call({ headers: { ...friend, ...bearer } })).headers).toMatchObject({
      'access-control-allow-origin': 'https://friend.example',
    })
    expect((await call({ headers: { ...other, ...bearer } })).headers['access-control-allow-origin']).not.toContain(
      'other',
    )
  })

  test('a page of somebody else cannot use our session to change anything, or to open a websocket', async () => {
    const headers = { cookie: `${COOKIE}=${session}`, origin: 'http://localhost:6666' }
    expect((await call({ headers })).status).toBe(200)
    expect((await call({ method: 'POST', headers })).status).toBe(403)
    expect((await call({ kind: 'websocket', headers })).status).toBe(403)
    const own = { ...headers, origin: `${scheme}://localhost:8188` }
    expect((await call({ method: 'POST', headers: own })).status).toBe(200)
  })

  test('long answers are compressed, streams are not held back', async () => {
    const reply = await call({ rest: '/text', headers: { ...bearer, 'accept-encoding': 'gzip' } })
    expect(reply.headers['content-encoding']).toBe('gzip')
  })

  test('a session that is too old is over, and its cookie is taken back', async () => {
    const key = Buffer.from(lab.instance.read('/var/lib/bosun/session-key').trim(), 'base64url')
    const credentials = { username: 'vastai', password: PASSWORD.replaceAll(';', ''), token: TOKEN }
    const passes = openPasses(key, credentials, 'C.4711')
    const withSession = (value: string) => call({ headers: { cookie: `${COOKIE}=${value}` } })
    expect((await withSession(passes.issue('session'))).status).toBe(200)
    const old = await withSession(passes.issue('session', Date.now() - 8 * 86_400_000))
    expect(old.status).toBe(401)
    expect(ourCookie(old)).toMatch(new RegExp(`^${COOKIE}=; Path=/; Max-Age=0; `))
  })

  test('whoever logs out has no session any more, and a link to it ends none', async () => {
    const own = sessionOf(await call({ headers: basic(`vastai:${PASSWORD}`) }))
    const cookie = `${COOKIE}=${own}`
    const logout = (given: Partial<Call>) =>
      call({ rest: '/portal-logout', ...given, headers: { cookie, ...given.headers } })
    expect((await logout({})).body).toContain('<form method="post"')
    expect((await logout({ method: 'POST', headers: { origin: 'http://evil.example' } })).body).toContain('<form')
    expect((await call({ headers: { cookie } })).status).toBe(200)
    const done = await logout({ method: 'POST' })
    expect(ourCookie(done)).toMatch(/Max-Age=0/)
    expect((await call({ headers: { cookie } })).status).toBe(401)
    expect((await call({ headers: { cookie: `${COOKIE}=${session}` } })).status).toBe(200)
  })

  test('plain HTTP on a port of TLS is sent to https, whole', async () => {
    if (scheme === 'http') return
    const [reply] = await lab.call({ url: 'http://localhost:7860/a?b=%7B1&token=x' })
    expect([301, 302, 307, 308]).toContain(reply!.status)
    expect(reply!.headers.location).toBe('https://localhost:7860/a?b=%7B1&token=x')
  })

  test('who guesses is slowed down, and who has a session does not notice', async () => {
    // somebody of whom nothing is known yet
    const visitor = { 'cf-connecting-ip': '203.0.113.50' }
    const guess = (index: number): Call => ({ url: url(), headers: { ...visitor, ...basic(`vastai:guess ${index}`) } })
    const few = Array.from({ length: 4 }, (_, index) => guess(index))
    // so many at once that the wait is long, and lasts until the last of the calls
    const values = [1, 2, 3, 4].map(index => `wrong${index}`)
    const many: Call = {
      url: url(7860, `/?${values.map(value => `token=${value}`).join('&')}`),
      headers: { ...visitor, cookie: values.map(value => `${COOKIE}=another-${value}`).join('; ') },
    }
    const more = Array.from({ length: 8 }, (_, index) => guess(few.length + index))
    const others: readonly Call[] = [
      // the right one among wrong ones looks the same
      { url: url(), headers: { ...visitor, ...bearer } },
      { url: url(), headers: { ...visitor, cookie: `${COOKIE}=${session}` } },
      { url: url(), headers: visitor },
      { url: url(), headers: { 'cf-connecting-ip': '203.0.113.9', ...bearer } },
    ]
    const replies = await lab.call(...few, many, ...more, ...others)
    expect(replies.map(({ status }) => status)).toEqual([
      ...[...few, many].map(() => 401),
      ...more.map(() => 429),
      ...[429, 200, 401, 200],
    ])
    for (const { headers } of replies.filter(({ status }) => status === 429))
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    await lab.said('too many wrong credentials')
    expect(lab.output.match(/too many wrong credentials/g)).toHaveLength(1)
  })

  test('no secret is in a file that others can read, in an argument, or in a log', async () => {
    const secrets = [TOKEN, encodeURIComponent(TOKEN), PASSWORD, PASSWORD.replaceAll(';', ''), session]
    const { stdout } = await lab.instance.exec(
      // what is not of the gateway (callers, shells of this test) has it from the environment of the test
      `for p in $(pgrep caddy); do tr '\\0' '\\n' < /proc/$p/cmdline; done
       for p in $(pgrep -x caddy); do tr '\\0' '\\n' < /proc/$p/environ; done
       find /etc/Caddyfile /etc/portal.yaml /run /var/lib/bosun /var/log /tmp -xdev -type f -perm /044 -exec cat {} +`,
    )
    expect(stdout).toContain('handle_response')
    for (const secret of secrets) {
      expect(stdout).not.toContain(secret)
      expect(lab.output).not.toContain(secret)
    }
  })
})
