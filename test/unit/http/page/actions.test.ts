import { expect, test } from 'vitest'
import { ctime } from '../../../../supervisor/http/access-log.ts'
import { actions, perform } from '../../../../supervisor/http/page/actions.ts'
import { openRpcInterface } from '../../../../supervisor/rpc/dispatch.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { fakeDaemon } from '../../../support/fake-daemon.ts'
import { fakeMachine } from '../../../support/fake-machine.ts'

function given() {
  const daemon = fakeDaemon({ web: [{}], g: [{ name: 'a' }, { name: 'b' }] })
  const clock = new FakeClock({ wall: new Date(2026, 10, 5, 0, 6, 43).getTime() })
  const rpc = openRpcInterface(['supervisor'], { daemon, clock, files: fakeMachine().files })
  const web = daemon.process('web')
  const press = (name: string, spec = ''): Promise<string> => perform(actions[name]!, spec, { daemon, clock, rpc })
  return { daemon, web, press }
}

const running = { pid: 7 }

test('times are written as by ctime(3): the day padded with a blank', () => {
  expect(ctime(new Date(2026, 10, 5, 0, 6, 43).getTime())).toBe('Thu Nov  5 00:06:43 2026')
})

test('refresh changes nothing, and says when', async () => {
  expect(await given().press('refresh')).toBe('Page refreshed at Thu Nov  5 00:06:43 2026')
})

test('start answers once the process runs', async () => {
  const { web, press } = given()
  const message = press('start', 'web')
  await Promise.resolve()
  expect(web.done).toEqual(['start'])
  web.become('RUNNING')
  expect(await message).toBe('Process web started')
})

test('start of a process that runs', async () => {
  const { web, press } = given()
  web.become('RUNNING', running)
  expect(await press('start', 'web')).toBe('ERROR: Process web: already started')
})

test('start without a command', async () => {
  const { web, press } = given()
  web.commandProblem = { fault: 'NO_FILE', text: "can't find command 'x'" }
  expect(await press('start', 'web')).toBe('ERROR: Process web: no such file')
  web.commandProblem = { fault: 'NOT_EXECUTABLE', text: '' }
  expect(await press('start', 'web')).toBe('ERROR: Process web: file not executable')
})

test('start that fails', async () => {
  const { web, press } = given()
  web.onStart = () => web.become('BACKOFF', { spawnerr: 'Exited too quickly' })
  expect(await press('start', 'web')).toBe('ERROR: Process web: spawn error')
  web.become('STOPPED', { spawnerr: '' })
  web.onStart = () => web.become('EXITED')
  expect(await press('start', 'web')).toBe('ERROR: Process web: abnormal termination')
})

test('start for which there is no word', async () => {
  const { web, press } = given()
  web.become('UNKNOWN')
  expect(await press('start', 'web')).toBe(
    'ERROR: Process web: unexpected rpc fault [30] FAILED: web is in an unknown process state',
  )
})

test('stop answers once the process has stopped', async () => {
  const { web, press } = given()
  web.become('RUNNING', running)
  const message = press('stop', 'web')
  await Promise.resolve()
  web.become('STOPPED', { pid: 0 })
  expect(await message).toBe('Process web stopped')
})

test('stop of a process that does not run', async () => {
  expect(await given().press('stop', 'web')).toBe('unexpected rpc fault [70] NOT_RUNNING: web')
})

test('restart stops, then starts', async () => {
  const { web, press } = given()
  web.become('RUNNING', running)
  web.onStop = () => web.become('STOPPED', { pid: 0 })
  web.onStart = () => web.become('RUNNING', { pid: 8 })
  expect(await press('restart', 'web')).toBe('Process web restarted')
  expect(web.done).toEqual(['stop', 'start'])
})

test('restart of a process that does not run is a start; one that fails is not told', async () => {
  const { web, press } = given()
  web.onStart = () => web.become('BACKOFF', { spawnerr: 'no' })
  expect(await press('restart', 'web')).toBe('Process web restarted')
  expect(web.done).toEqual(['start'])
})

test('clear empties the logs of a process that runs', async () => {
  const { web, press } = given()
  web.become('RUNNING', running)
  expect(await press('clearlog', 'web')).toBe('Log for web cleared')
  expect(web.done).toEqual(['clear'])
})

test('stop all and restart all act on everything', async () => {
  const { daemon, press } = given()
  const all = daemon.groups.flatMap(group => group.processes)
  for (const process of all) {
    process.become('RUNNING', running)
    process.onStop = () => process.become('STOPPED', { pid: 0 })
    process.onStart = () => process.become('RUNNING', running)
  }
  expect(await press('restartall')).toBe('All restarted at Thu Nov  5 00:06:43 2026')
  expect(all.map(({ done }) => done)).toEqual([
    ['stop', 'start'],
    ['stop', 'start'],
    ['stop', 'start'],
  ])
  expect(await press('stopall')).toBe('All stopped at Thu Nov  5 00:06:43 2026')
  expect(all.map(({ state }) => state)).toEqual(['STOPPED', 'STOPPED', 'STOPPED'])
})

test.each(['ghost', 'g:ghost', 'g:*', 'g:', 'g'])('no button acts on %s: only processes have buttons', async spec => {
  for (const [name, { needsProcess }] of Object.entries(actions)) {
    if (needsProcess) expect(await given().press(name, spec)).toBe(`No such process named ${spec}`)
  }
})

test('a daemon that is ending does nothing, and says so', async () => {
  const { daemon, web, press } = given()
  daemon.shutdown()
  expect(await press('restart', 'web')).toBe('unexpected rpc fault [6] SHUTDOWN_STATE')
  expect(await press('stopall')).toBe('unexpected rpc fault [6] SHUTDOWN_STATE')
  expect(web.done).toEqual([])
})
