/** PROVISIONING_SCRIPT, and a manifest, until they have succeeded once. Source: contract 2.4 (75), 2.7 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { paths } from '../../../programs/common/paths.ts'
import { provision } from '../../provision/provision.ts'
import { nameOfSource } from '../../provision/script-source.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

export async function provisioningManifest({ env, say }: StepTools): Promise<StepOutcome> {
  const manifest =
    env.PROVISIONING_MANIFEST || (existsSync(paths.provisioningManifest) ? paths.provisioningManifest : '')
  const script = env.PROVISIONING_SCRIPT ?? ''
  if (manifest === '' && script === '') return skipped('neither PROVISIONING_SCRIPT nor PROVISIONING_MANIFEST is set')
  if (existsSync(paths.provisioningComplete)) return skipped('complete since an earlier boot')
  const names = [manifest, script].filter(Boolean).map(nameOfSource).join(', ')
  say(`---- Provisioning: ${names} ----`)
  // all of it goes to the container log, none to the shell that evaluates our stdout
  const failure = await provision({ env, ...(manifest === '' ? {} : { manifest }), output: 2 })
  if (failure === '') {
    writeFileSync(paths.provisioningComplete, 'exit status 0\n')
    rmSync(paths.provisioningFailed, { force: true })
    say('Provisioning complete!')
    return ok(`complete: ${names}`)
  }
  writeFileSync(paths.provisioningFailed, `${failure}\n`)
  say('Note: Provisioning encountered issues but instance startup will continue')
  return failed(`${failure} (${paths.portalLogs}/provisioning.log)`)
}
