import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FcgiSocketConfig } from '../../../supervisor/config/config.ts'
import { FcgiSocketError, FcgiSockets, type ListeningSockets } from '../../../supervisor/process/fcgi-socket.ts'
import { closeListeningSocket, openListeningSocket, SOMAXCONN } from '../../../supervisor/system/listening-socket.ts'
import type { User } from '../../../supervisor/system/system.ts'

const socketAt = (path: string, change: Partial<FcgiSocketConfig> = {}): FcgiSocketConfig => ({
  url: `unix://${path}`,
  address: { kind: 'unix', path },
  backlog: null,
  owner: null,
  mode: null,
  ...change,
})
const web: User = { name: 'web', uid: 33, gid: 34, home: '/' }

describe('counting', () => {
  function given({ fails = null as string | null } = {}) {
    const log: string[] = []
    const opened: Parameters<ListeningSockets['open']>[] = []
    const closed: number[] = []
    const machine = {
      defaultBacklog: 4096,
      open(...how: Parameters<ListeningSockets['open']>) {
        if (machine.fails) throw Object.assign(new Error('[Errno 98] Address already in use'), { code: machine.fails })
        return 50 + opened.push(how)
      },
      close: (descriptor: number) => void closed.push(descriptor),
      fails,
    }
    const sockets = new FcgiSockets(machine, { info: message => void log.push(message) }, () => 0)
    return { log, opened, closed, machine, sockets }
  }
  const config = socketAt('/run/f.sock')

  test('the first process opens it, the others share it, the last one closes it', () => {
    const { sockets, log, opened, closed } = given()
    const first = sockets.acquire(config, null)
    const second = sockets.acquire(config, null)
    expect(second.descriptor).toBe(first.descriptor)
    expect(opened).toHaveLength(1)
    first.release()
    expect(closed).toEqual([])
    second.release()
    expect(closed).toEqual([first.descriptor])
    expect(log).toEqual(['Creating socket unix:///run/f.sock', 'Closing socket unix:///run/f.sock'])
  })

  test('the next start opens it again', () => {
    const { sockets, opened } = given()
    sockets.acquire(config, null).release()
    sockets.acquire(config, null)
    expect(opened).toHaveLength(2)
  })

  test('a lease counts once, however often it is released', () => {
    const { sockets, closed } = given()
    const first = sockets.acquire(config, null)
    sockets.acquire(config, null)
    first.release()
    first.release()
    expect(closed).toEqual([])
  })

  test('programs with different sockets have different descriptors', () => {
    const { sockets } = given()
    const other = sockets.acquire(socketAt('/run/g.sock'), null)
    expect(sockets.acquire(config, null).descriptor).not.toBe(other.descriptor)
  })

  test('mode 0700, the backlog of the system and no owner unless somebody says otherwise', () => {
    const { sockets, opened } = given()
    sockets.acquire(config, null)
    expect(opened).toEqual([[config.address, { backlog: 4096, mode: 0o700, owner: null }]])
  })

  test('what is configured is used', () => {
    const { sockets, opened } = given()
    sockets.acquire(socketAt('/run/f.sock', { backlog: 3, mode: 0o666, owner: { uid: 1, gid: -1 } }), web)
    expect(opened[0]![1]).toEqual({ backlog: 3, mode: 0o666, owner: { uid: 1, gid: -1 } })
  })

  test("it belongs to the program's user when the daemon is somebody else", () => {
    const { sockets, opened } = given()
    sockets.acquire(config, web).release()
    sockets.acquire(config, { ...web, uid: 0 })
    expect(opened.map(([, { owner }]) => owner)).toEqual([{ uid: 33, gid: 34 }, null])
  })

  test('one that cannot be opened is told in the words of the original, with a hint, and may be tried again', () => {
    const { sockets, machine, closed } = given({ fails: 'EADDRINUSE' })
    expect(() => sockets.acquire(config, null)).toThrow(
      'Could not create FastCGI socket unix:///run/f.sock: [Errno 98] Address already in use (another program is listening there)',
    )
    machine.fails = null
    sockets.acquire(config, null).release()
    expect(closed).toHaveLength(1)
  })

  test('the error keeps its code, and needs no hint', () => {
    const { sockets } = given({ fails: 'EODD' })
    try {
      sockets.acquire(config, null)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(FcgiSocketError)
      expect((error as FcgiSocketError).code).toBe('EODD')
      expect((error as Error).message).toMatch(/in use$/)
    }
  })

  describe('probe', () => {
    const processes = [config, config, socketAt('/run/g.sock'), null].map(socket => ({ socket, user: null }))

    test('opens and closes every socket once', () => {
      const { sockets, log, closed } = given()
      sockets.probe(processes)
      expect(log).toEqual([
        'Creating socket unix:///run/f.sock',
        'Closing socket unix:///run/f.sock',
        'Creating socket unix:///run/g.sock',
        'Closing socket unix:///run/g.sock',
      ])
      expect(closed).toHaveLength(2)
    })

    test('leaves one alone that is in use', () => {
      const { sockets, closed } = given()
      sockets.acquire(config, null)
      sockets.probe([{ socket: config, user: null }])
      expect(closed).toEqual([])
    })

    test('tells of the first that fails', () => {
      const { sockets } = given({ fails: 'ENOENT' })
      expect(() => sockets.probe(processes)).toThrow(/^Could not create FastCGI socket unix:\/\/\/run\/f\.sock: /)
    })
  })
})

describe('with real sockets', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fcgi-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const machine: ListeningSockets = {
    open: openListeningSocket,
    close: closeListeningSocket,
    defaultBacklog: SOMAXCONN,
  }
  const open = () => new FcgiSockets(machine, { info: () => {} }, () => process.getuid!())
  const socketsOfOurs = () =>
    readdirSync('/proc/self/fd').filter(descriptor => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:')
      } catch {
        return false
      }
    }).length

  test('a child accepts on its descriptor 0 and waits for connections as long as it takes', async () => {
    const path = join(directory, 'f.sock')
    const lease = open().acquire(socketAt(path), null)
    const accept = 'import socket; c, _ = socket.socket(fileno=0).accept(); c.sendall(b"hello"); c.close()'
    const child = spawn('/usr/bin/python3', ['-c', accept], { stdio: [lease.descriptor, 'ignore', 'inherit'] })
    const exited = new Promise(resolve => child.on('exit', resolve))
    const heard = await new Promise<string>((resolve, reject) => {
      const connection = connect({ path }).on('error', reject)
      connection.on('data', data => resolve(data.toString()))
    })
    expect([heard, await exited]).toEqual(['hello', 0])
    expect(statSync(path).mode & 0o7777).toBe(0o700)
    lease.release()
  })

  test('nothing is left open after a probe, nor after a failure', () => {
    const before = socketsOfOurs()
    const sockets = open()
    sockets.probe([{ socket: socketAt(join(directory, 'f.sock')), user: null }])
    expect(() => sockets.acquire(socketAt('/no/such/place/f.sock'), null)).toThrow(
      'Could not create FastCGI socket unix:///no/such/place/f.sock: [Errno 2] No such file or directory (the directory of the socket must exist)',
    )
    expect(socketsOfOurs()).toBe(before)
  })
})
