/** A file of its own, as it takes two minutes of waiting beside others. */
import { expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'

const LAUNCHER = '. /opt/supervisor-scripts/utils/exit_portal.sh comfyui; echo started'

test.concurrent.each([
  ['root', ''],
  ['user', ''],
  ['root', 'umount /opt/instance-tools/lib'],
] as const)(
  '%s without /etc/portal.yaml: after 120 s the launcher fails, for supervisord to try again (%s)',
  async (user, prepare) => {
    await using instance = await openInstance({ prepare, files: { '/etc/portal.yaml': '' } })
    const started = performance.now()
    const launcher = instance.start(LAUNCHER, { user, env: { PROC_NAME: 'app' } })
    let said = ''
    launcher.stdout!.on('data', text => (said += text))
    const status = await new Promise(done => launcher.once('close', done))
    const seconds = (performance.now() - started) / 1000
    expect(status).toBe(1)
    // it says itself that it was 120
    expect(seconds).toBeGreaterThan(118)
    expect(said).toMatch(/^Waiting for \/etc\/portal\.yaml before starting app\.\.\.$/m)
    expect(said).toMatch(/^ERROR: \/etc\/portal\.yaml is still missing or empty after 120 s, cannot start app$/m)
    expect(said).not.toContain('started')
  },
  400_000,
)
