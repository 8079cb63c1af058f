import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { isOriginal, Lab } from '../support/lab.ts'
import { privateMemoryOf, wakeupsOf } from '../support/proc.ts'

const sleep = (ms: number) => new Promise<void>(done => setTimeout(done, ms))

test.skipIf(isOriginal)('a daemon with nothing to do gives memory back, and then sleeps', async () => {
  await using lab = new Lab(
    '[program:many]\ncommand=sleep 9999\nprocess_name=%(process_num)03d\nnumprocs=200\nstdout_logfile=NONE\nstderr_logfile=NONE\n',
  )
  await lab.start()
  const { pid } = lab.daemon!
  const client = openClient(`unix://${lab.path('s.sock')}`)
  // at the most: on a slow machine it may be given back between two calls
  let busy = 0
  for (let calls = 0; calls < 20; calls++) {
    expect(await client.supervisor.getAllProcessInfo()).toHaveLength(200)
    busy = Math.max(busy, privateMemoryOf(pid!))
  }
  client.close()

  await expect.poll(() => privateMemoryOf(pid!)).toBeLessThan(busy - (2 << 20))
  await expect
    .poll(async () => {
      const before = wakeupsOf(pid!)
      await sleep(1_000)
      return wakeupsOf(pid!) - before
    })
    .toBe(0)
})
