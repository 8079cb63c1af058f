import { expect, test } from 'vitest'
import type { ProcessConfig } from '../../../supervisor/config/config.ts'
import type { Group } from '../../../supervisor/daemon/api.ts'
import { type ProcessSurroundings, SupervisedProcess } from '../../../supervisor/process/process.ts'
import type { FileStatus } from '../../../supervisor/system/system.ts'
import { processConfig } from '../../support/process-config.ts'

const kinds: Readonly<Record<string, FileStatus['kind']>> = {
  '/dev/null': 'character-device',
  '/dev/stdout': 'file', // whatever it leads to, it is not the program's own
  '/fifo': 'fifo',
  '/there': 'file',
}

/** A process whose log is that, on a machine with these files. */
function given(logfile: string, config: Partial<ProcessConfig>): SupervisedProcess {
  const status = (path: string) => (kinds[path] ? { kind: kinds[path] } : null)
  const surroundings = { logfile: () => logfile, system: { files: { status } } }
  return new SupervisedProcess(
    processConfig(config),
    { name: 'cat' } as Group,
    surroundings as unknown as ProcessSurroundings,
  )
}

const tee = { stdout_tee_logfile: '/tee' }
const plain = { stdout_plain_logfile: '/plain' }

test.each([
  ['a file', '/there', { ...tee, ...plain }, '/there', '/there'],
  ['a file that is still to come', '/not-yet', { ...tee, ...plain }, '/not-yet', '/not-yet'],
  ['our stdout', '/dev/stdout', { ...tee, ...plain }, '/tee', '/plain'],
  ['a device', '/dev/null', { ...tee, ...plain }, '/tee', '/plain'],
  ['a pipe', '/fifo', tee, '/tee', '/tee'],
  ['no log', '', plain, '/plain', '/plain'],
  ['no copy', '/dev/stdout', {}, '/dev/stdout', '/dev/stdout'],
  ['no log, no copy', '', {}, '', ''],
])('%s: where its output can be read back', (_, logfile, config, bytes, text) => {
  const process = given(logfile, config)
  expect([process.readableLog('stdout', 'bytes'), process.readableLog('stdout', 'text')]).toEqual([bytes, text])
  expect(process.readableLog('stderr', 'text')).toBe(logfile)
})
