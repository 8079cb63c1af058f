import { describe, expect, test } from 'vitest'
import {
  clearMeanings,
  type Meanings,
  renderResult,
  signalMeanings,
  startMeanings,
  stopMeanings,
} from '../../../supervisor/ctl/results.ts'
import { faults } from '../../../supervisor/xmlrpc/faults.ts'

const FAILED = 'FAILED: unknown problem killing m0 (12):Traceback'

// Source: contract 9.2, 9.4
const rows: Record<string, [Meanings, Record<number, [string, number]>]> = {
  start: [
    startMeanings,
    {
      80: ['g:x: started', 0],
      10: ['g:x: ERROR (no such process)', 1],
      20: ['g:x: ERROR (no such file)', 1],
      21: ['g:x: ERROR (file is not executable)', 1],
      60: ['g:x: ERROR (already started)', 0],
      50: ['g:x: ERROR (spawn error)', 7],
      40: ['g:x: ERROR (abnormal termination)', 7],
    },
  ],
  stop: [
    stopMeanings,
    {
      80: ['g:x: stopped', 0],
      10: ['g:x: ERROR (no such process)', 1],
      70: ['g:x: ERROR (not running)', 0],
      30: [FAILED, 1],
    },
  ],
  signal: [
    signalMeanings,
    {
      80: ['g:x: signalled', 0],
      10: ['g:x: ERROR (no such process)', 1],
      11: ['g:x: ERROR (bad signal name)', 1],
      70: ['g:x: ERROR (not running)', 7],
      30: [FAILED, 1],
    },
  ],
  clear: [
    clearMeanings,
    {
      80: ['g:x: cleared', 0],
      10: ['g:x: ERROR (no such process)', 1],
      30: ['g:x: ERROR (failed)', 1],
    },
  ],
}

describe.each(Object.entries(rows))('%s', (_, [meanings, expected]) => {
  test.each(Object.entries(faults))('%s', (_name, status) => {
    const result = { group: 'g', name: 'x', status, description: FAILED }
    const row = expected[status]
    if (row) expect(renderResult(meanings, result)).toEqual({ line: row[0], status: row[1] })
    else expect(() => renderResult(meanings, result)).toThrow(`Unknown result code ${status} for g:x`)
  })
})

test('a number that nobody knows is an error', () => {
  const result = { group: 'x', name: 'x', status: 7, description: '' }
  expect(() => renderResult(startMeanings, result)).toThrow('Unknown result code 7 for x')
})
