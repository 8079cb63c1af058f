import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { followLinks, readTextFile, writeFileAtomically } from '../../../../programs/common/atomic-file.ts'
import { LockError, withFileLock } from '../../../../programs/common/file-lock.ts'
import { readLaunchMode } from '../../../../programs/common/launch-mode.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-atomic-'))
})
afterEach(() => rmSync(directory, { recursive: true }))
const at = (name: string): string => join(directory, name)
const modeOf = (name: string): number => statSync(at(name)).mode & 0o7777

describe('writeFileAtomically', () => {
  test('the mode is what is asked for, whatever the umask', () => {
    const umask = process.umask(0o077)
    try {
      writeFileAtomically(at('a'), 'x')
      writeFileAtomically(at('b'), 'x', { mode: 0o1666 })
    } finally {
      process.umask(umask)
    }
    expect([modeOf('a'), modeOf('b')]).toEqual([0o644, 0o1666])
  })

  test('keepMode keeps mode and owner of a file that is there', () => {
    writeFileSync(at('a'), 'old')
    chmodSync(at('a'), 0o640)
    writeFileAtomically(at('a'), 'new', { keepMode: true, mode: 0o600 })
    writeFileAtomically(at('b'), 'new', { keepMode: true, mode: 0o600 })
    expect([modeOf('a'), modeOf('b'), readFileSync(at('a'), 'utf8')]).toEqual([0o640, 0o600, 'new'])
  })

  test('writes the file that symbolic links mean, there or not', () => {
    mkdirSync(at('d'))
    symlinkSync('d/two', at('one'))
    symlinkSync(at('d/three'), at('d/two'))
    writeFileAtomically(at('one'), 'x')
    expect(readFileSync(at('d/three'), 'utf8')).toBe('x')
    expect(lstatSync(at('one')).isSymbolicLink()).toBe(true)
    expect(followLinks(at('one'))).toBe(at('d/three'))
  })

  test('links that go in a circle are told', () => {
    symlinkSync('b', at('a'))
    symlinkSync('a', at('b'))
    expect(() => writeFileAtomically(at('a'), 'x')).toThrow('too many symbolic links')
  })

  test('what fails leaves the old file and nothing else', () => {
    mkdirSync(at('a'))
    expect(() => writeFileAtomically(at('a'), 'x')).toThrow()
    expect(() => writeFileAtomically(at('no/such'), 'x')).toThrow()
    expect(readdirSync(directory)).toEqual(['a'])
  })
})

test('readTextFile: no file is an empty one; what cannot be read is told', () => {
  expect(readTextFile(at('none'))).toBe('')
  expect(() => readTextFile(directory)).toThrow('EISDIR')
})

describe('withFileLock', () => {
  test('others wait until the holder is done, or has died', async () => {
    const holder = spawn(
      process.execPath,
      [
        '-e',
        `import('${resolve('programs/common/file-lock.ts')}').then(({ withFileLock }) => withFileLock(${JSON.stringify(at('f'))}, () => { process.stdout.write('held'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) }))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(holder.stdout!, 'data')
    expect(() => withFileLock(at('f'), () => {}, 0)).toThrow(LockError)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    expect(withFileLock(at('f'), () => 'mine', 5)).toBe('mine')
  })

  test('is let go of when the work fails', () => {
    expect(() =>
      withFileLock(at('f'), () => {
        throw new Error('oh')
      }),
    ).toThrow('oh')
    expect(withFileLock(at('f'), () => 1, 0)).toBe(1)
  })
})

test.each([
  [undefined, 'args'],
  ['', 'ssh'],
  ['#!/bin/bash\nservice ssh start\n', 'ssh'],
  ['#!/bin/bash\n# start JupyterLab\n', 'jupyter'],
])('a launch script of %j is launch mode %s', (text, mode) => {
  if (text !== undefined) writeFileSync(at('.launch'), text)
  expect(readLaunchMode(at('.launch'))).toBe(mode)
})
