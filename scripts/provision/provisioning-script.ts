/** PROVISIONING_SCRIPT: fetched, mended, run as root, until it succeeds or is out of attempts. Source: contract 8.2 (9), 13 (60) */
import { accessSync, constants, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { writeFileAtomically } from '../../programs/common/atomic-file.ts'
import type { ProvisioningLog } from './provisioning-log.ts'
import { nameOfSource, pathOfSource, readScript } from './script-source.ts'

const SCRIPT = '/provisioning.sh'

/** Of whoever has called us: a script chooses its own. Source: contract 8.8 */
const NOT_HANDED_ON = ['VIRTUAL_ENV', 'CONDA_DEFAULT_ENV', 'CONDA_PREFIX', 'UV_PROJECT_ENVIRONMENT']

export interface ScriptRun {
  /** at least 1 */
  readonly attempts: number
  readonly delaySeconds: number
  readonly log: ProvisioningLog
}

/** '' or why it failed. A script that cannot be had is not tried again: what may pass has been tried while fetching. */
export async function runProvisioningScript(
  source: string,
  { attempts, delaySeconds, log }: ScriptRun,
): Promise<string> {
  const name = nameOfSource(source)
  const fails = (why: string): string => {
    log.say('ERROR', why)
    return why
  }
  let file: string
  try {
    file = await prepare(source, line => log.say('WARNING', line))
  } catch (error) {
    return fails(`PROVISIONING_SCRIPT: ${(error as Error).message}`)
  }
  for (let attempt = 1; ; attempt++) {
    log.say('INFO', `Running ${name}${attempt > 1 ? `, attempt ${attempt} of ${attempts}` : ''}`)
    const end = await run(file, log)
    if (end === '') return ''
    const failure = fails(`${name}: ${end}`)
    if (attempt >= attempts) return failure
    log.say('INFO', `Trying again in ${delaySeconds} s`)
    await wait(delaySeconds * 1000)
  }
}

/** The file to run: a local script that needs no mending where it lies, beside whatever it looks for. */
async function prepare(source: string, say: (line: string) => void): Promise<string> {
  const text = await readScript(source, { say })
  const path = pathOfSource(source)
  if (path?.startsWith('/') === true && isRunnable(path) && readFileSync(path, 'utf8') === text) return path
  writeFileAtomically(SCRIPT, text, { mode: 0o755 })
  return SCRIPT
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function run(file: string, log: ProvisioningLog): Promise<string> {
  const { spawn } = await import('node:child_process')
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_HANDED_ON.includes(name)))
  const child = spawn(file, { env, stdio: ['ignore', log.descriptor, log.descriptor] })
  return new Promise(done => {
    child.once('error', error => done(`could not be started: ${error.message}`))
    // not `close`: what it leaves in the background may write to the log for as long as it lives
    child.once('exit', (status, by) => done(status === 0 ? '' : by ? `ended by ${by}` : `exit status ${status}`))
  })
}
