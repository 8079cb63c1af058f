import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { html } from '../../../../programs/common/html.ts'
import { LivePage, MOST_READERS } from '../../../../programs/instance_portal/live.ts'
import type { Part } from '../../../../programs/instance_portal/parts.ts'

const cleanups: (() => unknown)[] = []
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean()
})

const part = (id: string, text: string): Part => ({ id, html: html`${text}` })

interface Told {
  readonly parts: readonly { readonly id: string; readonly html: string }[]
  readonly lists: { readonly applications: readonly string[]; readonly programs: readonly string[] }
}

interface Reader {
  readonly response: IncomingMessage
  /** what has arrived whole */
  readonly told: () => readonly Told[]
}

async function given() {
  let programs: readonly Part[] = [part('p-a', 'one')]
  const followers = new Set<() => void>()
  const live = new LivePage({
    render: () => ({ now: 1, parts: { singles: [part('summary', 'x')], applications: [], programs } }),
    follow(changed) {
      followers.add(changed)
      return () => void followers.delete(changed)
    },
    lookAround: async () => {},
  })
  const server = createServer((_request, response) =>
    live.open(response, { visitor: { outside: undefined, trusted: false }, formToken: undefined }),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    live,
    followers,
    become(next: readonly Part[]) {
      programs = next
      for (const changed of followers) changed()
    },
    async read(): Promise<Reader> {
      const [response] = (await once(get({ port, path: '/events', agent: false }), 'response')) as [IncomingMessage]
      cleanups.push(() => response.destroy())
      let text = ''
      response.on('error', () => {})
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      return {
        response,
        told: () => [...text.matchAll(/^data: (.*)\n/gm)].map(([, data]) => JSON.parse(data!) as Told),
      }
    },
  }
}

const soon = <T>(look: () => T) => expect.poll(look, { interval: 5 })

test('a reader gets everything, and then what is different', async () => {
  const { read, become } = await given()
  const { told } = await read()
  await soon(() => told().length).toBe(1)
  expect(told()[0]).toMatchObject({
    parts: [{ id: 'summary' }, { id: 'p-a', html: 'one' }],
    lists: { programs: ['p-a'] },
  })
  become([part('p-a', 'two'), part('p-b', 'new')])
  await soon(() => told().length).toBe(2)
  expect(told()[1]).toEqual({
    now: 1,
    parts: [
      { id: 'p-a', html: 'two' },
      { id: 'p-b', html: 'new' },
    ],
    lists: { applications: [], programs: ['p-a', 'p-b'] },
  })
  become([part('p-b', 'new')])
  await soon(() => told().length).toBe(3)
  expect(told()[2]).toMatchObject({ parts: [], lists: { programs: ['p-b'] } })
})

test('a storm is told in few words, and nothing is told when nothing is different', async () => {
  const { read, become } = await given()
  const { told } = await read()
  await soon(() => told().length).toBe(1)
  for (let n = 0; n <= 500; n++) {
    become([part('p-a', String(n))])
    if (n % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await soon(() => told().at(-1)!.parts[0]!.html).toBe('500')
  const count = told().length
  expect(count).toBeLessThan(100)
  become([part('p-a', '500')])
  become([part('p-a', 'end')])
  await soon(() => told().at(-1)!.parts[0]!.html).toBe('end')
  expect(told().length).toBe(count + 1)
})

test('who does not read is told how it stands once they do, and not what was between', async () => {
  const { read, become } = await given()
  const { response, told } = await read()
  await soon(() => told().length).toBe(1)
  response.pause()
  for (let n = 1; n <= 30; n++) {
    become([part('p-a', `${n} ${'x'.repeat(1_000_000)}`)])
    await new Promise(resolve => setTimeout(resolve, 110)) // longer than what is told in one piece
  }
  response.resume()
  await soon(() => told().at(-1)!.parts[0]!.html.slice(0, 3)).toBe('30 ')
  expect(told().length).toBeLessThan(20)
})

test('nothing is followed for nobody, and not everybody is let in', async () => {
  const { live, read, followers } = await given()
  const readers = await Promise.all(Array.from({ length: MOST_READERS }, () => read()))
  await soon(() => live.full).toBe(true)
  expect([live.followed, followers.size]).toEqual([true, 1])
  for (const { response } of readers) response.destroy()
  await soon(() => live.followed).toBe(false)
  expect(followers.size).toBe(0)
})
