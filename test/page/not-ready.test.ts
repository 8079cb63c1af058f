/** The gateway in a real browser: logging in, and what is shown until an application is there. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPasses } from '../../programs/common/sessions.ts'
import { type InstanceBrowser, openBrowser } from '../caddy/browser.ts'
import { COOKIE, type GatewayLab, NODE, openGateway, PASSWORD, platform, TOKEN } from '../caddy/gateway-lab.ts'
import { until } from '../support/lab.ts'

const UPSTREAM = `${NODE} /opt/test/upstream.mjs`
const SUPERVISORD = `[unix_http_server]
file=/var/run/supervisor.sock
[supervisord]
logfile=/var/log/supervisord.log
pidfile=/var/run/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///var/run/supervisor.sock
[program:app]
command=${UPSTREAM} 17860 App
autostart=false
[program:other]
command=${UPSTREAM} 18188 Other
[program:slow]
command=sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exec ${UPSTREAM} 19000 Slow'
[program:broken]
command=sh -c 'sleep 2; [ -e /tmp/mended ] || exit 3; exec ${UPSTREAM} 19001 Broken'
startsecs=1
autorestart=false
`

const APPLICATIONS = [
  'localhost:7860:17860:/:App',
  'localhost:8188:18188:/:Other',
  'localhost:9000:19000:/:Slow',
  'localhost:9001:19001:/:Broken',
].join('|')

let lab: GatewayLab
let browser: InstanceBrowser
beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pair-'))
  const pair = ['-keyout', join(directory, 'key'), '-out', join(directory, 'crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=a', '-days', '2', ...pair], {
    stdio: 'ignore',
  })
  lab = await openGateway(APPLICATIONS, {
    env: { ENABLE_HTTPS: 'true', VAST_TCP_PORT_9001: '49001' },
    files: {
      '/etc/instance.crt': readFileSync(join(directory, 'crt'), 'utf8'),
      '/etc/instance.key': readFileSync(join(directory, 'key'), 'utf8'),
      '/opt/test/supervisord.conf': SUPERVISORD,
    },
  })
  rmSync(directory, { recursive: true })
  lab.instance.start('exec supervisord -n -c /opt/test/supervisord.conf')
  await lab.listens(18_188)
  browser = await openBrowser(lab.instance)
})
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
  await lab?.[Symbol.asyncDispose]()
})

const url = (port: number, rest = '/'): string => `https://localhost:${port}${rest}`
const tokenLink = (port: number): string => url(port, `/?a=1&token=${encodeURIComponent(TOKEN)}`)
const ctl = (command: string) => lab.instance.exec(`supervisorctl -c /opt/test/supervisord.conf ${command}`)

/** Until the page says so; a page that changes may be between two documents. */
const says = (page: Page, text: string | RegExp): Promise<true> =>
  until(`the page says ${text}`, async () => {
    const body = await page.textContent('body').catch(() => null)
    return body !== null && (typeof text === 'string' ? body.includes(text) : text.test(body))
  })

/** By a window of its own; nobody is there to fill it in. */
const asksForPassword = (page: Page): Promise<void> =>
  expect(page.goto(url(8188))).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS')

const passes = () =>
  openPasses(
    Buffer.from(lab.instance.read('/var/lib/bosun/session-key').trim(), 'base64url'),
    { username: 'vastai', password: PASSWORD.replaceAll(';', ''), token: TOKEN },
    platform.VAST_CONTAINERLABEL,
  )

describe('logging in', () => {
  test('the link leads to the application, and the session lasts, at all ports', async () => {
    const page = await browser.open()
    await page.goto(tokenLink(8188))
    expect(page.url()).toBe(url(8188, '/?a=1'))
    await says(page, '"name":"Other"')
    const cookies = await page.context().cookies()
    expect(cookies.find(({ name }) => name === COOKIE)).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
      domain: 'localhost',
      path: '/',
    })
    await page.reload()
    await says(page, '"name":"Other"')
    expect((await page.goto(url(7860)))!.status()).toBe(502)
    expect(await page.evaluate('document.cookie')).not.toContain(COOKIE)
  })

  test('a wrong password does not, and the right one does', async () => {
    const wrong = await browser.open({ httpCredentials: { username: 'vastai', password: 'wrong' } })
    expect((await wrong.goto(url(8188)))!.status()).toBe(401)
    await says(wrong, 'That does not fit')
    const right = await browser.open({ httpCredentials: { username: 'vastai', password: PASSWORD } })
    expect((await right.goto(url(8188)))!.status()).toBe(200)
    await expect.poll(async () => (await right.context().cookies()).map(({ name }) => name)).toContain(COOKIE)
  })

  test('a session that is over is none, and a link begins another', async () => {
    const page = await browser.open()
    const value = passes().issue('session', Date.now() - 8 * 86_400_000)
    await page.context().addCookies([{ name: COOKIE, value, domain: 'localhost', path: '/' }])
    await asksForPassword(page)
    await expect.poll(() => page.context().cookies()).toEqual([])
    const next = await page.context().newPage()
    await next.goto(url(8188, `/?token=${passes().issue('link')}`))
    await says(next, '"name":"Other"')
  })

  test('logging out ends it', async () => {
    const page = await browser.open()
    await page.goto(tokenLink(8188))
    await page.goto(url(8188, '/portal-logout'))
    await Promise.all([page.waitForEvent('load'), page.click('button')])
    await says(page, 'You are logged out')
    await asksForPassword(page)
  })
})

describe('until an application is there', () => {
  test('the page says why, and turns into the application by itself', async () => {
    const page = await browser.open()
    const response = await page.goto(tokenLink(9000))
    expect(response!.status()).toBe(502)
    expect(response!.headers()).toMatchObject({ 'x-portal-placeholder': 'true', 'cache-control': 'no-store' })
    await says(page, 'Slow is starting')
    await says(page, /port 19000 does not answer yet/)
    lab.instance.write('/tmp/go', '')
    await says(page, '"name":"Slow"')
    expect(page.url()).toBe(url(9000, '/?a=1'))
  })

  test('it follows what happens to the program', async () => {
    const page = await browser.open()
    await page.goto(tokenLink(7860))
    await says(page, 'App is stopped')
    await ctl('start app')
    await says(page, '"name":"App"')
    await ctl('stop app')
    await page.reload()
    await says(page, 'App is stopped')
    await says(page, 'Stopped by hand')
  })

  test('a crash is named, and a start by hand leads on', async () => {
    const page = await browser.open()
    await page.goto(tokenLink(9001))
    await says(page, 'Broken has crashed')
    await says(page, /exit status 3/)
    await expect.poll(() => page.getAttribute('html', 'data-mood')).toBe('bad')
    lab.instance.write('/tmp/mended', '')
    await ctl('start broken')
    await says(page, '"name":"Broken"')
  })

  test('without a script, too, it turns into the application', async () => {
    await ctl('stop app')
    const page = await browser.open({ javaScriptEnabled: false })
    await page.goto(tokenLink(7860))
    await says(page, 'App is stopped')
    await ctl('start app')
    await says(page, '"name":"App"')
    await ctl('stop app')
  })

  test.each([360, 1280])('at %d px nothing is wider than the window', async width => {
    const page = await browser.open({ viewport: { width, height: 640 } })
    await page.goto(tokenLink(7860))
    await says(page, 'App is stopped')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
  })

  test('nothing is asked for but what the instance has, and nothing is complained about', async () => {
    const page = await browser.open()
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', request => void asked.push(request.url()))
    page.on('pageerror', error => void complaints.push(String(error)))
    page.on('console', message => {
      if (message.type() === 'error' && !message.text().includes('status of 502')) complaints.push(message.text())
    })
    await page.goto(tokenLink(7860))
    await says(page, 'App is stopped')
    await until('it listens for news', () => asked.includes(url(7860, '/portal-readiness')))
    expect(asked.every(each => each.startsWith(url(7860)))).toBe(true)
    expect(complaints).toEqual([])
  })
})
