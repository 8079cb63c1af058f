/** The built tunnel manager, with a stand-in for cloudflared: Cloudflare cannot be reached from here. Source: contract 7 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'

const node = '#!/opt/instance-tools/node/bin/node'
const cloudflared = readFileSync(resolve(import.meta.dirname, '../fixtures/cloudflared.mjs'), 'utf8').replace(
  /^#!.*/,
  node,
)

const entry = (external: number, internal: number, name: string): string =>
  [
    `  ${name}:`,
    '    hostname: localhost',
    `    external_port: ${external}`,
    `    internal_port: ${internal}`,
    '',
  ].join('\n')
const portalYaml = `applications:\n${entry(1111, 11111, 'Instance Portal')}${entry(9000, 9000, 'Open To All')}`
const listenOn = (port: number): string => `${node.slice(2)} -e "require('net').createServer().listen(${port})"`

const TOKEN = 'account-token-1234567890'

test('the tunnel manager serves what it is asked for, and opens by itself what asks for a login', async () => {
  await using instance = await openInstance({
    env: { TUNNEL_TEST_DIR: '/tmp', CF_TUNNEL_TOKEN: TOKEN, VAST_TCP_PORT_1111: '41111' },
    files: { '/usr/local/bin/cloudflared': cloudflared, '/etc/portal.yaml': portalYaml },
  })
  const listening = async () => (await instance.exec('ss -Hltn | grep -cE ":(1111|7860) "')).stdout
  instance.start(`${listenOn(1111)} & ${listenOn(7860)}`)
  await expect.poll(listening).toBe('2\n')
  const manager = instance.start('exec /opt/instance-tools/lib/tunnel-manager')
  let log = ''
  manager.stdout!.on('data', data => (log += data))
  const get = async (path: string): Promise<unknown> => {
    const { stdout } = await instance.exec(`curl -s 127.0.0.1:11112/${path}`)
    return stdout === '' ? null : JSON.parse(stdout)
  }
  const targets = async () =>
    ((await get('get-all-quick-tunnels')) as { targetUrl: string }[] | null)?.map(({ targetUrl }) => targetUrl)

  await expect.poll(targets).toEqual(['http://localhost:1111'])
  expect(await get('get-quick-tunnel/localhost:9000')).toMatchObject({ tunnel_url: expect.stringMatching(/^https:/) })
  expect(await get('get-quick-tunnel/localhost:11111')).toMatchObject({
    detail: expect.stringMatching(/Instance Portal/),
  })
  await expect.poll(() => get('get-named-tunnel/1111')).toEqual({ tunnel_url: 'https://portal.example.com' })

  expect(await get('get-direct-url/1111')).toMatchObject({ detail: expect.stringMatching(/not known/) })
  expect(await get('set-public-ip/192.0.2.7 -X PUT')).toEqual({ status: 'success', ip: '192.0.2.7' })
  expect(await get('get-direct-url/1111')).toEqual({ result: 'http://192.0.2.7:41111' })

  // an application that comes later
  instance.write('/etc/portal.yaml', `${portalYaml}${entry(7860, 17860, 'My App')}`)
  await expect.poll(targets).toContain('http://localhost:7860')

  const processes = await instance.exec('cat /proc/[0-9]*/cmdline')
  expect(processes.stdout).toContain('cloudflared')
  expect(processes.stdout + log).not.toContain(TOKEN)

  await instance.exec('pkill -f [l]ib/tunnel-manager')
  await expect.poll(async () => (await instance.exec('pgrep -fc [l]ocal/bin/cloudflared')).stdout).toBe('0\n')
})

test('without cloudflared it says so, and answers all the same', async () => {
  await using instance = await openInstance()
  instance.start('exec /opt/instance-tools/lib/tunnel-manager')
  await expect
    .poll(async () => (await instance.exec('curl -s 127.0.0.1:11112/get-quick-tunnel/localhost:1111')).stdout)
    .toMatch(/"cloudflared is not installed: tunnels are off; .*CLOUDFLARED_URL/)
  expect((await instance.exec('curl -s 127.0.0.1:11112/get-all-quick-tunnels')).stdout).toBe('[]')
})
