import { describe, expect, test } from 'vitest'
import { type AuthRequest, type Decision, decide, isSame, type Keys, methods } from '../../../programs/caddy/auth.ts'
import { openPasses } from '../../../programs/common/sessions.ts'

const NOW = Date.UTC(2026, 10, 21)
const DAY = 86_400_000
const credentials = { username: 'vastai', password: 'pass:word', token: 'open+token' }
const passes = openPasses(Buffer.alloc(32, 7), credentials, 'C.1')
const NAME = 'C.1_auth_token'
const session = passes.issue('session', NOW)
const link = passes.issue('link', NOW)

const keys = (more: Partial<Keys> = {}): Keys => ({
  credentials,
  cookieName: NAME,
  passes,
  spent: new Set<string>(),
  ownPorts: [new Set([1111, 7860]), new Set([41_111, 47_860])],
  origins: [],
  ...more,
})

type Given = Partial<Omit<AuthRequest, 'header'>> & { readonly headers?: Readonly<Record<string, string>> }

const request = ({ headers = {}, ...more }: Given): AuthRequest => ({
  method: 'GET',
  uri: '/',
  authenticated: true,
  header: name => headers[name.toLowerCase()] ?? '',
  ...more,
})

const ask = (given: Given, more: Partial<Keys> = {}, mayGuess = true): Decision =>
  decide(request(given), keys(more), mayGuess, NOW)

/** `by` of who passes, the status word of who does not, the place where somebody is sent */
function outcome(decision: Decision): string {
  if (decision.type === 'redirect') return `→ ${decision.location}`
  return decision.type === 'pass' ? decision.by : decision.reason
}

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
const cookie = (value: string): { cookie: string } => ({ cookie: `a=1; ${NAME}=${value}; b=2` })
const browser = { accept: 'text/html,*/*' }

describe('who comes in', () => {
  test.each([
    ['nobody', {}, 'nothing'],
    ['a site without login', { authenticated: false }, 'openSite'],

    ['token', { uri: '/?token=open%2Btoken' }, 'token'],
    ['token as it was pasted', { uri: '/?token=open+token' }, 'token'],
    ['the password as token', { uri: '/?token=pass:word' }, 'token'],
    ['any of several', { uri: '/?token=x&token=open%2Btoken' }, 'token'],
    ['token by POST', { uri: '/?token=open%2Btoken', method: 'POST', headers: browser }, 'token'],
    ['wrong token', { uri: '/?token=open' }, 'wrong'],
    ['longer token', { uri: '/?token=open%2Btoken1' }, 'wrong'],
    ['empty token', { uri: '/?token=' }, 'nothing'],
    ['another parameter', { uri: '/?mytoken=open%2Btoken' }, 'nothing'],

    ['session', { headers: cookie(session) }, 'session'],
    ['session in quotes', { headers: cookie(`"${session}"`) }, 'session'],
    ['second cookie of that name', { headers: { cookie: `${NAME}=old; ${NAME}=${session}` } }, 'session'],
    ['changed session', { headers: cookie(session.replace(/.$/, last => (last === 'A' ? 'B' : 'A'))) }, 'nothing'],
    ['link as session', { headers: cookie(link) }, 'nothing'],
    ['old session', { headers: cookie(passes.issue('session', NOW - 8 * DAY)) }, 'over'],
    ['the token in the cookie, as before', { headers: cookie('open+token') }, 'oldCookie'],
    ['the password in the cookie, as before', { headers: cookie('pass:word') }, 'oldCookie'],
    ['prefix of the token in the cookie', { headers: cookie('open+token2') }, 'wrong'],
    ['cookie whose name ends the same', { headers: { cookie: `x${NAME}=${session}` } }, 'nothing'],
    ['session behind another cookie', { headers: { cookie: `x=${NAME}=${session}` } }, 'nothing'],

    ['bearer', { headers: { authorization: 'Bearer open+token' } }, 'bearer'],
    ['bearer in small letters', { headers: { authorization: 'bearer open+token' } }, 'bearer'],
    ['bearer by password', { headers: { authorization: 'Bearer pass:word' } }, 'bearer'],
    ['wrong bearer', { headers: { authorization: 'Bearer open' } }, 'wrong'],
    ['empty bearer', { headers: { authorization: 'Bearer ' } }, 'nothing'],

    ['basic', { headers: { authorization: basic('vastai:pass:word') } }, 'basic'],
    ['basic by token', { headers: { authorization: basic('vastai:open+token') } }, 'wrong'],
    ['another name', { headers: { authorization: basic('root:pass:word') } }, 'wrong'],
    ['no name', { headers: { authorization: basic(':pass:word') } }, 'wrong'],
    ['no colon', { headers: { authorization: basic('vastai') } }, 'wrong'],
    ['another scheme', { headers: { authorization: 'Digest username="vastai"' } }, 'nothing'],
  ] satisfies readonly (readonly [string, Given, string])[])('%s', (_, given, expected) => {
    expect(outcome(ask(given))).toBe(expected)
  })

  test('line ends and semicolons do not count, as ever', () => {
    expect(outcome(ask({ headers: { authorization: basic('vastai:pass;:word') } }))).toBe('basic')
    expect(outcome(ask({ uri: '/?token=op%0Aen%3B%2Btoken' }))).toBe('token')
  })

  test('the table is looked at in the order of the contract', () => {
    expect(Object.keys(methods)).toEqual(['openSite', 'openPath', 'token', 'session', 'oldCookie', 'bearer', 'basic'])
    expect(outcome(ask({ uri: '/?token=pass:word', headers: { ...cookie(session), ...browser } }))).toBe('→ /')
  })

  test('a session of another instance, or of other credentials, is none', () => {
    const key = Buffer.alloc(32, 7)
    for (const other of [
      openPasses(key, credentials, 'C.2'),
      openPasses(key, { ...credentials, password: 'new' }, 'C.1'),
      openPasses(key, { ...credentials, username: 'new' }, 'C.1'),
      openPasses(Buffer.alloc(32, 8), credentials, 'C.1'),
    ])
      expect(outcome(ask({ headers: cookie(other.issue('session', NOW)) }))).toBe('nothing')
  })

  test('a session that was ended is over', () => {
    const { id } = passes.check('session', session, NOW) as { id: string }
    expect(outcome(ask({ headers: cookie(session) }, { spent: new Set([id]) }))).toBe('over')
  })
})

describe('paths that are open', () => {
  test.each([
    '/.well-known/acme-challenge/a_B-9',
    '/.well-known/change-password',
    '/.well-known/security.txt',
    '/manifest.json',
    '/manifest.webmanifest',
    '/site.webmanifest',
    '/security.txt',
    '/manifest.json?x=1',
  ])('%s', uri => expect(outcome(ask({ uri }))).toBe('openPath'))

  test.each([
    '/.well-known/acme-challenge/../../secret',
    '/.well-known/acme-challenge/..%2f..%2fsecret',
    '/.well-known/acme-challenge/%2e%2e/secret',
    '/.well-known/acme-challenge/a/b',
    '/.well-known/acme-challenge/',
    '/.well-known/vast-capabilities',
    '//manifest.json',
    '/manifest.json/',
    '/manifest.json/../secret',
    '/%6danifest.json',
    '/MANIFEST.JSON',
    '/x?/manifest.json',
  ])('not %s', uri => expect(outcome(ask({ uri }))).toBe('nothing'))
})

describe('token links', () => {
  const followed = (uri: string, headers: Readonly<Record<string, string>> = browser): string =>
    outcome(ask({ uri, headers }))

  test('a browser is sent to the same address without the token, and with all the rest', () => {
    expect(followed('/a%2Fb?x=%7B1%7D&token=open%2Btoken&redir=false')).toBe('→ /a%2Fb?x=%7B1%7D&redir=false')
    expect(followed('/?token=open%2Btoken', { 'sec-fetch-dest': 'document' })).toBe('→ /')
  })

  test('the token of the application itself stays', () => {
    expect(followed('/?token=its-own&token=open%2Btoken&token')).toBe('→ /?token=its-own&token')
    const decision = ask({ uri: '/lab?token=its-own', headers: cookie(session) })
    expect(decision).toMatchObject({ type: 'pass', query: 'token=its-own', newQuery: 'token=its-own' })
  })

  test('nobody is sent to another host', () => {
    expect(followed('//evil.example/?token=open%2Btoken')).toBe('→ /.//evil.example/')
    expect(followed('/\\evil.example/?token=open%2Btoken')).toBe('→ /./\\evil.example/')
  })

  test('a probe gets its answer, without the token, and a session', () => {
    expect(ask({ uri: '/x?a=1&token=open%2Btoken' })).toMatchObject({
      type: 'pass',
      newSession: true,
      newQuery: 'a=1',
    })
  })

  test('a link for once lets in once', () => {
    const uri = `/?token=${link}`
    const decision = ask({ uri, headers: browser })
    expect(outcome(decision)).toBe('→ /')
    const { id } = (decision as Extract<Decision, { type: 'redirect' }>).spend!
    expect(outcome(ask({ uri, headers: browser }, { spent: new Set([id]) }))).toBe('over')
    expect(outcome(decide(request({ uri }), keys(), true, NOW + 301_000))).toBe('over')
  })

  test('one that is over is nothing for the application, either', () => {
    const uri = `/?token=${passes.issue('link', NOW - DAY)}&a=1`
    expect(ask({ uri, headers: cookie(session) })).toMatchObject({ by: 'session', newQuery: 'a=1' })
  })

  test("ai-dock's links lead to the application", () => {
    expect(followed('/ai-dock/pre-auth?token=open%2Btoken', {})).toBe('→ /')
    expect(followed('/ai-dock/pre-auth', cookie(session))).toBe('→ /')
    expect(followed('/ai-dock/pre-auth', {})).toBe('nothing')
  })

  test('many at once are not looked at', () => {
    const many = Array.from({ length: 100 }, (_, index) => `token=${index}`).join('&')
    expect(outcome(ask({ uri: `/?${many}&token=open%2Btoken` }))).toBe('wrong')
    expect(ask({ uri: `/?${many}` })).toMatchObject({ guesses: { length: 2 } })
    const cookies = Array.from({ length: 100 }, (_, index) => `${NAME}=${index}`).join('; ')
    expect(outcome(ask({ headers: { cookie: `${cookies}; ${NAME}=open+token` } }))).toBe('wrong')
  })

  test.each([{ authenticated: false }, { uri: '/manifest.json' }])(
    'where nobody need be known, nobody learns by what is taken out whether it is right: %j',
    given => {
      for (const [uri, authorization] of [
        ['token=open%2Btoken', 'Bearer open+token'],
        ['token=guess', basic('vastai:pass:word')],
      ]) {
        const asked = {
          ...given,
          uri: `${(given as Given).uri ?? '/'}?${uri}`,
          headers: { authorization: authorization! },
        }
        expect(ask(asked)).toMatchObject({ type: 'pass', newQuery: uri, authorization })
      }
      const uri = `${(given as Given).uri ?? '/'}?token=${link}&a`
      expect(ask({ ...given, uri, headers: cookie(session) })).toMatchObject({ newQuery: 'a', cookie: 'a=1; b=2' })
    },
  )
})

describe('what applications get', () => {
  const passed = (given: Given): Extract<Decision, { type: 'pass' }> => {
    const decision = ask(given)
    if (decision.type !== 'pass') throw new Error(decision.type)
    return decision
  }

  test('our cookie is taken out, theirs stay as they are', () => {
    expect(passed({ headers: cookie(session) }).cookie).toBe('a=1; b=2')
    expect(passed({ headers: { cookie: `${NAME}=${session}` } }).cookie).toBe('')
    expect(passed({ headers: { cookie: `a="x y";${NAME}=${session}` } }).cookie).toBe('a="x y"')
  })

  test('our credentials are taken out, theirs stay', () => {
    const session_ = cookie(session)
    expect(passed({ headers: { authorization: 'Bearer open+token' } }).authorization).toBe('')
    expect(passed({ headers: { authorization: basic('vastai:pass:word') } }).authorization).toBe('')
    for (const authorization of ['Bearer theirs', basic('me:theirs'), 'Digest x'])
      expect(passed({ headers: { ...session_, authorization } }).authorization).toBe(authorization)
  })

  test('a session begins with a token or a password, and not with each request of a program', () => {
    expect(passed({ headers: { authorization: basic('vastai:pass:word') } }).newSession).toBe(true)
    expect(passed({ headers: { authorization: 'Bearer open+token' } }).newSession).toBe(false)
    expect(passed({ headers: cookie(session) }).newSession).toBe(false)
  })
})

describe('pages of somebody else', () => {
  const post = (headers: Readonly<Record<string, string>>): string =>
    outcome(ask({ method: 'POST', headers: { host: '203.0.113.7:41111', ...cookie(session), ...headers } }))

  test.each([
    ['no page', {}, 'session'],
    ['the same origin', { origin: 'http://203.0.113.7:41111' }, 'session'],
    ['by what the browser says', { origin: 'https://proxy.example', 'sec-fetch-site': 'same-origin' }, 'session'],
    ['another site of this instance', { origin: 'http://203.0.113.7:47860' }, 'session'],
    ['what is called outside as a site is called here', { origin: 'http://203.0.113.7:7860' }, 'foreign'],
    ['another port of this address', { origin: 'http://203.0.113.7:50000' }, 'foreign'],
    ['the port of the scheme', { origin: 'http://203.0.113.7' }, 'foreign'],
    ['another host', { origin: 'http://evil.example:41111', 'sec-fetch-site': 'cross-site' }, 'foreign'],
    ['a page without origin', { origin: 'null' }, 'foreign'],
    [
      'what a proxy before us is called',
      { origin: 'https://me.example', 'x-gate-forwarded-host': 'me.example' },
      'session',
    ],
  ])('%s', (_, headers, expected) => expect(post(headers)).toBe(expected))

  test('reading is what browsers forbid them, and looking is no harm', () => {
    const headers = { host: 'a:1', origin: 'http://evil.example', ...cookie(session) }
    expect(outcome(ask({ headers }))).toBe('session')
    expect(outcome(ask({ headers: { ...headers, 'x-gate-upgrade': 'websocket' } }))).toBe('foreign')
  })

  test('a password that the browser remembers is as good as a cookie, and a token in a header is not', () => {
    const headers = { host: 'a:1', origin: 'http://evil.example' }
    const method = 'POST'
    expect(outcome(ask({ method, headers: { ...headers, authorization: basic('vastai:pass:word') } }))).toBe('foreign')
    expect(outcome(ask({ method, headers: { ...headers, ...cookie('open+token') } }))).toBe('foreign')
    expect(outcome(ask({ method, headers: { ...headers, authorization: 'Bearer open+token' } }))).toBe('bearer')
    expect(outcome(ask({ method, uri: '/?token=open%2Btoken', headers }))).toBe('token')
  })

  test('those that may call, may', () => {
    const headers = { host: 'a:1', origin: 'https://friend.example', ...cookie(session) }
    for (const origins of [['*'], ['https://friend.example']])
      expect(outcome(ask({ method: 'POST', headers }, { origins }))).toBe('session')
  })
})

describe('who has guessed too often', () => {
  const blocked = (given: Given): string => outcome(ask(given, {}, false))

  test('is not told whether the next guess is right', () => {
    for (const headers of [
      { authorization: 'Bearer open+token' },
      { authorization: basic('vastai:pass:word') },
      { authorization: 'Bearer wrong' },
      cookie('open+token'),
    ])
      expect(blocked({ headers })).toBe('blocked')
    expect(blocked({ uri: '/?token=open%2Btoken' })).toBe('blocked')
  })

  test('comes in by what nobody can guess', () => {
    expect(blocked({ headers: cookie(session) })).toBe('session')
    expect(blocked({ headers: { ...cookie(session), authorization: 'Bearer wrong' } })).toBe('session')
    expect(blocked({ uri: `/?token=${link}` })).toBe('token')
    expect(blocked({ uri: '/manifest.json' })).toBe('openPath')
    expect(blocked({})).toBe('nothing')
  })

  test('what looks like a session is no guess', () => {
    expect(ask({ headers: cookie(session.replace('s1', 's1').replace(/.$/, '_')) })).toMatchObject({ guesses: [] })
    expect(ask({ headers: cookie('guess') })).toMatchObject({ guesses: ['guess'] })
  })
})

test('secrets are compared in whole', () => {
  for (const [one, other] of [
    ['', ''],
    ['a', 'a'],
    ['ä€', 'ä€'],
  ] as const)
    expect(isSame(one, other)).toBe(true)
  for (const [one, other] of [
    ['a', ''],
    ['a', 'A'],
    ['a', 'aa'],
    ['a\0', 'a'],
  ] as const)
    expect(isSame(one, other)).toBe(false)
})
