import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Connections } from '../../../supervisor/http/connections.ts'

/** A socket of which nothing counts but whether it is open. */
class FakeSocket extends EventEmitter {
  open = true
  destroy(): void {
    this.open = false
    this.emit('close')
  }
}

function given(limit: number) {
  let crowded = 0
  const connections = new Connections(limit, () => void crowded++)
  const connect = (count = 1): FakeSocket[] =>
    Array.from({ length: count }, () => {
      const socket = new FakeSocket()
      connections.accept(socket as unknown as Socket)
      return socket
    })
  const busy = (socket: FakeSocket) => connections.busy(socket as unknown as Socket, {} as ServerResponse)
  const idle = (socket: FakeSocket) => connections.idle(socket as unknown as Socket)
  return { connect, busy, idle, crowded: () => crowded }
}

const isOpen = ({ open }: FakeSocket): boolean => open

test('when all places are taken, the one that has been silent longest makes room', () => {
  const { connect, busy, idle } = given(4)
  const sockets = connect(4)
  busy(sockets[0]!)
  idle(sockets[0]!) // has just been answered
  connect(2)
  expect(sockets.map(isOpen)).toEqual([true, false, false, true])
})

test('who waits for an answer keeps the place; when all do, the new one has to go', () => {
  const { connect, busy } = given(3)
  const sockets = connect(3)
  sockets.forEach(busy)
  expect(connect().map(isOpen)).toEqual([false])
  expect(sockets.map(isOpen)).toEqual([true, true, true])
})

test('a crowd is told once, and again only after half of the places were free', () => {
  const { connect, crowded } = given(4)
  const sockets = connect(4)
  expect(crowded()).toBe(0)
  sockets.push(...connect(3))
  expect(crowded()).toBe(1)
  sockets.filter(isOpen)[0]!.destroy()
  sockets.push(...connect(2))
  expect(crowded()).toBe(1)
  for (const socket of sockets) socket.destroy()
  connect(5)
  expect(crowded()).toBe(2)
})
