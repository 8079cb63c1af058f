import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, type ClientCredentials, HttpStatusError, openClient } from '../../../supervisor/client/client.ts'
import { renderFault, renderResponse, XmlRpcFault } from '../../../supervisor/xmlrpc/codec.ts'

let directory: string
let path: string
let server: Server
let client: Client
/** requests as they came, one string each */
let requests: string[]
let connections: Socket[]

const http = (body: string, headers = '') =>
  `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const answer = (value: Parameters<typeof renderResponse>[0]) => http(renderResponse(value))

/** A daemon that gives these answers in turn, to whichever connection asks. */
async function given(answers: readonly (string | Buffer)[], credentials: ClientCredentials | null = null) {
  const left = [...answers]
  server = createServer(socket => {
    connections.push(socket)
    socket.on('error', () => {})
    socket.on('data', data => {
      requests.push(data.toString())
      const next = left.shift()
      if (next !== undefined) socket.write(next)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  client = openClient(`unix://${path}`, credentials)
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'client-'))
  path = join(directory, 's.sock')
  requests = []
  connections = []
})
afterEach(() => {
  client.close()
  server?.close()
  rmSync(directory, { recursive: true })
})

test('a call is an XML-RPC request to /RPC2', async () => {
  await given([answer(true)])
  await expect(client.supervisor.startProcess('team:m0', false)).resolves.toBe(true)
  const [head, body] = requests[0]!.split('\r\n\r\n')
  expect(head!.split('\r\n')).toEqual([
    'POST /RPC2 HTTP/1.1',
    'Host: localhost',
    'User-Agent: bosun',
    'Content-Type: text/xml',
    'Accept: text/xml, application/json',
    `Content-Length: ${Buffer.byteLength(body!)}`,
  ])
  expect(body).toContain('<methodName>supervisor.startProcess</methodName>')
  expect(body).toContain('<string>team:m0</string>')
  expect(body).toContain('<boolean>0</boolean>')
})

test('any method can be called, its length is counted in bytes', async () => {
  await given([answer(['ä', 7])])
  await expect(client.call('system.methodHelp', 'ä')).resolves.toEqual(['ä', 7])
  const [head, body] = requests[0]!.split('\r\n\r\n')
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body!)}`)
})

test('an answer in JSON is read as well', async () => {
  const type = 'Content-Type: application/json\r\n'
  await given([
    http('{"result":["ä",7]}', type),
    http('{"error":{"code":10,"message":"BAD_NAME: x"}}', type),
    answer(1),
  ])
  await expect(client.call('a')).resolves.toEqual(['ä', 7])
  await expect(client.call('b')).rejects.toEqual(new XmlRpcFault(10, 'BAD_NAME: x'))
  await expect(client.call('c')).resolves.toBe(1)
})

test('one connection is kept for the next call', async () => {
  await given([answer('3.0'), answer(12)])
  await client.supervisor.getVersion()
  await client.supervisor.getPID()
  expect(connections.length).toBe(1)
})

test('calls that overlap have connections of their own, one of which is kept', async () => {
  await given([answer(1), answer(2), answer(3)])
  const both = await Promise.all([client.call('a'), client.call('b')])
  expect(both.toSorted()).toEqual([1, 2])
  expect(connections.length).toBe(2)
  await client.call('c')
  expect(connections.length).toBe(2)
})

test('after Connection: close, and after the daemon has gone away, there is a new connection', async () => {
  await given([http(renderResponse(1), 'Connection: close\r\n'), answer(2), answer(3)])
  await client.call('a')
  await client.call('b')
  const gone = once(connections[1]!, 'close')
  connections[1]!.end()
  await gone
  await expect(client.call('c')).resolves.toBe(3)
  expect(connections.length).toBe(3)
})

test('credentials go along with the first request', async () => {
  await given([answer(1)], { username: 'me', password: 'se:cret' })
  await client.call('a')
  expect(requests[0]).toContain('\r\nAuthorization: Basic bWU6c2U6Y3JldA==\r\n')
})

test('a fault is an XmlRpcFault', async () => {
  await given([http(renderFault(10, 'BAD_NAME: ghost')), answer(1)])
  const fault = await client.supervisor.getProcessInfo('ghost').catch(error => error)
  expect(fault).toBeInstanceOf(XmlRpcFault)
  expect(fault).toMatchObject({ code: 10, text: 'BAD_NAME: ghost' })
  await client.call('next')
  expect(connections.length).toBe(1)
})

test('a status other than 200 is told without waiting for the page', async () => {
  await given(['HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n<head>', answer(1)])
  const error = await client.call('a').catch(error => error)
  expect(error).toBeInstanceOf(HttpStatusError)
  expect(error).toMatchObject({ status: 401, reason: 'Unauthorized', path: '/RPC2' })
  await expect(client.call('b')).resolves.toBe(1)
})

test('a daemon that closes without a word is an error', async () => {
  await given([])
  const answered = client.call('a')
  await once(server, 'connection')
  connections[0]!.end()
  await expect(answered).rejects.toThrow('Remote end closed connection without response')
})

test('errors of the socket keep their code', async () => {
  await given([])
  await expect(openClient(`unix://${directory}/none`).call('a')).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(openClient('http://127.0.0.1:1').call('a')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('tcp works alike, with the host in its header', async () => {
  await given([answer(5)])
  const inet = createServer(socket => {
    socket.on('data', data => {
      requests.push(data.toString())
      socket.write(answer(6))
    })
  }).listen(0, '127.0.0.1')
  await once(inet, 'listening')
  const { port } = inet.address() as AddressInfo
  const other = openClient(`http://127.0.0.1:${port}`)
  await expect(other.call('a')).resolves.toBe(6)
  expect(requests.at(-1)).toContain(`\r\nHost: 127.0.0.1:${port}\r\n`)
  other.close()
  inet.close()
})

const stream = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

test('a log is followed until stopped', async () => {
  await given([`${stream}5\r\nhello\r\n`])
  const seen = Promise.withResolvers<string>()
  const following = client.follow('/logtail/a b:ü?/stdout', bytes => seen.resolve(bytes.toString()))
  await expect(seen.promise).resolves.toBe('hello')
  expect(requests[0]).toMatch(/^GET \/logtail\/a%20b:%C3%BC%3F\/stdout HTTP\/1\.1\r\n/)
  following.stop()
  await expect(following.ended).resolves.toBeUndefined()
})

test('a call goes beside a log that is followed', async () => {
  await given([`${stream}5\r\nhello\r\n`, answer(1)])
  const seen = Promise.withResolvers<void>()
  client.follow('/mainlogtail', () => seen.resolve())
  await seen.promise
  await expect(client.call('a')).resolves.toBe(1)
})

test('an unknown log is a status, a cut one an error', async () => {
  await given(['HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', `${stream}5\r\nhel`])
  await expect(client.follow('/logtail/ghost/stdout', () => {}).ended).rejects.toMatchObject({ status: 404 })
  const cut = client.follow('/mainlogtail', () => connections.at(-1)!.end())
  await expect(cut.ended).rejects.toThrow('in the middle')
})
