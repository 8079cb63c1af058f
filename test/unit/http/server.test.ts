import { once } from 'node:events'
import { appendFileSync, existsSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../../supervisor/xmlrpc/codec.ts'
import { call, closeLabs, openLab, post, request, unixServer } from './lab.ts'

afterEach(closeLabs)

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turn()
}

const head = (answer: string): string => answer.slice(0, answer.indexOf('\r\n\r\n'))
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)
const statusOf = (answer: string): number => Number(answer.split(' ')[1])
const DATE = /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/

const TRUE =
  "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><boolean>1</boolean></value>\n" +
  '</param>\n</params>\n</methodResponse>\n'

describe('XML-RPC over HTTP', () => {
  test('an answer has exactly these headers', async () => {
    const { ask } = await openLab()
    const answer = await ask(post(call('shutdown')))
    expect(head(answer).replace(DATE, '')).toBe(
      `HTTP/1.1 200 OK\r\nServer: Medusa/1.12\r\nContent-Type: text/xml\r\nContent-Length: ${TRUE.length}`,
    )
    expect(bodyOf(answer)).toBe(TRUE)
  })

  test('a fault is a 200', async () => {
    const { ask } = await openLab()
    const answer = await ask(post(call('getProcessInfo', 'ghost')))
    expect(statusOf(answer)).toBe(200)
    expect(answer).toContain('<value><string>BAD_NAME: ghost</string></value>')
  })

  test('who accepts JSON is answered in JSON', async () => {
    const { ask } = await openLab()
    const accepting = (body: string) =>
      ask(request('POST /RPC2', { body, headers: ['Accept: text/xml, application/json'] }))
    const answer = await accepting(call('getVersion'))
    expect(answer).toContain('\r\nContent-Type: application/json\r\nContent-Length: 17\r\n')
    expect(bodyOf(answer)).toBe('{"result":"3.0"}\n')
    const fault = await accepting(call('getProcessInfo', 'ghost'))
    expect(JSON.parse(bodyOf(fault))).toEqual({ error: { code: 10, message: 'BAD_NAME: ghost' } })
    const listing = JSON.parse(bodyOf(await accepting(call('getAllProcessInfo'))))
    expect(listing.result).toContainEqual(expect.objectContaining({ name: 'x', statename: 'STOPPED' }))
  })

  test('Content-Length counts bytes', async () => {
    const { ask } = await openLab()
    const answer = Buffer.from(await ask(post(call('getProcessInfo', 'gh€st'))), 'latin1')
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4)
    expect(answer.toString()).toContain(`Content-Length: ${body.length}\r\n`)
    expect(body.toString()).toContain('BAD_NAME: gh€st')
  })

  test.each(['/RPC2', '/RPC2/foo', '/RPC2x?y'])('%s is the place', async path => {
    const { ask } = await openLab()
    expect(statusOf(await ask(request(`POST ${path}`, { body: call('getPID') })))).toBe(200)
  })

  test.each([
    ['GET', 400],
    ['HEAD', 400],
    ['PUT', 400],
    ['POST', 411],
  ])('%s without a body is refused with %d', async (method, status) => {
    const { ask } = await openLab()
    expect(statusOf(await ask(request(`${method} /RPC2`)))).toBe(status)
  })

  test.each([
    ['Content-Length: 0', 400],
    [`Content-Length: ${limits.callBytes + 1}`, 413],
    ['Transfer-Encoding: chunked', 411],
    ['Content-Length: abc', 400],
  ])('POST with %s is refused with %d', async (header, status) => {
    const { ask } = await openLab()
    const body = header.startsWith('Transfer') ? '5\r\nhello\r\n0\r\n\r\n' : ''
    expect(statusOf(await ask(request('POST /RPC2', { headers: [header] }) + body))).toBe(status)
  })

  test('no blank is needed after the colon of a header', async () => {
    const { ask } = await openLab()
    const body = call('getPID')
    expect(
      statusOf(await ask(`POST /RPC2 HTTP/1.1\r\nConnection:close\r\nContent-Length:${body.length}\r\n\r\n${body}`)),
    ).toBe(200)
  })

  test('bad documents are a 400 and a line in the log', async () => {
    const { ask, daemon } = await openLab()
    for (const body of ["it's <not> xml", '<methodCall></methodCall>', `<a>${'x'.repeat(5000)}`])
      expect(statusOf(await ask(post(body)))).toBe(400)
    const lines = daemon.log.at('ERRO')
    expect(lines.slice(0, 2)).toEqual([
      'ERRO XML-RPC request data "it\'s <not> xml" is invalid: unmarshallable',
      "ERRO XML-RPC request data '<methodCall></methodCall>' is invalid: no method name",
    ])
    expect(lines[2]!.length).toBeLessThan(2100)
  })

  test('an error of ours is a 500 and a line in the log', async () => {
    const { ask, daemon } = await openLab()
    daemon.onReread = () => {
      throw new RangeError('oh')
    }
    expect(statusOf(await ask(post(call('reloadConfig'))))).toBe(500)
    expect(daemon.log.at('CRIT').at(-1)).toMatch(
      /^CRIT Handling XML-RPC request with data '<methodCall>.*RangeError: oh/,
    )
  })

  test('a body may come in pieces', async () => {
    const { talk } = await openLab()
    const { send, closed } = talk()
    for (const character of post(call('getIdentification'))) {
      send(character)
      await turn()
    }
    expect(await closed).toContain('<string>supervisor</string>')
  })

  test('Expect: 100-continue is no obstacle', async () => {
    const { ask } = await openLab()
    expect(await ask(post(call('getPID'), { headers: ['Expect: 100-continue'] }))).toContain('<int>4242</int>')
  })

  test('without its section the namespace is unknown', async () => {
    const { ask } = await openLab({ rpcInterfaces: [] })
    expect(await ask(post(call('getPID')))).toContain('UNKNOWN_METHOD')
  })

  test('a listing of many processes arrives whole', async () => {
    const groups = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`program-${index}`, [{}]]))
    const { ask } = await openLab({ groups })
    const answer = await ask(post(call('getAllProcessInfo')))
    expect(answer.match(/<name>statename<\/name>/g)).toHaveLength(500)
    expect(answer.endsWith('</methodResponse>\n')).toBe(true)
  })
})

describe('connections', () => {
  test('are kept with HTTP/1.1, and answers come in the order of requests', async () => {
    const { talk } = await openLab()
    const { send, until: waitFor, destroy } = talk()
    send(post(call('getPID'), { keep: true }))
    expect(head(await waitFor('</methodResponse>'))).not.toContain('Connection')
    send(post(call('getIdentification'), { keep: true }) + request('GET /no', { keep: true }) + post(call('getState')))
    const all = await waitFor('RUNNING')
    expect(all.indexOf('>supervisor<')).toBeLessThan(all.indexOf('404 Not Found'))
    expect(all.indexOf('404 Not Found')).toBeLessThan(all.indexOf('RUNNING'))
    destroy()
  })

  test('a waiting call does not block others, not on other connections', async () => {
    const { talk, ask, daemon } = await openLab()
    const first = talk()
    first.send(post(call('startProcess', 'x')))
    await until(() => daemon.process('x').state === 'STARTING')
    expect(await ask(post(call('getPID')))).toContain('4242')
    expect(first.received()).toBe('')
    daemon.process('x').become('RUNNING')
    expect(bodyOf(await first.closed)).toBe(TRUE)
  })

  test('pipelined behind a waiting call, the answer waits for its turn', async () => {
    const { talk, daemon } = await openLab()
    const { send, closed } = talk()
    send(post(call('startProcess', 'x'), { keep: true }) + post(call('getPID')))
    await until(() => daemon.process('x').state === 'STARTING')
    daemon.process('x').become('RUNNING')
    const answer = await closed
    expect(answer.indexOf('<boolean>1')).toBeLessThan(answer.indexOf('4242'))
  })

  test('HTTP/1.0 closes, unless keep-alive was asked for', async () => {
    const { ask, talk } = await openLab()
    const body = call('getPID')
    const old = (header: string): string =>
      `POST /RPC2 HTTP/1.0\r\n${header}Content-Length: ${body.length}\r\n\r\n${body}`
    expect(bodyOf(await ask(old('')))).toContain('4242')
    const { send, until: waitFor, destroy } = talk()
    send(old('Connection: Keep-Alive\r\n'))
    expect(await waitFor('</methodResponse>')).toMatch(/\r\nConnection: keep-alive\r\n/i)
    send(old(''))
    await waitFor('Connection: close')
    destroy()
  })

  test('a client that leaves while it waits is forgotten', async () => {
    const { talk, daemon } = await openLab()
    const { send, destroy } = talk()
    send(post(call('startProcess', 'x')))
    await until(() => daemon.process('x').watched === 1)
    destroy()
    await until(() => daemon.process('x').watched === 0)
    daemon.process('x').become('RUNNING')
  })

  test('a client that leaves in the middle of an answer does no harm', async () => {
    const groups = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`program-${index}`, [{}]]))
    const { talk, ask } = await openLab({ groups })
    const { send, until: waitFor, destroy } = talk()
    send(post(call('getAllProcessInfo')))
    await waitFor('HTTP/1.1 200')
    destroy()
    expect(statusOf(await ask(post(call('getPID'))))).toBe(200)
  })

  test('what is no HTTP is not answered', async () => {
    const { ask } = await openLab()
    expect(await ask('garbage\r\n\r\n')).toBe('')
  })

  test('headers without end are refused', async () => {
    const { ask } = await openLab()
    expect(statusOf(await ask(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`))).toBe(431)
  })

  test('the one that was silent longest makes room; who is being answered stays', async () => {
    const { talk, ask, daemon } = await openLab()
    const waiting = talk()
    waiting.send(post(call('startProcess', 'x')))
    await until(() => daemon.process('x').state === 'STARTING')
    const silent = []
    for (let count = 0; count < 260; count++) {
      const one = talk()
      if (count === 0) one.send('POST /RPC2 HTTP/1.1\r\nContent-Length: 5\r\n\r\nslow')
      silent.push(one)
      await turn()
    }
    await silent[0]!.closed
    expect(await ask(post(call('getPID')))).toContain('4242')
    daemon.process('x').become('RUNNING')
    expect(bodyOf(await waiting.closed)).toBe(TRUE)
    for (const { destroy } of silent) destroy()
  })

  test('closing: what was decided in the same turn is answered, what would be waited for is cut off', async () => {
    const { talk, servers, daemon, file } = await openLab({ groups: { x: [{}], y: [{}] } })
    const [first, second, idle] = [talk(), talk(), talk()]
    first.send(post(call('startProcess', 'x')))
    second.send(post(call('startProcess', 'y')))
    await until(() => daemon.process('x').watched + daemon.process('y').watched === 2)
    daemon.process('x').become('RUNNING')
    await servers.close()
    expect(bodyOf(await first.closed)).toBe(TRUE)
    expect(await second.closed).toBe('')
    await idle.closed
    expect(existsSync(file)).toBe(false)
    expect(daemon.process('y').watched).toBe(0)
  })
})

describe('other paths', () => {
  test('errors have this page', async () => {
    const { ask } = await openLab()
    const answer = await ask(request('GET /no/such/page'))
    expect(head(answer).replace(DATE, '')).toBe(
      'HTTP/1.1 404 Not Found\r\nServer: Medusa/1.12\r\nContent-Length: 134\r\nContent-Type: text/html',
    )
    expect(bodyOf(answer)).toBe(
      '<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n' +
        '<p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n',
    )
  })

  test.each([
    ['GET', 404],
    ['HEAD', 404],
    ['POST', 400],
    ['DELETE', 400],
  ])('%s of nothing is a %d', async (method, status) => {
    const { ask } = await openLab()
    expect(statusOf(await ask(request(`${method} /foo`, { body: method === 'POST' ? 'abc' : '' })))).toBe(status)
  })

  test('the page for people gets what is left, and its errors are a 500', async () => {
    const { ask, daemon } = await openLab({
      more: {
        pages: (request, response) => {
          if (request.url === '/bad') throw new Error('oh')
          response.end(`page ${request.url}`)
        },
      },
    })
    expect(bodyOf(await ask(request('GET /index.html?a=b')))).toBe('page /index.html?a=b')
    expect(statusOf(await ask(request('GET /bad')))).toBe(500)
    expect(daemon.log.at('ERRO')).toHaveLength(1)
  })
})

describe('passwords', () => {
  const locked = (password: string, username = 'me') =>
    openLab({ servers: directory => [unixServer(join(directory, 's.sock'), { credentials: { username, password } })] })
  const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`

  test.each<[string, string, string, number]>([
    ['clear text', 'sec:ret', basic('me:sec:ret'), 200],
    ['a scheme in lower case', 'secret', basic('me:secret').replace('Basic', 'basic'), 200],
    ['not ASCII', 'pä€', basic('me:pä€'), 200],
    ['a digest', '{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4', basic('me:secret'), 200],
    [
      'the digest itself',
      '{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4',
      basic('me:e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4'),
      401,
    ],
    ['a digest in upper case', '{SHA}E5E9FA1BA31ECD1AE84F75CAAA474F3A663F05F4', basic('me:secret'), 401],
    ['a wrong password', 'secret', basic('me:wrong'), 401],
    ['a wrong name', 'secret', basic('you:secret'), 401],
    ['no colon', 'secret', basic('mesecret'), 401],
    ['no base64', 'secret', 'Authorization: Basic ???', 401],
    ['another scheme', 'secret', 'Authorization: Bearer abc', 401],
    ['nothing', 'secret', 'X: y', 401],
  ])('%s', async (_, password, header, status) => {
    const { ask } = await locked(password)
    expect(statusOf(await ask(post(call('getPID'), { headers: [header] })))).toBe(status)
  })

  test('every path is asked for one, with this challenge', async () => {
    const { ask } = await locked('secret')
    for (const line of ['POST /RPC2', 'GET /', 'GET /logtail/x', 'GET /mainlogtail', 'GET /no']) {
      const answer = await ask(request(line, { body: line.startsWith('POST') ? call('getPID') : '', keep: true }))
      expect(head(answer).replace(DATE, '')).toBe(
        'HTTP/1.1 401 Unauthorized\r\nServer: Medusa/1.12\r\nConnection: close\r\n' +
          'WWW-Authenticate: Basic realm="default"\r\nContent-Length: 137\r\nContent-Type: text/html',
      )
    }
  })

  test('an empty name means no password at all', async () => {
    const { ask, daemon } = await locked('secret', '')
    expect(statusOf(await ask(post(call('getPID'))))).toBe(200)
    expect(daemon.log.at('CRIT')).toHaveLength(1)
  })

  test('the credentials of `Basic Og==` are ignored where nobody asks for them', async () => {
    const { ask } = await openLab()
    expect(statusOf(await ask(post(call('getPID'), { headers: ['Authorization: Basic Og=='] })))).toBe(200)
  })
})

describe('log streams', () => {
  async function streaming(content: string) {
    const lab = await openLab({ groups: { x: [{}], g: [{ name: 'y' }] } })
    const log = join(lab.directory, 'x.log')
    writeFileSync(log, content)
    lab.daemon.process('x').logfiles.stdout = log
    lab.daemon.process('g:y').logfiles.stderr = log
    lab.daemon.logfile = log
    return { ...lab, log }
  }

  test('a stream has exactly these headers, at once', async () => {
    const { talk } = await streaming('')
    const { send, until: waitFor, destroy } = talk()
    send(request('GET /logtail/x', { keep: true }))
    const answer = await waitFor('\r\n\r\n')
    expect(
      head(answer)
        .replace(DATE, '')
        .replace(/Last-Modified: .* GMT/, 'Last-Modified: …'),
    ).toBe(
      'HTTP/1.1 200 OK\r\nServer: Medusa/1.12\r\nLast-Modified: …\r\n' +
        'Content-Type: text/plain;charset=utf-8\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked',
    )
    destroy()
  })

  test('begins with the last 1024 bytes and goes on with what is written', async () => {
    const { talk, log } = await streaming(`${'a'.repeat(3000)}end\n`)
    const { send, until: waitFor, destroy } = talk()
    send(request('GET /logtail/x/stdout', { keep: true }))
    expect(bodyOf(await waitFor('end\n'))).toContain(`400\r\n${'a'.repeat(1020)}end\n`)
    appendFileSync(log, 'more\n')
    await waitFor('\r\n5\r\nmore\n\r\n')
    truncateSync(log)
    await waitFor('==> File truncated <==\n')
    renameSync(log, `${log}.1`)
    writeFileSync(log, 'anew\n')
    await waitFor('anew\n')
    destroy()
  })

  test.each(['/logtail/g:y/stderr', '/logtail/%67:y/stderr?query', '/mainlogtail', '/mainlogtail/foo'])(
    '%s is one',
    async path => {
      const { talk } = await streaming('hello\n')
      const { send, until: waitFor, destroy } = talk()
      send(request(`GET ${path}`, { keep: true }))
      const answer = await waitFor('hello\n')
      expect(answer.includes('X-Accel-Buffering')).toBe(path.startsWith('/logtail'))
      destroy()
    },
  )

  test.each([
    '/logtail',
    '/logtail/',
    '/logtail/x/',
    '/logtail/x/nothing',
    '/logtail/x/stderr',
    '/logtail/x/stdout/y',
    '/logtail/ghost',
    '/logtail/g:*',
    '/logtail/%zz',
  ])('%s is a 404', async path => {
    const { ask } = await streaming('hello\n')
    expect(statusOf(await ask(request(`GET ${path}`)))).toBe(404)
  })

  test('a log that is no file is followed where its bytes can be read back', async () => {
    const { ask, talk, daemon, log } = await streaming('hello\n')
    daemon.process('x').logfiles.stdout = '/dev/null'
    expect(statusOf(await ask(request('GET /logtail/x')))).toBe(404)
    daemon.process('x').readableLogs.stdout = { bytes: log }
    const { send, until: waitFor, destroy } = talk()
    send(request('GET /logtail/x', { keep: true }))
    await waitFor('hello\n')
    destroy()
  })

  test('a missing file, and a main log that is syslog, are a 404', async () => {
    const { ask, daemon } = await streaming('')
    daemon.process('x').logfiles.stdout = '/no/such.log'
    expect(statusOf(await ask(request('GET /logtail/x')))).toBe(404)
    daemon.logfile = null
    expect(statusOf(await ask(request('GET /mainlogtail')))).toBe(404)
  })

  test('only GET is served', async () => {
    const { ask } = await streaming('')
    expect(statusOf(await ask(request('POST /logtail/x', { body: 'x' })))).toBe(400)
    expect(statusOf(await ask(request('HEAD /mainlogtail')))).toBe(400)
  })

  test('a client of HTTP/1.0 gets the text as it is', async () => {
    const { talk } = await streaming('hello\n')
    const { send, until: waitFor, destroy } = talk()
    send('GET /mainlogtail HTTP/1.0\r\n\r\n')
    expect(bodyOf(await waitFor('hello\n'))).toBe('hello\n')
    destroy()
  })

  test('for a client that does not read nothing is kept in memory', async () => {
    const { file, log } = await streaming('')
    const slow = createConnection(file)
    slow.write(request('GET /mainlogtail', { keep: true }))
    await once(slow, 'data')
    slow.pause()
    const megabyte = Buffer.alloc(1 << 20, 97)
    const before = process.memoryUsage().rss
    for (let count = 0; count < 64; count++) {
      appendFileSync(log, megabyte)
      await turn()
    }
    appendFileSync(log, 'the end\n')
    for (let count = 0; count < 100; count++) await turn()
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20)
    let end = ''
    slow.on('data', chunk => {
      end = (end + chunk.toString('latin1')).slice(-100)
    })
    slow.resume()
    await until(() => end.includes('the end\n'))
    slow.destroy()
  })
})

test('what is opened is told in the log', async () => {
  const { daemon } = await openLab({
    servers: directory => [
      { kind: 'inet', section: 'inet_http_server', credentials: null, host: '127.0.0.1', port: 0 },
      unixServer(join(directory, 's.sock'), {
        section: 'unix_http_server:two',
        credentials: { username: 'me', password: 'x' },
      }),
    ],
  })
  expect(daemon.log.at('INFO', 'CRIT')).toEqual([
    "INFO RPC interface 'supervisor' initialized",
    "CRIT Server 'inet_http_server' running without any HTTP authentication checking",
    "INFO RPC interface 'supervisor' initialized",
  ])
})

test('the start of a server is a line at level trace', async () => {
  const { daemon, file } = await openLab()
  expect(daemon.log.at('TRAC')[0]).toMatch(
    new RegExp(`^TRAC ${file}:Medusa \\(V1.12\\) started at \\w{3} \\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}$`),
  )
})

test('an answer is a line at level trace', async () => {
  const { ask, daemon } = await openLab()
  const answer = await ask(post(call('getPID')))
  await until(() => daemon.log.at('TRAC').some(line => line.includes('POST')))
  expect(daemon.log.at('TRAC').at(-1)).toMatch(
    new RegExp(
      `^TRAC localhost:0 - - \\[\\d\\d/\\w{3}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\] "POST /RPC2 HTTP/1.1" 200 ${answer.length}$`,
    ),
  )
})
