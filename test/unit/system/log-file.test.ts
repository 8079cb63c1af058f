import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type LogFileOptions, type LogTrouble, logFiles } from '../../../supervisor/system/log-file.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-file-'))
  path = join(directory, 'x')
  // it stands still unless a test moves it: how long a write takes is not up to the machine
  vi.spyOn(process, 'hrtime').mockImplementation(hrtime as typeof process.hrtime)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(directory, { recursive: true })
})

/** of the clock */
let ms = 0
const hrtime = (): [seconds: number, nanoseconds: number] => [Math.floor(ms / 1000), (ms % 1000) * 1e6]

function given(options: Partial<LogFileOptions> = {}) {
  const troubles: LogTrouble[] = []
  const flow: boolean[] = []
  const log = logFiles.open(
    { path, maxBytes: 0, backups: 0, ...options },
    { trouble: trouble => void troubles.push(trouble), flow: ready => void flow.push(ready) },
  )
  return { log, troubles, flow, write: (text: string) => log.write(Buffer.from(text)) }
}

/** The log and its backups: suffix to content. */
const files = () =>
  Object.fromEntries(
    readdirSync(directory)
      .filter(name => name.startsWith('x') && statSync(join(directory, name)).isFile())
      .map(name => [name.slice(1), readFileSync(join(directory, name), 'utf8')]),
  )

const openDescriptors = () => readdirSync('/proc/self/fd').length

describe('a regular file', () => {
  test('is appended to, byte for byte', () => {
    writeFileSync(path, 'before\n')
    const { log } = given()
    log.write(Buffer.from([0xff, 0x00, 0x80]))
    expect(readFileSync(path)).toEqual(Buffer.concat([Buffer.from('before\n'), Buffer.from([0xff, 0x00, 0x80])]))
    log.close()
  })

  test('that cannot be opened is an error with its code', () => {
    mkdirSync(path)
    expect(() => given()).toThrow(expect.objectContaining({ code: 'EISDIR' }))
    expect(() => given({ path: join(directory, 'no', 'x') })).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    writeFileSync(join(directory, 'file'), '')
    expect(() => given({ path: join(directory, 'file', 'x') })).toThrow(expect.objectContaining({ code: 'ENOTDIR' }))
  })

  test('that is deleted or renamed is written on until it is reopened', () => {
    const { log, write } = given()
    write('old\n')
    renameSync(path, join(directory, 'moved'))
    write('still old\n')
    expect(existsSync(path)).toBe(false)
    log.reopen()
    write('new\n')
    expect(files()).toEqual({ '': 'new\n' })
    expect(readFileSync(join(directory, 'moved'), 'utf8')).toBe('old\nstill old\n')
    log.close()
  })

  test('that cannot be reopened is written on, and that is told', () => {
    const { log, write, troubles } = given()
    renameSync(path, join(directory, 'moved'))
    mkdirSync(path)
    log.reopen()
    write('text')
    expect(readFileSync(join(directory, 'moved'), 'utf8')).toBe('text')
    expect(troubles).toEqual([{ type: 'cannotReopen', path, code: 'EISDIR' }])
    log.close()
  })

  test('costs one descriptor, and none after closing', () => {
    const before = openDescriptors()
    const { log, write } = given({ maxBytes: 5, backups: 2 })
    for (let n = 0; n < 10; n++) {
      write('rotates')
      log.reopen()
      log.clear()
    }
    expect(openDescriptors()).toBe(before + 1)
    log.close()
    log.close()
    expect(openDescriptors()).toBe(before)
  })
})

describe('rotation', () => {
  test('comes after the write that reaches maxbytes; .1 is the youngest, as many as backups are kept', () => {
    const { log, write } = given({ maxBytes: 100, backups: 2 })
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(letter => (count: number) => letter.repeat(count))
    write(a!(60))
    expect(files()).toEqual({ '': a!(60) })
    write(b!(60))
    expect(files()).toEqual({ '': '', '.1': a!(60) + b!(60) })
    write(c!(100))
    expect(files()).toEqual({ '': '', '.1': c!(100), '.2': a!(60) + b!(60) })
    write(d!(99))
    expect(files()).toEqual({ '': d!(99), '.1': c!(100), '.2': a!(60) + b!(60) })
    write('e')
    expect(files()).toEqual({ '': '', '.1': `${d!(99)}e`, '.2': c!(100) })
    log.close()
  })

  test('counts what was in the file before', () => {
    writeFileSync(path, 'x'.repeat(95))
    const { log, write } = given({ maxBytes: 100, backups: 1 })
    write('12345')
    expect(files()).toEqual({ '': '', '.1': `${'x'.repeat(95)}12345` })
    log.close()
  })

  test('without backups the log starts over', () => {
    const { log, write } = given({ maxBytes: 10, backups: 0 })
    write('123456789')
    write('0')
    expect(files()).toEqual({ '': '' })
    write('next')
    expect(files()).toEqual({ '': 'next' })
    log.close()
  })

  test.each([0, -1])('with maxbytes %i there is none', maxBytes => {
    const { log, write } = given({ maxBytes, backups: 2 })
    for (let n = 0; n < 3; n++) write('a'.repeat(60_000))
    expect(Object.keys(files())).toEqual([''])
    log.close()
  })

  test('a chunk of 128 KiB is never split, a larger one is: files exceed maxbytes by so much at most', () => {
    const { log } = given({ maxBytes: 1000, backups: 9 })
    log.write(Buffer.alloc(131_072, 'a'))
    log.write(Buffer.alloc(300_000, 'b'))
    expect(Object.entries(files()).map(([suffix, text]) => [suffix, text.length])).toEqual([
      ['', 0],
      ['.1', 300_000 - 2 * 131_072],
      ['.2', 131_072],
      ['.3', 131_072],
      ['.4', 131_072],
    ])
    log.close()
  })

  test('comes between lines, where a read of many has ended in the middle of one', () => {
    const { log, write } = given({ maxBytes: 100_000, backups: 9 })
    const text = Array.from({ length: 9000 }, (_, n) => `${n} ${'x'.repeat(n % 97)}\n`).join('')
    const half = text.length / 2 - 7
    write(text.slice(0, half))
    write(text.slice(half))
    const written = Object.entries(files()).sort(([a], [b]) => Number(b.slice(1)) - Number(a.slice(1)))
    expect(written.length).toBeGreaterThan(3)
    const [rest, ...rotated] = written.map(([, part]) => part).toReversed()
    expect(rotated.toReversed().join('') + rest).toBe(text)
    expect(rotated.filter(part => !part.endsWith('\n'))).toEqual([])
    log.close()
  })

  test('the new file is as private as the old one', () => {
    writeFileSync(path, '')
    chmodSync(path, 0o600)
    const { log, write } = given({ maxBytes: 5, backups: 1 })
    write('rotates')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    log.clear()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    log.close()
  })

  test('that fails does not stop the log; it is told once, and tried again after maxbytes more', () => {
    mkdirSync(join(`${path}.1`, 'full'), { recursive: true })
    const { log, write, troubles } = given({ maxBytes: 10, backups: 1 })
    for (let n = 0; n < 4; n++) write('12345')
    expect(files()).toEqual({ '': '12345'.repeat(4) })
    expect(troubles).toEqual([{ type: 'cannotRotate', path, code: 'EISDIR' }])
    rmSync(`${path}.1`, { recursive: true })
    write('12345')
    write('67890')
    expect(files()).toEqual({ '': '', '.1': `${'12345'.repeat(5)}67890` })
    log.close()
  })

  test('a log that was deleted meanwhile begins anew', () => {
    const { log, write } = given({ maxBytes: 10, backups: 1 })
    unlinkSync(path)
    write('1234567890')
    write('new')
    expect(files()).toEqual({ '': 'new' })
    log.close()
  })
})

describe('clearing', () => {
  test('unlinks the file and begins a new one; backups stay', () => {
    const { log, write } = given({ maxBytes: 10, backups: 1 })
    write('1234567890')
    write('old')
    const before = openSync(path, 'r')
    expect(log.clear()).toBe('cleared')
    write('new')
    expect(files()).toEqual({ '': 'new', '.1': '1234567890' })
    expect(readFileSync(before, 'utf8')).toBe('old')
    closeSync(before)
    log.close()
  })

  test('brings back a file that was deleted', () => {
    const { log } = given()
    unlinkSync(path)
    expect(log.clear()).toBe('cleared')
    expect(existsSync(path)).toBe(true)
    log.close()
  })

  test('behind a symbolic link empties the file and leaves the link', () => {
    const link = join(directory, 'link')
    writeFileSync(path, 'old')
    symlinkSync(path, link)
    const { log, write } = given({ path: link })
    expect(log.clear()).toBe('cleared')
    write('new')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(files()).toEqual({ '': 'new' })
    log.close()
  })

  test('does nothing to what is no regular file', () => {
    execFileSync('mkfifo', [path])
    const link = join(directory, 'link')
    symlinkSync('/dev/null', link)
    for (const special of [path, link, '/dev/null', '/dev/full']) {
      const { log } = given({ path: special })
      expect(log.clear()).toBe('kept')
      log.close()
    }
    expect(lstatSync(path).isFIFO()).toBe(true)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true)
    expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true)
  })
})

describe('a target that takes nothing', () => {
  test('never throws; it is told once, and how much is missing at the end', () => {
    const { log, write, troubles } = given({ path: '/dev/full' })
    for (let n = 0; n < 3; n++) write('1234567890')
    expect(troubles).toEqual([{ type: 'losing', path: '/dev/full', code: 'ENOSPC' }])
    log.close()
    expect(troubles.slice(1)).toEqual([{ type: 'lost', path: '/dev/full', bytes: 30 }])
  })

  test('a regular file on a full disk keeps what fits, and goes on when there is room', async () => {
    // RLIMIT_FSIZE stands for a full disk: EFBIG instead of ENOSPC, and a short write before it
    const script = `
      process.on('SIGXFSZ', () => {})
      const { logFiles } = await import(process.argv[1])
      const { setLimit } = await import(process.argv[2])
      const log = logFiles.open({ path: process.argv[3], maxBytes: 0, backups: 0 }, { trouble: t => console.log(JSON.stringify(t)) })
      let seconds = 0
      process.hrtime = () => [seconds, 0]
      setLimit(1, 1000, Infinity)
      log.write(Buffer.alloc(900, 'a'))
      log.write(Buffer.alloc(900, 'b'))
      log.write(Buffer.alloc(900, 'c'))
      setLimit(1, Infinity, Infinity)
      seconds = 2
      log.write(Buffer.alloc(900, 'd'))
      log.write(Buffer.alloc(900, 'e'))`
    const { output } = await runDaemon(script, [
      new URL('../../../supervisor/system/native.ts', import.meta.url).pathname,
      path,
    ])
    expect(
      output
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line)),
    ).toEqual([
      { type: 'losing', path, code: 'EFBIG' },
      { type: 'lost', path, bytes: 1700 },
    ])
    expect(readFileSync(path, 'utf8')).toBe('a'.repeat(900) + 'b'.repeat(100) + 'd'.repeat(900) + 'e'.repeat(900))
  })
})

describe('a disk on which a write took longer than 50 ms', () => {
  const slowly = (write: () => void, took = 60) => {
    vi.mocked(process.hrtime).mockReturnValueOnce(hrtime())
    ms += took
    write()
  }
  const until = (condition: () => void) => vi.waitFor(condition, { interval: 2, timeout: 60_000 })

  const inBackground = () => process.getActiveResourcesInfo().includes('FSReqCallback')

  test('is written in the background, in order, until it has caught up', async () => {
    const { log, write } = given()
    slowly(() => write('1'))
    expect(inBackground()).toBe(false)
    write('2')
    write('3')
    expect(inBackground()).toBe(true)
    await until(() => expect(inBackground()).toBe(false))
    write('4')
    expect(inBackground()).toBe(false)
    expect(files()).toEqual({ '': '1234' })
    log.close()
  })

  test('asks the source to pause when 2 MB wait, and to go on below 1 MB', async () => {
    const { log, flow, troubles } = given()
    slowly(() => log.write(Buffer.from('x')))
    for (let n = 0; n < 3; n++) log.write(Buffer.alloc(1 << 20))
    expect(flow).toEqual([false])
    await until(() => expect(statSync(path).size).toBe(3 * (1 << 20) + 1))
    await until(() => expect(flow).toEqual([false, true]))
    expect(troubles).toEqual([])
    log.close()
  })

  test('is rotated in the background, too', async () => {
    const { log, write, troubles } = given({ maxBytes: 10, backups: 3 })
    slowly(() => write('1'))
    for (let n = 2; n < 10; n++) write(String(n).repeat(5))
    await until(() => expect(files()).toEqual({ '': '', '.1': '8888899999', '.2': '6666677777', '.3': '4444455555' }))
    expect(troubles).toEqual([])
    log.close()
  })

  test('gets the output of the next life after that of the one before', async () => {
    const { log, write } = given()
    slowly(() => write('1'))
    write('2')
    log.close()
    const next = given()
    next.write('3')
    next.log.close()
    const last = given()
    last.write('4')
    expect(files()).not.toEqual({ '': '1234' })
    await until(() => expect(files()).toEqual({ '': '1234' }))
    await until(() => expect(inBackground()).toBe(false))
    last.write('5')
    expect(files()).toEqual({ '': '12345' })
    last.log.close()
  })

  test('rotates all the same', async () => {
    const { log, write } = given({ maxBytes: 10, backups: 1 })
    slowly(() => write('12345'))
    write('67890')
    write('next')
    await until(() => expect(files()).toEqual({ '': 'next', '.1': '1234567890' }))
    log.close()
  })

  test('gets what waits after closing, too', async () => {
    const before = openDescriptors()
    const { log, write } = given()
    slowly(() => write('1'))
    write('2')
    write('3')
    log.close()
    await until(() => expect(files()).toEqual({ '': '123' }))
    // what another test closed late may be gone by now, too
    await until(() => expect(openDescriptors()).toBeLessThanOrEqual(before))
  })

  test('is told of once when a write took longer than 250 ms', async () => {
    const { log, write, troubles } = given()
    slowly(() => write('1'), 240)
    await until(() => expect(inBackground()).toBe(false))
    write('2')
    await until(() => expect(inBackground()).toBe(false))
    expect(troubles).toEqual([])
    slowly(() => write('3'), 260)
    write('4')
    await until(() => expect(inBackground()).toBe(false))
    slowly(() => write('5'), 300)
    expect(troubles).toEqual([{ type: 'slow', path, ms: 260 }])
    log.close()
  })

  test('is waited for at our end, but not for ever', async () => {
    const { log, write } = given()
    await logFiles.allFinished(60_000)
    slowly(() => write('1'))
    write('2')
    write('3')
    log.close()
    expect(files()).not.toEqual({ '': '123' })
    await logFiles.allFinished(60_000)
    expect(files()).toEqual({ '': '123' })
  })

  test('is waited for where each line has to be in the file at once', () => {
    const { log, write } = given({ synchronous: true })
    slowly(() => write('1'))
    write('2')
    expect(files()).toEqual({ '': '12' })
    log.close()
  })
})

const modulePath = new URL('../../../supervisor/system/log-file.ts', import.meta.url).pathname

/** Runs a script as a process of its own, whose stdout is ours to look at. */
function runDaemon(script: string, args: readonly string[]) {
  return new Promise<{ output: string; status: number | null }>(resolve => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, modulePath, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.on('close', status => resolve({ output, status }))
  })
}

describe('a fifo', () => {
  beforeEach(() => void execFileSync('mkfifo', [path]))

  test('can be opened and written to while nobody reads it; a reader that comes gets it', () => {
    const { log, write, troubles } = given()
    write('early\n')
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const room = Buffer.alloc(100)
    expect(room.toString('utf8', 0, readSync(reader, room))).toBe('early\n')
    write('late\n')
    expect(room.toString('utf8', 0, readSync(reader, room))).toBe('late\n')
    expect(troubles).toEqual([])
    closeSync(reader)
    log.close()
  })

  test('that is full is queued for; a slow reader misses nothing, and the source is asked to pause', async () => {
    const { log, flow, troubles } = given()
    const written = Buffer.alloc(3_000_000)
    for (let n = 0; n < written.length; n++) written[n] = n % 251
    for (let at = 0; at < written.length; at += 100_000) log.write(written.subarray(at, at + 100_000))
    expect(flow).toEqual([false])
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const read: Buffer[] = []
    let bytes = 0
    await vi.waitFor(
      () => {
        const room = Buffer.alloc(1 << 20)
        try {
          read.push(room.subarray(0, readSync(reader, room)))
          bytes += read.at(-1)!.length
        } catch (error) {
          expect(error).toMatchObject({ code: 'EAGAIN' })
        }
        expect(bytes).toBe(written.length)
      },
      { interval: 1, timeout: 60_000 },
    )
    expect(Buffer.concat(read).equals(written)).toBe(true)
    expect({ flow, troubles }).toEqual({ flow: [false, true], troubles: [] })
    closeSync(reader)
    log.close()
  })

  test('whose reader is stuck holds nobody: after a second the source goes on, and what it writes is lost', async () => {
    const { log, flow, troubles, write } = given()
    log.write(Buffer.alloc(3_000_000))
    expect(flow).toEqual([false])
    ms += 1001
    await expect.poll(() => flow).toEqual([false, true])
    write('lost')
    expect(troubles).toEqual([{ type: 'losing', path, code: 'EAGAIN' }])
    log.close()
    await expect.poll(() => troubles).toHaveLength(2)
    expect(troubles[1]).toEqual({ type: 'lost', path, bytes: 3_000_000 - 65_536 + 4 })
  })

  test('what a queue has no room for is lost', () => {
    const { log, troubles } = given()
    for (let n = 0; n < 6; n++) log.write(Buffer.alloc(1 << 20))
    expect(troubles).toEqual([{ type: 'losing', path, code: 'EAGAIN' }])
    log.close()
  })

  test('what still waits at the end is written while the reader reads', async () => {
    const { log } = given()
    const before = openDescriptors()
    log.write(Buffer.alloc(200_000))
    log.close()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    let bytes = 0
    await vi.waitFor(
      () => {
        try {
          bytes += readSync(reader, Buffer.alloc(100_000))
        } catch {}
        expect(bytes).toBe(200_000)
      },
      { interval: 1, timeout: 60_000 },
    )
    closeSync(reader)
    // what another test closed late may be gone by now, too
    await expect.poll(openDescriptors).toBeLessThan(before)
  })
})

describe('our own stdout', () => {
  const writeTo = (name: string) => `
    const { logFiles } = await import(process.argv[1])
    const log = logFiles.open({ path: '${name}', maxBytes: 3, backups: 2 }, { trouble: t => console.error(t) })
    log.write(Buffer.from('one\\n'))
    log.reopen()
    if (log.clear() !== 'kept') throw new Error('cleared')
    log.write(Buffer.from('two\\n'))
    log.close()`
  const through = (script: string, shell: string) =>
    execFileSync('/bin/sh', ['-c', shell, 'sh', process.execPath, '--input-type=module', '-e', script, modulePath], {
      encoding: 'utf8',
    })

  test.each(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])('%s may be a pipe', name => {
    expect(through(writeTo(name), '"$@" | cat')).toBe('one\ntwo\n')
  })

  test('may be behind a link', () => {
    symlinkSync('/dev/stdout', path)
    expect(through(writeTo(path), '"$@" | cat')).toBe('one\ntwo\n')
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  test('may be a socket, which no path can open', async () => {
    // node gives its children sockets
    const { output, status } = await runDaemon(writeTo('/dev/stdout'), [])
    expect({ output, status }).toEqual({ output: 'one\ntwo\n', status: 0 })
  })

  test('may be a file: what others write through the same description stays, and it never rotates', () => {
    const out = join(directory, 'out')
    through(writeTo('/dev/stdout'), `{ echo first; "$@"; echo last; } > ${out}`)
    expect(readFileSync(out, 'utf8')).toBe('first\none\ntwo\nlast\n')
    expect(readdirSync(directory)).toEqual(['out'])
  })

  test('may be a terminal', () => {
    const out = join(directory, 'typescript')
    const command = [process.execPath, '--input-type=module', '-e', writeTo('/dev/stdout'), modulePath]
    const quoted = command.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    execFileSync('/usr/bin/python3', ['-c', 'import pty,sys; pty.spawn(["/bin/sh","-c",sys.argv[1]])', quoted], {
      stdio: ['ignore', openSync(out, 'w'), 'inherit'],
    })
    expect(readFileSync(out, 'utf8').replaceAll('\r', '')).toBe('one\ntwo\n')
  })

  test('keeps its flags: a pipe that others write to stays blocking', () => {
    const script = `${writeTo('/dev/stdout')}
      const { readFileSync } = await import('node:fs')
      console.error(readFileSync('/proc/self/fdinfo/1', 'utf8').match(/flags:\\s*(\\d+)/)[1])`
    const flags = through(script, '{ "$@" | cat > /dev/null; } 2>&1').trim()
    expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0)
  })

  test('that is closed is an error', () => {
    const script = `
      const { logFiles } = await import(process.argv[1])
      try { logFiles.open({ path: '/dev/fd/77', maxBytes: 0, backups: 0 }, { trouble() {} }) } catch (e) { console.log(e.code) }`
    expect(through(script, '"$@" | cat')).toBe('EBADF\n')
  })
})

test('the null device takes everything and needs no descriptor', () => {
  const before = openDescriptors()
  const { log, write, troubles } = given({ path: '/dev/null', maxBytes: 10, backups: 3 })
  for (let n = 0; n < 10; n++) write('1234567890')
  expect(openDescriptors()).toBe(before)
  log.close()
  expect(troubles).toEqual([])
})

test('a new file is private, and its name is given once', () => {
  expect(logFiles.createNew(path)).toBe(true)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(logFiles.createNew(path)).toBe(false)
})

describe('a log that begins anew with each life', () => {
  const live = (text: string, options: Partial<LogFileOptions> = {}) => {
    const { log, write, troubles } = given({ beginsAnew: true, backups: 1, maxBytes: 10, ...options })
    if (text !== '') write(text)
    log.close()
    return troubles
  }

  test('the life before is .old; rotated files go with it, and do not come back', () => {
    live('first')
    expect(files()).toEqual({ '': 'first' })
    live('second that is long')
    expect(files()).toEqual({ '': '', '.1': 'second that is long', '.old': 'first' })
    live('third')
    expect(files()).toEqual({ '': 'third', '.old': '', '.old.1': 'second that is long' })
    live('fourth')
    expect(files()).toEqual({ '': 'fourth', '.old': 'third' })
  })

  test('a life that logs nothing takes nobody’s place', () => {
    live('first')
    live('second')
    live('')
    live('')
    expect(files()).toEqual({ '': '', '.old': 'second' })
  })

  test('its mode is what it is asked to be', () => {
    live('x', { mode: 0o640 })
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  test('what is no file, and what is behind a link, stays where it is', () => {
    writeFileSync(join(directory, 'elsewhere'), 'before ')
    symlinkSync(join(directory, 'elsewhere'), path)
    live('x')
    expect(readFileSync(join(directory, 'elsewhere'), 'utf8')).toBe('before x')
    expect(readdirSync(directory)).toEqual(['elsewhere', 'x'])
  })

  test('what cannot be set aside is told, and written on', () => {
    live('first')
    mkdirSync(`${path}.old`)
    expect(live(' second', { maxBytes: 0 })).toEqual([{ type: 'cannotRotate', path, code: 'EISDIR' }])
    expect(files()).toEqual({ '': 'first second' })
  })
})
