/** Clients that are many, slow, endless or gone. Source: contract 7.1; design.md 3 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectAnswers, expectOtherComplete, labWithOther, said } from '../support/faults.ts'
import { type Lab, until } from '../support/lab.ts'
import { privateMemoryOf } from '../support/proc.ts'

/** What came back until the daemon closed the connection, or `until` was in it. */
function exchange(lab: Lab, request: string | Buffer, until?: string): Promise<string> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(lab.path('s.sock'), () => socket.write(request))
    socket.on('data', data => {
      answer += data.toString('latin1')
      if (until && answer.includes(until)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

/** Connections that stay open. */
async function connectAll(lab: Lab, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(lab.path('s.sock')).on('error', () => {}))
  await Promise.all(sockets.map(socket => new Promise(resolve => socket.once('connect', resolve))))
  return sockets
}

const get = (address: string): string => `GET ${address} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (headers: string): string => `POST /RPC2 HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`
const CALL = '<methodCall><methodName>supervisor.getAllProcessInfo</methodName></methodCall>'

const noTrouble = (lab: Lab): void => expect(said(lab, /ERRO|CRIT (?!Server|Supervisor)/)).toEqual([])

test('200 clients at once all get their answers, new ones too', async () => {
  await using lab = await labWithOther(
    '[program:y]\ncommand=sleep 9999\nnumprocs=20\nprocess_name=%(process_num)d\n',
  ).start()
  for (let round = 0; round < 3; round++) {
    const all = Promise.all(
      Array.from({ length: 200 }, () =>
        exchange(lab, post(`Content-Length: ${CALL.length}`) + CALL, '</methodResponse>'),
      ),
    )
    await expectAnswers(lab)
    const complete = (await all).filter(answer => /^HTTP\/1\.1 200 .+<\/methodResponse>\n$/s.test(answer))
    expect(complete).toHaveLength(200)
  }
  await expectOtherComplete(lab)
  noTrouble(lab)
})

test('200 clients follow a log, and half of them read nothing; those who read miss nothing', async () => {
  await using lab = await labWithOther('').start()
  const sockets = await connectAll(lab, 200)
  const followed = sockets.map(socket => {
    const follower = { text: '' }
    socket.write(get('/logtail/other'))
    return follower
  })
  sockets.forEach((socket, n) => {
    if (n % 2 === 0) socket.on('data', data => void (followed[n]!.text += data.toString('latin1')))
    else socket.pause()
  })
  await expectAnswers(lab)
  // more than the end of the log that everybody gets at first
  await until('all that read are sent what comes', () =>
    followed.every(({ text }, n) => n % 2 === 1 || text.length > 2048),
  )
  await expectAnswers(lab)
  await expectOtherComplete(lab)
  const last = lab.read('other.log').trimEnd().split('\n').at(-1)!
  await until(
    'all that read have the last line',
    () => followed.filter(({ text }, n) => n % 2 === 0 && text.includes(`${last}\n`)).length === 100,
  )
  for (const socket of sockets) socket.destroy()
  noTrouble(lab)
})

test('clients that never finish a request hold nobody up: the longest silent one makes room', async () => {
  await using lab = await labWithOther('').start()
  // unfinished however much is added: a body, a header, an address; and one that says nothing at all
  const begun = [post('Content-Length: 100000'), 'GET / HTTP/1.1\r\nX-Slow: ', 'GET /', '']
  const sockets = await connectAll(lab, 400)
  for (const [n, socket] of sockets.entries()) socket.write(begun[n % begun.length]!)
  const drip = setInterval(() => {
    for (const [n, socket] of sockets.entries()) if (!socket.destroyed && begun[n % begun.length]) socket.write('x')
  }, 50)
  await expectAnswers(lab)
  await expect.poll(() => sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(256)
  await expectAnswers(lab)
  clearInterval(drip)
  for (const socket of sockets) socket.destroy()
  await expectOtherComplete(lab)
  noTrouble(lab)
  expect(said(lab, /WARN \d+ clients/)).toEqual([
    'WARN 256 clients are connected: for each further one, the most silent one is disconnected',
  ])
})

test('bodies without measure are refused, not read', async () => {
  await using lab = await labWithOther('').start()
  const before = privateMemoryOf(lab.daemon!.pid!)
  expect(await exchange(lab, post('Content-Length: 99999999999'))).toMatch(/^HTTP\/1\.1 413 /)
  expect(await exchange(lab, post('Transfer-Encoding: chunked'), '</body>')).toMatch(/^HTTP\/1\.1 411 /)
  expect(await exchange(lab, `GET / HTTP/1.1\r\nX: ${'x'.repeat(1 << 20)}\r\n\r\n`)).toMatch(/^(HTTP\/1\.1 431 .*)?/)

  // who sends all the same
  const flood = await connectAll(lab, 10)
  const piece = Buffer.alloc(1 << 20, 'x')
  flood.forEach((socket, n) => {
    socket.write(post(n % 2 ? 'Content-Length: 99999999999' : 'Transfer-Encoding: chunked'))
    if (n % 2 === 0) socket.write(`${(1 << 30).toString(16)}\r\n`)
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece)) {}
    }
    socket.on('drain', more)
    more()
  })
  await expectAnswers(lab)
  await until('all are shown the door', () => flood.every(({ closed }) => closed))
  await expectAnswers(lab)
  expect(privateMemoryOf(lab.daemon!.pid!) - before).toBeLessThan(32e6)
  for (const socket of flood) socket.destroy()
  await expectOtherComplete(lab)
  noTrouble(lab)
})

test('a body of the largest size is read and answered; many of them at once take no more memory than a few', async () => {
  await using lab = await labWithOther('').start()
  const before = privateMemoryOf(lab.daemon!.pid!)
  const params = ['nobody', 'x'.repeat(16 * 1024 * 1024 - 250)].map(text => `<param><value>${text}</value></param>`)
  const body = `<methodCall><methodName>supervisor.sendProcessStdin</methodName><params>${params.join('')}</params></methodCall>`
  const answer = exchange(lab, post(`Content-Length: ${body.length}`) + body, '</methodResponse>')
  await expectAnswers(lab)
  expect(await answer).toContain('BAD_NAME: nobody')

  const many = await connectAll(lab, 40)
  for (const socket of many) socket.write(post(`Content-Length: ${body.length}`) + body.slice(0, -100))
  await until('each is waiting, or refused', () =>
    many.every(({ closed, writableLength }) => closed || writableLength === 0),
  )
  await expectAnswers(lab)
  expect(privateMemoryOf(lab.daemon!.pid!) - before).toBeLessThan(160e6)
  expect(said(lab, /large requests/)).toEqual([
    'WARN large requests have brought 67108864 bytes and are not complete: some are refused',
  ])
  for (const socket of many) socket.destroy()
  await expectAnswers(lab)
  await expectOtherComplete(lab)
})

test('clients that go in the middle of their request or of the answer leave nothing behind', async () => {
  await using lab = await labWithOther('[program:slow]\ncommand=sleep 9999\nstartsecs=3\nautostart=false\n').start()
  const requests = [
    get('/mainlogtail'),
    get('/logtail/other'),
    get('/'),
    post('Content-Length: 100'),
    post(`Content-Length: ${CALL.length}`) + CALL,
    'garbage\r\n\r\n',
  ]
  for (let round = 0; round < 5; round++) {
    const sockets = await connectAll(lab, 60)
    for (const [n, socket] of sockets.entries()) socket.write(requests[n % requests.length]!)
    // some have come further than others, and nothing below depends on how far
    await sleep(20)
    for (const socket of sockets) socket.destroy()
  }
  await expectAnswers(lab)
  await expectOtherComplete(lab)
  noTrouble(lab)
})
