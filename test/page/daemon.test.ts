/** The built daemon, real programs, a real browser. */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, expect, test } from 'vitest'
import { freePort, Lab } from '../support/lab.ts'
import { closeBrowser, closeLabs, isLive, openPage, until } from './lab.ts'

afterEach(closeLabs)
afterAll(closeBrowser)

const status = (name: string): string =>
  `document.getElementById('process-${name}').querySelector('.status').textContent.trim()`

test('somebody looks at the page while programs crash, are stopped, added and start again', async () => {
  const port = await freePort()
  await using lab = await new Lab(`
[inet_http_server]
port=127.0.0.1:${port}
[program:steady]
command=sleep 1000
[program:fails]
command=/no/such/program
startretries=0
`).start()
  await lab.untilState('steady', 'RUNNING')
  await lab.untilState('fails', 'FATAL')
  const page = await openPage(`http://127.0.0.1:${port}/`)
  await isLive(page)
  await until(page, `${status('steady')} === 'running'`)
  await until(
    page,
    `document.getElementById('process-fails').textContent.includes("can't find command '/no/such/program'")`,
  )

  lab.ctl('stop', 'steady')
  await until(page, `${status('steady')} === 'stopped'`)
  await page.click('[id="process-steady"] button[value="start"]')
  await lab.untilState('steady', 'RUNNING')
  await until(page, `${status('steady')} === 'running'`)

  lab.write('conf.d/more.conf', '[program:more]\ncommand=sleep 1000\n')
  lab.ctl('update')
  await until(page, `document.getElementById('process-more') !== null`)
})

test('a password of the server guards the page', async () => {
  const port = await freePort()
  await using lab = await new Lab(`
[inet_http_server]
port=127.0.0.1:${port}
username=user
password=secret
`).start()
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(401)
  const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`
  expect((await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization } })).status).toBe(200)
  expect(readFileSync(lab.path('supervisord.log'), 'utf8')).not.toContain('secret')
})
