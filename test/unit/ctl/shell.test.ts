import { expect, test } from 'vitest'
import { historyFile, runShell } from '../../../supervisor/ctl/shell.ts'
import { files } from '../../../supervisor/system/files.ts'
import { type Answers, given, info, type Options, settled } from './given.ts'

const daemon: Answers = { getAllProcessInfo: () => [info('web')], getPID: () => 12 }
const status = 'web                              RUNNING   pid 12, uptime 0:00:01\n'

function shell(answers: Answers, options: Options) {
  const history: string[][] = []
  const lab = given(answers, { interactive: true, ...options })
  const ended = runShell(lab.session, {
    prompt: 'supervisor',
    terminal: lab.terminal,
    historyFile: { read: () => ['older', 'old'], write: lines => void history.push([...lines]) },
  })
  return { ...lab, ended, history }
}

test('greets with the status, then prompts for each line, until the end of input', async () => {
  const { ended, out } = shell(daemon, { typed: ['pid', '', 'bogus', null] })
  await ended
  expect(out()).toBe(`${status}supervisor> 12\nsupervisor> supervisor> *** Unknown syntax: bogus\nsupervisor> \n`)
})

test('quit and exit leave it with one empty line', async () => {
  for (const word of ['quit', 'exit']) {
    const { ended, out } = shell(daemon, { typed: [word, 'pid'] })
    await ended
    expect(out()).toBe(`${status}supervisor> \n`)
  }
})

test('Ctrl-C leaves it, at the prompt and while a command runs', async () => {
  const atPrompt = shell(daemon, {})
  await settled()
  atPrompt.interrupt()
  await atPrompt.ended
  expect(atPrompt.out()).toBe(`${status}supervisor> \n`)

  const running = shell({ ...daemon, startProcess: () => new Promise(() => {}) }, { typed: ['start web'] })
  await settled()
  running.interrupt()
  await running.ended
  expect(running.out()).toBe(`${status}supervisor> \n`)
})

test('history goes from the file to the questions and back', async () => {
  const { ended, history, questions } = shell(daemon, { typed: [null] })
  await ended
  expect(questions[0]!.question.history).toEqual(['old', 'older'])
  expect(history).toEqual([['older', 'old']])
})

test('names for completion are asked for once between two commands', async () => {
  const { ended, questions, calls } = shell(daemon, { typed: ['pid', null] })
  await ended
  calls.length = 0
  const complete = questions[0]!.question.complete!
  expect(await complete('status w')).toEqual([['web '], 'w'])
  await complete('status ')
  expect(calls).toEqual(['getAllProcessInfo()'])
})

test('a daemon that does not answer offers no names', async () => {
  let asked = 0
  const getAllProcessInfo = () => {
    if (asked++ > 0) throw new Error('gone')
    return []
  }
  const { ended, questions } = shell({ getAllProcessInfo }, { typed: [null] })
  await ended
  expect(await questions[0]!.question.complete!('status w')).toEqual([[], 'w'])
})

test('a history file that cannot be read or written is no trouble', () => {
  const history = historyFile('/no/such/directory/history', files)
  expect(history.read()).toEqual([])
  expect(() => history.write(['x'])).not.toThrow()
})
