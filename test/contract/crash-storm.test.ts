import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { ask } from '../support/faults.ts'
import { isOriginal, Lab } from '../support/lab.ts'

const PROGRAMS = 50
/** ms: who has not ended then never does */
const NEVER = 100_000

const conf = Array.from(
  { length: PROGRAMS },
  (_, n) => `[program:p${n}]\ncommand=/bin/false\nstartsecs=0\nautorestart=true\nautostart=false\n`,
).join('')

test.skipIf(isOriginal)(
  'programs that end as soon as they are started hold up neither clients nor the end',
  async () => {
    await using lab = new Lab(conf)
    await lab.start()
    const client = openClient(`unix://${lab.path('s.sock')}`)
    await client.supervisor.startAllProcesses(false)
    for (let calls = 0; calls < 20; calls++) {
      await sleep(100)
      await ask(lab, ({ supervisor }) => supervisor.getState())
    }
    client.close()
    const status = await Promise.race([lab.stop(), sleep(NEVER, 'not ended', { ref: false })])
    if (status === 'not ended') lab.daemon!.kill('SIGKILL')
    expect(status).toBe(0)
  },
)
