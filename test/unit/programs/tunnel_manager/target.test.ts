import { expect, test } from 'vitest'
import { parseTarget } from '../../../../programs/tunnel_manager/target.ts'

const url = (text: string, hostnames: string[] = []): string => parseTarget(text, hostnames).url

test('one target has one name, however it is written', () => {
  for (const text of ['localhost:7860', 'http://localhost:7860', 'http://localhost:7860/', 'HTTP://LOCALHOST:7860'])
    expect(url(text)).toBe('http://localhost:7860')
  expect(url('https://localhost:8080')).toBe('https://localhost:8080')
  expect(url('127.0.0.1:80')).toBe('http://127.0.0.1:80')
  expect(url('https://[::1]')).toBe('https://[::1]:443')
  expect(url('http://backend:3000', ['backend'])).toBe('http://backend:3000')
})

test.each([
  ['http://10.0.0.1:80', /neither this machine nor a hostname/],
  ['http://169.254.169.254', /neither this machine/],
  ['http://localhost.evil.example:80', /neither this machine/],
  ['http://localhost:11111', /port 11111 is the Instance Portal, without a login/],
  ['localhost:11112', /the tunnel manager/],
  ['localhost:2019', /admin/],
  ['http://localhost:80/path', /a tunnel leads to a whole port/],
  ['http://user:word@localhost:80', /a tunnel leads to a whole port/],
  ['http://localhost:80?x=1', /a tunnel leads to a whole port/],
  ['ftp://localhost:21', /not an address to tunnel to/],
  ['localhost:99999', /not an address/],
  ['--config=/etc/shadow', /a tunnel leads to a whole port/],
  ['', /not an address/],
])('%s is refused', (text, message) => {
  expect(() => url(text)).toThrow(message)
})
