import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readable, readLogTail } from '../../../../programs/instance_portal/log-tail.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync('/tmp/log-tail-')
})
afterEach(() => rmSync(directory, { recursive: true }))

test('the end of a long log begins with a whole line', () => {
  const path = join(directory, 'x.log')
  writeFileSync(path, 'one line\n€€€ another\nthe last\n')
  expect(readLogTail(path)).toEqual({ text: 'one line\n€€€ another\nthe last\n', cut: false })
  expect(readLogTail(path, 15)).toEqual({ text: 'the last\n', cut: true })
  expect(readLogTail(path, 4)?.cut).toBe(true)
})

test('links, pipes and directories are not followed: anybody may put them there', () => {
  const link = join(directory, 'link.log')
  symlinkSync('/etc/passwd', link)
  execFileSync('mkfifo', [join(directory, 'pipe.log')])
  expect(readLogTail(link)).toBeUndefined()
  expect(readLogTail(join(directory, 'pipe.log'))).toBeUndefined()
  expect(readLogTail(directory)).toBeUndefined()
  expect(readLogTail(join(directory, 'none'))).toBeUndefined()
})

test.each([
  ['\u001b[31mred\u001b[0m\n', 'red\n'],
  ['10%\r50%\r100%\nnext', '100%\nnext'],
  ['dos\r\n', 'dos\n'],
  ['bell\u0007 and\u0000 tab\there', 'bell and tab\there'],
])('%j reads %j', (raw, text) => {
  expect(readable(raw)).toBe(text)
})
