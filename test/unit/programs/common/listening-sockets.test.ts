import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import {
  parseSocketLink,
  parseSocketTable,
  parseStat,
  readListeningSockets,
} from '../../../../programs/common/listening-sockets.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: string, state: string, inode: number, remote = '00000000:0000'): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`

test.each([
  ['0100007F:2B67', '127.0.0.1', 11111],
  ['00000000:0457', '0.0.0.0', 1111],
  ['0201A8C0:0016', '192.168.1.2', 22],
  ['00000000000000000000000000000000:1F90', '::', 8080],
  ['00000000000000000000000001000000:1F90', '::1', 8080],
  ['0000000000000000FFFF00000100007F:1F90', '127.0.0.1', 8080],
  ['B80D01200000000000000000EF000000:01BB', '2001:db8::ef', 443],
])('%s is %s, port %d', (local, address, port) => {
  expect(parseSocketTable(HEAD + line(local, '0A', 7), 'tcp')).toEqual([{ protocol: 'tcp', address, port, inode: 7 }])
})

test('only those that wait for somebody count', () => {
  const tcp = HEAD + line('00000000:0457', '01', 1, '0100007F:1000') + line('00000000:0458', '0A', 2)
  expect(parseSocketTable(tcp, 'tcp').map(({ inode }) => inode)).toEqual([2])
  const udp = HEAD + line('00000000:0457', '01', 1, '0100007F:0035') + line('00000000:0458', '07', 2)
  expect(parseSocketTable(udp, 'udp').map(({ inode }) => inode)).toEqual([2])
})

test('what is no table is no sockets', () => {
  expect(parseSocketTable('', 'tcp')).toEqual([])
  expect(parseSocketTable('one two three 0A\n \n0: xyz:12 0 0A', 'tcp')).toEqual([])
})

test('links and names of processes may be anything', () => {
  expect(parseSocketLink('socket:[31861]')).toBe(31861)
  expect(parseSocketLink('/tmp/socket:[1]')).toBeUndefined()
  expect(parseStat('12 (a) R (b) S 3 4 5')).toEqual({ name: 'a) R (b', parent: 3 })
  expect(parseStat('')).toBeUndefined()
})

test('our own sockets are found, with whom they belong to', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const datagrams = createSocket('udp4')
  await new Promise<void>(resolve => datagrams.bind(0, '127.0.0.1', resolve))
  const find = (supervised: ReadonlyMap<number, string>) => readListeningSockets(supervised)
  const mine = find(new Map([[process.ppid, 'runner']])).find(socket => socket.port === port)
  expect(mine).toMatchObject({ protocol: 'tcp', address: '127.0.0.1', owner: { pid: process.pid, program: 'runner' } })
  expect(find(new Map())).toContainEqual({
    protocol: 'udp',
    address: '127.0.0.1',
    port: datagrams.address().port,
    owner: { pid: process.pid, name: mine!.owner!.name, program: undefined },
  })
  server.close()
  datagrams.close()
})

test.runIf(process.getuid!() === 0)('another account sees the socket, and not whose it is', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const script = `import('${import.meta.resolve('../../../../programs/common/listening-sockets.ts')}').then(({ readListeningSockets }) =>
    console.log(JSON.stringify(readListeningSockets(new Map()).filter(({ port }) => port === ${port}))))`
  const child = spawn(process.execPath, ['-e', script], {
    uid: 65_534,
    gid: 65_534,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', data => (text += data))
  await new Promise(resolve => child.once('close', resolve))
  server.close()
  expect(JSON.parse(text)).toEqual([{ protocol: 'tcp', address: '127.0.0.1', port }])
})
