import { describe, expect, test } from 'vitest'
import { HttpProtocolError, readResponses } from '../../../supervisor/client/response-reader.ts'

/** What is reported for these bytes, cut into pieces of `size`. */
function read(text: string, size = text.length, closes = false): string[] {
  const seen: string[] = []
  const reader = readResponses({
    head: ({ status, reason, keepAlive }) => seen.push(`${status} ${reason}${keepAlive ? '' : ' (last)'}`),
    data: bytes => {
      const last = seen.at(-1)!
      if (last.startsWith('data ')) seen[seen.length - 1] = last + bytes.toString()
      else seen.push(`data ${bytes}`)
    },
    end: () => seen.push('end'),
  })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size))
  if (closes) reader.finish()
  return seen
}

const sized = 'HTTP/1.1 200 OK\r\nServer: Medusa/1.12\r\nContent-Length: 5\r\n\r\nhello'
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n8;x=y\r\n, world\n\r\n0\r\nX: y\r\n\r\n'

describe('an answer is read the same however it is cut', () => {
  test.each([1, 2, 3, 7, 1000])('in pieces of %i bytes', size => {
    expect(read(sized, size)).toEqual(['200 OK', 'data hello', 'end'])
    expect(read(chunked, size)).toEqual(['200 OK', 'data hello, world\n', 'end'])
    expect(read(sized + chunked + sized, size)).toEqual([
      ...['200 OK', 'data hello', 'end'],
      ...['200 OK', 'data hello, world\n', 'end'],
      ...['200 OK', 'data hello', 'end'],
    ])
  })
})

test('an empty body ends at once', () => {
  expect(read('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')).toEqual(['200 OK', 'end'])
  expect(read('HTTP/1.1 304 Not Modified\r\n\r\n')).toEqual(['304 Not Modified', 'end'])
})

test('header names have any case, and blanks around the value do not matter', () => {
  expect(read('HTTP/1.1 200 OK\r\ncOnTeNt-LeNgTh:2  \r\n\r\nok')).toEqual(['200 OK', 'data ok', 'end'])
})

test('lines may end without a carriage return', () => {
  expect(read('HTTP/1.1 404 Not Found\nContent-Length: 2\n\nno')).toEqual(['404 Not Found', 'data no', 'end'])
})

test('an interim answer is skipped', () => {
  expect(read(`HTTP/1.1 100 Continue\r\n\r\n${sized}`)).toEqual(['200 OK', 'data hello', 'end'])
})

test('without a length the body ends with the connection', () => {
  expect(read('HTTP/1.1 200 OK\r\n\r\nabc', 4, true)).toEqual(['200 OK', 'data abc', 'end'])
})

test('Connection: close, and HTTP/1.0 without keep-alive, let no other request follow', () => {
  expect(read('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')[0]).toBe('200 OK (last)')
  expect(read('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n')[0]).toBe('200 OK (last)')
  expect(read('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n')[0]).toBe('200 OK')
})

test('a reason may be missing', () => {
  expect(read('HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n')[0]).toBe('500 ')
})

describe('what is not HTTP is refused', () => {
  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n\r\n', /bad status line/],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', /bad Content-Length/],
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', /bad chunk size/],
    [
      'a chunk longer than announced',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n',
      /longer than announced/,
    ],
    ['a line without end', 'x'.repeat(70_000), /more than 65536 bytes/],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(300)}`, /more than 256 headers/],
  ])('%s', (_, text, message) => {
    expect(() => read(text)).toThrow(HttpProtocolError)
    expect(() => read(text, 1000)).toThrow(message)
  })
})

describe('an answer that is cut short is an error', () => {
  test.each([
    ['before it begins', '', 'Remote end closed connection without response'],
    ['in its head', 'HTTP/1.1 200', 'Remote end closed connection in the middle of the response'],
    ['in its body', sized.slice(0, -1), 'Remote end closed connection in the middle of the response'],
    ['between chunks', chunked.slice(0, -9), 'Remote end closed connection in the middle of the response'],
  ])('%s', (_, text, message) => {
    expect(() => read(text, 10, true)).toThrow(message)
  })
})
