import { describe, expect, test } from 'vitest'
import { renderEnvelope } from '../../../supervisor/listeners/envelope.ts'
import { readable } from '../../../supervisor/listeners/payload.ts'

const envelope = { server: 'lab7', serial: 21, pool: 'l', poolserial: 10, eventname: 'REMOTE_COMMUNICATION' }
const render = (payload: string): string => Buffer.from(renderEnvelope({ ...envelope, payload })).toString()

describe('envelope', () => {
  test('tokens stand in this order, one blank between them, and the payload follows the newline', () => {
    expect(render('type:a\nb')).toBe(
      'ver:3.0 server:lab7 serial:21 pool:l poolserial:10 eventname:REMOTE_COMMUNICATION len:8\ntype:a\nb',
    )
  })

  test('each token has exactly one colon', () => {
    for (const token of render('').trimEnd().split(' ')) expect(token.split(':')).toHaveLength(2)
  })

  // the original, with type é0 and data dé\n𝄞
  test.each([
    ['', 0],
    ['when:5', 6],
    ['é', 1],
    ['𝄞', 1],
    ['type:é0\ndé\n𝄞', 12],
    ['e\u0301', 2],
    ['\ud834', 1],
  ])('len of %j is %i code points', (payload, length) => {
    expect(render(payload)).toContain(` len:${length}\n`)
  })
})

describe('bytes of a child as text', () => {
  test('UTF-8 stays as it is, with its byte order mark and its control characters', () => {
    expect(readable(Buffer.from('\ufeffé\x1b[0m\0\n'))).toBe('\ufeffé\x1b[0m\0\n')
  })

  test('a part of a shared buffer is read, not all of it', () => {
    expect(readable(Buffer.from('abcdef').subarray(2, 4))).toBe('cd')
    expect(readable(new Uint8Array(Buffer.from('xyz').subarray(1)))).toBe('yz')
  })

  // the original: printf "\377x\351\n\\ 'q"
  test('what is not UTF-8 is shown as Python shows bytes', () => {
    expect(readable(Buffer.from("\xffx\xe9\n\\ 'q", 'latin1'))).toBe(`Undecodable: b"\\xffx\\xe9\\n\\\\ 'q"`)
    expect(readable(Buffer.from('\xffx\xe9\n"', 'latin1'))).toBe(`Undecodable: b'\\xffx\\xe9\\n"'`)
  })

  test('a surrogate in UTF-8 is not UTF-8', () => {
    expect(readable(Buffer.from([0xed, 0xa0, 0x80]))).toBe("Undecodable: b'\\xed\\xa0\\x80'")
  })
})
