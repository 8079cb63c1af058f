import { Script } from 'node:vm'
import { afterEach, expect, test } from 'vitest'
import { closeLabs, pageLab } from './lab.ts'

afterEach(closeLabs)

// -- the table ---------------------------------------------------------------------------------------------------------

test.each(['/', '/index.html'])('%s is a page that is not to be kept', async path => {
  const { ask } = await pageLab()
  const { status, headers, body } = await ask(`GET ${path}`)
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'content-type': 'text/html;charset=utf-8',
    pragma: 'no-cache',
    'cache-control': 'no-cache',
    expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
    server: 'Medusa/1.12',
  })
  expect(body).toContain('Supervisor 4.3.0')
})

test('processes are listed by group and name: state, description, name, actions', async () => {
  const { ask, daemon } = await pageLab({ groups: { x: [{}], g: [{ name: 'y' }] } })
  daemon.process('x').become('RUNNING', { pid: 12, startedAt: 1_700_000_000_000 - 5000 })
  const { body } = await ask('GET /')
  expect(body).toMatch(/>stopped<.*>Not started<.*>g:y<.*>running<.*>pid 12, uptime 0:00:05<.*>x</s)
})

test('without processes the page says so', async () => {
  expect((await (await pageLab()).ask('GET /')).body).not.toContain('No programs to manage')
  expect((await (await pageLab({ groups: {} })).ask('GET /')).body).toContain('No programs to manage')
})

test('a message is shown, quoted', async () => {
  const { ask } = await pageLab()
  expect((await ask('GET /?message=All%20%3Cwell%3E')).body).toContain(
    '<div class="status_msg" role="status">All &lt;well&gt;</div>',
  )
  expect((await ask('GET /?message=ERROR%3A%20no')).body).toContain('class="status_msg trouble"')
})

test('a daemon that is ending says so', async () => {
  const { ask, daemon } = await pageLab()
  daemon.become({ state: 'RESTARTING' })
  expect((await ask('GET /')).body).toContain('supervisord restarts')
})

test('a page may load nothing from elsewhere, run nothing of its own, and stand in no frame', async () => {
  const { ask } = await pageLab()
  const { headers, body } = await ask('GET /')
  const policy = headers['content-security-policy'] as string
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
    expect(policy).toContain(rule)
  }
  expect(policy).not.toContain('unsafe')
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' })
  expect(body).not.toMatch(/ on[a-z]+="|style="|<style|<script>|https?:/)
})

// -- actions -----------------------------------------------------------------------------------------------------------

test('a button leads back to the table with a message, below whatever path the page has', async () => {
  const { press, daemon } = await pageLab()
  const { status, headers } = await press({ action: 'stop', processname: 'x' })
  expect([status, headers.location]).toEqual([
    303,
    './?message=unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20x',
  ])
  expect(daemon.process('x').done).toEqual([])
})

test('a script that asks for JSON gets the message as it is', async () => {
  const { ask, token } = await pageLab()
  const { status, body } = await ask('POST /index.html', {
    headers: { Accept: 'application/json' },
    body: `action=stop&processname=x&token=${await token()}`,
  })
  expect([status, JSON.parse(body)]).toEqual([
    200,
    { message: 'unexpected rpc fault [70] NOT_RUNNING: x', trouble: true },
  ])
})

test('old addresses with an action in them act on the unix socket and behind the password', async () => {
  const { ask, daemon } = await pageLab({ trusted: true })
  const process = daemon.process('x')
  process.onStart = () => process.become('RUNNING', { pid: 1 })
  const { status, headers, body } = await ask('GET /index.html?processname=x&action=start', {
    headers: { Host: 'box:9001' },
  })
  expect([status, headers.location]).toEqual([301, 'http://box:9001/?message=Process%20x%20started'])
  expect(body).toContain('Message: Moved Permanently.')
  expect(headers['cache-control']).toBe('no-cache')
})

test('without either they ask back, and the answer to the question acts', async () => {
  const { ask, daemon } = await pageLab()
  const { status, body } = await ask('GET /?action=start&processname=x')
  expect(status).toBe(403)
  expect(daemon.process('x').done).toEqual([])
  expect(body).toMatch(
    /<form [^>]*method="post" action="index.html".*name="processname" value="x".*value="start">Start x</s,
  )
})

test('a form of another site asks back, too; a script is told to load the page again', async () => {
  const { ask, daemon } = await pageLab()
  const body = 'action=start&processname=x'
  const headers = { Origin: 'http://evil.example' }
  expect((await ask('POST /', { headers, body })).status).toBe(403)
  const answer = await ask('POST /', { headers: { ...headers, Accept: 'application/json' }, body })
  expect([answer.status, JSON.parse(answer.body).trouble]).toEqual([403, true])
  expect(daemon.process('x').done).toEqual([])
})

test('everybody may refresh', async () => {
  const { ask } = await pageLab()
  const { status, headers } = await ask('GET /index.html?action=refresh')
  expect(status).toBe(301)
  expect(headers.location).toMatch(/\/\?message=Page%20refreshed%20at%20/)
})

test.each(['action=nonsense', 'action=toString', 'action=stop', 'action='])('%s is a 500, as ever', async query => {
  const { ask } = await pageLab({ trusted: true })
  const { status, body } = await ask(`GET /?${query}`)
  expect([status, body.includes('Error code 500.')]).toEqual([500, true])
})

test('a Host that is no address does not get into an answer', async () => {
  const { ask } = await pageLab()
  const { headers } = await ask('GET /?action=refresh', { headers: { Host: 'a/b?c' } })
  expect(headers.location).toMatch(/^\.\/\?message=/)
})

test('HEAD looks, and does nothing', async () => {
  const { ask, daemon } = await pageLab({ trusted: true })
  const { status, headers, body } = await ask('HEAD /?action=start&processname=x')
  expect([status, body, daemon.process('x').done]).toEqual([200, '', []])
  expect(Number(headers['content-length'])).toBeGreaterThan(1000)
})

test('a mistake of ours is a 500, and a line in the log', async () => {
  const { press, daemon } = await pageLab()
  daemon.process('x').checkCommand = () => {
    throw new Error('broken')
  }
  expect((await press({ action: 'start', processname: 'x' })).status).toBe(500)
  expect(daemon.log.at('ERRO')[0]).toMatch(/^ERRO Web interface error: Error: broken/)
})

test('forms have a length, and an end', async () => {
  const { ask } = await pageLab()
  expect((await ask('POST /', { headers: { 'Transfer-Encoding': 'chunked' }, body: undefined as never })).status).toBe(
    411,
  )
  expect((await ask('POST /', { body: 'x'.repeat(70_000) })).status).toBe(413)
})

// -- logs --------------------------------------------------------------------------------------------------------------

const logLab = (text: string) =>
  pageLab({ files: { '/log': text } }).then(lab => {
    lab.daemon.process('x').logfiles.stdout = '/log'
    return lab
  })

test('tail.html quotes the end of the log: at least 1024 bytes', async () => {
  const { ask } = await logLab(`${'-'.repeat(5000)}a<b\n`)
  const shown = async (query: string) =>
    /<pre[^>]*>\n(.*)<\/pre>/s.exec((await ask(`GET /tail.html?processname=x${query}`)).body)![1]!
  for (const query of ['', '&limit=10', '&limit=abc', '&limit=-5']) {
    expect(await shown(query)).toBe(`${'-'.repeat(1020)}a&lt;b\n`)
  }
  expect(await shown('&limit=2000')).toHaveLength(2000 + '&lt;'.length - 1)
})

test.each([
  ['', 'No process name found'],
  ['?processname=x', 'No file for x'],
  ['?processname=%3Cghost', 'ERROR: unexpected rpc fault [10] BAD_NAME: &lt;ghost'],
])('tail.html%s says why there is nothing', async (query, text) => {
  const { ask } = await pageLab()
  const { status, body } = await ask(`GET /tail.html${query}`)
  expect(status).toBe(200)
  expect(body).toContain(`${text}</pre>`)
})

test('tail.html shows stderr where it is asked for', async () => {
  const { ask, daemon } = await logLab('out\n')
  daemon.process('x').logfiles.stderr = '/nowhere'
  const { body } = await ask('GET /tail.html?processname=x&channel=stderr')
  expect(body).toContain('No file for x</pre>')
  expect(body).toContain('href="logtail/x/stderr"')
})

// -- everything else ---------------------------------------------------------------------------------------------------

test('ok.html is for those who only want to know whether somebody is there', async () => {
  const { ask } = await pageLab()
  const { status, headers, body } = await ask('GET /ok.html')
  expect([status, headers['content-type'], body]).toEqual([200, 'text/plain', 'OK'])
})

test.each([
  ['/stylesheets/supervisor.css', 'text/css;charset=utf-8'],
  ['/supervisor.js', 'text/javascript;charset=utf-8'],
  ['/images/icon.svg', 'image/svg+xml'],
])('%s is sent again only when it has changed', async (path, type) => {
  const { ask } = await pageLab()
  const { status, headers, body } = await ask(`GET ${path}`)
  expect([status, headers['content-type']]).toEqual([200, type])
  expect(body).not.toMatch(/url\(|@import|https?:\/\/(?!www\.w3\.org\/2000\/svg")/)
  const again = await ask(`GET ${path}`, { headers: { 'If-None-Match': headers.etag! } })
  expect([again.status, again.body]).toEqual([304, ''])
})

test('the script is one', async () => {
  const { ask } = await pageLab()
  const { body } = await ask('GET /supervisor.js')
  expect(() => new Script(body)).not.toThrow()
})

test('paths are decoded once', async () => {
  const { ask } = await pageLab()
  expect((await ask('GET /%6fk.html')).body).toBe('OK')
  expect((await ask('GET /%256fk.html')).status).toBe(404)
})

test.each([
  ['GET /no/such/page', 404],
  ['HEAD /status.html', 404],
  ['GET /../supervisor.js', 404],
  ['GET /%zz', 404],
  ['POST /stylesheets/supervisor.css', 400],
  ['PUT /', 400],
  ['DELETE /nothing', 400],
])('%s is a %d', async (line, status) => {
  const { ask } = await pageLab()
  const answer = await ask(line)
  expect(answer.status).toBe(status)
  if (!line.startsWith('HEAD')) expect(answer.body).toContain(`Error code ${status}.`)
})
