import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { growPipe, pipe } from '../../../supervisor/system/native.ts'
import { type GrowPipe, openPipeReader } from '../../../supervisor/system/pipe-reader.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function given({
  grow = growPipe,
  isDialogue = false,
  onData = (_: Buffer) => {},
}: {
  grow?: GrowPipe
  isDialogue?: boolean
  onData?: (chunk: Buffer) => void
} = {}) {
  const [read, write] = pipe()
  const seen = { text: '', bytes: 0, chunks: 0, largest: 0, ended: 0 }
  const reader = openPipeReader(
    read,
    {
      isDialogue,
      data(chunk) {
        if (seen.bytes < 1_000) seen.text += chunk
        seen.bytes += chunk.length
        seen.chunks++
        seen.largest = Math.max(seen.largest, chunk.length)
        onData(chunk)
      },
      end: () => void seen.ended++,
    },
    grow,
  )
  const until = (condition: () => void) => vi.waitFor(condition, { interval: 5, timeout: 60_000 })
  const own = { write: (text: string) => writeSync(write, text), close: () => closeSync(write) }
  const run = (script: string) => {
    const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', write, 'inherit'] })
    children.push(child)
    closeSync(write)
    return child.pid!
  }
  /** As a reader does that is slower than the writer: lets the pipe fill before each read, until `done`. For `onData: pause`. */
  const readLate = async (pid: number, done: () => boolean) => {
    for (;;) {
      await until(() => expect(waitsForRoom(pid)).toBe(true))
      if (done()) return
      const before = seen.bytes
      reader.resume()
      await until(() => expect(seen.bytes).toBeGreaterThan(before))
    }
  }
  return { reader, seen, until, own, run, readLate }
}

/** Does it stand still in a write? The number of that call on x64, arm64. */
const waitsForRoom = (pid: number): boolean => /^(1|64) 0x1 /.test(readFileSync(`/proc/${pid}/syscall`, 'utf8'))

/** 20 MB */
const WRITES_MUCH = `exec /usr/bin/python3 -c "import os
data = bytes(range(251)) * 80000
while data: data = data[os.write(1, data[:65536]):]"`

test('what is written comes at once, and the end when the last writer has gone', async () => {
  const { seen, until, own } = given()
  own.write('prompt')
  await until(() => expect(seen.text).toBe('prompt'))
  expect(seen.ended).toBe(0)
  own.close()
  await until(() => expect(seen.ended).toBe(1))
})

test('every byte of a busy child arrives, in order, and its pipe grows', async () => {
  const sizes: number[] = []
  let expected = 0
  let broken = false
  const { reader, seen, until, run, readLate } = given({
    grow: (descriptor, bytes) => {
      sizes.push(bytes)
      return growPipe(descriptor, bytes)
    },
    onData(chunk) {
      for (const byte of chunk) if (byte !== expected++ % 251) broken = true
      if (sizes.length < 2) reader.pause()
    },
  })
  await readLate(run(WRITES_MUCH), () => sizes.length === 2)
  reader.resume()
  await until(() => expect(seen.ended).toBe(1))
  expect({ bytes: seen.bytes, broken }).toEqual({ bytes: 251 * 80_000, broken: false })
  expect(sizes).toEqual([256 << 10, 1 << 20])
  expect(seen.largest).toBeGreaterThan(65_536)
})

test('when the kernel refuses a larger pipe, it is asked once', async () => {
  let asked = 0
  let reads = 0
  const { reader, seen, until, run, readLate } = given({
    grow: () => {
      asked++
      return -1
    },
    onData() {
      if (++reads <= 3) reader.pause()
    },
  })
  await readLate(run('exec head -c 3000000 /dev/zero'), () => reads === 3)
  reader.resume()
  await until(() => expect(seen.ended).toBe(1))
  expect({ bytes: seen.bytes, asked }).toEqual({ bytes: 3_000_000, asked: 1 })
})

test('a child that writes line by line is read in large pieces', async () => {
  const { seen, until, run } = given()
  const began = performance.now()
  run('i=0; while [ $i -lt 30000 ]; do echo "line $i of a busy child"; i=$((i+1)); done')
  await until(() => expect(seen.ended).toBe(1))
  // one for each 5 ms, and some each time that the machine lets it stand still
  expect(seen.chunks).toBeLessThan(100 + (performance.now() - began) / 2)
})

test('what a child says that waits for an answer to each piece is read at once, however much it says', async () => {
  const { seen, own } = given({ isDialogue: true })
  for (const piece of 'abcdefgh') {
    own.write(piece)
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(seen.text.at(-1)).toBe(piece)
  }
  own.close()
})

describe('while paused', () => {
  test('nothing is read; it goes on after resume', async () => {
    const { reader, seen, until, own } = given()
    own.write('a')
    await until(() => expect(seen.text).toBe('a'))
    reader.pause()
    own.write('b')
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(seen.text).toBe('a')
    reader.resume()
    await until(() => expect(seen.text).toBe('ab'))
    own.close()
  })

  test('the writer is held when its pipe is full, and loses nothing', async () => {
    const { reader, seen, until, run } = given({ onData: () => reader.pause() })
    run('head -c 400000 /dev/zero')
    await until(() => expect(seen.bytes).toBeGreaterThan(0))
    while (seen.bytes < 400_000) {
      const before = seen.bytes
      reader.resume()
      await until(() => expect(seen.bytes).toBeGreaterThan(before))
    }
    reader.resume()
    await until(() => expect(seen.ended).toBe(1))
  })
})

describe('drainAndClose', () => {
  test('hands over what is in the pipe, and ends', () => {
    const { reader, seen, own } = given()
    own.write('last words')
    reader.drainAndClose()
    expect(seen).toMatchObject({ text: 'last words', ended: 1 })
    own.close()
  })

  test('also when paused', () => {
    const { reader, seen, own } = given()
    reader.pause()
    own.write('last words')
    reader.drainAndClose()
    expect(seen).toMatchObject({ text: 'last words', ended: 1 })
    own.close()
  })

  test('does not wait for a silent grandchild, which then gets EPIPE', () => {
    const { reader, seen, own } = given()
    reader.drainAndClose()
    expect(seen.ended).toBe(1)
    expect(() => own.write('x')).toThrow(expect.objectContaining({ code: 'EPIPE' }))
    own.close()
  })

  test('takes no more than a pipe full from a chatty grandchild', async () => {
    const { reader, seen, until, run } = given({ onData: () => reader.pause() })
    run('exec cat /dev/zero')
    await until(() => expect(seen.bytes).toBeGreaterThan(0))
    const before = seen.bytes
    reader.drainAndClose()
    expect(seen.bytes - before).toBeLessThanOrEqual(1 << 20)
    expect(seen.ended).toBe(1)
  })

  test('hands over all that a pipe holds that has been enlarged', async () => {
    let expected = 0
    let broken = false
    const { reader, seen, run, readLate } = given({
      onData(chunk) {
        for (const byte of chunk) if (byte !== expected++ % 251) broken = true
        reader.pause()
      },
    })
    await readLate(run(WRITES_MUCH), () => seen.bytes > 2_000_000)
    const before = seen.bytes
    reader.drainAndClose()
    expect({ broken, ended: seen.ended }).toEqual({ broken: false, ended: 1 })
    expect(seen.bytes - before).toBeGreaterThan(900_000)
  })

  test('may come twice, after the end, and from within a handler', async () => {
    const { reader, seen, until, own } = given({ onData: () => reader.drainAndClose() })
    own.write('x')
    await until(() => expect(seen.ended).toBe(1))
    reader.drainAndClose()
    reader.pause()
    reader.resume()
    own.close()
    expect(seen).toMatchObject({ text: 'x', ended: 1 })
  })

  test('closes the descriptor', () => {
    const before = readdirSync('/proc/self/fd').length
    for (let n = 0; n < 20; n++) {
      const { reader, own } = given()
      reader.drainAndClose()
      own.close()
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1)
  })
})

test('where nothing flows no timer runs, and the kernel wakes us again', async () => {
  const { setTimeout } = globalThis
  let timers = 0
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: (ms: number) => void, ms: number) => {
    timers++
    return setTimeout(() => {
      timers--
      work(ms)
    }, ms)
  }) as typeof setTimeout)
  onTestFinished(() => void vi.restoreAllMocks())
  const turnsUntil = async (condition: () => boolean) => {
    while (!condition()) await new Promise(resolve => setImmediate(resolve))
  }
  const { reader, seen, own } = given()
  for (const character of 'abc') {
    own.write(character)
    await turnsUntil(() => seen.text.endsWith(character))
  }
  await turnsUntil(() => timers === 0)
  own.write('d')
  await turnsUntil(() => seen.text === 'abcd')
  reader.drainAndClose()
  own.close()
})
