import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSyslog, type Syslog, syslogTime } from '../../../supervisor/system/syslog.ts'

const NOW = new Date(2026, 10, 1, 3, 5, 9).getTime()

let directory: string
let path: string
let syslog: Syslog
const receivers: ChildProcess[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'syslog-'))
  path = join(directory, 'log')
  syslog = openSyslog(() => NOW, path)
})
afterEach(() => {
  syslog.close()
  for (const receiver of receivers.splice(0)) receiver.kill('SIGKILL')
  rmSync(directory, { recursive: true })
})

/** Node has no datagram sockets of this kind; with `reads` false it only holds the socket open. */
async function receiver({ reads = true } = {}) {
  const script = `
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.path.exists(sys.argv[1]): os.unlink(sys.argv[1])
s.bind(sys.argv[1])
os.write(1, b"bound\\n")
while True:
    if ${reads ? 'True' : 'False'}: os.write(1, repr(s.recv(1 << 20))[:100].encode() + b"\\n")
    else: time.sleep(60)
`
  const child = spawn('/usr/bin/python3', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  receivers.push(child)
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const lines = () => output.split('\n').slice(1, -1)
  await expect.poll(() => output, { interval: 5 }).toMatch(/^bound\n/)
  return {
    until: (expected: readonly string[]) => expect.poll(lines, { interval: 5 }).toEqual(expected),
    stop: () =>
      new Promise<void>(resolve => {
        child.on('exit', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

test('a message has the form of the C library: priority, time, tag, text', async () => {
  const { until } = await receiver()
  syslog.send(14, 'supervisord', 'x hello')
  syslog.send(14, 'supervisord', Buffer.from([0x78, 0x20, 0xff]))
  await until(["b'<14>Nov  1 03:05:09 supervisord: x hello'", "b'<14>Nov  1 03:05:09 supervisord: x \\xff'"])
})

test('without a receiver messages are lost, one that comes later is found', async () => {
  syslog.send(14, 'supervisord', 'lost')
  expect(existsSync(path)).toBe(false)
  const { until } = await receiver()
  syslog.send(14, 'supervisord', 'heard')
  await until(["b'<14>Nov  1 03:05:09 supervisord: heard'"])
})

test('a receiver that was restarted gets the next message', async () => {
  const first = await receiver()
  syslog.send(14, 'supervisord', 'one')
  await first.until(["b'<14>Nov  1 03:05:09 supervisord: one'"])
  await first.stop()
  const second = await receiver()
  syslog.send(14, 'supervisord', 'two')
  await second.until(["b'<14>Nov  1 03:05:09 supervisord: two'"])
})

test('a receiver that does not read does not hold us', async () => {
  await receiver({ reads: false })
  // a send that waited would wait for ever
  for (let n = 0; n < 2_000; n++) syslog.send(14, 'supervisord', 'x'.repeat(1000))
})

test('a message that is too long for a datagram is shortened', async () => {
  const { until } = await receiver()
  syslog.send(14, 'supervisord', 'x'.repeat(4_000_000))
  await until([`b'<14>Nov  1 03:05:09 supervisord: ${'x'.repeat(65)}`])
})

test('days are padded with a blank', () => {
  expect(syslogTime(new Date(2026, 0, 31, 23, 59, 58))).toBe('Jan 31 23:59:58')
  expect(syslogTime(new Date(2026, 11, 2, 0, 0, 0))).toBe('Dec  2 00:00:00')
})
