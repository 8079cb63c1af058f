import { expect, test } from 'vitest'
import { parseBootJournal } from '../../../../programs/common/boot-journal.ts'
import { foldEvents, problemsOf, renderReport, stepName } from '../../../../scripts/boot/journal.ts'

const lines = (...events: readonly object[]): string => events.map(event => `${JSON.stringify(event)}\n`).join('')
const shell = (at: number, file: string, event: string, status: number | null = null): object => ({
  at,
  file,
  event,
  status,
})
const result = (at: number, file: string, result: string, message = ''): object => ({
  at,
  file,
  event: 'result',
  result,
  message,
})
const fold = (...events: readonly object[]) => foldEvents(lines(shell(100, '', 'booted'), ...events))!

test('a name is the file name without number and ending', () => {
  expect(['10-prep-env.sh', 'first_boot/05-update-vast.sh', 'x.sh'].map(stepName)).toEqual([
    'prep-env',
    'update-vast',
    'x',
  ])
})

test('a step runs until its shell or it itself says how it went', () => {
  const started = shell(110, '10-a.sh', 'started')
  expect(fold(started).steps).toEqual([
    { name: 'a', file: '10-a.sh', started: 110, ended: null, result: 'running', message: '' },
  ])
  expect(fold(started, shell(120, '10-a.sh', 'ended', 0)).steps[0]).toMatchObject({
    ended: 120,
    result: 'ok',
    message: '',
  })
  expect(
    fold(started, result(115, '10-a.sh', 'failed', 'no'), shell(120, '10-a.sh', 'ended', 1)).steps[0],
  ).toMatchObject({
    ended: 120,
    result: 'failed',
    message: 'no',
  })
})

test('the status of a file tells little: only what could not be started is a failure', () => {
  const after = (status: number) => fold(shell(1, '50-x.sh', 'started'), shell(2, '50-x.sh', 'ended', status)).steps[0]
  expect(after(1)).toMatchObject({ result: 'ok', message: 'returned 1' })
  expect(after(127)).toMatchObject({ result: 'failed' })
  expect(after(126)).toMatchObject({ result: 'failed' })
})

test('an exit is a failure, whatever was said before', () => {
  const { steps } = fold(shell(1, '50-x.sh', 'started'), result(2, '50-x.sh', 'ok'), shell(3, '50-x.sh', 'exited', 0))
  expect(steps[0]).toMatchObject({ result: 'failed', message: 'called exit 0', ended: 3 })
})

test('a step that is run again by hand changes nothing, nor does one that was no part of the boot', () => {
  const boot = [shell(1, '46-x.sh', 'started'), result(2, '46-x.sh', 'ok', 'then'), shell(3, '46-x.sh', 'ended', 0)]
  const before = fold(...boot)
  expect(fold(...boot, result(9, '46-x.sh', 'failed', 'by hand'), result(9, '47-y.sh', 'ok'))).toEqual(before)
})

test('phases: boot, provisioning while that runs, done from the last step on', () => {
  const provisioning = shell(1, '75-provisioning-manifest.sh', 'started')
  expect(fold().phase).toBe('boot')
  expect(fold(provisioning).phase).toBe('provisioning')
  expect(fold(provisioning, shell(2, '75-provisioning-manifest.sh', 'ended', 0)).phase).toBe('boot')
  expect(fold(shell(3, '95-supervisor-wait.sh', 'started')).phase).toBe('done')
})

test('lines that were cut off by a full disk cost nothing but themselves', () => {
  const text = `${lines(shell(5, '', 'booted'), shell(6, '1-a.sh', 'started'))}{"at":7,"fi\n\n[]\n`
  expect(foldEvents(text)).toMatchObject({ started: 5, steps: [{ name: 'a' }] })
  expect(foldEvents('')).toBeUndefined()
})

test('others can read what comes out', () => {
  const journal = fold(shell(1, '1-a.sh', 'started'), result(2, '1-a.sh', 'skipped', 'why'))
  expect(parseBootJournal(JSON.stringify(journal))).toEqual(journal)
})

test('the report has a line for each step, and problems are the failures', () => {
  const journal = fold(
    shell(1000, '10-a.sh', 'started'),
    result(2500, '10-a.sh', 'failed', 'no disk'),
    shell(3000, '95-supervisor-wait.sh', 'started'),
  )
  expect(renderReport(journal, 4000)).toBe(`boot of 1970-01-01T00:00:00.100Z: done
10-a.sh                   1.50 s  failed   no disk
95-supervisor-wait.sh     1.00 s  running
`)
  expect(problemsOf(journal)).toEqual(['10-a.sh: no disk'])
})
