import { describe, expect, test } from 'vitest'
import { openCapture } from '../../../supervisor/logs/capture.ts'

const BEGIN = '<!--XSUPERVISOR:BEGIN-->'
const END = '<!--XSUPERVISOR:END-->'

function given({ maxBytes = 1024, prepare = (data: Buffer) => data } = {}) {
  const seen = { logged: '', captured: '', communications: [] as string[], order: [] as string[] }
  const capture = openCapture({
    maxBytes,
    prepare,
    piece(data, captured) {
      seen[captured ? 'captured' : 'logged'] += data
      seen.order.push(data.toString())
    },
    communication: data => void seen.communications.push(data.toString()),
  })
  return { seen, write: (text: string) => capture.write(Buffer.from(text)), end: () => capture.end() }
}

test('what stands between the tokens is captured, the rest is logged', () => {
  const { seen, write } = given()
  write(`before${BEGIN}captured${END}after`)
  expect(seen).toMatchObject({ logged: 'beforeafter', captured: 'captured', communications: ['captured'] })
  expect(seen.order).toEqual(['before', 'captured', 'after'])
})

test('several captures in one chunk, an empty one included', () => {
  const { seen, write } = given()
  write(`${BEGIN}1${END}a${BEGIN}${END}b${BEGIN}2${END}`)
  expect(seen).toMatchObject({ logged: 'ab', communications: ['1', '', '2'] })
})

describe('tokens may be split over reads at any byte:', () => {
  const text = `some text ${BEGIN}one and two${END} more ${BEGIN}three${END}.`
  test.each(Array.from({ length: text.length - 1 }, (_, at) => at + 1))('after %i bytes', at => {
    const { seen, write, end } = given()
    write(text.slice(0, at))
    write(text.slice(at))
    end()
    expect(seen).toMatchObject({ logged: 'some text  more .', communications: ['one and two', 'three'] })
  })
  test('byte by byte', () => {
    const { seen, write } = given()
    for (const character of text) write(character)
    expect(seen).toMatchObject({ logged: 'some text  more .', communications: ['one and two', 'three'] })
  })
})

test('short output is logged at once, unlike in the original', () => {
  const { seen, write } = given()
  write('hi\n')
  expect(seen.logged).toBe('hi\n')
})

test('only what may become a token is held back, and let go at the end', () => {
  const { seen, write, end } = given()
  write('text <!--XSUP')
  expect(seen.logged).toBe('text ')
  end()
  expect(seen.logged).toBe('text <!--XSUP')
})

test('what looked like a token and is none is logged in full', () => {
  const { seen, write } = given()
  write('<!--XSUPER')
  write('MARKET-->')
  expect(seen.logged).toBe('<!--XSUPERMARKET-->')
})

test('a token that begins inside a false start is seen', () => {
  const { seen, write } = given()
  write('<!--XSUP<!--X')
  write(`SUPERVISOR:BEGIN-->x${END}`)
  expect(seen).toMatchObject({ logged: '<!--XSUP', communications: ['x'] })
})

test('a capture without an end is given up when the child ends', () => {
  const { seen, write, end } = given()
  write(`${BEGIN}lost`)
  end()
  expect(seen).toMatchObject({ logged: '', captured: 'lost', communications: [] })
})

describe('the limit is loose:', () => {
  test('one piece that is longer is kept whole', () => {
    const { seen, write } = given({ maxBytes: 10 })
    write(`${BEGIN}${'x'.repeat(50)}${END}`)
    expect(seen.communications).toEqual(['x'.repeat(50)])
  })
  test('a piece makes room by its own length at the front', () => {
    const { seen, write } = given({ maxBytes: 10 })
    write(`${BEGIN}abcdef`)
    write('gh')
    write('XYZ')
    write('1')
    write(END)
    expect(seen.communications).toEqual(['defghXYZ1'])
  })
  test('up to the limit nothing is dropped', () => {
    const { seen, write } = given({ maxBytes: 10 })
    write(BEGIN)
    for (const piece of ['abc', 'def', 'ghij']) write(piece)
    write(END)
    expect(seen.communications).toEqual(['abcdefghij'])
  })
})

test('pieces are prepared for the communication, and handed over as they are', () => {
  const { seen, write } = given({ prepare: data => Buffer.from(data.toString().toUpperCase()) })
  write(`a${BEGIN}b${END}`)
  expect(seen).toMatchObject({ logged: 'a', captured: 'b', communications: ['B'] })
})
