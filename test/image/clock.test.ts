/**
 * The clock of a machine is one for all of it, so this one has a machine of its own: the image's files under an emulated
 * kernel. What the same daemon does when Date alone is shifted: test/contract/faults-machine.test.ts.
 */
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { BUILD_MS, bosunImage, emulate } from '../support/image-lab.ts'

const STEPS = resolve(import.meta.dirname, '../fixtures/clock-steps.mjs')
/** of our commands; an image need not have one of its own */
const NODE = '/opt/instance-tools/node/bin/node'

test('setting the clock of the machine back and forward changes no deadline, only what is told of the time', {
  timeout: BUILD_MS, // the image may have to be built first
}, async () => {
  const { stdout } = await emulate(await bosunImage(), [NODE, '/clock-steps.mjs'], { files: [STEPS] })
  const { steps, elapsed, ticks, ...rest } = JSON.parse(stdout)

  expect(steps).toMatchObject([
    { hours: -1, uptime: '0:00:00' },
    { hours: 50, uptime: expect.stringMatching(/^2 days, 1:[0-4]\d:\d\d$/) },
  ])
  for (const { start, stop, giveUp } of steps) {
    // startsecs, stopwaitsecs, the pause before the second attempt: a second each, and what an emulated machine takes;
    // not the hour by which the clock was set
    for (const took of [start, stop, giveUp]) {
      expect(took).toBeGreaterThanOrEqual(1)
      expect(took).toBeLessThan(1800)
    }
  }
  // one for each five seconds, and one for each time that the clock was set
  expect(ticks).toBeLessThanOrEqual(Math.ceil(elapsed / 5) + steps.length)
  expect(rest).toMatchObject({ status: 0, lost: 0, errors: [] })
  expect(rest.lines).toBeGreaterThan(10)
})
