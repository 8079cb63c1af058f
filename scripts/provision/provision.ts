/** What provisioning does, for boot step 75 and for the command: the manifest, then PROVISIONING_SCRIPT. Source: contract 8.1 */
import { readFileSync } from 'node:fs'
import type { Env } from '../../programs/common/environment-file.ts'
import { paths } from '../../programs/common/paths.ts'
import { readSettings } from '../../programs/common/settings.ts'
import { findManifestWork } from './manifest.ts'
import { openProvisioningLog } from './provisioning-log.ts'
import { runProvisioningScript } from './provisioning-script.ts'
import { nameOfSource } from './script-source.ts'

/** Of a manifest that says nothing about it. Source: contract 8.3, on_failure */
const DEFAULT_ATTEMPTS = 3
const DEFAULT_DELAY_SECONDS = 30

export interface ProvisionOptions {
  readonly env: Env
  /** path or URL */
  readonly manifest?: string
  readonly isDryRun?: boolean
  /** besides the log: descriptor 1 or 2 */
  readonly output: 1 | 2
}

/** '' when it is done, or when there is nothing to do; else why it failed, in one line without secrets. All of it is logged. */
export async function provision({ env, manifest, isDryRun = false, output }: ProvisionOptions): Promise<string> {
  const { settings } = readSettings(env)
  const script = settings.PROVISIONING_SCRIPT
  const log = openProvisioningLog(settings.PROVISIONER_LOG_FILE || `${paths.portalLogs}/provisioning.log`, output)
  try {
    const refusal = manifest === undefined ? '' : await findManifestWork(manifest, path => readFileSync(path, 'utf8'))
    if (refusal !== '') {
      log.say('ERROR', refusal)
      if (script !== '') log.say('ERROR', 'PROVISIONING_SCRIPT was not run: it comes after the manifest')
      return refusal
    }
    if (script === '') {
      log.say('INFO', 'Nothing to provision')
      return ''
    }
    if (isDryRun) {
      log.say('INFO', `[DRY RUN] Would run ${nameOfSource(script)}`)
      return ''
    }
    const failure = await runProvisioningScript(script, {
      attempts: Math.max(1, settings.PROVISIONER_RETRY_MAX ?? DEFAULT_ATTEMPTS),
      delaySeconds: settings.PROVISIONER_RETRY_DELAY ?? DEFAULT_DELAY_SECONDS,
      log,
    })
    if (failure === '') log.say('INFO', 'Provisioning complete!')
    return failure
  } finally {
    await log.close()
  }
}
