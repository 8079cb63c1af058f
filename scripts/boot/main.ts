/**
 * boot-step: the work of the files in /etc/vast_boot.d.
 *
 *     boot-step NAME                   does it; prints what the calling shell shall evaluate
 *     boot-step NAME QUESTION [ARG…]   an answer, for the shell functions of a step
 *     boot-step --list                 the steps, in their order
 *     boot-step --report [--json]      how the boot went
 *     boot-step --journal              brings /run/bosun/boot.json up to date
 *     boot-step --boot-script FILE     fetches BOOT_SCRIPT
 *     boot-step --cuda-init            does the CUDA driver library start?
 *
 * Exit status: 0 done or nothing to do, 1 failed, 2 wrong usage.
 */
import { writeSync } from 'node:fs'
import { maskSecrets } from '../../programs/common/secrets.ts'
import { fetchBootScript } from './boot-script.ts'
import { tryCudaInit } from './cuda-init.ts'
import { recordOutcome, renderReport, writeJournal } from './journal.ts'
import { runStep } from './run-step.ts'
import { renderShellChange } from './shell-output.ts'
import type { Step } from './step.ts'
import { renderSteps, steps } from './steps.ts'

const USAGE = 'usage: boot-step NAME [QUESTION [ARG…]] | --list | --report [--json]'

function say(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {} // nobody listens
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case '--list':
      writeSync(1, renderSteps())
      return 0
    case '--report':
      return report(args.includes('--json'))
    case '--journal':
      writeJournal()
      return 0
    case '--boot-script':
      if (args[0] === undefined) break
      return fetchBootScript(args[0], process.env, say)
    case '--cuda-init':
      return tryCudaInit(say)
    default: {
      const step = steps.find(({ name }) => name === command)
      if (step !== undefined) return args[0] === undefined ? run(step) : ask(step, args[0], args.slice(1))
    }
  }
  say(command === undefined || command.startsWith('-') ? USAGE : `boot-step: there is no step ${command}`)
  return 2
}

function report(json: boolean): number {
  const journal = writeJournal()
  if (journal === undefined) {
    say('boot-step: there is no record of a boot')
    return 1
  }
  writeSync(1, json ? `${JSON.stringify(journal, null, 1)}\n` : renderReport(journal, Date.now()))
  return 0
}

function ask(step: Step, question: string, args: readonly string[]): number {
  const answer = step.ask?.(question, args, process.env)
  if (answer === undefined) return 1
  if (answer !== '') writeSync(1, `${answer}\n`)
  return 0
}

async function run(step: Step): Promise<number> {
  writeJournal() // that it runs
  const mask = maskSecrets(process.env)
  const outcome = await runStep(step, process.env, line => say(mask(line)))
  const message = mask(outcome.message)
  recordOutcome(step.file, { result: outcome.result, message })
  if (outcome.result === 'failed') say(`boot: ${step.file}: ${message}`)
  writeSync(1, renderShellChange(outcome))
  writeJournal()
  return outcome.result === 'failed' ? 1 : 0
}

// what a step has left behind, a socket or a timer, holds up nobody
void main(process.argv.slice(2)).then(status => process.exit(status))
