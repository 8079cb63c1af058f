import { afterEach, expect, test } from 'vitest'
import { closeLabs, type Lab, openLab, request, type Talk } from './lab.ts'

afterEach(closeLabs)

interface Told {
  readonly now: number
  readonly all: boolean
  readonly processes: readonly Readonly<Record<string, unknown>>[]
}

const open = (lab: Lab): Talk => {
  const talk = lab.talk()
  talk.send(request('GET /process-events', { keep: true }))
  return talk
}

const toldTo = (talk: Talk): readonly Told[] =>
  [...talk.received().matchAll(/^data: (.*)\n/gm)].map(([, data]) => JSON.parse(data!))

/** The nth event, counted from 1. */
async function told(talk: Talk, nth: number): Promise<Told> {
  while (toldTo(talk).length < nth) await new Promise(resolve => setImmediate(resolve))
  return toldTo(talk)[nth - 1]!
}

test('who connects is told all processes, with what getProcessInfo leaves out', async () => {
  const lab = await openLab({ groups: { g: [{ name: 'a', exitcodes: [0, 2] }], x: [{}] } })
  lab.daemon.process('g:a').become('EXITED', {
    lastExit: { pid: 7, status: 3, signal: 0, coreDumped: false },
    endings: 4,
    exitstatus: 3,
  })
  const before = Date.now()
  const talk = open(lab)
  const { all, now, processes } = await told(talk, 1)
  expect(all).toBe(true)
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(Date.now())
  expect(processes[0]).toMatchObject({
    ...{ name: 'a', group: 'g', statename: 'EXITED', exitstatus: 3, pid: 0 },
    ...{ ending: 'exit status 3', expected: false, endings: 4, failures: 0, retryat: 0 },
  })
  expect(processes[1]).toMatchObject({ name: 'x', ending: '', expected: true, endings: 0 })
  expect(talk.received()).toContain('Content-Type: text/event-stream')
  talk.destroy()
})

test('then what changes, once for each turn, and when the next attempt is due', async () => {
  const lab = await openLab({ groups: { x: [{}], y: [{}] } })
  const talk = open(lab)
  await told(talk, 1)
  const { clock } = lab.system
  const before = Date.now()
  lab.daemon.process('x').become('STARTING')
  lab.daemon.process('x').become('BACKOFF', {
    lastExit: { pid: 7, status: -1, signal: 9, coreDumped: false },
    failures: 2,
    retryAt: clock.monotonic() + 2000,
  })
  const after = Date.now()
  const { all, processes } = await told(talk, 2)
  expect([all, processes.length]).toEqual([false, 1])
  expect(processes[0]).toMatchObject({ name: 'x', statename: 'BACKOFF', ending: 'terminated by SIGKILL', failures: 2 })
  // two clocks that are not read at once
  expect(processes[0]!.retryat).toBeGreaterThan(before + 1000)
  expect(processes[0]!.retryat).toBeLessThan(after + 3000)
  talk.destroy()
})

test('groups that come and go are told with all others', async () => {
  const lab = await openLab({ groups: { x: [{}], y: [{}] } })
  const talk = open(lab)
  await told(talk, 1)
  lab.daemon.become({ groups: lab.daemon.groups.slice(1) })
  expect(await told(talk, 2)).toMatchObject({ all: true, processes: [{ name: 'y' }] })
  talk.destroy()
})

test('nobody is watched for nobody', async () => {
  const lab = await openLab()
  const talk = open(lab)
  await told(talk, 1)
  expect([lab.daemon.watched, lab.daemon.process('x').watched]).toEqual([1, 1])
  talk.destroy()
  await talk.closed
  await expect.poll(() => [lab.daemon.watched, lab.daemon.process('x').watched]).toEqual([0, 0])
})

test('what is no GET, and what is one too many, is refused', async () => {
  const lab = await openLab()
  expect(await lab.ask(request('POST /process-events', { body: 'x' }))).toMatch(/^HTTP\/1.1 400 /)
  const talks = Array.from({ length: 32 }, () => open(lab))
  for (const talk of talks) await told(talk, 1)
  expect(await lab.ask(request('GET /process-events'))).toMatch(/^HTTP\/1.1 503 /)
  for (const talk of talks) talk.destroy()
})

test('a client that does not read keeps nobody from anything, and gets everything once it does', async () => {
  const lab = await openLab({ groups: { x: [{}] } })
  const talk = open(lab)
  await told(talk, 1)
  talk.pause()
  const x = lab.daemon.process('x')
  for (let n = 1; n <= 3000; n++) {
    x.become('BACKOFF', { failures: n, spawnerr: 'x'.repeat(1000) })
    await new Promise(resolve => setImmediate(resolve))
  }
  talk.resume()
  const last = (): unknown => toldTo(talk).at(-1)?.processes[0]?.failures
  while (last() !== 3000) await new Promise(resolve => setImmediate(resolve))
  expect(toldTo(talk).length).toBeLessThan(2000)
  expect(toldTo(talk).at(-1)!.all).toBe(true)
  talk.destroy()
})
