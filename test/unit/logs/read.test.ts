import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFromLog, tailOfLog } from '../../../supervisor/logs/read.ts'
import { files } from '../../../supervisor/system/files.ts'

let directory: string
let log: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'read-'))
  log = join(directory, 'x.log')
  writeFileSync(log, '0123456789')
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('readFromLog', () => {
  test.each([
    [-4, 0, '6789'],
    [-100, 0, '0123456789'],
    [0, 0, '0123456789'],
    [8, 0, '89'],
    [2, 3, '234'],
    [8, 5, '89'],
    [10, 0, ''],
    [1_000_000, 0, ''],
    [1_000_000, 7, ''],
  ])('offset %i, length %i → %j', (offset, length, text) => {
    expect(readFromLog(files, log, offset, length)).toEqual({ text })
  })

  test.each([
    [-4, 2],
    [-4, -2],
    [0, -1],
    [3, -2],
  ])('offset %i, length %i are bad arguments', (offset, length) => {
    expect(readFromLog(files, log, offset, length)).toBe('BAD_ARGUMENTS')
  })

  test('no log and a missing file are NO_FILE, whatever the arguments', () => {
    expect(readFromLog(files, null, 0, 0)).toBe('NO_FILE')
    expect(readFromLog(files, '', 0, 0)).toBe('NO_FILE')
    expect(readFromLog(files, join(directory, 'missing'), -4, 2)).toBe('NO_FILE')
  })

  test('what cannot be read back is FAILED, and is not waited for', () => {
    const fifo = join(directory, 'fifo')
    execFileSync('mkfifo', [fifo])
    expect(readFromLog(files, fifo, -100, 0)).toBe('FAILED')
    expect(readFromLog(files, directory, 0, 0)).toBe('FAILED')
  })

  test('the null device is empty', () => {
    expect(readFromLog(files, '/dev/null', 0, 0)).toEqual({ text: '' })
    expect(tailOfLog(files, '/dev/null', 0, 10)).toEqual({ text: '', offset: 0, overflow: false })
  })

  test('bytes that are not UTF-8, and characters that the offset cuts, are replaced', () => {
    const odd = join(directory, 'odd')
    writeFileSync(odd, Buffer.from([0x61, 0xff, 0x62, 0xc3, 0xa9]))
    expect(readFromLog(files, odd, 0, 0)).toEqual({ text: 'a\ufffdbé' })
    expect(readFromLog(files, odd, -1, 0)).toEqual({ text: '\ufffd' })
    expect(readFromLog(files, odd, 2, 2)).toEqual({ text: 'b\ufffd' })
  })
})

describe('tailOfLog', () => {
  test.each([
    [0, 5, '56789', true],
    [0, 0, '', true],
    [3, -2, '', true],
    [3, 7, '3456789', false],
    [0, 10, '0123456789', false],
    [8, 4, '6789', false],
    [3, 10, '0123456789', false],
    [10, 5, '', false],
    [20, 5, '', false],
    [-5, 3, '789', true],
    [-5, 100, '0123456789', false],
  ])('offset %i, length %i → %j, overflow %j', (offset, length, text, overflow) => {
    expect(tailOfLog(files, log, offset, length)).toEqual({ text, offset: 10, overflow })
  })

  test('no log is empty', () => {
    const nothing = { text: '', offset: 0, overflow: false }
    expect(tailOfLog(files, null, 0, 10)).toEqual(nothing)
    expect(tailOfLog(files, join(directory, 'missing'), 0, 10)).toEqual(nothing)
  })
})
