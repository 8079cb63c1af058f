import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AutomaticTunnels, automaticTargets } from '../../../../programs/tunnel_manager/automatic-tunnels.ts'
import { findCloudflared, startCloudflared } from '../../../../programs/tunnel_manager/cloudflared.ts'
import { NamedTunnel } from '../../../../programs/tunnel_manager/named-tunnel.ts'
import { QuickTunnels } from '../../../../programs/tunnel_manager/quick-tunnel.ts'
import { freePort } from '../../../support/lab.ts'

const log = pino({ level: 'silent' })
const standIn = resolve(import.meta.dirname, '../../../fixtures/cloudflared.mjs')
const times = { firstMs: 20, longestMs: 100, steadyMs: 600_000, waitMs: 60_000, most: 3 }
const TARGET = 'http://localhost:7860'
const ADDRESS = /^https:\/\/quick-brown-\d+-fox\.trycloudflare\.com$/

let directory: string
let quick: QuickTunnels

/** Everything in the environment of the manager that a tunnel has no use for is a secret here. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH!,
  TUNNEL_TEST_DIR: directory,
  TUNNEL_TRANSPORT_PROTOCOL: 'http2',
  CF_TUNNEL_TOKEN: 'secret-1',
  TUNNEL_TOKEN: 'secret-2',
  OPEN_BUTTON_TOKEN: 'secret-3',
})
const habits = (text: string): void => writeFileSync(join(directory, 'habits'), text)
const calls = (): { pid: number; args: string[]; env: Record<string, string> }[] =>
  existsSync(join(directory, 'calls'))
    ? readFileSync(join(directory, 'calls'), 'utf8')
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
    : []
const runs = (pid: number): boolean => existsSync(`/proc/${pid}`)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-tunnels-'))
  quick = new QuickTunnels(startCloudflared(standIn, environment()), log, times)
})
afterEach(async () => {
  await quick.close()
  rmSync(directory, { recursive: true })
})

test('two who ask for the same target at the same time get one tunnel', async () => {
  const [one, two] = await Promise.all([quick.open(TARGET), quick.open(TARGET)])
  expect(one).toMatch(ADDRESS)
  expect(two).toBe(one)
  expect(await quick.open(TARGET)).toBe(one)
  expect(calls()).toHaveLength(1)
  expect(calls()[0]!.args).toEqual(['--no-autoupdate', '--no-tls-verify', '--url', TARGET])
  expect(quick.list()).toEqual([{ targetUrl: TARGET, tunnelUrl: one }])
})

test('a tunnel gets its settings, and none of the secrets around it', async () => {
  await quick.open(TARGET)
  const { env } = calls()[0]!
  expect(env.TUNNEL_TRANSPORT_PROTOCOL).toBe('http2')
  expect(JSON.stringify(env)).not.toContain('secret')
})

test('a tunnel that dies comes back with another address', async () => {
  habits('dies')
  const first = await quick.open(TARGET)
  await expect.poll(() => quick.find(TARGET)).toBeUndefined()
  habits('')
  const second = await quick.open(TARGET)
  expect(second).toMatch(ADDRESS)
  expect(second).not.toBe(first)
})

test('one that dies again and again is tried less and less often', async () => {
  habits('dies')
  await quick.open(TARGET)
  await expect.poll(() => calls().length).toBeGreaterThanOrEqual(4)
  expect(calls().length).toBeLessThan(10)
})

test('why cloudflared fails is told, and the next request is a new try', async () => {
  habits('fails')
  await expect(quick.open(TARGET)).rejects.toThrow('cloudflared ended before it named an address: exit status 1')
  habits('')
  expect(await quick.open(TARGET)).toMatch(ADDRESS)
})

test('one that never names an address is ended', async () => {
  habits('silent')
  const impatient = new QuickTunnels(startCloudflared(standIn, environment()), log, { ...times, waitMs: 500 })
  await expect(impatient.open(TARGET)).rejects.toThrow('cloudflared named no address within 0.5 s')
  await expect.poll(() => calls().some(({ pid }) => runs(pid))).toBe(false)
  expect(impatient.list()).toEqual([])
})

test('stopping ends the process, and those who wait for it are told', async () => {
  habits('silent')
  const waiting = expect(quick.open(TARGET)).rejects.toThrow('the tunnel was stopped')
  await expect.poll(() => calls().length).toBe(1)
  expect(await quick.stop(TARGET)).toBe(true)
  await waiting
  expect(runs(calls()[0]!.pid)).toBe(false)
  expect(await quick.stop(TARGET)).toBe(false)
})

test('a cloudflared that ignores SIGTERM is killed', async () => {
  habits('stubborn')
  await quick.open(TARGET)
  await quick.stop(TARGET)
  expect(runs(calls()[0]!.pid)).toBe(false)
})

test('a cloudflared that cannot be started is an error, not a crash', async () => {
  const broken = new QuickTunnels(startCloudflared(join(directory, 'nothing'), environment()), log, times)
  await expect(broken.open(TARGET)).rejects.toThrow(/cannot be started: .*ENOENT/)
})

test('there is a most of tunnels', async () => {
  for (const port of [1, 2, 3]) await quick.open(`http://localhost:${port}`)
  await expect(quick.open('http://localhost:4')).rejects.toThrow('there are 3 quick tunnels: stop one first')
})

test('the named tunnel gets its token by the environment, comes back when it dies, and knows its routes', async () => {
  const port = await freePort()
  const named = new NamedTunnel(
    startCloudflared(standIn, environment()),
    'account-token',
    `127.0.0.1:${port}`,
    log,
    times,
  )
  try {
    await expect
      .poll(() => named.routes().catch(() => null))
      .toEqual([{ targetUrl: 'http://localhost:1111', tunnelUrl: 'https://portal.example.com' }])
    expect(calls()[0]!.args).toEqual(['--no-autoupdate', 'tunnel', '--metrics', `127.0.0.1:${port}`, 'run'])
    expect(calls()[0]!.env.TUNNEL_TOKEN).toBe('account-token')
    process.kill(calls()[0]!.pid, 'SIGKILL')
    await expect.poll(() => calls().length).toBe(2)
    await expect.poll(() => named.routes().catch(() => null)).not.toBeNull()
  } finally {
    await named.close()
  }
  expect(calls().some(({ pid }) => runs(pid))).toBe(false)
})

const application = (external_port: number, internal_port: number) => ({
  name: `${external_port}`,
  hostname: 'localhost',
  external_port,
  internal_port,
  open_path: '/',
  extra: {},
})

test('what asks for a login is tunnelled unasked, each port once, and nothing else', () => {
  const applications = [
    application(1111, 11111),
    application(7860, 17860),
    application(7860, 7860),
    application(9000, 9000),
  ]
  const protection = { httpsEnabled: false, authEnabled: true, authExclude: [7860] }
  expect(automaticTargets(applications, protection)).toEqual(['http://localhost:1111'])
  expect(automaticTargets(applications, { ...protection, authExclude: [], httpsEnabled: true })).toEqual([
    'https://localhost:1111',
    'https://localhost:7860',
  ])
  expect(automaticTargets(applications, { ...protection, authEnabled: false })).toEqual([])
})

test('automatic tunnels come when something listens, follow the list, and are given up in the end', async () => {
  let listens = false
  const automatic = new AutomaticTunnels(quick, async () => listens, log, {
    pauseMs: 1,
    retriesMs: [20, 20, 20, 20, 20],
  })
  automatic.update([TARGET])
  listens = true
  await expect.poll(() => quick.list().length).toBe(1)
  automatic.update(['http://localhost:1111'])
  await expect.poll(() => quick.list().map(({ targetUrl }) => targetUrl)).toEqual(['http://localhost:1111'])
  habits('fails')
  automatic.update(['http://localhost:1111', TARGET])
  await expect.poll(() => calls().filter(({ args }) => args.includes(TARGET)).length).toBe(7)
  habits('')
  // once it is given up, the next list is a new try
  await expect
    .poll(() => {
      automatic.update(['http://localhost:1111', TARGET])
      return quick.list().length
    })
    .toBe(2)
  automatic.close()
})

test('cloudflared is found on PATH when it can be run', () => {
  const file = join(directory, 'cloudflared')
  writeFileSync(file, '')
  expect(findCloudflared(`/nowhere:${directory}`)).toBeUndefined()
  chmodSync(file, 0o755)
  expect(findCloudflared(`/nowhere:${directory}`)).toBe(file)
})
