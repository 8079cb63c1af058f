/**
 * One instance, from its start to its end, as the person sees it who has rented it: from another host, by a browser and by
 * curl, with a shell on the instance. JOURNEY_SCREENSHOTS names a directory for pictures of what the browser shows.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join, resolve } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  BUILD_MS,
  bosunImage,
  buildImage,
  type Container,
  type Network,
  openNetwork,
  runContainer,
} from '../support/image-lab.ts'
import { until } from '../support/lab.ts'
import { openRemoteBrowser, type RemoteBrowser } from '../support/remote-browser.ts'

vi.setConfig({ testTimeout: 900_000, hookTimeout: BUILD_MS })

const repository = resolve(import.meta.dirname, '../..')
const TOKEN = 'open-sesame-0123456789'

/** What is added or changed is there for others within a second; on a machine with other things to do it may take longer. */
const SOON_MS = 20_000
/** For what hangs. */
const PATIENCE = { timeout: 180_000 }
const tookMs: number[] = []

let network: Network
/** A network is there while a container is in it: ours is there before the instance. */
let keeper: Container
let instance: Container
let host: string
let remote: RemoteBrowser
let context: BrowserContext
let portal: Page
/**
 * Has the script that the instance asks for while it boots, and waits for: until it gets it, provisioning is running. After a
 * minute the instance asks again, three times in all.
 */
let scriptServer: Server
const asked = Promise.withResolvers<void>()
const script = Promise.withResolvers<string>()

/** Each station begins where the one before has ended. */
let lost = false
afterEach(({ task }) => {
  lost ||= task.result?.state === 'fail'
})
beforeEach(() => {
  if (lost) throw new Error('an earlier station of the journey was not reached')
})

beforeAll(async () => {
  const image = await buildImage({
    context: resolve(import.meta.dirname, '../support/upstreams'),
    args: { BASE_IMAGE: await bosunImage() },
  })
  network = await openNetwork('--internal')
  host = network.address(10)
  keeper = await runContainer(image, {
    options: [`--network=${network.name}`, '--entrypoint=["sleep","infinity"]'],
  })
  scriptServer = createServer(async (_request, response) => {
    asked.resolve()
    response.end(await script.promise)
  })
  scriptServer.listen(8000, network.gateway)
  await once(scriptServer, 'listening')
  remote = await openRemoteBrowser(network, network.address(200))
  context = await remote.open({ ignoreHTTPSErrors: true, viewport: { width: 1100, height: 900 } })
  portal = await context.newPage()
  instance = await runContainer(image, {
    env: {
      CONTAINER_ID: '4711',
      VAST_CONTAINERLABEL: 'C.4711',
      OPEN_BUTTON_TOKEN: TOKEN,
      ENABLE_HTTPS: 'true',
      PORTAL_CONFIG: 'localhost:1111:11111:/:Instance Portal|localhost:7000:17000:/:Notes|localhost:7001:17001:/:Chat',
      ...Object.fromEntries([1111, 7000, 7001, 7002, 8090].map(port => [`VAST_TCP_PORT_${port}`, String(port)])),
      PROVISIONING_SCRIPT: `http://${network.gateway}:8000/files.sh`,
    },
    options: [
      ...[`--network=${network.name}`, `--ip=${host}`],
      `--volume=${join(repository, 'node_modules/ws')}:/opt/upstreams/node_modules/ws:ro`,
    ],
  })
})

afterAll(async () => {
  if (lost) console.log((await instance.logs()).split('\n').slice(-100).join('\n'))
  await remote?.[Symbol.asyncDispose]()
  await instance?.[Symbol.asyncDispose]()
  await keeper?.[Symbol.asyncDispose]()
  scriptServer?.closeAllConnections()
  scriptServer?.close()
  await network?.[Symbol.asyncDispose]()
})

/** `https://10.213.0.10:7000/` */
const url = (port: number, path = '/', scheme = 'https'): string => `${scheme}://${host}:${port}${path}`

/** curl on a host of its own. */
const curl = (...args: readonly string[]) => network.client(network.address(201), ['curl', '-ksS', ...args])

const bearer = ['-H', `Authorization: Bearer ${TOKEN}`] as const

const showUp = async (page: Page, name: string): Promise<void> => {
  const directory = process.env.JOURNEY_SCREENSHOTS
  if (directory !== undefined) await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true })
}

const card = (name: string) =>
  portal.locator('#applications > li').filter({ has: portal.getByRole('heading', { name, exact: true }) })
const row = (program: string) => portal.locator(`#program-${program}`)

/** Until the portal's page says so, without being loaded again. */
const isTold = (name: string, state: string, sentence: RegExp) =>
  until(
    `the page says that ${name} is ${state}, because ${sentence}`,
    async () => {
      const [now, text] = [await card(name).getAttribute('data-state'), (await card(name).textContent()) ?? '']
      return now === state && sentence.test(text)
    },
    180,
  )

/** Runs bash on the instance, and wants it to succeed. */
async function shell(code: string): Promise<string> {
  const { status, all, stdout } = await instance.exec(code)
  expect(status, `${code}\n${all}`).toBe(0)
  return stdout
}

/**
 * Until the address is answered as wanted, as another host sees it. Notes how long that took from the end of the change, which
 * notes it in /run/changed.
 */
async function isServed(what: string, change: Promise<unknown>, address: string, wanted: string): Promise<void> {
  const look = `curl -ks -m 20 -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer ${TOKEN}' ${address}`
  const probe = `until [ "$(${look})" = ${wanted} ]; do sleep 0.02; done; date +%s%N`
  const [served] = await Promise.all([network.client(network.address(202), ['bash', '-c', probe]), change])
  expect(served.status, `${what} is served`).toBe(0)
  const ms = (Number(served.stdout) - Number(await shell('cat /run/changed'))) / 1e6
  console.log(`${what}: served after ${Math.round(ms)} ms`)
  tookMs.push(ms)
}

describe('an instance', () => {
  test('the token link opens the portal over TLS, and is a link no more', async () => {
    await until(
      'the portal answers',
      async () => (await curl('-f', '-o', '/dev/null', ...bearer, url(1111))).status === 0,
    )
    expect(
      (await curl('-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', url(1111, '/', 'http'))).stdout,
    ).toMatch(/^30[1278] https:/)
    await portal.goto(url(1111, `/?token=${TOKEN}`))
    expect(portal.url()).toBe(url(1111))
    await portal.getByRole('heading', { name: 'Instance Portal', level: 1 }).waitFor()
    const cookies = await context.cookies()
    expect(cookies).toMatchObject([{ name: 'C.4711_auth_token', httpOnly: true, secure: true }])
    expect(cookies[0]!.value).not.toContain(TOKEN)
  })

  test('without the link nobody comes in', async () => {
    for (const port of [1111, 7000, 7001])
      expect((await curl('-o', '/dev/null', '-w', '%{http_code}', url(port))).stdout, String(port)).toBe('401')
  })

  test('while it is provisioned, the portal says who waits for that', async () => {
    await asked.promise
    await isTold('Notes', 'ready', /ready/i)
    await isTold('Chat', 'installing', /waiting for provisioning/i)
    await showUp(portal, '1-provisioning')
    const chat = await context.newPage()
    await chat.goto(url(7001))
    await chat.getByText(/waiting for provisioning/i).waitFor()
    await showUp(chat, '2-not-ready-provisioning')

    // the script adds an application, as one does that is fetched from the web
    const added = instance.said(/^READY /)
    const example = readFileSync(join(repository, 'examples/provisioning/files.sh'), 'utf8')
    script.resolve(`${example}\ndate +%s%N >/run/changed\n`)
    await isServed('a fourth application, by a script', added, url(8090), '200')
    await chat.getByRole('heading', { name: 'Chat', exact: true }).waitFor()
    await isTold('Chat', 'ready', /ready/i)
    await isTold('Files', 'ready', /ready/i)
    await showUp(portal, '3-ready')
    await chat.close()
  })

  test('an application opens from its link, and does its work', async () => {
    const opened = context.waitForEvent('page')
    await card('Notes').getByRole('link', { name: 'Open Notes' }).click()
    const notes = await opened
    await notes.getByRole('heading', { name: 'Notes' }).waitFor()
    expect(notes.url()).toBe(url(7000))
    await notes.getByLabel('Note').fill('buy <rope> & tar')
    await notes.getByRole('button', { name: 'Keep' }).click()
    await notes.getByText('buy <rope> & tar').waitFor()
    await until(
      'it is kept',
      async () => (await instance.exec('cat /workspace/notes.txt')).stdout === 'buy <rope> & tar\n',
    )
    await showUp(notes, '4-notes')
    await notes.close()
  })

  test('one crashes: the portal and the not-ready page say why, and what to do; programs are told by 503', async () => {
    await shell('echo "{ title: Logbook" >/workspace/notes.json; supervisorctl restart notes || :')
    await isTold('Notes', 'crashed', /exit status 78/)
    await row('notes')
      .getByText(/exit status 78/)
      .waitFor()
    await showUp(portal, '5-crashed')
    const notes = await context.newPage()
    const response = await notes.goto(url(7000))
    expect(response?.status()).toBe(502)
    await notes.getByText(/exit status 78/).waitFor()
    await showUp(notes, '6-not-ready-crashed')

    await until('it is given up', async () => (await shell('supervisorctl status notes || :')).includes('FATAL'), 180)
    await isTold('Notes', 'crashed', /not tried again until somebody starts it/)
    await notes.getByText(/not tried again until somebody starts it/i).waitFor()
    await expect.poll(() => notes.title(), PATIENCE).toBe('Notes has crashed')
    const probe = await curl('-D', '-', ...bearer, '-H', 'Accept: application/json', url(7000))
    expect(probe.stdout).toMatch(/^HTTP\/\S+ 503/)
    expect(probe.stdout).toMatch(/^retry-after: \d+/im)
    expect(probe.stdout).toMatch(/exit status 78/)
    await showUp(notes, '7-not-ready-given-up')
    await row('notes').getByRole('link', { name: /^Log / }).click()
    await portal.getByText('notes: cannot read /workspace/notes.json').first().waitFor()
    await showUp(portal, '8-log')
    await portal.goBack()

    // mended: the page turns into the application by itself
    await shell(`echo '{ "title": "Logbook" }' >/workspace/notes.json; supervisorctl restart notes`)
    await notes.getByRole('heading', { name: 'Logbook' }).waitFor()
    await notes.getByText('buy <rope> & tar').waitFor()
    await isTold('Notes', 'ready', /ready/i)
    await notes.close()
  })

  test('a program is restarted by a button of the portal', async () => {
    const pid = await shell('supervisorctl pid notes')
    await row('notes')
      .getByRole('button', { name: /^Restart / })
      .click()
    await until('it is another process', async () => {
      const now = (await instance.exec('supervisorctl pid notes')).stdout
      return now !== pid && now !== '0\n'
    })
    await isTold('Notes', 'ready', /ready/i)
  })

  test('portal.yaml is edited by hand: routes change soon, and a WebSocket does not notice', async () => {
    const chat = await context.newPage()
    await chat.goto(url(7001))
    const say = async (line: string): Promise<void> => {
      await chat.getByLabel('Line').fill(line)
      await chat.keyboard.press('Enter')
    }
    await chat.getByText(/^connection \d+$/).waitFor()
    await say('before')
    const before = await chat.getByText(/line 1: before/).textContent()

    // as sed does, which replaces the file; and as an editor that writes into it
    const moved = shell(
      `sed -i 's/external_port: 7000/external_port: 7002/' /etc/portal.yaml; date +%s%N >/run/changed`,
    )
    await isServed('edited by sed', moved, url(7002), '200')
    await until('the old port is closed', async () => (await curl(...bearer, url(7000))).status !== 0)
    const back = shell(
      `yaml=$(</etc/portal.yaml); cat >/etc/portal.yaml <<<"\${yaml/external_port: 7002/external_port: 7000}"; date +%s%N >/run/changed`,
    )
    await isServed('edited in place', back, url(7000), '200')

    await say('after')
    expect(await chat.getByText(/line 2: after/).textContent()).toBe(before!.replace('line 1: before', 'line 2: after'))
    expect(await chat.getByText('the connection is lost').count()).toBe(0)
    await chat.close()
  })

  test('one that is added and taken away by `portal`', async () => {
    const added = shell(`portal add 'localhost:7002:17000:/:Notes again'; date +%s%N >/run/changed`)
    await isServed('portal add', added, url(7002), '200')
    await card('Notes again').waitFor()
    await shell(`portal remove 'Notes again'`)
    await card('Notes again').waitFor({ state: 'detached' })
    await until('it is served no more', async () => (await curl(...bearer, url(7002))).status !== 0)
  })

  test('what was added or changed was there soon', () => {
    const [median] = tookMs.toSorted((a, b) => a - b).slice(tookMs.length / 2)
    expect(tookMs).toHaveLength(4)
    expect(median).toBeLessThan(SOON_MS)
  })

  test('`bosun exposure`: what can be reached asks for a login', async () => {
    expect(await shell('bosun exposure')).toMatch(/7000/)
  })

  test('the token is in no log and no argument', async () => {
    const places = '/var/log /etc/Caddyfile /etc/portal.yaml /run/bosun/boot.json'
    expect((await instance.exec(`grep -rlF ${TOKEN} ${places}`)).stdout).toBe('')
    expect((await instance.exec('cat /proc/[0-9]*/cmdline')).stdout).not.toContain(TOKEN)
    expect(await instance.logs()).not.toContain(TOKEN)
  })

  test('it stops in order: programs first, each told, nothing left', async () => {
    expect(await instance.stop()).toBe(0)
    await expect.poll(() => instance.processes(), PATIENCE).toEqual([])
    for (const program of ['caddy', 'instance_portal', 'notes', 'chat', 'files'])
      await expect
        .poll(() => instance.logs(), PATIENCE)
        .toMatch(new RegExp(`stopped: ${program} \\((exit status \\d+|terminated by SIGTERM)\\)`))
    expect(await instance.logs()).not.toMatch(/killing/i)
  })
})
