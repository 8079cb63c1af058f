import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import {
  openSupervisorWatch,
  type Program,
  type SupervisorWatch,
} from '../../../../programs/common/supervisor-watch.ts'

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

interface Given {
  readonly watch: SupervisorWatch
  /** answers to `/process-events` that are open, the latest last */
  readonly streams: ServerResponse[]
  tell(...processes: readonly object[]): void
  readonly program: () => Program | undefined
}

const process = (change: object = {}) => ({
  ...{ name: 'a', group: 'a', start: 1, stop: 0, now: 2, state: 20, statename: 'RUNNING', spawnerr: '', exitstatus: 0 },
  ...{ logfile: '', stdout_logfile: '', stderr_logfile: '', pid: 7, description: '' },
  ...{ ending: '', expected: true, endings: 0, failures: 0, retryat: 0 },
  ...change,
})

const event = (processes: readonly object[], all = false): string =>
  `event: processes\ndata: ${JSON.stringify({ now: 1, all, processes })}\n\n`

/** A supervisord that says what a test says; XML-RPC it answers with 500. */
async function given(status = 200): Promise<Given> {
  const directory = mkdtempSync('/tmp/watch-')
  const streams: ServerResponse[] = []
  const server: Server = createServer((request, response) => {
    if (request.url !== '/process-events') return void response.writeHead(500).end()
    if (status !== 200) return void response.writeHead(status).end()
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    streams.push(response)
  })
  await new Promise<void>(resolve => server.listen(join(directory, 's'), resolve))
  const watch = openSupervisorWatch(`unix://${join(directory, 's')}`)
  cleanups.push(() => {
    watch.close()
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return {
    watch,
    streams,
    tell: (...processes) => void streams.at(-1)!.write(event(processes)),
    program: () => watch.current().programs?.[0],
  }
}

const soon = <T>(look: () => T) => expect.poll(look, { interval: 5 })

async function streaming(first: readonly object[] = [process()]): Promise<Given> {
  const lab = await given()
  await soon(() => lab.streams.length).toBe(1)
  lab.streams[0]!.write(event(first, true))
  await soon(() => lab.watch.current().programs?.length).toBe(first.length)
  return lab
}

test('programs are sorted by group and name, whatever the order in which they are told', async () => {
  const { watch } = await streaming([
    process({ name: 'z' }),
    process({ name: 'b' }),
    process({ name: 'a', group: 'B' }),
  ])
  expect(watch.current().programs!.map(({ namespec }) => namespec)).toEqual(['B:a', 'a:b', 'a:z'])
})

test('ends that nobody asked for are counted, also when several are told at once', async () => {
  const { tell, program } = await streaming()
  tell(process({ endings: 3, ending: 'exit status 1', expected: false, pid: 8 }))
  await soon(() => program()?.ends.length).toBe(3)
  tell(process({ endings: 4, statename: 'BACKOFF', pid: 0 }))
  await soon(() => program()?.ends.length).toBe(4)
  tell(process({ endings: 5000, pid: 9 }))
  await soon(() => program()?.ends.length).toBe(100)
})

test('who is stopped or restarted by hand has not crashed', async () => {
  const { tell, program } = await streaming()
  tell(process({ statename: 'STOPPING' }))
  await soon(() => program()?.state).toBe('STOPPING')
  tell(process({ statename: 'RUNNING', pid: 8, endings: 1 }))
  await soon(() => program()?.pid).toBe(8)
  expect(program()!.ends).toEqual([])
  tell(process({ statename: 'STOPPED', pid: 0, endings: 2 }))
  await soon(() => program()?.state).toBe('STOPPED')
  expect(program()!.ends).toEqual([])
})

test('an event may come in any pieces', async () => {
  const { streams, program } = await streaming()
  const bytes = Buffer.from(event([process({ description: 'pîd €7' })]))
  for (const byte of bytes) streams[0]!.write(Buffer.of(byte))
  await soon(() => program()?.description).toBe('pîd €7')
})

test('a stream that is cut off, or is none, is opened again', async () => {
  const { streams, watch } = await streaming()
  streams[0]!.end()
  await soon(() => watch.current().programs).toBeUndefined()
  await soon(() => streams.length).toBe(2)
  streams[1]!.write('data: {half\n\n')
  await soon(() => streams.length).toBe(3)
  streams[2]!.write(event([process()], true))
  await soon(() => watch.current().programs?.length).toBe(1)
})

test('whoever asks is not kept waiting by a supervisord that says nothing', async () => {
  const { watch } = await given()
  expect(await watch.read()).toMatchObject({ programs: undefined })
})

test('one that does not stream is asked; one that does not answer that either is not there', async () => {
  const { watch } = await given(404)
  expect(await watch.read()).toMatchObject({ programs: undefined })
})

test('a watch that is closed says nothing more', async () => {
  const { watch, streams, tell } = await streaming()
  let told = 0
  watch.subscribe(() => told++)
  watch.close()
  tell(process({ pid: 9 }))
  await new Promise(resolve => streams[0]!.once('close', resolve))
  expect(told).toBe(0)
})
