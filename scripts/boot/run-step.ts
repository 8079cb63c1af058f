import { endDescendants } from './process-tree.ts'
import { type Env, failed, type Step, type StepOutcome, skipped } from './step.ts'

/** What a step has started has this long to end after the deadline. */
const GRACE_MS = 2000

/** Never throws, and never takes longer than the step's deadline and a little more: then all that it has started has ended. */
export async function runStep(
  { run, deadlineSeconds }: Pick<Step, 'run' | 'deadlineSeconds'>,
  env: Env,
  say: (line: string) => void,
): Promise<StepOutcome> {
  if (run === null) return skipped('its file does this in the shell')
  const controller = new AbortController()
  const { promise: overrun, resolve: end } = Promise.withResolvers<StepOutcome>()
  const timer = setTimeout(async () => {
    controller.abort()
    await endDescendants(process.pid, GRACE_MS)
    end(failed(`not done within ${deadlineSeconds} s, and ended`))
  }, deadlineSeconds * 1000)
  const work = Promise.resolve()
    .then(() => run({ env, say, signal: controller.signal }))
    // what fails because it is being ended is no news
    .catch(error => (controller.signal.aborted ? overrun : failed((error as Error).message)))
  // what it says after the deadline is no news either
  const outcome = await Promise.race([work.then(done => (controller.signal.aborted ? overrun : done)), overrun])
  clearTimeout(timer)
  return outcome
}
