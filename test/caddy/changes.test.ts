/** What is served follows the files, and nobody who is connected notices. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../support/lab.ts'
import {
  COOKIE,
  type Conversation,
  type GatewayLab,
  NODE,
  openGateway,
  PASSWORD,
  type Reply,
  TOKEN,
} from './gateway-lab.ts'

const bearer = { authorization: `Bearer ${TOKEN}` }
const TWO = 'localhost:1111:11111:/:Instance Portal|localhost:7860:17860:/:App'

const entry = (name: string, port: number, to: number): string =>
  `  ${name}:\n    hostname: localhost\n    external_port: ${port}\n    internal_port: ${to}\n    open_path: /\n    name: ${name}\n`
const yaml = (...entries: readonly string[]): string => `applications:\n${entries.join('')}`
const BASE = [entry('Instance Portal', 1111, 11_111), entry('App', 7860, 17_860)]

/** In one piece: one that is there in part, for as long as this process stands still, is another one. */
function write(lab: GatewayLab, text: string, file = '/etc/portal.yaml'): void {
  lab.instance.write(`${file}.new`, text)
  renameSync(lab.instance.path(`${file}.new`), lab.instance.path(file))
}

const portsOf = (lab: GatewayLab): readonly number[] => lab.state?.sites.map(({ port }) => port) ?? []
const served = (lab: GatewayLab, ...ports: readonly number[]): Promise<true> =>
  until(`${ports} are served`, () => JSON.stringify(portsOf(lab)) === JSON.stringify(ports))
const saysOf = async (lab: GatewayLab, port: number): Promise<Reply> =>
  (await lab.call({ url: `http://localhost:${port}/`, headers: bearer }))[0]!
/** By the Caddy before this one, too. */
const isClosed = (lab: GatewayLab, port: number): Promise<true> =>
  until(`${port} is closed`, async () => (await saysOf(lab, port)).error?.includes('ECONNREFUSED'))

/** Lines of `ps` about Caddy, inside. */
const caddies = async (lab: GatewayLab): Promise<readonly string[]> =>
  (await lab.instance.exec('ps -C caddy -o pid=,stat=')).stdout
    .split('\n')
    .filter(line => line !== '' && !line.includes('Z'))

function makePair(name: string): { crt: string; key: string } {
  const directory = mkdtempSync(join(tmpdir(), 'pair-'))
  const files = ['-keyout', join(directory, 'key'), '-out', join(directory, 'crt')]
  const subject = `/CN=${name}`
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-days', '2', ...files], {
    stdio: 'ignore',
  })
  const [crt, key] = ['crt', 'key'].map(file => readFileSync(join(directory, file), 'utf8')) as [string, string]
  rmSync(directory, { recursive: true })
  return { crt, key }
}

test('an application that somebody writes into portal.yaml is served soon, and no websocket breaks', async () => {
  await using lab = await openGateway(TWO)
  await Promise.all([17_860, 18_188].map(port => lab.startUpstream(port)))
  const conversation = await lab.converse('http://localhost:7860/', bearer)
  const took: number[] = []
  for (let round = 0; round < 3; round++) {
    const begin = performance.now()
    write(lab, yaml(...BASE, entry('New', 8188, 18_188)))
    await served(lab, 1111, 7860, 8188)
    took.push(performance.now() - begin)
    expect((await saysOf(lab, 8188)).status).toBe(200)
    expect(await conversation.say(`round ${round}`)).toBe(`echo round ${round}`)
    write(lab, yaml(...BASE))
    await served(lab, 1111, 7860)
    await isClosed(lab, 8188)
  }
  // how soon depends on how fast Caddy starts here
  console.log(`served after ${took.map(Math.round).join(', ')} ms`)
  expect(await conversation.say('at last')).toBe('echo at last')
  expect(conversation.isOpen).toBe(true)
})

test('nobody who comes during a change is turned away, and streams go on', async () => {
  await using lab = await openGateway(TWO)
  await lab.startUpstream(17_860)
  const callers = lab.instance.start(
    `for i in $(seq 4); do (while [ ! -e /tmp/stop ]; do
       curl -s -o /dev/null -w '%{http_code}\\n' -H 'Authorization: Bearer ${TOKEN}' http://localhost:7860/
     done) & done; wait`,
  )
  let answers = ''
  callers.stdout!.setEncoding('utf8').on('data', text => (answers += text))
  const stream = lab.instance.start(`curl -sN -H 'Authorization: Bearer ${TOKEN}' http://localhost:7860/sse`)
  let events = 0
  stream.stdout!.setEncoding('utf8').on('data', text => (events += text.split('data: ').length - 1))
  for (let round = 0; round < 4 || answers.length < 400; round++) {
    write(lab, yaml(...BASE, ...(round % 2 === 0 ? [entry('New', 8188, 18_188)] : [])))
    await served(lab, 1111, 7860, ...(round % 2 === 0 ? [8188] : []))
  }
  const ended = new Promise(done => callers.once('close', done))
  lab.instance.write('/tmp/stop', '')
  await ended
  const before = events
  await until('the stream goes on', () => events > before + 2)
  const statuses = answers.trim().split('\n')
  expect(new Set(statuses)).toEqual(new Set(['200']))
})

test('what nobody is connected to any more is gone, and more than three generations are never kept', async () => {
  await using lab = await openGateway(TWO)
  await lab.startUpstream(17_860)
  const conversations: Conversation[] = []
  for (let round = 0; round < 5; round++) {
    conversations.push(await lab.converse('http://localhost:7860/', bearer))
    write(lab, yaml(...BASE, entry(`New ${round}`, 8188, 18_188 + round)))
    await until('it is applied', () => lab.output.match(/ serving /g)?.length === round + 2)
  }
  await until('the oldest are closed', () => conversations.filter(({ isOpen }) => isOpen).length === 3)
  expect(conversations.map(({ isOpen }) => isOpen)).toEqual([false, false, true, true, true])
  await until('there are four', async () => (await caddies(lab)).length === 4)
  for (const conversation of conversations) conversation.close()
  await until('only one is left', async () => (await caddies(lab)).length === 1)
})

describe('what cannot be served', () => {
  test('a file that is broken changes nothing, and is told once; mended, it counts', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    write(lab, 'applications:\n  - [')
    await until('it is told', () => lab.state?.state.startsWith('config error: /etc/portal.yaml:'))
    await lab.said('not YAML')
    write(lab, 'applications:\n  - [ ')
    expect((await saysOf(lab, 7860)).status).toBe(200)
    expect(portsOf(lab)).toEqual([1111, 7860])
    write(lab, yaml(...BASE, entry('New', 8188, 18_188)))
    await served(lab, 1111, 7860, 8188)
    expect(lab.state!.state).toBe('serving')
    expect(lab.output.match(/not YAML/g)).toHaveLength(1)
  })

  test('a port that another program has costs no other site anything, and is served when it is free', async () => {
    await using lab = await openGateway('localhost:9000:19000:/:Other', {
      files: { '/opt/test/taker.mjs': `import net from 'node:net'; net.createServer().listen(7860)` },
    })
    const taker = lab.instance.start(`echo $$ > /tmp/taker; exec ${NODE} /opt/test/taker.mjs`)
    await lab.listens(7860)
    write(lab, yaml(...BASE))
    await served(lab, 1111)
    expect(lab.state!.state).toContain('App: is not served: another program listens on port 7860')
    const gone = new Promise(done => taker.once('close', done))
    await lab.signal('KILL', lab.instance.read('/tmp/taker').trim())
    await gone
    await served(lab, 1111, 7860)
    expect(lab.state!.state).toBe('serving')
  })

  test('of a PORTAL_CONFIG without a good entry the port of the portal says what is wrong', async () => {
    await using lab = await openGateway('localhost:1111:/:Oops|x')
    expect(portsOf(lab)).toEqual([1111])
    const [page, anybody] = await lab.call(
      { url: 'http://localhost:1111/', headers: { ...bearer, accept: 'text/html' } },
      { url: 'http://localhost:1111/', headers: { accept: 'text/html' } },
    )
    expect(page!.status).toBe(502)
    expect(page!.body).toContain('PORTAL_CONFIG, entry 1: has 4 of 5 fields')
    expect(anybody!.status).toBe(401)
    expect(anybody!.body).not.toContain('PORTAL_CONFIG')
    expect((await lab.instance.exec('cat /etc/portal.yaml')).status).not.toBe(0)
    write(lab, yaml(...BASE))
    await served(lab, 1111, 7860)
  })

  test('without PORTAL_CONFIG there are no applications, and no Caddy until there are', async () => {
    await using lab = await openGateway('')
    expect(lab.instance.read('/etc/portal.yaml')).toBe('applications: {}\n')
    expect(lab.instance.read('/etc/Caddyfile')).toContain('(gate)')
    expect(await caddies(lab)).toHaveLength(0)
    write(lab, yaml(...BASE))
    await served(lab, 1111, 7860)
    expect(await caddies(lab)).toHaveLength(1)
  })
})

describe('processes', () => {
  test('Caddy is started again when it dies', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    await lab.instance.exec('kill -9 $(pgrep -x caddy)')
    await lab.said('Caddy has ended (SIGKILL)')
    await until('it serves', async () => (await saysOf(lab, 7860)).status === 200)
    await until('it says so', () => lab.state?.state === 'serving')
  })

  test('no Caddy outlives the manager, and its successor serves', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    await lab.signal('KILL', lab.managerPid)
    await until('Caddy is gone', async () => (await caddies(lab)).length === 0)
    lab.startManager()
    await until('it serves', async () => (await saysOf(lab, 7860)).status === 200)
  })

  test('SIGTERM ends it all with status 0, whoever is connected', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    const conversation = await lab.converse('http://localhost:7860/', bearer)
    write(lab, yaml(...BASE, entry('New', 8188, 18_188)))
    await served(lab, 1111, 7860, 8188)
    await lab.converse('http://localhost:7860/', bearer)
    const ended = lab.managerEnded
    await lab.signal('TERM', lab.managerPid)
    // not by the websockets, which nobody ends
    expect(await ended).toBe(0)
    expect(await caddies(lab)).toHaveLength(0)
    await until('the websocket is closed', () => !conversation.isOpen)
  })

  test('without Caddy it says so', async () => {
    await using lab = await openGateway(TWO, { prepare: 'mv /usr/bin/caddy /usr/bin/not-caddy', mayFail: true })
    expect(await lab.managerEnded).toBe(127)
    expect(lab.output).toContain('cannot find caddy on PATH')
  })
})

describe('TLS', () => {
  const secure = { ENABLE_HTTPS: 'true' }
  const subject = async (lab: GatewayLab): Promise<string> =>
    (
      await lab.instance.exec(
        'openssl s_client -connect localhost:7860 </dev/null 2>/dev/null | openssl x509 -noout -subject',
      )
    ).stdout

  test('a certificate is waited for, and nothing is served until it is there', async () => {
    // it waits for 25 s: what takes long is done before
    const pair = makePair('one')
    await using lab = await openGateway(TWO, { env: secure, mayFail: true })
    await lab.said('waiting for /etc/instance.crt')
    lab.instance.write('/etc/instance.key', pair.key, 0o600)
    expect((await lab.call({ url: 'http://localhost:7860/' }))[0]!.error).toContain('ECONNREFUSED')
    lab.instance.write('/etc/instance.crt', pair.crt)
    await lab.served()
    expect(await subject(lab)).toContain('one')
    expect(lab.state!.scheme).toBe('https')
  })

  test('another certificate is served as soon as it is there, and no websocket breaks', async () => {
    const [one, two] = [makePair('one'), makePair('two')]
    await using lab = await openGateway(TWO, {
      env: secure,
      files: { '/etc/instance.crt': one.crt, '/etc/instance.key': one.key },
    })
    await lab.startUpstream(17_860)
    const conversation = await lab.converse('https://localhost:7860/', bearer)
    expect(await subject(lab)).toContain('one')
    lab.instance.write('/etc/instance.key', two.key)
    await lab.said('what is served stays as it is')
    expect(await subject(lab)).toContain('one')
    lab.instance.write('/etc/instance.crt', two.crt)
    await until('the other one is served', async () => (await subject(lab)).includes('two'))
    expect(await conversation.say('still')).toBe('echo still')
  })
})

describe('credentials', () => {
  const withSession = async (lab: GatewayLab, cookie: string): Promise<number> =>
    (await lab.call({ url: 'http://localhost:7860/', headers: { cookie } }))[0]!.status
  const restart = async (lab: GatewayLab, env: Readonly<Record<string, string>>): Promise<void> => {
    const ended = lab.managerEnded
    await lab.signal('TERM', lab.managerPid)
    await ended
    await lab.instance.exec('rm /run/bosun/gateway.json')
    lab.startManager(env)
    await lab.served()
  }
  const login = async (lab: GatewayLab): Promise<string> => {
    const [reply] = await lab.call({ url: `http://localhost:7860/?token=${encodeURIComponent(TOKEN)}` })
    return (reply!.headers['set-cookie'] as readonly string[]).find(cookie => cookie.startsWith(COOKIE))!.split(';')[0]!
  }

  test('a session lasts through a restart, and ends with the password that it began with', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    const cookie = await login(lab)
    await restart(lab, {})
    expect(await withSession(lab, cookie)).toBe(200)
    await restart(lab, { WEB_PASSWORD: 'another one' })
    expect(await withSession(lab, cookie)).toBe(401)
  })

  test('what is edited in /etc/environment counts after a restart', async () => {
    await using lab = await openGateway(TWO)
    await lab.startUpstream(17_860)
    lab.instance.write('/etc/environment', 'WEB_USERNAME="me"\nAUTH_EXCLUDE="1111"\n')
    await restart(lab, {})
    const [me, before, portal] = await lab.call(
      ...['me', 'vastai'].map(name => ({
        url: 'http://localhost:7860/',
        headers: { authorization: `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}` },
      })),
      { url: 'http://localhost:1111/' },
    )
    expect([me!.status, before!.status, portal!.status]).toEqual([200, 401, 503])
  })

  test('where nobody has set a secret, or nothing of it is left, nobody comes in without the one that is made up', async () => {
    await using lab = await openGateway(TWO, { env: { WEB_PASSWORD: ';', OPEN_BUTTON_TOKEN: '1' } })
    await lab.startUpstream(17_860)
    const secret = lab.instance.read('/var/lib/bosun/secret').trim()
    await lab.said('/var/lib/bosun/secret')
    expect(lab.output).not.toContain(secret)
    const tokens = ['', '1', ';', secret]
    const replies = await lab.call(
      ...tokens.map(token => ({ url: `http://localhost:7860/?token=${token}` })),
      {
        url: 'http://localhost:7860/',
        headers: { authorization: `Basic ${Buffer.from('vastai:').toString('base64')}` },
      },
      { url: 'http://localhost:7860/', headers: { cookie: `${COOKIE}=` } },
    )
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401, 200, 401, 401])
    expect((await lab.instance.exec('cat /var/lib/bosun/secret', { user: 'user' })).status).not.toBe(0)
  })
})
