import { expect, test } from 'vitest'
import { reconcileListenAddresses } from '../../../../programs/syncthing/listen-addresses.ts'

const RELAYS = 'dynamic+https://relays.syncthing.net/endpoint'

test.each([
  [
    'a new configuration: relays, and the port of the platform',
    ['default'],
    true,
    '41234',
    [RELAYS, 'tcp://0.0.0.0:41234'],
  ],
  [
    'an old one keeps what it has',
    ['default', 'tcp://0.0.0.0:22001'],
    false,
    '41234',
    ['default', 'tcp://0.0.0.0:22001', 'tcp://0.0.0.0:41234'],
  ],
  ['once is enough', ['tcp://0.0.0.0:41234'], false, '41234', ['tcp://0.0.0.0:41234']],
  [
    'addresses without a port go',
    ['tcp://:', 'tcp4://0.0.0.0:', 'quic://[::]:', 'quic://x:1'],
    false,
    '1',
    ['quic://x:1', 'tcp://0.0.0.0:1'],
  ],
] as const)('%s', (_, before, isNew, port, addresses) => {
  expect(reconcileListenAddresses(before, isNew, port)).toEqual({ addresses, problem: undefined })
})

test.each([
  ['', 'VAST_TCP_PORT_72299 is not set'],
  ['auto', 'VAST_TCP_PORT_72299 is no port'],
  ['0', 'VAST_TCP_PORT_72299 is no port'],
  ['1;rm', 'VAST_TCP_PORT_72299 is no port'],
])('VAST_TCP_PORT_72299=%s: no listener of its own, and why', (port, problem) => {
  expect(reconcileListenAddresses(['default', 'tcp://:'], true, port)).toEqual({ addresses: [RELAYS], problem })
})
