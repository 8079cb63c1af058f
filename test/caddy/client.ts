/**
 * Somebody who calls an instance, run inside of it: requests as JSON on stdin, their answers as JSON on stdout. With `--stay`
 * it speaks line by line over one websocket that stays open.
 */
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'

export interface Call {
  readonly url: string
  readonly kind?: 'page' | 'websocket' | 'stream'
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** of the body */
  readonly bytes?: number
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
  readonly error?: string
}

const TRUST_ANY = { rejectUnauthorized: false }
const LIMIT_MS = 45_000

/** A stream is read until its second event; a websocket until it has greeted and echoed. */
async function call({ url, kind = 'page', method = 'GET', headers = {}, bytes }: Call): Promise<Reply> {
  if (kind === 'websocket') return talk(url, headers)
  return new Promise(done => {
    const send = url.startsWith('https:') ? secure : plain
    const length = bytes === undefined ? {} : { 'Content-Length': String(bytes) }
    const sent = send(url, { method, headers: { ...length, ...headers }, agent: false, ...TRUST_ANY }, answer => {
      const { statusCode: status = 0, headers: got } = answer
      let body = ''
      const end = (): void => done({ status, headers: got, body })
      answer.setEncoding('utf8').on('data', part => {
        body += part
        if (kind === 'stream' && body.split('data: ').length > 2) {
          end()
          sent.destroy()
        }
      })
      answer.once('end', end).on('error', () => {})
    })
    const fail = (error: string): void => done({ status: 0, headers: {}, body: '', error })
    sent.setTimeout(LIMIT_MS, () => sent.destroy(new Error('no answer in time')))
    sent.on('error', error => fail(error.message))
    if (bytes === undefined) sent.end()
    else writeMany(sent, bytes)
  })
}

/** As fast as it is taken. */
function writeMany(stream: NodeJS.WritableStream, bytes: number): void {
  const part = Buffer.alloc(65_536)
  let left = bytes
  const write = (): void => {
    while (left > 0) {
      const size = Math.min(left, part.length)
      left -= size
      if (!stream.write(part.subarray(0, size))) return void stream.once('drain', write)
    }
    stream.end()
  }
  write()
}

const talk = (url: string, headers: Readonly<Record<string, string>>): Promise<Reply> =>
  new Promise(done => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers, ...TRUST_ANY, handshakeTimeout: LIMIT_MS })
    const said: string[] = []
    let got: Reply['headers'] = {}
    socket.on('upgrade', answer => {
      got = answer.headers
    })
    socket.on('message', data => {
      if (said.push(String(data)) === 1) return socket.send('hello')
      done({ status: 101, headers: got, body: said.join('\n') })
      socket.close()
    })
    socket.on('unexpected-response', async (_, answer) =>
      done({ status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) }),
    )
    socket.on('error', error => done({ status: 0, headers: {}, body: '', error: error.message }))
  })

/** Lines of stdin go out, what comes back goes to stdout; it ends when the websocket does. */
function stay(url: string, headers: Readonly<Record<string, string>>): void {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers, ...TRUST_ANY })
  socket.on('message', data => process.stdout.write(`${data}\n`))
  socket.on('close', code => process.stdout.write(`closed ${code}\n`, () => process.exit(1)))
  socket.on('error', error => process.stdout.write(`error ${error.message}\n`))
  process.stdin.setEncoding('utf8').on('data', (lines: string) => {
    for (const line of lines.split('\n')) if (line !== '') socket.send(line)
  })
  process.stdin.once('end', () => socket.close())
}

if (process.argv[2] === '--stay') stay(process.argv[3]!, JSON.parse(process.argv[4]!))
else {
  const calls: readonly Call[] = JSON.parse(await text(process.stdin))
  const replies: Reply[] = []
  for (const each of calls) replies.push(await call(each))
  process.stdout.write(JSON.stringify(replies), () => process.exit(0))
}
