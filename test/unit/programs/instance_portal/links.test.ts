import { describe, expect, test } from 'vitest'
import { readSettings } from '../../../../programs/common/settings.ts'
import {
  addressSeen,
  directUrl,
  isSameHost,
  type Place,
  tunnelsOf,
  withPass,
} from '../../../../programs/instance_portal/links.ts'
import { visitorOf } from '../../../../programs/instance_portal/visitor.ts'

const application = (external_port: number, internal_port: number) => ({
  name: 'App',
  hostname: 'localhost',
  external_port,
  internal_port,
  open_path: '/',
  extra: {},
})
const app = application(7860, 17860)
const raw = application(3000, 3000)

const { settings } = readSettings(
  {
    VAST_TCP_PORT_1111: '41111',
    VAST_TCP_PORT_7860: '47860',
    VAST_TCP_PORT_3000: '43000',
    VAST_TCP_PORT_8080: '48080',
  },
  false,
)
const seenAt = (host: string, scheme = 'https') =>
  visitorOf({ 'x-forwarded-host': host, 'x-forwarded-proto': scheme }, '').outside

const place = (change: Partial<Place> = {}): Place => ({
  settings,
  applications: [app, raw],
  outside: seenAt('203.0.113.7:41111'),
  publicAddress: '198.51.100.1',
  scheme: 'http',
  ...change,
})

describe('the direct address', () => {
  test.each([
    ['is where the visitor is', app, place(), 'https://203.0.113.7:47860'],
    [
      'has the scheme by which the visitor came',
      app,
      place({ outside: seenAt('203.0.113.7:41111', 'http') }),
      'http://203.0.113.7:47860',
    ],
    [
      'is the public one for whoever comes by a tunnel',
      app,
      place({ outside: seenAt('a-b.trycloudflare.com') }),
      'http://198.51.100.1:47860',
    ],
    ['is the public one on the instance itself', app, place({ outside: undefined }), 'http://198.51.100.1:47860'],
    [
      'has the scheme that Caddy serves by',
      app,
      place({ outside: undefined, scheme: 'https' }),
      'https://198.51.100.1:47860',
    ],
    ['is unknown when nobody has told it', app, place({ outside: undefined, publicAddress: undefined }), undefined],
    ['is none without a public port', application(9999, 1), place(), undefined],
    ['of what Caddy does not serve has the scheme of the settings', raw, place(), 'http://203.0.113.7:43000'],
    [
      "of the platform's Jupyter is https",
      application(8080, 8080),
      place({ applications: [application(8080, 8080)] }),
      'https://203.0.113.7:48080',
    ],
    ['may be IPv6', app, place({ outside: seenAt('[2001:db8::1]:41111') }), 'https://[2001:db8::1]:47860'],
  ])('%s', (_, of, where, url) => {
    expect(directUrl(of, where)).toBe(url)
  })
})

test('an address is the instance’s own when its port is that of the portal', () => {
  expect(addressSeen(seenAt('203.0.113.7:41111'), settings)).toBe('203.0.113.7')
  expect(addressSeen(seenAt('203.0.113.7:41112'), settings)).toBeUndefined()
  expect(addressSeen(undefined, settings)).toBeUndefined()
})

test('a session counts at every port of a host, and nowhere else', () => {
  expect(isSameHost('https://203.0.113.7:1', seenAt('203.0.113.7:41111'))).toBe(true)
  expect(isSameHost('https://203.0.113.8:1', seenAt('203.0.113.7:41111'))).toBe(false)
  expect(isSameHost('https://203.0.113.7:1', undefined)).toBe(false)
})

describe('tunnels', () => {
  const tunnel = (targetUrl: string, tunnelUrl = 'https://a-b.trycloudflare.com') => ({ targetUrl, tunnelUrl })
  test.each([
    [
      'that lead to Caddy ask for a login',
      app,
      tunnel('http://localhost:7860'),
      [{ url: 'https://a-b.trycloudflare.com', throughLogin: true }],
    ],
    [
      'that lead to the application itself do not',
      app,
      tunnel('http://127.0.0.1:17860/', 'https://app.example/'),
      [{ url: 'https://app.example', throughLogin: false }],
    ],
    [
      'to what Caddy does not serve do not either',
      raw,
      tunnel('http://localhost:3000'),
      [{ url: 'https://a-b.trycloudflare.com', throughLogin: false }],
    ],
    ['to other ports are not ours', app, tunnel('http://localhost:78601'), []],
    ['with odd addresses are left out', app, tunnel('http://localhost:7860', 'javascript:alert(1)'), []],
  ])('%s', (_, of, given, links) => {
    expect(tunnelsOf(of, place(), [given, given])).toEqual(links)
  })
})

test.each([
  ['/', 'p', '/?token=p'],
  ['/?a=1', 'p', '/?a=1&token=p'],
  ['/a#b', 'p', '/a?token=p#b'],
  ['/a?x', undefined, '/a?x'],
])('%s with the pass %s is %s', (path, pass, url) => {
  expect(withPass(path, pass)).toBe(url)
})
