import { expect, test } from 'vitest'
import type { Config } from '../../../supervisor/config/config.ts'
import { type DaemonSurroundings, type Outcome, SupervisorDaemon } from '../../../supervisor/daemon/daemon.ts'
import { configOf } from '../../support/config.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeLog } from '../../support/fake-daemon.ts'

/** A daemon whose machine can start nothing: it says what it would have started. */
function given() {
  const clock = new FakeClock()
  const log = new FakeLog()
  const config = configOf('[program:x]\ncommand=/no/such/command\nstartretries=0\n')
  const announced: string[] = []
  const files = { status: () => null }
  const surroundings = {
    system: { clock, files, host: { pid: 1, environment: {} } },
    log,
    living: new Map(),
    events: {
      supervisorRunning: () => void announced.push('running'),
      supervisorStopping: () => void announced.push('stopping'),
      groupAdded() {},
      groupRemoved() {},
    },
    processes: {
      system: { clock, files, host: { environment: {} } },
      log,
      living: new Map(),
      announce: (_: unknown, { state }: { state: string }) => void announced.push(state),
    },
    prepareGroup() {},
    readConfig: () => config,
  }
  let ended = 0
  const daemon = new SupervisorDaemon(config, surroundings as unknown as DaemonSurroundings, () => ended++)
  return { daemon, clock, announced, ended: () => ended }
}

const restart: Outcome = { type: 'restart', config: {} as Config }

test('when everybody can connect, what has autostart is started', () => {
  const { daemon, announced } = given()
  daemon.begin()
  expect(announced).toEqual(['running', 'STARTING', 'BACKOFF', 'FATAL'])
})

test('an order that came before the beginning is carried out, and nothing is started', () => {
  const { daemon, clock, announced, ended } = given()
  daemon.end({ type: 'shutdown' })
  daemon.begin()
  clock.advance(0)
  expect(announced).toEqual(['stopping'])
  expect([daemon.state, daemon.outcome, ended()]).toEqual(['SHUTDOWN', { type: 'shutdown' }, 1])
})

test('orders that come after the end are there to be asked for', () => {
  const { daemon, clock, ended } = given()
  daemon.end(restart)
  clock.advance(0)
  expect([daemon.state, ended()]).toEqual(['RESTARTING', 1])
  daemon.shutdown()
  daemon.end(restart)
  clock.advance(0)
  expect([daemon.state, daemon.outcome, ended()]).toEqual(['SHUTDOWN', { type: 'shutdown' }, 1])
})
