/** Instances that share a volume, each played by a call. Source: contract/vast-instance.md 2.4 (35, 37), 13 (20) */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { copyOnce } from '../../../../scripts/boot/shared-copy.ts'

const pace = { beatMs: 20, deadAfterMs: 300, lookEveryMs: 20 }
let volume: string
let directory: string
beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), 'bosun-'))
  directory = join(volume, 'below', 'home')
})
afterEach(() => rmSync(volume, { recursive: true }))

interface Attempt {
  readonly copied: string[]
  readonly said: string[]
}

function attempt({
  copy = async () => {},
  signal = new AbortController().signal,
  isComplete = (): boolean => false,
  beatMs = pace.beatMs,
} = {}): Attempt & {
  readonly done: Promise<void>
} {
  const [copied, said]: [string[], string[]] = [[], []]
  const done = copyOnce({
    directory,
    copy: async () => {
      copied.push('copied')
      await copy()
    },
    isComplete,
    say: line => said.push(line),
    signal,
    pace: { ...pace, beatMs },
  })
  return { copied, said, done }
}

test('one copies, the others wait until all is there', async () => {
  let finish = (): void => {}
  const first = attempt({ copy: () => new Promise(done => (finish = done)) })
  const second = attempt()
  await expect.poll(() => second.said).toEqual([`Waiting for another instance that copies to ${directory}`])
  // longer than a dead one would get
  await expect.poll(() => Number(readFileSync(join(directory, '.syncing'), 'utf8').split(' ')[1])).toBeGreaterThan(20)
  expect(second.copied).toEqual([])
  finish()
  await Promise.all([first.done, second.done])
  expect([first.copied, second.copied]).toEqual([['copied'], []])
  expect(existsSync(join(directory, '.synced'))).toBe(true)
  expect(existsSync(join(directory, '.syncing'))).toBe(false)
  const third = attempt()
  await third.done
  expect(third.copied).toEqual([])
})

test('a machine that stands still stops both: that is no reason to take over', async () => {
  let finish = (): void => {}
  const first = attempt({ copy: () => new Promise(done => (finish = done)), beatMs: pace.lookEveryMs * 5 })
  const second = attempt()
  await expect.poll(() => second.said).toHaveLength(1)
  for (let times = 0; times < 3; times++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pace.deadAfterMs * 1.5)
    await new Promise(next => setTimeout(next, pace.lookEveryMs * 2))
  }
  expect(second.copied).toEqual([])
  finish()
  await Promise.all([first.done, second.done])
  expect(second.copied).toEqual([])
})

test('one that was stopped is noticed, and exactly one goes on', async () => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '.syncing'), 'other 7\n')
  const both = [attempt(), attempt()]
  await Promise.all(both.map(({ done }) => done))
  expect(both.flatMap(({ copied }) => copied)).toEqual(['copied'])
  expect(both.flatMap(({ said }) => said)).toContain(
    `The instance that copied to ${directory} is gone; this one goes on`,
  )
})

test('a copy that fails is tried by the next', async () => {
  const failing = attempt({ copy: () => Promise.reject(new Error('no disk')) })
  await expect(failing.done).rejects.toThrow('no disk')
  const next = attempt()
  await next.done
  expect(next.copied).toEqual(['copied'])
})

test('an older image at work, which does not beat, is waited for until the deadline', async () => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '.syncing'), '')
  const controller = new AbortController()
  const waiting = attempt({ signal: controller.signal })
  setTimeout(() => controller.abort(), pace.deadAfterMs * 2)
  await expect(waiting.done).rejects.toThrow()
  expect(waiting.copied).toEqual([])
})

test('a tree from before there was a mark counts as whole, and gets one', async () => {
  mkdirSync(directory, { recursive: true })
  await attempt({ isComplete: () => true }).done
  expect(existsSync(join(directory, '.synced'))).toBe(true)
})
