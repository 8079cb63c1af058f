/** The Instance Portal: a real supervisord, real programs, a real Caddy, a real browser. */
import { createServer } from 'node:http'
import { afterAll, afterEach, expect, test } from 'vitest'
import { freePort } from '../support/lab.ts'
import { closeBrowser, closeLabs, cutOff, faintTexts, isLive, type Look, openPage, until } from './lab.ts'
import { openPortal, type PortalLab, type PortalOptions } from './portal-lab.ts'

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  await closeLabs()
  for (const clean of cleanups.splice(0).reverse()) await clean()
})
afterAll(closeBrowser)

async function given(
  options: PortalOptions,
): Promise<PortalLab & { open(path?: string, look?: Look): ReturnType<typeof openPage> }> {
  const portal = await openPortal(options)
  cleanups.push(() => portal[Symbol.asyncDispose]())
  return { ...portal, open: (path = '/', look = {}) => openPage(portal.url + path, look) }
}

const entry = (name: string, external: number, internal: number, more = ''): string =>
  `  ${name}:\n    hostname: localhost\n    external_port: ${external}\n    internal_port: ${internal}\n${more}`
const yaml = (...entries: readonly string[]): string => `applications:\n${entries.join('')}`

/** Listens on the port as long as the file is there; its end is not its own. */
const web = (port: number): string =>
  `[program:web]\ncommand=${process.execPath} -e "require('net').createServer().listen(${port},'127.0.0.1')"\nstartsecs=0\n`

const card = (name: string): string => `document.getElementById('application-${name}')`

test('an application that crashes and is started again says so by itself', async () => {
  const port = await freePort()
  const { open, lab } = await given({
    conf: web(port).replace('startsecs', 'autorestart=false\nstartsecs'),
    portalYaml: yaml(entry('Web', 7860, port)),
    env: { VAST_TCP_PORT_7860: '47860' },
  })
  const page = await open()
  await isLive(page)
  await until(page, `${card('Web')}.dataset.state === 'ready'`)
  expect(await page.getByRole('link', { name: 'Open Web' }).getAttribute('href')).toBe('http://127.0.0.1:47860/')
  await until(page, `document.getElementById('summary').textContent.includes('1 of 1 application ready')`)

  process.kill(Number(lab.ctl('pid', 'web').stdout), 'SIGKILL')
  await until(page, `${card('Web')}.innerText.includes('Was terminated by SIGKILL (out of memory, perhaps)')`)
  await until(page, `document.getElementById('summary').textContent.includes('1 crashed')`)
  await page.getByRole('button', { name: 'Start Web' }).click()
  await until(page, `${card('Web')}.dataset.state === 'ready'`)
  await until(page, `document.getElementById('message').textContent === 'web: started.'`)
})

test('applications and programs come and go by themselves, in their order', async () => {
  const { open, put, lab } = await given({
    conf: '[program:b]\ncommand=sleep 600\nstartsecs=0\n',
    portalYaml: yaml(entry('One', 7001, 17001), entry('Three', 7003, 17003)),
  })
  const page = await open()
  await isLive(page)
  const names = `[...document.querySelectorAll('#applications h3')].map(each => each.textContent).join()`
  await until(page, `${names} === 'One,Three'`)
  put('portal.yaml', yaml(entry('One', 7001, 17001), entry('Two', 7002, 17002), entry('Three', 7003, 17003)))
  await until(page, `${names} === 'One,Two,Three'`)
  put('portal.yaml', yaml(entry('Three', 7003, 17003), entry('Two', 7002, 17002)))
  await until(page, `${names} === 'Three,Two'`)
  put('portal.yaml', 'applications: {}\n')
  await until(page, `${names} === ''`)
  await page.getByText('There are none yet').waitFor()

  const programs = `[...document.querySelectorAll('#programs .name')].map(each => each.textContent).join()`
  lab.write('conf.d/a.conf', '[program:a]\ncommand=sleep 600\nstartsecs=0\n')
  lab.ctl('update')
  await until(page, `${programs} === 'a,b'`)
  lab.ctl('stop', 'b')
  lab.ctl('remove', 'b')
  await until(page, `${programs} === 'a'`)
})

test('provisioning is told while it goes on, and what waits for it says so', async () => {
  const { open, put, remove } = await given({
    conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n',
    portalYaml: yaml(entry('Web', 7860, 17860)),
  })
  const page = await open()
  await isLive(page)
  const step = {
    name: 'p',
    file: '75-p.sh',
    started: Date.now(),
    ended: null,
    result: 'running',
    message: 'model 2 of 5',
  }
  put('.provisioning', '')
  put('boot.json', JSON.stringify({ started: Date.now(), phase: 'provisioning', steps: [step] }))
  await until(page, `document.getElementById('boot').innerText.includes('Provisioning: model 2 of 5')`)
  await until(page, `${card('Web')}.innerText.includes('provisioning is running (model 2 of 5)')`)
  remove('.provisioning')
  const ended = { ...step, ended: Date.now() + 1500, result: 'ok' }
  put('boot.json', JSON.stringify({ started: Date.now(), phase: 'done', steps: [ended] }))
  await until(page, `document.getElementById('boot').innerText.includes('Booted in')`)
  await until(page, `${card('Web')}.dataset.state === 'starting'`)
})

test('a bad entry of portal.yaml is told, and is told no more once it is mended', async () => {
  const { open, put } = await given({
    conf: '',
    portalYaml: yaml(entry('One', 7001, 17001), '  Bad:\n    external_port: x\n'),
  })
  const page = await open()
  await isLive(page)
  await expect
    .poll(() => page.locator('#problems').innerText())
    .toMatch(/1 setting to mend\s+\S+portal.yaml:6 Bad: external_port is not a port: x/)
  put('portal.yaml', yaml(entry('One', 7001, 17001)))
  await until(page, `!document.getElementById('problems').checkVisibility()`)
})

test('without a script everything works by links and forms', async () => {
  const { open, lab } = await given({
    conf: '[program:web]\ncommand=sh -c "echo $((6*7)) is the answer; sleep 600"\nstartsecs=0\n',
    portalYaml: yaml(entry('Web', 7860, 17860)),
  })
  const page = await open('/', { javaScriptEnabled: false })
  const follow = (control: 'link' | 'button', name: string) =>
    Promise.all([page.waitForEvent('load'), page.getByRole(control, { name }).click()])
  /** What comes from elsewhere may be there only when the page is loaded again. */
  const shows = (selector: string, text: string) =>
    until(page, `document.querySelector('${selector}').textContent.includes('${text}')`, () => page.reload())
  await follow('button', 'Stop program web')
  expect(await page.textContent('#message')).toBe('web: stopped.')
  expect(lab.ctl('status', 'web').stdout).toMatch(/STOPPED/)
  await shows('#application-Web', 'Stopped by hand')
  await follow('button', 'Start Web')
  expect(await page.textContent('#message')).toBe('web: started.')
  await follow('link', 'Refresh')
  expect(await page.textContent('#message')).toBe('')
  await follow('link', 'Log of program web')
  await shows('#log', '42 is the answer')
  await follow('link', 'Instance Portal')
  expect(await page.title()).toBe('Instance Portal')
})

test('a button answers in place, and the keyboard stays where it was', async () => {
  const { open, lab } = await given({ conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n', portalYaml: yaml() })
  const page = await open()
  await isLive(page)
  await page.getByRole('button', { name: 'Stop program web' }).focus()
  await page.keyboard.press('Enter')
  await until(page, `document.getElementById('message').textContent === 'web: stopped.'`)
  // Stop cannot be pressed again: what can is next to it
  await until(page, `document.activeElement.closest('li')?.id === 'program-web'`)
  await until(page, `document.getElementById('program-web').innerText.includes('Stopped by hand')`)
  await page.getByRole('button', { name: 'Start program web' }).focus()
  await page.keyboard.press(' ')
  await until(page, `document.activeElement.textContent === 'Restart'`)
  await lab.untilState('web', 'RUNNING')
})

test('what supervisord refuses is told', async () => {
  const { open, lab } = await given({
    conf: '[program:web]\ncommand=/nowhere/at/all\nstartretries=0\n',
    portalYaml: yaml(),
  })
  await lab.untilState('web', 'FATAL')
  const page = await open()
  await isLive(page)
  await page.getByRole('button', { name: 'Start program web' }).click()
  await until(page, `document.getElementById('message').className === 'crashed'`)
  await until(page, `document.getElementById('message').textContent.startsWith('web: not started. NO_FILE')`)
})

test('what somebody has opened stays open, and times run without asking the server', async () => {
  const { open, lab } = await given({ conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n', portalYaml: yaml() })
  const page = await open()
  await isLive(page)
  await page.locator('#exposure summary').click()
  // 59 s, 1 min, 2 min
  const since = `document.querySelector('#program-web .since').textContent`
  await until(page, `/^\\d+ (s|min)$/.test(${since})`)
  for (const _ of ['once', 'twice']) await until(page, `${since} !== '${await page.evaluate(since)}'`)
  lab.ctl('stop', 'web')
  await until(page, `document.getElementById('program-web').innerText.includes('Stopped by hand')`)
  expect(await page.evaluate(`document.querySelector('#exposure details').open`)).toBe(true)
})

test('a supervisord that is gone is told, and so is its return', async () => {
  const { open, lab } = await given({ conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n', portalYaml: yaml() })
  const page = await open()
  await isLive(page)
  await lab.stop()
  await until(page, `document.getElementById('summary').innerText.includes('supervisord does not answer')`)
  await lab.start()
  await until(page, `document.getElementById('summary').innerText === 'no applications'`)
  await until(page, `document.getElementById('program-web')?.innerText.includes('running')`)
})

test('who has not come through the login may look, and finds no buttons', async () => {
  const { directUrl } = await given({ conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n', portalYaml: yaml() })
  const page = await openPage(directUrl)
  await isLive(page)
  await page.getByText('You may look, but not touch').waitFor()
  expect(await page.getByRole('button').count()).toBe(0)
  expect(await page.getByText('another device').count()).toBe(0)
})

test('a form of another site does nothing', async () => {
  const { url, lab } = await given({ conf: '[program:web]\ncommand=sleep 600\nstartsecs=0\n', portalYaml: yaml() })
  const elsewhere = createServer((_request, response) =>
    response
      .setHeader('Content-Type', 'text/html')
      .end(
        `<form method="post" action="${url}/act"><input name="program" value="web"><button name="action" value="stop">Win</button></form>`,
      ),
  )
  await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => elsewhere.close())
  const { port } = elsewhere.address() as { port: number }
  const page = await openPage(`http://127.0.0.1:${port}/`)
  await page.getByRole('button').click()
  await until(page, `document.body.innerText.includes('another site')`)
  expect(lab.ctl('status', 'web').stdout).toMatch(/RUNNING/)
})

// -- how it looks ------------------------------------------------------------------------------------------------------

async function everyState() {
  const port = await freePort()
  const portal = await given({
    conf:
      `${web(port)}[program:crashes]\ncommand=/bin/sh -c "exit 1"\nstartretries=100\n[program:gone]\ncommand=/nowhere\nstartretries=0\n` +
      '[program:off]\ncommand=sleep 600\nautostart=false\n[program:away]\ncommand=sleep 600\nstartsecs=0\n' +
      '[program:waits]\ncommand=sleep 600\nstartsecs=0\n[program:a-program-with-quite-a-long-name-that-somebody-has-chosen]\ncommand=sleep 600\n',
    portalYaml: yaml(
      entry('Instance Portal', 1111, 11111),
      entry('Web', 7860, port),
      entry('Crashes', 7001, 17001),
      entry('Gone', 7002, 17002),
      entry('Off', 7003, 17003),
      entry('Away', 7004, 17004),
      entry('Waits', 7005, 17005),
      entry('Nowhere', 7006, 7006),
      entry('AnApplicationWithQuiteALongNameThatSomebodyHasChosenWithoutSpaces', 7007, 17007),
      '  Bad:\n    external_port: x\n',
    ),
    env: { VAST_TCP_PORT_7860: '47860', VAST_TCP_PORT_7001: '47001', CONTAINER_ID: '12345678' },
    tunnels: [{ targetUrl: 'http://localhost:7860', tunnelUrl: 'https://four-words-like-these.trycloudflare.com' }],
    exposures: [
      {
        ...{
          protocol: 'tcp',
          address: '0.0.0.0',
          port: 5900,
          reach: 'all',
          owner: 'x11vnc (program x11vnc, pid 4242)',
        },
        ...{ guard: 'open on the public port 40200; nothing that we know of asks for a login', verdict: 'warn' },
        fix: 'have it listen on 127.0.0.1; to reach it from outside, add it by `portal add`',
      },
      {
        ...{ protocol: 'tcp', address: '127.0.0.1', port: 11111, reach: 'loopback', owner: 'node (pid 9)' },
        ...{ guard: 'only the instance itself reaches it', verdict: 'ok', fix: '' },
      },
    ],
  })
  const verdict = (gate: string, decided: string, reason: string): string =>
    JSON.stringify({ gate, verdict: decided, reason, since: Date.now() })
  portal.put('gates/away.json', verdict('portal', 'skip', 'away is not in /etc/portal.yaml'))
  portal.put('gates/waits.json', verdict('provisioning', 'wait', 'waiting'))
  const step = (file: string, result: string) => ({
    ...{ name: file, file, started: Date.now() - 3000, ended: result === 'running' ? null : Date.now(), result },
    message: result === 'failed' ? 'cannot copy /opt/workspace-internal/models: no space left on device' : '',
  })
  const steps = [
    step('05-cuda.sh', 'skipped'),
    step('10-env.sh', 'ok'),
    step('36-sync.sh', 'failed'),
    step('75-p.sh', 'running'),
  ]
  portal.put('boot.json', JSON.stringify({ started: Date.now() - 9000, phase: 'provisioning', steps }))
  await portal.lab.untilState('gone', 'FATAL')
  return portal
}

const paths = ['/?answer=1', '/log?program=crashes', '/share']

test.each(['light', 'dark'] as const)('every word can be read, %s', async colorScheme => {
  const { open } = await everyState()
  for (const path of paths) {
    const page = await open(path, { colorScheme })
    await page.evaluate(`document.querySelectorAll('details').forEach(each => { each.open = true })`)
    expect(await page.evaluate(faintTexts)).toEqual([])
    const dark = await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`)
    expect(Number(/\d+/.exec(dark)![0]) < 128).toBe(colorScheme === 'dark')
  }
})

test.each([360, 768, 1280])('at %d pixels nothing is cut off, and nothing scrolls sideways', async width => {
  const { open } = await everyState()
  for (const path of paths) {
    const page = await open(path, { width, height: 780 })
    await page.evaluate(`document.querySelectorAll('details').forEach(each => { each.open = true })`)
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect(await page.evaluate(cutOff)).toEqual([])
  }
})

test('a finger finds every control at 360 pixels', async () => {
  const { open } = await everyState()
  const page = await open('/', { width: 360, height: 780 })
  const small = `[...document.querySelectorAll('button, .button')].filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44)
    .map(each => each.textContent)`
  expect(await page.evaluate(small)).toEqual([])
})

test('the keyboard visits everything from top to bottom, and where it is can be seen', async () => {
  const { open } = await everyState()
  const page = await open()
  await isLive(page)
  await until(page, `${card('Web')}.dataset.state === 'ready'`)
  const nameOf = `(element => (element.ariaLabel ?? element.textContent) + ', ' + element.tagName)`
  const visited: string[] = []
  for (;;) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate<{ readonly name: string; readonly seen: boolean } | null>(`(() => {
      const { activeElement: element } = document
      if (!element || element === document.body) return null
      return { name: ${nameOf}(element), seen: getComputedStyle(element).outlineStyle !== 'none' }
    })()`)
    if (at === null || at.name === visited[0]) break
    expect(at.seen, at.name).toBe(true)
    visited.push(at.name)
    expect(visited.length).toBeLessThan(500)
  }
  // programs come and go meanwhile: where everything is at one moment
  const places = new Map(
    await page.evaluate<[string, number][]>(`[...document.querySelectorAll('a, button, summary')]
      .map(each => [${nameOf}(each), Math.round((each.closest('li') ?? each).getBoundingClientRect().top + scrollY)])`),
  )
  const tops = visited.flatMap(name => places.get(name) ?? [])
  expect(tops).toEqual(tops.toSorted((one, other) => one - other))
  for (const name of [
    'Open Web, A',
    'Tunnel Web, A',
    'Log of Crashes, A',
    'Start Off, BUTTON',
    'Restart program web, BUTTON',
    'Stop program web, BUTTON',
    'Open on another device, A',
  ])
    expect(visited).toContain(name)
})

test('every control has a name of its own, and headings say what comes', async () => {
  const { open } = await everyState()
  const page = await open()
  const controls = await page.evaluate<string[]>(
    `[...document.querySelectorAll('main a, main button')].map(each => (each.ariaLabel ?? each.textContent) + each.tagName)`,
  )
  expect(controls.filter((name, index) => controls.indexOf(name) !== index)).toEqual([])
  await expect
    .poll(() => page.getByRole('heading', { level: 2 }).allInnerTexts())
    .toEqual(['1 setting to mend', 'Applications', 'Programs', 'Who can come in'])
})
