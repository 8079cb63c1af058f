import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { Live } from '../../../../supervisor/http/page/live.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { fakeDaemon } from '../../../support/fake-daemon.ts'
import { closeLabs, FakeLogFiles, pageLab, type Stream } from './lab.ts'

afterEach(closeLabs)

interface Rows {
  readonly now: number
  readonly all: boolean
  readonly summary: string
  readonly rows: readonly { readonly id: string; readonly html: string }[]
}

const rowsOf = async (stream: Stream): Promise<Rows> => (await stream.next('rows')) as Rows

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

test('who connects is told how everything stands', async () => {
  const { events } = await pageLab({ groups: { b: [{}], a: [{}] } })
  const stream = await events()
  const { all, rows, now } = await rowsOf(stream)
  expect([all, now, rows.map(({ id }) => id)]).toEqual([true, 1_700_000_000_000, ['process-a', 'process-b']])
  expect(rows[0]!.html).toMatch(/^<tr id="process-a"/)
})

test('who knows it already is told only what changes', async () => {
  const { events, ask, daemon, clock } = await pageLab({ groups: { a: [{}], b: [{}] } })
  const version = /data-version="([^"]+)"/.exec((await ask('GET /')).body)![1]!
  const stream = await events(`?since=${version}`)
  daemon.process('b').become('RUNNING', { pid: 9, startedAt: 1 })
  clock.advance(0)
  const { all, rows, summary } = await rowsOf(stream)
  expect([all, rows.map(({ id }) => id)]).toEqual([false, ['process-b']])
  expect(rows[0]!.html).toContain('>running<')
  expect(summary).toContain('1 running')
})

test('a browser that was cut off says with Last-Event-ID what it knows', async () => {
  const { events, daemon, clock } = await pageLab()
  const first = await events()
  await rowsOf(first)
  const known = first.lastId()
  await first.close()
  const same = await events('?since=old', { 'Last-Event-ID': known })
  await expect.poll(() => same.received()).toBe('retry: 3000\n\n')
  daemon.process('x').become('STARTING')
  clock.advance(0)
  expect((await rowsOf(same)).all).toBe(false)
  const late = await events('', { 'Last-Event-ID': known })
  expect((await rowsOf(late)).all).toBe(true)
})

test('what changes in one turn is told once', async () => {
  const { events, daemon, clock } = await pageLab({ groups: { a: [{}], b: [{}] } })
  const stream = await events()
  await rowsOf(stream)
  for (const name of ['a', 'b', 'a']) daemon.process(name).become('STARTING')
  clock.advance(0)
  expect((await rowsOf(stream)).rows).toHaveLength(2)
  expect(stream.received().match(/event: rows/g)).toHaveLength(2)
})

test('groups that come and go are told, and watched', async () => {
  const { events, daemon, clock } = await pageLab({ groups: { a: [{}], b: [{}] } })
  const stream = await events()
  await rowsOf(stream)
  const [a, b] = daemon.groups
  daemon.become({ groups: [a!] })
  clock.advance(0)
  expect(await rowsOf(stream)).toMatchObject({ all: true, rows: [{ id: 'process-a' }] })
  expect(b!.processes[0]!.watched).toBe(0)
  daemon.become({ groups: [a!, b!] })
  clock.advance(0)
  await rowsOf(stream)
  b!.processes[0]!.become('STARTING')
  clock.advance(0)
  expect((await rowsOf(stream)).rows.map(({ id }) => id)).toEqual(['process-b'])
})

test('a shutdown is told', async () => {
  const { events, daemon, clock } = await pageLab()
  const stream = await events()
  await rowsOf(stream)
  daemon.become({ state: 'SHUTDOWN' })
  clock.advance(0)
  expect((await rowsOf(stream)).summary).toContain('supervisord shuts down')
})

test('nothing is watched, and nothing wakes up, while nobody looks', async () => {
  const { events, daemon, clock, logs } = await pageLab({ files: { '/log': 'text\n' } })
  const process = daemon.process('x')
  process.logfiles.stdout = '/log'
  logs.append('/log', 'text\n')
  const asleep = () => [process.watched, daemon.watched, logs.watched, clock.pending]
  expect(asleep()).toEqual([0, 0, 0, 0])
  const stream = await events('?processname=x')
  await rowsOf(stream)
  clock.advance(0)
  expect(asleep()).toEqual([1, 1, 1, 1])
  await stream.close()
  await until(() => process.watched === 0)
  expect(asleep()).toEqual([0, 0, 0, 0])
})

test('a silent stream gives a sign of life every 30 seconds', async () => {
  const { events, clock } = await pageLab()
  const stream = await events()
  await rowsOf(stream)
  const before = stream.received()
  clock.advance(29_999)
  clock.advance(1)
  await until(() => stream.received() !== before)
  expect(stream.received()).toBe(`${before}:\n\n`)
  expect(clock.pending).toBe(1)
})

test('the page of a log is told of its process alone', async () => {
  const { events, daemon, clock } = await pageLab({ groups: { a: [{}], b: [{}] } })
  const stream = await events('?processname=a')
  expect((await rowsOf(stream)).rows.map(({ id }) => id)).toEqual(['process-a'])
  daemon.process('b').become('STARTING')
  daemon.process('a').become('STARTING')
  clock.advance(0)
  expect((await rowsOf(stream)).rows.map(({ id }) => id)).toEqual(['process-a'])
})

test('a log comes with its end, then as it grows, without colours', async () => {
  const { events, daemon, clock, logs } = await pageLab()
  daemon.process('x').logfiles.stderr = '/log'
  logs.append('/log', `${'a'.repeat(2000)}end\n`)
  const stream = await events('?processname=x&channel=stderr&limit=1')
  clock.advance(0)
  expect(await stream.next('log')).toEqual({ text: `${'a'.repeat(1020)}end\n`, first: true })
  logs.append('/log', '\x1b[31mmore <b>\x1b[0m\n')
  expect(await stream.next('log')).toEqual({ text: 'more <b>\n' })
})

test('a log that comes into being later is followed then', async () => {
  const { events, daemon, clock, logs } = await pageLab()
  const process = daemon.process('x')
  process.logfiles.stdout = '/log'
  const stream = await events('?processname=x')
  await rowsOf(stream)
  logs.append('/log', 'hello\n')
  process.become('STARTING')
  clock.advance(0)
  clock.advance(0)
  expect(await stream.next('log')).toEqual({ text: 'hello\n', first: true })
})

/** A client that takes what it is given only when it is told to. */
class SlowResponse extends EventEmitter {
  writableNeedDrain = false
  readonly written: string[] = []
  writeHead(): void {}
  write(text: string): boolean {
    this.written.push(text)
    return !this.writableNeedDrain
  }
  take(): string[] {
    this.writableNeedDrain = false
    const written = this.written.splice(0)
    this.emit('drain')
    return written
  }
}

test('a client that reads slowly misses what lies between, and nothing piles up for it', () => {
  const clock = new FakeClock()
  const daemon = fakeDaemon({ x: [{}] })
  const process = daemon.process('x')
  process.logfiles.stdout = '/log'
  const followedFiles = new FakeLogFiles(clock)
  followedFiles.append('/log', 'one\n')
  const live = new Live({ daemon, clock, followedFiles }, 'token', 'run')
  const response = new SlowResponse()
  live.open({ headers: {} } as IncomingMessage, response as unknown as ServerResponse, {
    since: live.version,
    log: { spec: 'x', channel: 'stdout', limit: 1024 },
  })
  response.writableNeedDrain = true
  clock.advance(0)
  for (const text of ['two\n', 'three\n']) {
    followedFiles.append('/log', text)
    process.become(process.state === 'RUNNING' ? 'STOPPING' : 'RUNNING', { pid: 1 })
    clock.advance(60_000)
  }
  expect(response.take().filter(text => text.startsWith('event: log'))).toHaveLength(1)
  const [rows, log, ...more] = response.written
  expect(rows).toMatch(/^id: run-2-RUNNING\nevent: rows\n.*>stopping</s)
  expect(log).toBe('event: log\ndata: {"text":"two\\nthree\\n"}\n\n')
  expect(more).toEqual([])
})

test('more pages than there are places are refused', async () => {
  const { events, ask } = await pageLab()
  for (let count = 0; count < Live.MOST_CLIENTS; count++) await events()
  expect((await ask('GET /events')).status).toBe(503)
})

test('another site cannot take up places', async () => {
  const { ask } = await pageLab({ trusted: true })
  expect((await ask('GET /events', { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(403)
})
