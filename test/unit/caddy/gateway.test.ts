import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type CaddyProcess, openRequests } from '../../../programs/caddy/caddy-process.ts'
import { Gateway, type Plan } from '../../../programs/caddy/gateway.ts'
import type { GatedSite } from '../../../programs/caddy/sites.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

class FakeCaddy implements CaddyProcess {
  readonly pid: number
  readonly caddyfile: string
  readonly ended: Promise<string>
  end!: (reason: string) => void
  state: 'running' | 'retired' | 'stopped' = 'running'
  busy = false
  /** that it is busy */
  said: Promise<unknown> = Promise.resolve()

  constructor(pid: number, caddyfile: string) {
    this.pid = pid
    this.caddyfile = caddyfile
    this.ended = new Promise(done => {
      this.end = done
    })
  }

  async retire(): Promise<boolean> {
    this.state = 'retired'
    if (!this.busy) this.end('exit status 0')
    await this.said
    return this.busy
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
    this.end('exit status 0')
  }
}

const site = (port: number, name = `app ${port}`): GatedSite => ({
  ...{ name, port, hostname: 'localhost', internalPort: port + 10_000, asLocalhost: false },
  ...{ authenticated: true, passCredentials: false, isPortal: false },
})
const plan = (...sites: readonly GatedSite[]): Plan => ({ sites, render: some => some.map(({ port }) => port).join() })

function given() {
  const started: FakeCaddy[] = []
  const published: string[] = []
  const taken = new Set<number>()
  let failures: string[] = []
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const gateway = new Gateway({
    async start(caddyfile) {
      const failure = failures.shift()
      if (failure !== undefined) throw new Error(failure)
      const caddy = new FakeCaddy(started.length + 1, caddyfile)
      started.push(caddy)
      return caddy
    },
    run: '/run',
    publish: text => void published.push(text),
    changed: () => {},
    isFree: async port => !taken.has(port),
    log,
  })
  return { gateway, started, published, taken, log, fail: (...messages: string[]) => (failures = messages) }
}

test('another plan gets another Caddy, and the one before retires', async () => {
  const { gateway, started, published } = given()
  await gateway.apply(plan(site(1)))
  await gateway.apply(plan(site(1), site(2)))
  expect(started.map(({ caddyfile, state }) => [caddyfile, state])).toEqual([
    ['1', 'retired'],
    ['1,2', 'running'],
  ])
  expect(published).toEqual(['1', '1,2'])
  expect([...gateway.sites.keys()]).toEqual([1, 2])
})

test('what changes nothing for Caddy changes only what the gate knows', async () => {
  const { gateway, started } = given()
  await gateway.apply(plan(site(1)))
  await gateway.apply(plan(site(1, 'another name')))
  expect(started).toHaveLength(1)
  expect(gateway.sites.get(1)!.name).toBe('another name')
})

test('a plan that Caddy does not take leaves everything as it was, and is tried again', async () => {
  const { gateway, started, published, fail } = given()
  await gateway.apply(plan(site(1)))
  fail('bad luck', 'bad luck')
  await gateway.apply(plan(site(1), site(2)))
  expect([...gateway.sites.keys()]).toEqual([1])
  expect(gateway.problems).toMatchObject([{ where: 'caddy', message: 'does not take the configuration: bad luck' }])
  expect(started.map(({ state }) => state)).toEqual(['running'])
  expect(published).toEqual(['1'])
  await vi.advanceTimersByTimeAsync(1000)
  expect(gateway.problems).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2000)
  expect(gateway.problems).toEqual([])
  expect([...gateway.sites.keys()]).toEqual([1, 2])
})

test('of plans that come while one is carried out the last counts', async () => {
  const { gateway, started } = given()
  const all = [1, 2, 3, 4].map(port => gateway.apply(plan(site(port))))
  await Promise.all(all)
  expect(started.map(({ caddyfile }) => caddyfile)).toEqual(['1', '4'])
})

test('a site whose port is taken is left out, told, and tried again', async () => {
  const { gateway, started, taken } = given()
  taken.add(2)
  await gateway.apply(plan(site(1), site(2)))
  expect(started.at(-1)!.caddyfile).toBe('1')
  expect(gateway.problems).toMatchObject([{ where: 'app 2' }])
  taken.delete(2)
  await vi.advanceTimersByTimeAsync(1000)
  expect(started.at(-1)!.caddyfile).toBe('1,2')
  expect(gateway.problems).toEqual([])
})

test('a Caddy that ends is started again, later each time, and at once again when it has lasted', async () => {
  const { gateway, started, log } = given()
  await gateway.apply(plan(site(1)))
  for (const wait of [1000, 2000, 4000]) {
    const before = started.length
    started.at(-1)!.end('exit status 1')
    await vi.advanceTimersByTimeAsync(wait - 1)
    expect(started).toHaveLength(before)
    expect(gateway.problems).toMatchObject([{ message: 'has ended: exit status 1' }])
    await vi.advanceTimersByTimeAsync(1)
    expect(started).toHaveLength(before + 1)
    expect(gateway.problems).toEqual([])
  }
  expect(log.error).toHaveBeenCalledTimes(3)
  await vi.advanceTimersByTimeAsync(31_000)
  started.at(-1)!.end('exit status 1')
  await vi.advanceTimersByTimeAsync(1000)
  expect(started).toHaveLength(5)
})

test('three that somebody is connected to are kept, the oldest of more are ended', async () => {
  const { gateway, started } = given()
  for (let port = 1; port <= 6; port++) {
    await gateway.apply(plan(site(port)))
    started.at(-1)!.busy = true
  }
  await vi.advanceTimersByTimeAsync(0)
  expect(started.map(({ state }) => state)).toEqual([
    ...['stopped', 'stopped'],
    ...['retired', 'retired', 'retired'],
    'running',
  ])
})

test('of those that are kept the oldest is ended, also when it is the last to say that it is busy', async () => {
  const { gateway, started } = given()
  const late = Promise.withResolvers<void>()
  for (let port = 1; port <= 5; port++) {
    await gateway.apply(plan(site(port)))
    Object.assign(started.at(-1)!, { busy: true, ...(port === 1 ? { said: late.promise } : {}) })
  }
  await vi.advanceTimersByTimeAsync(0)
  expect(started.map(({ state }) => state)).toEqual(['retired', 'retired', 'retired', 'retired', 'running'])
  late.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(started.map(({ state }) => state)).toEqual(['stopped', 'retired', 'retired', 'retired', 'running'])
})

test('without sites there is no Caddy', async () => {
  const { gateway, started, published } = given()
  await gateway.apply(plan())
  expect(started).toEqual([])
  expect(published).toEqual([''])
  await gateway.apply(plan(site(1)))
  await gateway.apply(plan())
  expect(started.map(({ state }) => state)).toEqual(['retired'])
  expect(gateway.sites.size).toBe(0)
})

test('in the end all of them end, and none is started again', async () => {
  const { gateway, started } = given()
  await gateway.apply(plan(site(1)))
  started[0]!.busy = true
  await gateway.apply(plan(site(2)))
  await gateway.close()
  await vi.advanceTimersByTimeAsync(100_000)
  expect(started.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
})

test.each([
  ['[]', 0],
  ['[{"address":"a","num_requests":2,"fails":0},{"address":"b","num_requests":1,"fails":0}]', 3],
  ['null', 0],
  ['', 0],
  ['{"error":"x"}', 0],
])('%s are %d open requests', (json, count) => expect(openRequests(json)).toBe(count))
