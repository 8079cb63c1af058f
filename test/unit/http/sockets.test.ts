import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServerConfig } from '../../../supervisor/config/config.ts'
import { listenOnPort } from '../../../supervisor/http/inet-socket.ts'
import { listenOnFile, type UnixSocketConfig } from '../../../supervisor/http/unix-socket.ts'
import type { Files } from '../../../supervisor/system/system.ts'
import { freePort } from '../../support/lab.ts'
import { call, closeLabs, openLab, post, talk, testSystem, unixServer } from './lab.ts'

const ANOTHER =
  'Another program is already listening on a port that one of our HTTP servers is configured to use.  ' +
  'Shut this program down first before starting supervisord.'

let directory: string
let file: string
const open: (HttpServer | Server)[] = []
beforeEach(() => {
  directory = mkdtempSync('/tmp/sockets-')
  file = join(directory, 's.sock')
})
afterEach(async () => {
  for (const server of open.splice(0)) server.close()
  await closeLabs()
  rmSync(directory, { recursive: true, force: true })
})

const config = (change: Partial<UnixSocketConfig> = {}): UnixSocketConfig => ({
  file,
  chmod: 0o700,
  chown: { uid: -1, gid: -1 },
  ...change,
})
const system = testSystem
const withFiles = (change: Partial<Files>) => {
  const real = system()
  return { ...real, files: { ...real.files, ...change } }
}
const failing = (code: string, errno: number) => () => {
  throw Object.assign(new Error(code), { code, errno })
}

async function listen(change: Partial<UnixSocketConfig> = {}, where = system()): Promise<HttpServer> {
  const server = createHttp((_, response) => response.end('ours'))
  open.push(server)
  await listenOnFile(server, config(change), where)
  return server
}

describe('unix socket', () => {
  test('has its name and mode, and nothing else is left', async () => {
    await listen({ chmod: 0o660 })
    expect(statSync(file).isSocket()).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o660)
    expect(readdirSync(directory)).toEqual(['s.sock'])
  })

  test('a left-over of the temporary name is no obstacle', async () => {
    writeFileSync(`${file}.${process.pid}`, '')
    await listen()
    expect(readdirSync(directory)).toEqual(['s.sock'])
  })

  test('somebody who listens there stays', async () => {
    await listen()
    await expect(listen()).rejects.toThrow(ANOTHER)
    const { send, until, destroy } = talk(file)
    send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('ours')
    destroy()
    expect(readdirSync(directory)).toEqual(['s.sock'])
  })

  test('somebody who closes without an answer listens, too', async () => {
    const server = createServer(socket => socket.end())
    open.push(server)
    await new Promise<void>(resolve => server.listen(file, resolve))
    await expect(listen()).rejects.toThrow(ANOTHER)
  })

  test.each(['a dead socket', 'a regular file'])('%s is replaced', async kind => {
    if (kind === 'a regular file') {
      writeFileSync(file, 'data')
    } else {
      // a server that was killed: its name stays
      const dead = createServer()
      await new Promise<void>(resolve => dead.listen(`${file}.x`, resolve))
      system().files.link(`${file}.x`, file)
      await new Promise(resolve => dead.close(resolve))
      expect(lstatSync(file).isSocket()).toBe(true)
    }
    const where = system()
    await listen({}, where)
    expect(where.said).toEqual([`Unlinking stale socket ${file}\n`])
    expect(statSync(file).isSocket()).toBe(true)
  })

  test('what cannot be removed is told, once', async () => {
    mkdirSync(file)
    const where = system()
    await expect(listen({}, where)).rejects.toThrow(
      /^Cannot open an HTTP server: socket\.error reported errno\.(EISDIR \(21\)|EPERM \(1\)): cannot remove .*s\.sock, a directory;/,
    )
    expect(where.said).toHaveLength(1)
  })

  test('what comes back whenever it is removed is given up', async () => {
    writeFileSync(file, '')
    const where = withFiles({ unlink: path => (path === file ? undefined : rmSync(path)) })
    await expect(listen({}, where)).rejects.toThrow(/^Cannot open an HTTP server: .*comes back whenever it is removed$/)
  })

  test.each<[string, string]>([
    ['/no/such/dir/s.sock', 'errno.ENOENT (2)'],
    [`/tmp/${'x'.repeat(120)}`, 'AF_UNIX path too long'],
  ])('%s cannot be opened', async (path, reason) => {
    await expect(listen({ file: path })).rejects.toThrow(`Cannot open an HTTP server: socket.error reported ${reason}`)
  })

  test('an owner that we may not give it to is told', async () => {
    const where = withFiles({ chown: failing('EPERM', -1) })
    await expect(listen({ chown: { uid: 0, gid: -1 } }, where)).rejects.toThrow(
      `Not permitted to chown ${file} to uid/gid (0, -1); adjust "sockchown" value in config file or on command line to ` +
        'values that the current user (somebody) can successfully chown',
    )
    expect(existsSync(file)).toBe(true)
  })

  test('a file system without hard links will do', async () => {
    await listen({}, withFiles({ link: failing('EPERM', -1) }))
    expect(readdirSync(directory)).toEqual(['s.sock'])
  })

  test.runIf(process.getuid!() === 0)('belongs to whom it is given', async () => {
    await listen({ chown: { uid: 65534, gid: -1 } })
    expect([statSync(file).uid, statSync(file).gid]).toEqual([65534, 0])
  })
})

const portOf = (server: HttpServer): number => (server.address() as { port: number }).port

describe('inet socket', () => {
  test.each(['127.0.0.1', 'localhost', '', '*'])('%j listens on IPv4', async host => {
    const server = createHttp()
    open.push(server)
    await listenOnPort(server, { host, port: 0 })
    expect(server.address()).toMatchObject({ family: 'IPv4' })
  })

  test('a port in use is told', async () => {
    const [first, second] = [createHttp(), createHttp()]
    open.push(first, second)
    await listenOnPort(first, { host: '127.0.0.1', port: 0 })
    await expect(listenOnPort(second, { host: '127.0.0.1', port: portOf(first) })).rejects.toThrow(ANOTHER)
  })

  test('an address that is none is told by its number', async () => {
    await expect(listenOnPort(createHttp(), { host: '[::1]', port: 0 })).rejects.toThrow(
      /^Cannot open an HTTP server: socket\.error reported -\d$/,
    )
  })

  test('an address of somebody else is told', async () => {
    await expect(listenOnPort(createHttp(), { host: '192.0.2.1', port: 0 })).rejects.toThrow(
      'Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL (99)',
    )
  })
})

describe('several servers', () => {
  const inet = (port: number, change: Partial<ServerConfig> = {}): ServerConfig =>
    ({
      kind: 'inet',
      section: 'inet_http_server',
      credentials: null,
      host: '127.0.0.1',
      port,
      ...change,
    }) as ServerConfig

  test('answer each with its own password', async () => {
    const port = await freePort()
    const { ask } = await openLab({
      servers: where => [
        inet(port, { credentials: { username: 'me', password: 'secret' } }),
        unixServer(join(where, 's.sock')),
        unixServer(join(where, 'two.sock')),
      ],
    })
    expect(await ask(post(call('getPID')), port)).toContain('401 Unauthorized')
    expect(await ask(post(call('getPID')))).toContain('4242')
  })

  test('one that fails closes those before it', async () => {
    const port = await freePort()
    const opening = openLab({ servers: () => [inet(port), unixServer(file), unixServer('/no/such/dir/s.sock')] })
    await expect(opening).rejects.toThrow('errno.ENOENT (2)')
    expect(existsSync(file)).toBe(false)
    const server = createHttp()
    open.push(server)
    await listenOnPort(server, { host: '127.0.0.1', port })
  })

  test('can be opened again after they were closed', async () => {
    for (let round = 0; round < 3; round++) {
      const lab = await openLab({ servers: () => [unixServer(file)] })
      expect(await lab.ask(post(call('getPID')), file)).toContain('4242')
      await lab.servers.close()
      expect(readdirSync(directory)).toEqual([])
    }
  })
})
