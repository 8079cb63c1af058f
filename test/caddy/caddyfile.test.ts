/** What we write, read by the real Caddy; and by the tests and people that read it as text. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, renderCaddyfile } from '../../programs/caddy/caddyfile.ts'
import { planManner, planSites } from '../../programs/caddy/sites.ts'
import { parsePortalConfig } from '../../programs/common/portal-config.ts'
import { parsePortalYaml } from '../../programs/common/portal-yaml.ts'
import { readSettings } from '../../programs/common/settings.ts'
import { openRandom } from '../support/random.ts'

const run = promisify(execFile)
let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'caddyfile-'))
  const pair = ['-keyout', join(directory, 'key'), '-out', join(directory, 'crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=a', '-days', '1', ...pair], {
    stdio: 'ignore',
  })
})
afterAll(() => rmSync(directory, { recursive: true }))

type Env = Readonly<Record<string, string>>

/** Each port is mapped. */
function gatewayOf(applications: Parameters<typeof planSites>[0], env: Env, withTls: boolean): Gateway {
  const mapped = applications.map(({ external_port }) => [`VAST_TCP_PORT_${external_port}`, '40000'])
  const { settings } = readSettings({ ...env, ...Object.fromEntries(mapped) }, false)
  return {
    ...planManner(settings).manner,
    sites: planSites(applications, settings),
    tls: withTls ? { certificate: join(directory, 'crt'), key: join(directory, 'key') } : null,
  }
}

const render = (gateway: Gateway): string =>
  renderCaddyfile(gateway, { gate: join(directory, 'gate.sock'), run: directory })

let files = 0

/** @returns ports that Caddy would listen on, plain and by TLS; it ends here, where Caddy does not take the file */
async function readBack(caddyfile: string): Promise<{ plain: readonly number[]; secure: readonly number[] }> {
  const file = join(directory, `Caddyfile.${files++}`)
  writeFileSync(file, caddyfile)
  const args = ['--config', file, '--adapter', 'caddyfile']
  const env = { PATH: process.env.PATH, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory }
  await run('caddy', ['validate', ...args], { env }).catch(error => {
    throw new Error(`${error.stderr}\n${caddyfile}`)
  })
  const { stdout } = await run('caddy', ['adapt', ...args], { env })
  const servers: readonly Server[] = Object.values(JSON.parse(stdout).apps.http.servers)
  const portsOf = (some: readonly Server[]): readonly number[] =>
    some.flatMap(({ listen }) => listen.flatMap(address => (address.startsWith(':') ? Number(address.slice(1)) : [])))
  const isSecure = (server: Server): boolean => server.tls_connection_policies !== undefined
  return {
    plain: portsOf(servers.filter(server => !isSecure(server))).toSorted(byNumber),
    secure: portsOf(servers.filter(isSecure)).toSorted(byNumber),
  }
}

interface Server {
  readonly listen: readonly string[]
  readonly tls_connection_policies?: unknown
}

const byNumber = (one: number, other: number): number => one - other

/** @returns ports that Caddy would listen on, all in one way */
async function validate(caddyfile: string, withTls = false): Promise<readonly number[]> {
  const { plain, secure } = await readBack(caddyfile)
  expect(withTls ? plain : secure).toEqual([])
  return withTls ? secure : plain
}

const { pick, below, many, seed } = openRandom()
const FRAGMENTS = [
  ...[
    'localhost',
    '127.0.0.1',
    '[::1]',
    'a.b-c',
    '',
    ' ',
    '::1',
    'ho st',
    '{env.PATH}',
    '{$HOME}',
    '"',
    '`',
    '\\',
    '#',
    '\n',
    '\0',
  ],
  ...['1', '22', '1111', '7860', '17860', '65535', '65536', '0', '-1', ' 80 ', '1e3', '99999999', 'x'],
  ...[
    '/',
    '/a?b=1',
    '',
    'no slash',
    '/{path}',
    'Name',
    'é 日本',
    '} :1 {',
    '(gate)',
    'import gate',
    'My: App',
    ':',
    '::::',
    '|',
  ],
] as const
const entry = (): string => {
  const fields = [
    pick(['localhost', '127.0.0.1', pick(FRAGMENTS)]),
    pick([String(below(65_536)), pick(FRAGMENTS)]),
    pick([String(below(65_536)), pick(FRAGMENTS)]),
    pick(['/', pick(FRAGMENTS)]),
    pick(['App', pick(FRAGMENTS)]),
  ]
  return fields.slice(0, pick([5, 5, 5, 5, below(6)])).join(':')
}

describe('whatever people write, Caddy takes what we make of it, and what is good of it is served', () => {
  test('PORTAL_CONFIG', async () => {
    for (let round = 0; round < 15; round++) {
      const config = [...many(below(25), entry), 'localhost:1:11111:/:Sentinel', ...many(below(25), entry)].join('|')
      const { applications } = parsePortalConfig(config)
      const gateway = gatewayOf(applications, {}, round % 2 === 0)
      const ports = await validate(render(gateway), gateway.tls !== null)
      const served = gateway.sites.map(({ port }) => port).toSorted(byNumber)
      expect(ports, `seed ${seed}: ${JSON.stringify(config)}`).toEqual(served)
      // the first that wants the port has it
      expect(applications.filter(({ external_port: port, internal_port: to }) => port === 1 && to !== 1)).toHaveLength(
        1,
      )
      expect(ports).toContain(1)
    }
  })

  test.each([false, true])('no port means plain HTTP or TLS by itself (TLS: %s)', async withTls => {
    const { applications } = parsePortalConfig('localhost:80:8000:/:A|localhost:443:8001:/:B|localhost:81:8002:/:C')
    expect(await validate(render(gatewayOf(applications, {}, withTls)), withTls)).toEqual([80, 81, 443])
  })

  test('portal.yaml', async () => {
    const value = (): string => JSON.stringify(pick([pick(FRAGMENTS), below(70_000), null, true, [], {}, 'localhost']))
    for (let round = 0; round < 8; round++) {
      const entries = many(20, () => {
        const keys = ['hostname', 'external_port', 'internal_port', 'open_path', 'name', 'pass_credentials']
        return `  ${JSON.stringify(pick(FRAGMENTS))}:\n${keys.map(key => (below(6) > 0 ? `    ${key}: ${value()}\n` : '')).join('')}    more: 1\n`
      })
      const yaml = `applications:\n${entries.join('')}  Sentinel:\n    external_port: 2\n    internal_port: 3\n`
      const { applications } = parsePortalYaml(yaml)
      const gateway = gatewayOf(applications, {}, false)
      const ports = await validate(render(gateway))
      expect(ports, `seed ${seed}: ${yaml}`).toEqual(gateway.sites.map(({ port }) => port).toSorted(byNumber))
      expect(ports).toContain(2)
    }
  })

  test('the environment', async () => {
    const junk = (): string => many(below(4), () => pick(FRAGMENTS)).join(pick(['', ',', ' ']))
    const names = [
      ...['ENABLE_HTTPS', 'ENABLE_AUTH', 'AUTH_EXCLUDE', 'WEB_USERNAME', 'WEB_PASSWORD', 'OPEN_BUTTON_TOKEN'],
      ...['VAST_CONTAINERLABEL', 'CADDY_ENABLE_COMPRESSION', 'CADDY_FLUSH_INTERVAL', 'CADDY_HEADER_UP_LOCALHOST'],
      ...['CADDY_CORS_ALLOWED_ORIGINS', 'CADDY_CORS_ALLOWED_METHODS', 'CADDY_CORS_ALLOWED_HEADERS'],
    ]
    const { applications } = parsePortalConfig('localhost:1111:11111:/:Portal|localhost:7860:17860:/:App')
    for (let round = 0; round < 12; round++) {
      const env = Object.fromEntries(names.map(name => [name, junk()]))
      const origins = pick([env.CADDY_CORS_ALLOWED_ORIGINS!, 'https://a.example,http://b:1', '*'])
      const gateway = gatewayOf(applications, { ...env, CADDY_CORS_ALLOWED_ORIGINS: origins }, false)
      expect(await validate(render(gateway)), `seed ${seed}: ${JSON.stringify(env)}`).toEqual([1111, 7860])
    }
  })
})

describe('the file as text', () => {
  const { applications } = parsePortalConfig('localhost:1111:11111:/:Portal|localhost:7860:17860:/:App')
  const texts = (): readonly string[] => [true, false].map(withTls => render(gatewayOf(applications, {}, withTls)))

  test('it is formatted as `caddy fmt` does it', async () => {
    for (const [index, text] of texts().entries()) {
      const file = join(directory, `formatted.${index}`)
      writeFileSync(file, text)
      await run('caddy', ['fmt', '--overwrite', file])
      expect(readFileSync(file, 'utf8')).toBe(text)
    }
  })

  test('sites, TLS and proxies are found as the acceptance tests of images look for them', () => {
    const [secure, plain] = texts().map(text => text.split('\n'))
    for (const port of [1111, 7860]) {
      const at = secure!.findIndex(line => new RegExp(`^:${port} {`).test(line))
      expect(secure!.slice(at, at + 6).some(line => line.includes('tls '))).toBe(true)
      const plainAt = plain!.findIndex(line => new RegExp(`^:${port} {`).test(line))
      expect(plain!.slice(plainAt, plainAt + 6).some(line => line.includes('tls '))).toBe(false)
    }
    for (const text of texts()) expect(text).toContain('reverse_proxy')
  })
})
