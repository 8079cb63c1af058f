import { expect, test } from 'vitest'
import { cookieNameOf, lastResort, planManner, planSites } from '../../../programs/caddy/sites.ts'
import { parsePortalConfig } from '../../../programs/common/portal-config.ts'
import { parsePortalYaml } from '../../../programs/common/portal-yaml.ts'
import { readSettings } from '../../../programs/common/settings.ts'

const settings = (env: Readonly<Record<string, string>> = {}) => readSettings(env, false).settings
const mapped = { VAST_TCP_PORT_1111: '41111', VAST_TCP_PORT_7860: '47860', VAST_TCP_PORT_8080: '48080' }
const sitesOf = (config: string, env: Readonly<Record<string, string>> = {}) =>
  planSites(parsePortalConfig(config).applications, settings({ ...mapped, ...env }))

test('what is proxied and has a public port is served', () => {
  const sites = sitesOf(
    'localhost:1111:11111:/:Instance Portal|localhost:8080:8080:/:Jupyter|localhost:6006:16006:/:Board',
  )
  expect(sites).toEqual([
    {
      name: 'Instance Portal',
      port: 1111,
      hostname: 'localhost',
      internalPort: 11_111,
      asLocalhost: false,
      authenticated: true,
      passCredentials: false,
      isPortal: true,
    },
  ])
})

test('a login is asked for, except where that was turned off', () => {
  const config = 'localhost:1111:11111:/:Portal|localhost:7860:17860:/:App'
  const open = (env: Readonly<Record<string, string>>): readonly number[] =>
    sitesOf(config, env).flatMap(({ port, authenticated }) => (authenticated ? [] : port))
  expect(open({})).toEqual([])
  expect(open({ ENABLE_AUTH: 'FALSE' })).toEqual([1111, 7860])
  expect(open({ ENABLE_AUTH: 'no' })).toEqual([])
  expect(open({ AUTH_EXCLUDE: '7860, x, 11111' })).toEqual([7860])
})

test('applications may see requests to localhost, all or some', () => {
  const config = 'localhost:1111:11111:/:Portal|localhost:7860:17860:/:App'
  const such = (value: string): readonly number[] =>
    sitesOf(config, { CADDY_HEADER_UP_LOCALHOST: value }).flatMap(site => (site.asLocalhost ? site.port : []))
  expect(such('true')).toEqual([1111, 7860])
  expect(such('17860')).toEqual([7860])
  expect(such('7860')).toEqual([])
})

test('an application gets the credentials if portal.yaml says so', () => {
  const { applications } = parsePortalYaml(
    'applications:\n  vLLM:\n    external_port: 7860\n    internal_port: 8000\n    pass_credentials: true\n',
  )
  expect(planSites(applications, settings(mapped))).toMatchObject([{ passCredentials: true }])
})

test('where nothing can be told, the port of the portal has a page that says so', () => {
  expect(lastResort(settings())).toMatchObject([{ external_port: 1111, internal_port: 11_111 }])
  expect(planSites(lastResort(settings()), settings(mapped))).toMatchObject([{ port: 1111, isPortal: true }])
})

test.each([
  ['-1', '-1'],
  ['100ms', '100ms'],
  ['1m30s', '1m30s'],
  ['0', '0'],
  ['soon', '-1'],
  ['1s\n} :1 {', '-1'],
  ['{env.SECRET}', '-1'],
])('CADDY_FLUSH_INTERVAL %j counts as %s', (given, flushInterval) => {
  const { manner, problems } = planManner(settings({ CADDY_FLUSH_INTERVAL: given }))
  expect(manner.flushInterval).toBe(flushInterval)
  expect(problems.map(({ where }) => where)).toEqual(given === flushInterval ? [] : ['CADDY_FLUSH_INTERVAL'])
})

test('origins that are none are left out, and the others count', () => {
  const plan = (origins: string) => planManner(settings({ CADDY_CORS_ALLOWED_ORIGINS: origins }))
  expect(plan('').manner.cors).toBeNull()
  expect(plan('https://a.example, "{$X}, http://b:1').manner.cors?.origins).toEqual(['https://a.example', 'http://b:1'])
  expect(plan('https://a.example, "{$X}').problems).toHaveLength(1)
  expect(plan('https://a.example,*').manner.cors?.origins).toEqual(['*'])
})

test('methods and headers that are no lists count as their defaults', () => {
  const { manner, problems } = planManner(
    settings({
      CADDY_CORS_ALLOWED_ORIGINS: '*',
      CADDY_CORS_ALLOWED_METHODS: 'GET"\n',
      CADDY_CORS_ALLOWED_HEADERS: 'X-One, X-Two',
    }),
  )
  expect(manner.cors).toEqual({
    origins: ['*'],
    methods: 'GET, POST, PUT, DELETE, OPTIONS',
    headers: 'X-One, X-Two',
  })
  expect(problems.map(({ where }) => where)).toEqual(['CADDY_CORS_ALLOWED_METHODS'])
})

test.each([
  [{ VAST_CONTAINERLABEL: 'C.123' }, 'C.123_auth_token'],
  [{}, 'None_auth_token'],
  [{ VAST_CONTAINERLABEL: 'a b;c' }, 'a_b_c_auth_token'],
  [{ CADDY_AUTH_COOKIE_NAME: 'ai_dock_token' }, 'ai_dock_token'],
])('the cookie of %j is %s', (env, name) => expect(cookieNameOf(settings(env as Record<string, string>))).toBe(name))
