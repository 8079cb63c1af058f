/**
 * The end of the boot: says on the container log, once supervisord answers, how it went. The shell waits for supervisord's own
 * end meanwhile. Source: contract 2.4 (95), 14 (3)
 */
import { rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { watchPath } from '../../../programs/common/file-watch.ts'
import { paths } from '../../../programs/common/paths.ts'
import { problemsOf, renderReport, writeJournal } from '../journal.ts'
import { ok, type StepOutcome, type StepTools } from '../step.ts'

const BOOT_LOG = `${paths.portalLogs}/boot.log`

export async function supervisorWait({ say, signal }: StepTools): Promise<StepOutcome> {
  await answers(paths.supervisorSocket, signal)
  const journal = writeJournal()
  if (journal === undefined) say('READY: supervisord answers; there is no record of the boot')
  else {
    const now = Date.now()
    const problems = problemsOf(journal)
    for (const problem of problems) say(`boot: problem: ${problem}`)
    const count = `${journal.steps.length} steps, ${problems.length} problem${problems.length === 1 ? '' : 's'}`
    say(
      `READY after ${((now - journal.started) / 1000).toFixed(1)} s: supervisord answers; ${count}; boot-step --report`,
    )
    try {
      // anybody may have left a link of that name there
      rmSync(BOOT_LOG, { force: true })
      writeFileSync(BOOT_LOG, renderReport(journal, now), { flag: 'wx' })
    } catch {} // a full disk is on the container log already
  }
  return ok('supervisord answers')
}

/** Resolves when somebody answers on this socket; the deadline of the step ends the wait. */
async function answers(path: string, signal: AbortSignal): Promise<void> {
  let look = (): void => {}
  const close = watchPath(path, () => look())
  signal.addEventListener('abort', () => look())
  try {
    for (;;) {
      // before the try: what appears after it is seen
      const changed = new Promise<void>(done => {
        look = done
      })
      if (await accepts(path)) return
      if (signal.aborted) throw new Error('supervisord does not answer')
      await changed
    }
  } finally {
    close()
  }
}

const accepts = (path: string): Promise<boolean> =>
  new Promise(done => {
    const socket = connect(path)
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
