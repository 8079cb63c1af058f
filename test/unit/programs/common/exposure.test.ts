import { describe, expect, test } from 'vitest'
import { type ExposureFacts, type GuardName, guards, judgeExposure } from '../../../../programs/common/exposure.ts'
import type { ListeningSocket } from '../../../../programs/common/listening-sockets.ts'

const application = (name: string, external_port: number, internal_port: number, extra = {}) => ({
  name,
  hostname: 'localhost',
  external_port,
  internal_port,
  open_path: '/',
  extra,
})

const facts = (socket: Partial<ListeningSocket>, change: Partial<ExposureFacts> = {}): ExposureFacts => ({
  sockets: [
    { protocol: 'tcp', address: '0.0.0.0', port: 7860, owner: { pid: 5, name: 'python3', program: 'app' }, ...socket },
  ],
  asRoot: true,
  applications: [application('App', 7860, 17860), application('Raw', 3000, 3000)],
  served: undefined,
  authEnabled: true,
  authExclude: [],
  launchMode: 'args',
  publicPort: () => undefined,
  ephemeralPorts: [32768, 60999],
  allowed: [],
  ...change,
})

const caddy = { owner: { pid: 9, name: 'caddy', program: 'caddy' } }

/** Every row of the table, with what is said. */
const cases: Readonly<Record<GuardName, readonly (readonly [ExposureFacts, guard: string])[]>> = {
  loopback: [
    [facts({ address: '127.0.0.1' }), 'only the instance itself reaches it'],
    [facts({ address: '::1', owner: undefined }), 'only the instance itself reaches it'],
  ],
  allowed: [
    [facts({ port: 5900 }, { allowed: ['5900'] }), 'allowed by hand'],
    [facts({ port: 3478, protocol: 'udp' }, { allowed: ['3478/udp'] }), 'allowed by hand'],
  ],
  ownLogin: [
    [
      facts({ port: 3000 }, { applications: [application('Raw', 3000, 3000, { auth: 'own' })] }),
      'Raw asks for a login itself (auth: own)',
    ],
  ],
  site: [
    [facts(caddy), 'Caddy asks for a login before App'],
    [facts(caddy, { authEnabled: false, served: new Map([[7860, true]]) }), 'Caddy asks for a login before App'],
  ],
  siteExcluded: [
    [
      facts(caddy, { authExclude: [7860], publicPort: () => 41234 }),
      'nobody asks for a login before App, on the public port 41234: AUTH_EXCLUDE lists 7860',
    ],
  ],
  siteOpen: [
    [
      facts(caddy, { authEnabled: false }),
      'nobody asks for a login before App, on the network of the instance: ENABLE_AUTH is false',
    ],
  ],
  siteStale: [
    [
      facts(caddy, { served: new Map([[7860, false]]) }),
      'nobody asks for a login before App, on the network of the instance: Caddy has older settings',
    ],
  ],
  ssh: [[facts({ port: 22, owner: { pid: 9, name: 'sshd', program: undefined } }), 'ssh asks for a key']],
  platformJupyter: [[facts({ port: 8080 }, { launchMode: 'jupyter' }), "the platform's Jupyter asks for its token"]],
  syncthing: [
    [
      facts(
        { port: 41000, owner: { pid: 9, name: 'syncthing', program: 'syncthing' } },
        { publicPort: port => (port === 72299 ? 41000 : undefined) },
      ),
      'Syncthing knows its devices by their certificates',
    ],
  ],
  client: [[facts({ protocol: 'udp', port: 40000 }), 'a port of no fixed number: it asks others, most likely']],
  ownerHidden: [
    [
      facts({ owner: undefined }, { asRoot: false }),
      'open on the network of the instance; only root can see whose it is',
    ],
  ],
  pastCaddy: [
    [facts({ port: 17860 }), 'App is open on the network of the instance, past the login of Caddy'],
    [
      facts({ port: 17860, address: '172.17.0.2' }, { publicPort: () => 4000 }),
      'App is open on the public port 4000, past the login of Caddy',
    ],
  ],
  unproxied: [
    [
      facts({ port: 3000 }),
      'Raw is open on the network of the instance: its two ports are the same, so Caddy is not before it',
    ],
  ],
  open: [
    [facts({ port: 5900 }), 'open on the network of the instance; nothing that we know of asks for a login'],
    [
      facts({ port: 5900, owner: undefined }),
      'open on the network of the instance; nothing that we know of asks for a login',
    ],
    [facts({ ...caddy, port: 2019 }), 'open on the network of the instance; nothing that we know of asks for a login'],
  ],
}

describe.each(Object.entries(cases))('%s', (name, examples) => {
  const { verdict } = guards[name as GuardName]
  test.each(examples.map(([given, guard]) => [guard, given] as const))('%s', (guard, given) => {
    const [exposure] = judgeExposure(given)
    expect(exposure).toMatchObject({ guard, verdict })
    // whoever is warned is told what to do
    expect(exposure!.fix === '').toBe(verdict === 'ok')
  })
})

test('a listener says whose it is and from where it can be reached', () => {
  expect(judgeExposure(facts({}))[0]).toMatchObject({ reach: 'all', owner: 'python3 (program app, pid 5)' })
  expect(judgeExposure(facts({ address: '10.0.0.2', owner: undefined }))[0]).toMatchObject({
    reach: 'one',
    owner: 'no process of this instance',
  })
  const own = { pid: 4, name: 'sshd', program: undefined }
  expect(judgeExposure(facts({ address: '127.0.0.1', owner: own }))[0]).toMatchObject({
    reach: 'loopback',
    owner: 'sshd (pid 4)',
  })
})

test('warnings come first, and what listens twice is told once', () => {
  const given = facts({})
  const [socket] = given.sockets
  const sockets = [
    { ...socket!, port: 1, address: '127.0.0.1' },
    { ...socket!, port: 9 },
    { ...socket!, port: 9 },
  ]
  expect(judgeExposure({ ...given, sockets }).map(({ port }) => port)).toEqual([9, 1])
})
