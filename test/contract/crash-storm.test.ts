import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { isOriginal, Lab } from '../support/lab.ts'

const PROGRAMS = 50
/** ms: what half of the answers take at most; the target is 50 on a quiet machine */
const SOON = 1_000
/** ms: what none takes, whoever else wants the processors */
const LATE = 10_000

const conf = Array.from(
  { length: PROGRAMS },
  (_, n) => `[program:p${n}]\ncommand=/bin/false\nstartsecs=0\nautorestart=true\nautostart=false\n`,
).join('')

const sleep = (ms: number) => new Promise<void>(done => setTimeout(done, ms))

test.skipIf(isOriginal)(
  'programs that end as soon as they are started hold up neither clients nor the end',
  async () => {
    await using lab = new Lab(conf)
    await lab.start()
    const client = openClient(`unix://${lab.path('s.sock')}`)
    await client.supervisor.startAllProcesses(false)
    const took: number[] = []
    for (let calls = 0; calls < 20; calls++) {
      await sleep(100)
      const asked = performance.now()
      await Promise.race([client.supervisor.getState(), sleep(LATE)])
      took.push(performance.now() - asked)
    }
    took.sort((a, b) => a - b)
    expect(took[10]).toBeLessThan(SOON)
    expect(took.at(-1)).toBeLessThan(LATE)
    client.close()
    const asked = performance.now()
    const status = await Promise.race([lab.stop(), sleep(2 * LATE)])
    if (status === undefined) lab.daemon!.kill('SIGKILL')
    expect(status, `not ended after ${performance.now() - asked} ms`).toBe(0)
  },
  60_000,
)
