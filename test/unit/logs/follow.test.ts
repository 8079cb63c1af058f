import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Follower, followLog } from '../../../supervisor/logs/follow.ts'
import { followedFiles } from '../../../supervisor/system/followed-file.ts'

let directory: string
let path: string
let follower: Follower | null = null
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'follow-'))
  path = join(directory, 'x.log')
})
afterEach(() => {
  follower?.close()
  rmSync(directory, { recursive: true })
})

function given(content: string, at = path) {
  writeFileSync(path, content)
  const seen = { text: '', chunks: [] as string[], ended: false }
  follower = followLog(followedFiles, at, {
    onData(data) {
      seen.text += data
      seen.chunks.push(data.toString())
    },
    onEnd: () => {
      seen.ended = true
    },
  })
  const until = (text: string) => expect.poll(() => seen.text, { interval: 5 }).toBe(text)
  return { seen, until, follower: follower! }
}

test('it begins with the last 1024 bytes, and not before the call returns', async () => {
  const { seen, until } = given(`${'a'.repeat(3000)}${'b'.repeat(1020)}end\n`)
  expect(seen.text).toBe('')
  await until(`${'b'.repeat(1020)}end\n`)
})

test('each growth follows as it was written', async () => {
  const { seen, until } = given('hello\n')
  await until('hello\n')
  appendFileSync(path, 'more\n')
  await until('hello\nmore\n')
  appendFileSync(path, 'and more\n')
  await until('hello\nmore\nand more\n')
  expect(seen.chunks).toEqual(['hello\n', 'more\n', 'and more\n'])
})

test('rotation: the old file is read to its end, then the new one from its beginning', async () => {
  const { until } = given('old\n')
  await until('old\n')
  appendFileSync(path, 'last of old\n')
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'new\n')
  await until('old\nlast of old\nnew\n')
  appendFileSync(path, 'newer\n')
  await until('old\nlast of old\nnew\nnewer\n')
})

test('clearing: the file is unlinked and comes again later', async () => {
  const { until } = given('old\n')
  await until('old\n')
  unlinkSync(path)
  writeFileSync(path, 'after\n')
  await until('old\nafter\n')
})

test('truncation in place is told, and followed from the beginning', async () => {
  const { until } = given('old old old\n')
  await until('old old old\n')
  truncateSync(path, 0)
  await until('old old old\n==> File truncated <==\n')
  appendFileSync(path, 'new\n')
  await until('old old old\n==> File truncated <==\nnew\n')
})

test('other files of the directory do not matter', async () => {
  const { seen, until } = given('x')
  await until('x')
  writeFileSync(join(directory, 'y.log'), 'y')
  appendFileSync(path, 'z')
  await until('xz')
  expect(seen.chunks).toEqual(['x', 'z'])
})

test('a log behind a symbolic link is followed where it grows', async () => {
  mkdirSync(join(directory, 'links'))
  const link = join(directory, 'links', 'link.log')
  symlinkSync(path, link)
  const { until } = given('a', link)
  await until('a')
  appendFileSync(path, 'b')
  await until('ab')
})

test('a reader that pauses gets the rest later, in pieces, and nothing is kept for it', async () => {
  const { seen, until, follower } = given('')
  follower.pause()
  const much = 'x'.repeat(3_000_000)
  appendFileSync(path, much)
  appendFileSync(path, 'end')
  await new Promise(resolve => setImmediate(resolve))
  expect(seen.chunks).toEqual([])
  follower.resume()
  await until(`${much}end`)
  expect(Math.max(...seen.chunks.map(chunk => chunk.length))).toBeLessThanOrEqual(65_536)
})

test('pausing inside of onData stops at once', async () => {
  writeFileSync(path, '')
  let chunks = 0
  const paused = followLog(followedFiles, path, {
    onData() {
      chunks++
      paused!.pause()
    },
    onEnd() {},
  })
  follower = paused
  appendFileSync(path, 'x'.repeat(200_000))
  await expect.poll(() => chunks, { interval: 5 }).toBe(1)
  paused!.resume()
  expect(chunks).toBe(2)
})

test('after closing nothing comes', async () => {
  const { seen, follower } = given('hello')
  follower.close()
  follower.close()
  await new Promise(resolve => setImmediate(resolve))
  expect(seen).toMatchObject({ text: '', ended: false })
})

test('what is no regular file cannot be followed', () => {
  const handlers = { onData() {}, onEnd() {} }
  execFileSync('mkfifo', [join(directory, 'fifo')])
  for (const name of ['missing', 'fifo', '.']) {
    expect(followLog(followedFiles, join(directory, name), handlers)).toBe(null)
  }
  expect(followLog(followedFiles, '/dev/null', handlers)).toBe(null)
})
