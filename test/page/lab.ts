import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { openPages } from '../../supervisor/http/page/pages.ts'
import { openRpcInterface } from '../../supervisor/rpc/dispatch.ts'
import { clock } from '../../supervisor/system/clock.ts'
import { files } from '../../supervisor/system/files.ts'
import { followedFiles } from '../../supervisor/system/followed-file.ts'
import { type FakeDaemon, type FakeProcess, fakeDaemon } from '../support/fake-daemon.ts'
import { freePort } from '../support/lab.ts'

/** A daemon with its page on a port, and a browser in front of it. */
export interface BrowserLab {
  readonly daemon: FakeDaemon
  readonly url: string
  open(path?: string, look?: Look): Promise<Page>
  /** Writes to the stdout of a process. */
  say(spec: string, text: string): void
  /** Cuts off everybody; nobody can connect until `comeBack`. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
}

export interface Look {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
}

/** For what hangs: a machine may be slow. */
const LIMIT_MS = 90_000

let browser: Promise<Browser> | null = null
const cleanups: (() => Promise<unknown> | unknown)[] = []

/** For afterEach. */
export async function closeLabs(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean()
}

/** For afterAll. */
export async function closeBrowser(): Promise<void> {
  await (await browser)?.close()
  browser = null
}

/** Starts and stops take no time. */
function obey(process: FakeProcess): void {
  process.onStart = () => process.become('RUNNING', { pid: 100, startedAt: Date.now(), spawnerr: '' })
  process.onStop = () => process.become('STOPPED', { pid: 0, stoppedAt: Date.now() })
}

export async function browserLab(
  groups: Parameters<typeof fakeDaemon>[0] = { web: [{}], worker: [{}] },
): Promise<BrowserLab> {
  const directory = mkdtempSync('/tmp/page-')
  cleanups.push(() => rmSync(directory, { recursive: true }))
  const daemon = fakeDaemon(groups)
  const logOf = (name: string): string => join(directory, `${name}.log`)
  for (const each of daemon.groups.flatMap(group => group.processes)) {
    obey(each)
    each.logfiles.stdout = logOf(each.namespec)
    appendFileSync(each.logfiles.stdout, '')
  }
  const rpc = openRpcInterface(['supervisor'], { daemon, clock, files })
  const pages = openPages({ daemon, clock, rpc, followedFiles })

  const listen = async (port: number): Promise<Server> => {
    const opened = createServer((request, response) => pages(request, response, { trusted: false }))
    opened.listen(port, '127.0.0.1')
    await once(opened, 'listening')
    return opened
  }
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  const port = await freePort()
  let server = await listen(port)
  cleanups.push(close)

  return {
    daemon,
    url: `http://127.0.0.1:${port}`,
    open: (path = '/', look = {}) => openPage(`http://127.0.0.1:${port}${path}`, look),
    say: (spec, text) => appendFileSync(logOf(spec), text),
    goAway: close,
    async comeBack() {
      server = await listen(port)
    },
  }
}

/** A page of a fresh browser context; at the end of the test it must not have complained. */
export async function openPage(
  url: string,
  { width = 1280, height = 720, colorScheme = 'light', javaScriptEnabled = true }: Look = {},
): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    timeout: LIMIT_MS,
    // it would call home at every start
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
  const context = await (await browser).newContext({
    viewport: { width, height },
    colorScheme,
    javaScriptEnabled,
  })
  context.setDefaultTimeout(LIMIT_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  // a server that is gone is what some tests are about
  page.on('console', message => {
    if (message.type() === 'error' && !/ERR_|status of 403/.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', error => void complaints.push(String(error)))
  cleanups.push(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  await page.goto(url)
  return page
}

/**
 * Until the expression is true in the page; `otherwise` is done before each further try. Asked from here: the page itself may
 * not evaluate texts.
 */
export async function until(page: Page, expression: string, otherwise?: () => Promise<unknown>): Promise<void> {
  const look = async (): Promise<boolean> => {
    const found = await page.evaluate(expression)
    if (found !== true) await otherwise?.()
    return found === true
  }
  await expect.poll(look, { message: expression, timeout: LIMIT_MS }).toBe(true)
}

export const isLive = (page: Page): Promise<void> =>
  until(page, `document.getElementById('live').textContent === 'live'`)

/** WCAG 2 contrast of every visible text against what lies behind it; disabled controls are exempt. */
export const faintTexts = `(() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number)
  const luminance = color => {
    const [r, g, b] = channels(color).map(value => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at)
      if (channels(backgroundColor)[3] !== 0) return backgroundColor
    }
  }
  return [...document.querySelectorAll('body *')]
    .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .filter(each => each.checkVisibility() && !each.matches(':disabled, .nothing'))
    .map(each => {
      const [one, other] = [luminance(getComputedStyle(each).color), luminance(behind(each))].sort((a, b) => b - a)
      return [each.textContent, (one + 0.05) / (other + 0.05)]
    })
    .filter(([, contrast]) => contrast < 4.5)
})()`

/** Controls that reach beyond the sides of the window. */
export const cutOff = `[...document.querySelectorAll('a, button, summary')].filter(each => {
  const { left, right } = each.getBoundingClientRect()
  return each.checkVisibility() && (left < 0 || right > innerWidth)
}).map(each => each.textContent)`
