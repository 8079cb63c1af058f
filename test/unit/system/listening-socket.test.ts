import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  closeListeningSocket,
  type ListeningAddress,
  openListeningSocket,
  SOMAXCONN,
} from '../../../supervisor/system/listening-socket.ts'
import { freePort } from '../../support/lab.ts'

let directory: string
const open = new Set<number>()

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'listening-'))
})
afterEach(() => {
  for (const descriptor of open) closeListeningSocket(descriptor)
  open.clear()
  rmSync(directory, { recursive: true })
})

const options = { backlog: SOMAXCONN, mode: 0o700, owner: null }

function listen(address: ListeningAddress, change: Partial<Parameters<typeof openListeningSocket>[1]> = {}): number {
  const descriptor = openListeningSocket(address, { ...options, ...change })
  open.add(descriptor)
  return descriptor
}

function close(descriptor: number): void {
  open.delete(descriptor)
  closeListeningSocket(descriptor)
}

/** Resolves with the code of the error, or null once connected. */
const knock = (target: { path: string } | { host: string; port: number }): Promise<string | null> =>
  new Promise(resolve => {
    const socket = connect(target)
    socket.on('connect', () => {
      socket.destroy()
      resolve(null)
    })
    socket.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? ''))
  })

const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
const flags = (descriptor: number): number =>
  Number.parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))![1]!, 8)

describe('unix', () => {
  const at = () => join(directory, 'f.sock')

  test('listens, with its mode', async () => {
    listen({ kind: 'unix', path: at() }, { mode: 0o640 })
    expect(await knock({ path: at() })).toBe(null)
    expect(statSync(at()).mode & 0o7777).toBe(0o640)
  })

  test('is blocking and close-on-exec', () => {
    const descriptor = listen({ kind: 'unix', path: at() })
    expect(flags(descriptor) & O_NONBLOCK).toBe(0)
    expect(flags(descriptor) & O_CLOEXEC).toBe(O_CLOEXEC)
  })

  test.skipIf(process.getuid!() !== 0)('belongs to its owner; −1 leaves the group', () => {
    listen({ kind: 'unix', path: at() }, { owner: { uid: 65534, gid: -1 } })
    expect([statSync(at()).uid, statSync(at()).gid]).toEqual([65534, process.getgid!()])
  })

  test('replaces the file of a socket that is gone, and any other file', async () => {
    close(listen({ kind: 'unix', path: at() }))
    expect(await knock({ path: at() })).toBe('ECONNREFUSED')
    close(listen({ kind: 'unix', path: at() }))
    rmSync(at())
    writeFileSync(at(), 'old')
    listen({ kind: 'unix', path: at() })
    expect(await knock({ path: at() })).toBe(null)
  })

  test('the file stays behind when it is closed', () => {
    close(listen({ kind: 'unix', path: at() }))
    expect(statSync(at()).isSocket()).toBe(true)
  })

  test('a path may have 107 bytes', () => {
    const path = `${directory}/`.padEnd(107, 'x')
    listen({ kind: 'unix', path })
    expect(statSync(path).isSocket()).toBe(true)
    expect(problem({ kind: 'unix', path: `${path}x` })).toEqual(['ENAMETOOLONG', 'AF_UNIX path too long'])
  })
})

describe('tcp', () => {
  test.each(['127.0.0.1', 'localhost'])('listens on %s', async host => {
    const port = await freePort()
    const descriptor = listen({ kind: 'tcp', host, port })
    expect(await knock({ host: '127.0.0.1', port })).toBe(null)
    expect(flags(descriptor) & O_NONBLOCK).toBe(0)
  })

  test('may be opened again at once', async () => {
    const port = await freePort()
    for (let n = 0; n < 3; n++) {
      const descriptor = listen({ kind: 'tcp', host: '127.0.0.1', port })
      expect(await knock({ host: '127.0.0.1', port })).toBe(null)
      close(descriptor)
    }
    expect(await knock({ host: '127.0.0.1', port })).toBe('ECONNREFUSED')
  })

  test('a port in use is not taken', async () => {
    const port = await freePort()
    listen({ kind: 'tcp', host: '127.0.0.1', port })
    expect(problem({ kind: 'tcp', host: '127.0.0.1', port })).toEqual([
      'EADDRINUSE',
      '[Errno 98] Address already in use',
    ])
  })

  test('an address of somebody else', () => {
    expect(problem({ kind: 'tcp', host: '192.0.2.1', port: 9 })).toEqual([
      'EADDRNOTAVAIL',
      '[Errno 99] Cannot assign requested address',
    ])
  })

  test('a name that cannot be', () => {
    expect(problem({ kind: 'tcp', host: 'x'.repeat(300), port: 9 })).toEqual([
      'ENOTFOUND',
      '[Errno -2] Name or service not known',
    ])
  })
})

function problem(address: ListeningAddress): [string | undefined, string] {
  try {
    listen(address)
  } catch (error) {
    return [(error as NodeJS.ErrnoException).code, (error as Error).message]
  }
  throw new Error('it listens')
}

describe('errors', () => {
  test('no directory', () => {
    expect(problem({ kind: 'unix', path: join(directory, 'no/f.sock') })).toEqual([
      'ENOENT',
      '[Errno 2] No such file or directory',
    ])
  })

  test('a directory in its place', () => {
    expect(problem({ kind: 'unix', path: directory })).toEqual(['EISDIR', '[Errno 21] Is a directory'])
  })

  test('no descriptor is left behind', () => {
    const before = openDescriptors()
    for (let n = 0; n < 20; n++) problem({ kind: 'unix', path: join(directory, 'no/f.sock') })
    expect(openDescriptors()).toBe(before)
  })
})

const openDescriptors = (): number => readdirSync('/proc/self/fd').length
