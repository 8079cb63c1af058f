/** HOTFIX_SCRIPT, run early in every boot; it may rewrite the steps after it. Source: contract 2.4 (15), 14 (6) */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { paths } from '../../../programs/common/paths.ts'
import { nameOfSource, readScript } from '../../provision/script-source.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const SCRIPT = '/tmp/hotfix.sh'
const LOG = `${paths.logs}/hotfix.log`
/** In a directory of root's alone: whoever can write there is root. */
const LAST_GOOD = `${paths.state}/hotfix.json`

export async function hotfix({ env, say, signal }: StepTools): Promise<StepOutcome> {
  const source = env.HOTFIX_SCRIPT ?? ''
  if (source === '') return skipped('HOTFIX_SCRIPT is not set')
  const { text, problem } = await obtain(source, say, signal)
  if (text === undefined) return failed(`HOTFIX_SCRIPT: ${problem}`)
  say('Applying hotfix script')
  // anybody may have left a link of that name there
  rmSync(SCRIPT, { force: true })
  writeFileSync(SCRIPT, text, { mode: 0o755, flag: 'wx' })
  const end = await runIntoLog()
  const name = nameOfSource(source)
  const notes = [end === '' ? '' : `${end}, see ${LOG}`, problem && `${problem}; its last good copy ran`].filter(
    Boolean,
  )
  return notes.length > 0 ? failed(`${name}: ${notes.join('; ')}`) : ok(`${name} ran`)
}

/** The script; one that cannot be had is that of the last time, if the variable still says the same. */
async function obtain(
  source: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<{ readonly text: string | undefined; readonly problem: string }> {
  try {
    const text = await readScript(source, { say, signal })
    keep({ source, text })
    return { text, problem: '' }
  } catch (error) {
    const kept = readKept()
    return { text: kept?.source === source ? kept.text : undefined, problem: (error as Error).message }
  }
}

interface Kept {
  readonly source: string
  readonly text: string
}

/** A convenience: without it, the next boot has to fetch. */
function keep(kept: Kept): void {
  try {
    mkdirSync(paths.state, { recursive: true, mode: 0o700 })
    writeFileAtomically(LAST_GOOD, JSON.stringify(kept), { mode: 0o600 })
  } catch {}
}

function readKept(): Kept | undefined {
  try {
    return JSON.parse(readFileSync(LAST_GOOD, 'utf8'))
  } catch {
    return undefined
  }
}

/** '' when it went well; its output is appended to the log, or, without one, goes to the container log. */
async function runIntoLog(): Promise<string> {
  const { spawn } = await import('node:child_process')
  let log = 2
  try {
    log = openSync(LOG, 'a', 0o640)
  } catch {}
  try {
    return await new Promise<string>(done => {
      const child = spawn(SCRIPT, { stdio: ['ignore', log, log] })
      child.once('error', error => done(`could not be started: ${error.message}`))
      // not `close`: what it leaves in the background may keep the log open
      child.once('exit', (status, by) => done(status === 0 ? '' : by ? `ended by ${by}` : `exit status ${status}`))
    })
  } finally {
    if (log !== 2) closeSync(log)
  }
}
