import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { runStep } from '../../../../scripts/boot/run-step.ts'
import { ok, type StepOutcome } from '../../../../scripts/boot/step.ts'

const said: string[] = []
const say = (line: string): number => said.push(line)
afterEach(() => void vi.useRealTimers())

test('a step that overruns is ended with all that it has started, also what ignores SIGTERM', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const pids: number[] = []
  const overrun = runStep(
    {
      deadlineSeconds: 2,
      run: async ({ signal }): Promise<StepOutcome> => {
        // a grandchild of a parent that is gone at once, and one that does not listen
        const child = spawn('bash', [
          '-c',
          `sleep 1000 & echo $!; bash -c 'trap "" TERM; echo $$; while :; do sleep 1; done'`,
        ])
        child.stdout.setEncoding('utf8').on('data', (text: string) => pids.push(...text.trim().split('\n').map(Number)))
        await new Promise(done => child.once('exit', done))
        expect(signal.aborted).toBe(true)
        return ok('too late')
      },
    },
    {},
    say,
  )
  await expect.poll(() => pids).toHaveLength(2)
  // the deadline, and the time that is given to those who listen
  await vi.advanceTimersByTimeAsync(2000 + 2000)
  vi.useRealTimers()
  expect(await overrun).toEqual({ result: 'failed', message: 'not done within 2 s, and ended' })
  await expect.poll(() => pids.filter(pid => existsSync(`/proc/${pid}`))).toEqual([])
})

test('what a step throws is a failure with its message', async () => {
  const run = (): never => {
    throw new Error('cannot do it: no disk')
  }
  expect(await runStep({ deadlineSeconds: 9, run }, {}, say)).toEqual({
    result: 'failed',
    message: 'cannot do it: no disk',
  })
})

test('what a step waits for in vain does not outlive its deadline', async () => {
  const run = (): Promise<never> => new Promise(() => {})
  expect(await runStep({ deadlineSeconds: 0.05, run }, {}, say)).toMatchObject({ result: 'failed' })
})

test('a step gets the environment and can talk', async () => {
  const run = ({ env, say: tell }: { env: object; say: (line: string) => void }): StepOutcome => {
    tell('hello')
    return ok(JSON.stringify(env), { exports: { A: '1' } })
  }
  expect(await runStep({ deadlineSeconds: 9, run }, { B: '2' }, say)).toEqual({
    result: 'ok',
    message: '{"B":"2"}',
    exports: { A: '1' },
  })
  expect(said).toContain('hello')
})
