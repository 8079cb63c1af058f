/** BOOT_SCRIPT, for entrypoint.sh: fetched to be run in place of the whole boot. Source: contract 2.1 */
import { writeFileAtomically } from '../../programs/common/atomic-file.ts'
import { nameOfSource, readScript } from '../provision/script-source.ts'
import type { Env } from './step.ts'

/** Exit status: 0 it lies at `path`, 1 it could not be had, and `path` is as it was. */
export async function fetchBootScript(path: string, env: Env, say: (line: string) => void): Promise<number> {
  const source = env.BOOT_SCRIPT ?? ''
  if (source === '') {
    say('boot-step: BOOT_SCRIPT is not set')
    return 1
  }
  try {
    const text = await readScript(source, { say: line => say(`entrypoint: BOOT_SCRIPT: ${line}`) })
    writeFileAtomically(path, text, { mode: 0o755 })
    say(`entrypoint: BOOT_SCRIPT is ${nameOfSource(source)}`)
    return 0
  } catch (error) {
    say(`entrypoint: BOOT_SCRIPT: ${(error as Error).message}`)
    return 1
  }
}
