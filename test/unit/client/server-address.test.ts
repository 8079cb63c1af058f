import { expect, test } from 'vitest'
import { parseServerUrl, ServerUrlError } from '../../../supervisor/client/server-address.ts'

test.each([
  ['unix:///run/supervisor.sock', { kind: 'unix', path: '/run/supervisor.sock' }],
  ['unix://relative', { kind: 'unix', path: 'relative' }],
  ['http://localhost:9001', { kind: 'tcp', host: 'localhost', port: 9001 }],
  ['http://127.0.0.1', { kind: 'tcp', host: '127.0.0.1', port: 80 }],
  ['http://127.0.0.1:1/RPC2', { kind: 'tcp', host: '127.0.0.1', port: 1 }],
  ['http://me:secret@host:1', { kind: 'tcp', host: 'host', port: 1 }],
  ['http://[::1]:9001', { kind: 'tcp', host: '::1', port: 9001 }],
])('%s leads somewhere', (url, address) => {
  expect(parseServerUrl(url)).toEqual(address)
})

test.each([
  ['ftp://x/', 'Unknown protocol for serverurl ftp://x/'],
  ['https://127.0.0.1:9001', 'Unknown protocol for serverurl https://127.0.0.1:9001'],
  ['UNIX:///x', 'Unknown protocol for serverurl UNIX:///x'],
  ['http://127.0.0.1:1x', "Port could not be cast to integer value as '1x'"],
  ['http://127.0.0.1:65536', 'Port out of range 0-65535'],
])('%s leads nowhere, in the words of the original', (url, message) => {
  expect(() => parseServerUrl(url)).toThrow(ServerUrlError)
  expect(() => parseServerUrl(url)).toThrow(message)
})
