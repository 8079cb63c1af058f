/** The page in a real browser: what it looks like to the eye, to the keyboard, with and without a script. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, expect, test } from 'vitest'
import { browserLab, closeBrowser, closeLabs, cutOff, faintTexts, isLive, until } from './lab.ts'

afterEach(closeLabs)
afterAll(closeBrowser)

const running = { pid: 12, startedAt: Date.now() }
const button = (action: string, spec: string): string => `[id="process-${spec}"] button[value="${action}"]`
const stateIs = (spec: string, state: string): string =>
  `document.getElementById('process-${spec}').querySelector('.status').textContent.trim() === '${state}'`
const focused = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.textContent')

/** Clicks on what leads to another page, and waits for that. */
async function follow(page: Page, selector: string): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.click(selector)])
}

// -- without a script --------------------------------------------------------------------------------------------------

test('without a script the buttons work, and say what they did', async () => {
  const { open, daemon } = await browserLab()
  daemon.process('web').become('RUNNING', running)
  const page = await open('/', { javaScriptEnabled: false })
  await follow(page, button('stop', 'web'))
  expect(await page.textContent('.status_msg')).toBe('Process web stopped')
  expect(await page.textContent('[id="process-web"] .status')).toBe('stopped')
  expect(page.url()).toMatch(/\/\?message=Process%20web%20stopped$/)
})

test('without a script, too, stopping everything takes two steps', async () => {
  const { open, daemon } = await browserLab()
  daemon.process('web').become('RUNNING', running)
  const page = await open('/', { javaScriptEnabled: false })
  await page.click('summary:has-text("Stop All")')
  await page.waitForSelector('button[value=stopall]', { state: 'visible' })
  expect(daemon.process('web').done).toEqual([])
  await follow(page, 'button[value=stopall]')
  expect(await page.textContent('.status_msg')).toMatch(/^All stopped at /)
  expect(daemon.process('web').state).toBe('STOPPED')
})

test('without a script a log is read, and refreshed by a link', async () => {
  const { open, say } = await browserLab()
  say('web', 'one <b>\n')
  const page = await open('/tail.html?processname=web', { javaScriptEnabled: false })
  expect(await page.textContent('#log')).toBe('one <b>\n')
  say('web', 'two\n')
  await follow(page, 'a:has-text("Refresh")')
  expect(await page.textContent('#log')).toBe('one <b>\ntwo\n')
})

// -- live --------------------------------------------------------------------------------------------------------------

test('states change by themselves, and nothing moves', async () => {
  const { open, daemon } = await browserLab()
  const page = await open()
  await isLive(page)
  const places = `JSON.stringify([...document.querySelectorAll('button, tr, a, summary')].map(each => {
    const { x, y, width, height } = each.getBoundingClientRect()
    return [x, y, width, height]
  }))`
  const before = await page.evaluate(places)
  for (const [state, facts] of [
    ['STARTING', { pid: 12 }],
    ['RUNNING', running],
    ['STOPPING', {}],
    ['STOPPED', { pid: 0 }],
  ] as const) {
    daemon.process('web').become(state, facts)
    await until(page, stateIs('web', state.toLowerCase()))
    expect(await page.evaluate(places)).toBe(before)
  }
})

test('processes come and go by themselves, in their order', async () => {
  const { open, daemon } = await browserLab({ a: [{}], b: [{}], c: [{}] })
  const page = await open()
  await isLive(page)
  const names = `[...document.querySelectorAll('td.name')].map(cell => cell.textContent).join()`
  const [a, b, c] = daemon.groups
  daemon.become({ groups: [a!, c!] })
  await until(page, `${names} === 'a,c'`)
  daemon.become({ groups: [a!, b!, c!] })
  await until(page, `${names} === 'a,b,c'`)
  daemon.become({ groups: [] })
  await until(page, `document.getElementById('nothing').textContent === 'No programs to manage'`)
})

test('uptime ticks without asking the server', async () => {
  const { open, daemon } = await browserLab()
  const startedAt = Date.now() - 61_000
  daemon.process('web').become('RUNNING', { pid: 12, startedAt })
  const page = await open()
  await isLive(page)
  const asked: string[] = []
  page.on('request', request => void asked.push(request.url()))
  /** in seconds */
  const uptime = async (): Promise<number> => {
    const text = await page.evaluate<string>(`document.querySelector('#process-web [data-since]').textContent`)
    const [, minutes, seconds] = /^pid 12, uptime 0:(\d\d):(\d\d)$/.exec(text)!
    return Number(minutes) * 60 + Number(seconds)
  }
  const before = await uptime()
  expect(before).toBeGreaterThanOrEqual(61)
  await expect.poll(uptime).toBeGreaterThan(before)
  expect(await uptime()).toBeLessThanOrEqual((Date.now() - startedAt) / 1000 + 1)
  expect(asked.filter(url => !url.endsWith('icon.svg'))).toEqual([])
})

test('a button answers in place, and the keyboard stays where it was', async () => {
  const { open, daemon } = await browserLab()
  daemon.process('web').become('RUNNING', running)
  const page = await open()
  await isLive(page)
  await page.focus(button('restart', 'web'))
  await page.keyboard.press('Enter')
  await until(page, `document.querySelector('.status_msg').textContent === 'Process web restarted'`)
  expect(daemon.process('web').done).toEqual(['stop', 'start'])
  // of its new life
  await until(page, `document.getElementById('process-web').textContent.includes('pid 100')`)
  await expect.poll(() => focused(page)).toBe('Restart web')
  expect(new URL(page.url()).search).toBe('')
  await page.focus(button('stop', 'web'))
  await page.keyboard.press('Enter')
  await until(page, stateIs('web', 'stopped'))
  // Stop cannot be pressed any more: the next thing that can
  await expect.poll(() => focused(page)).toBe('stdout of web')
})

test('a daemon that is gone is told, and the page comes back with it', async () => {
  const { open, daemon, goAway, comeBack } = await browserLab()
  const page = await open()
  await isLive(page)
  await goAway()
  await until(page, `document.getElementById('live').textContent.startsWith('not connected')`)
  daemon.process('web').become('FATAL', { spawnerr: 'Exited too quickly' })
  await comeBack()
  await until(page, stateIs('web', 'fatal'))
  await isLive(page)
})

test('a log grows by itself; who has scrolled up is left alone', async () => {
  const { open, say } = await browserLab()
  say('web', 'line\n'.repeat(200))
  const page = await open('/tail.html?processname=web&limit=16384')
  await isLive(page)
  const log = `document.getElementById('log')`
  const atEnd = `${log}.scrollTop + ${log}.clientHeight >= ${log}.scrollHeight - 1`
  say('web', '\x1b[31mred\x1b[0m <b>é\n')
  await until(page, `${log}.textContent.endsWith('red <b>é\\n') && ${atEnd}`)
  await page.evaluate(`${log}.scrollTop = 0`)
  say('web', 'more\n')
  await until(page, `${log}.textContent.endsWith('more\\n')`)
  expect(await page.evaluate(`${log}.scrollTop`)).toBe(0)
})

test('the log of a page that comes back is not there twice', async () => {
  const { open, say, goAway, comeBack } = await browserLab()
  say('web', 'one\n')
  const page = await open('/tail.html?processname=web')
  await isLive(page)
  await goAway()
  say('web', 'two\n')
  await comeBack()
  await until(page, `document.getElementById('log').textContent === 'one\\ntwo\\n'`)
})

// -- trust -------------------------------------------------------------------------------------------------------------

test('what processes write and are called is text, never HTML', async () => {
  const evil = '<img src=x onerror="document.title=1">'
  const { open, daemon, say } = await browserLab({ web: [{}], [evil]: [{}] })
  const page = await open()
  await isLive(page)
  daemon.process('web').become('FATAL', { spawnerr: evil })
  await until(page, stateIs('web', 'fatal'))
  say('web', `${evil}\n`)
  const tail = await open('/tail.html?processname=web')
  await isLive(tail)
  say('web', `${evil}${evil}\n`)
  await until(tail, `document.getElementById('log').textContent.length > 100`)
  for (const each of [page, tail]) {
    expect(await each.evaluate(`document.querySelectorAll('img').length`)).toBe(0)
    expect(await each.title()).toMatch(/^Supervisor/)
  }
})

test('a form of another site only leads to a question', async () => {
  const { open, daemon, url } = await browserLab()
  const form = `<form method="post" action="${url}/index.html"><input name="action" value="start"><input name="processname" value="web"><button>Win</button></form>`
  const evil = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(form))
  await new Promise<void>(resolve => evil.listen(0, 'localhost', resolve))
  const page = await open()
  await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`)
  await follow(page, 'button')
  expect(await page.textContent('main p')).toMatch(/^Not done yet/)
  expect(daemon.process('web').done).toEqual([])
  await page.click('button:has-text("Start web")')
  await until(page, `document.querySelector('.status_msg')?.textContent === 'Process web started'`)
  expect(daemon.process('web').state).toBe('RUNNING')
  evil.closeAllConnections()
  evil.close()
})

// -- looks -------------------------------------------------------------------------------------------------------------

const everyState = {
  a: [{}],
  b: [{}],
  c: [{}],
  d: [{}],
  e: [{}],
  'a-program-with-quite-a-long-name': [{ name: 'worker_01' }],
}

async function givenEveryState() {
  const lab = await browserLab(everyState)
  lab.daemon.process('a').become('RUNNING', running)
  lab.daemon.process('b').become('FATAL', { spawnerr: 'Exited too quickly (process log may have details)' })
  lab.daemon.process('c').become('BACKOFF', { spawnerr: "can't find command '/opt/a/rather/long/path/to/a/program'" })
  lab.daemon.process('d').become('STARTING', { pid: 13 })
  lab.daemon.process('e').become('EXITED', { exitstatus: 3, stoppedAt: 1, startedAt: 1 })
  lab.say('a', `${'x'.repeat(500)}\n`)
  return lab
}

test.each(['light', 'dark'] as const)('every word can be read, %s', async colorScheme => {
  const { open } = await givenEveryState()
  for (const path of ['/?message=ERROR%3A%20no', '/tail.html?processname=a', '/?action=stopall']) {
    const page = await open(path, { colorScheme })
    expect(await page.evaluate(faintTexts)).toEqual([])
    const [dark] = [await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`)]
    expect(Number(/\d+/.exec(dark)![0]) < 128).toBe(colorScheme === 'dark')
  }
})

test.each([360, 768, 1280])('at %d pixels nothing is cut off, and nothing scrolls sideways', async width => {
  const { open } = await givenEveryState()
  for (const path of ['/', '/tail.html?processname=a', '/?action=stopall']) {
    const page = await open(path, { width, height: 780 })
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect(await page.evaluate(cutOff)).toEqual([])
  }
})

test('a table stays one for those who hear it, also where it looks like cards', async () => {
  const { open } = await givenEveryState()
  for (const width of [360, 1280]) {
    const page = await open('/', { width })
    expect(await page.getByRole('row').count()).toBe(7)
    expect(await page.getByRole('rowheader', { name: 'b', exact: true }).count()).toBe(1)
    expect(await page.getByRole('button', { name: 'Start b', exact: true }).count()).toBe(1)
  }
})

test('the keyboard visits what the eye sees, in its order, and where it is can be seen', async () => {
  const { open } = await givenEveryState()
  const page = await open()
  await isLive(page)
  const visited: string[] = []
  for (let step = 0; step < 13; step++) {
    await page.keyboard.press('Tab')
    visited.push(await focused(page))
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineWidth')
    expect(Number.parseFloat(outline)).toBeGreaterThanOrEqual(2)
  }
  expect(visited).toEqual([
    ...['Refresh', 'Restart All', 'Stop All'],
    ...['a', 'Restart a', 'Stop a', 'Clear Log a', 'stdout of a'],
    ...['a-program-with-quite-a-long-name:worker_01', 'Start a-program-with-quite-a-long-name:worker_01'],
    'stdout of a-program-with-quite-a-long-name:worker_01',
    ...['b', 'See stdout'],
  ])
})

test('Escape takes a question back', async () => {
  const { open } = await browserLab()
  const page = await open()
  await page.focus('summary:has-text("Stop All")')
  await page.keyboard.press('Enter')
  await until(page, `document.querySelector('details[open]') !== null`)
  await page.keyboard.press('Escape')
  await until(page, `document.querySelector('details[open]') === null`)
  await expect.poll(() => focused(page)).toBe('Stop All')
})
