import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAutomaticLog, removeAutomaticLogs } from '../../../supervisor/logs/automatic-logs.ts'
import { files } from '../../../supervisor/system/files.ts'
import { logFiles } from '../../../supervisor/system/log-file.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'automatic-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('an automatic log is named after process, channel and identifier, and only its owner may read it', () => {
  const path = createAutomaticLog(logFiles, { processName: 'web', channel: 'stderr', identifier: 'lab', directory })
  expect(path.slice(directory.length)).toMatch(/^\/web-stderr---lab-[a-z0-9_]{8}\.log$/)
  expect(statSync(path)).toMatchObject({ size: 0, mode: 0o100600 })
})

test('a name that is taken is not used again', () => {
  const names = ['a', 'a', 'b']
  const tried: string[] = []
  const path = createAutomaticLog(
    { ...logFiles, createNew: path => tried.push(path) === names.length },
    { processName: 'x', channel: 'stdout', identifier: 'i', directory: '/logs/' },
  )
  expect(tried).toHaveLength(3)
  expect(path).toBe(tried[2])
  expect(path).toMatch(/^\/logs\/x-stdout---i-/)
})

test('a directory that is not there is an error', () => {
  expect(() =>
    createAutomaticLog(logFiles, {
      processName: 'x',
      channel: 'stdout',
      identifier: 'i',
      directory: join(directory, 'no'),
    }),
  ).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})

test('the clean-up takes logs and backups of this identifier, of any process', () => {
  const gone = [
    'x-stdout---lab-abcdefgh.log',
    'x-stderr---lab-abcdefgh.log.1',
    'old-stdout---lab-q.log.3',
    'y---lab-1.log12',
  ]
  const kept = [
    'x-stdout---lab2-abcdefgh.log',
    '---lab-abcdefgh.log',
    'x-stdout---lab-.log',
    'x-stdout---lab-a b.log',
    'x.log',
  ]
  for (const name of [...gone, ...kept]) writeFileSync(join(directory, name), '')
  expect(removeAutomaticLogs(files, directory, 'lab')).toEqual([])
  expect(readdirSync(directory).sort()).toEqual(kept.sort())
})

test('an identifier is no pattern', () => {
  for (const name of ['x-stdout---a.c(-1.log', 'x-stdout---abc(-1.log']) writeFileSync(join(directory, name), '')
  removeAutomaticLogs(files, directory, 'a.c(')
  expect(readdirSync(directory)).toEqual(['x-stdout---abc(-1.log'])
})

test('what cannot be removed is warned about', () => {
  const path = join(directory, 'x-stdout---lab-abcdefgh.log')
  mkdirSync(path)
  expect(removeAutomaticLogs(files, directory, 'lab')).toEqual([`Failed to clean up '${path}'`])
  expect(removeAutomaticLogs(files, join(directory, 'missing'), 'lab')).toEqual(['Could not clear childlog dir'])
})
