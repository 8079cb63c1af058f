import { expect, test } from 'vitest'
import type { Exposure } from '../../../../programs/common/exposure.ts'
import { parseAllowed, renderExposures, runExposure } from '../../../../scripts/bosun/exposure.ts'

const exposure = (change: Partial<Exposure>): Exposure => ({
  protocol: 'tcp',
  address: '0.0.0.0',
  port: 22,
  reach: 'all',
  owner: 'sshd (pid 7)',
  guard: 'ssh asks for a key',
  verdict: 'ok',
  fix: '',
  ...change,
})

test.each([
  ['5900', '5900'],
  [' 5900/tcp ', '5900'],
  ['3478/udp', '3478/udp'],
  ['0', undefined],
  ['70000', undefined],
  ['ssh', undefined],
  ['', undefined],
])('--allow %s means %s', (text, port) => {
  expect(parseAllowed(text)).toBe(port)
})

test('a line for each, with what to do below', () => {
  const open = exposure({ port: 5900, owner: 'x11vnc (pid 42)', verdict: 'warn', guard: 'open', fix: 'close it' })
  const local = exposure({ port: 11111, address: '127.0.0.1', reach: 'loopback', guard: 'only the instance' })
  expect(renderExposures([open, exposure({}), local], false)).toBe(
    'OPEN  5900/tcp  0.0.0.0  x11vnc (pid 42)  open\n      close it\nok    22/tcp    0.0.0.0  sshd (pid 7)     ssh asks for a key\n' +
      '1 more can be reached from within the instance only: bosun exposure --all\n',
  )
  expect(renderExposures([local], true)).toContain('11111/tcp')
  expect(renderExposures([], false)).toBe('nothing listens\n')
})

test.each([[['--what']], [['--allow', '1,x']], [['extra']]])('%j is wrong usage', async args => {
  let said = ''
  const status = await runExposure(args, { out: () => {}, err: text => (said += text) })
  expect(status).toBe(2)
  expect(said).toContain('usage: bosun exposure')
})
