import { expect, test } from 'vitest'
import { eventTypes } from '../../../supervisor/listeners/event-types.ts'
import { renderEventsReference } from '../../../supervisor/listeners/reference.ts'

const lines = renderEventsReference().split('\n')

test.each(Object.keys(eventTypes))('%s has a row of three cells', type => {
  const rows = lines.filter(line => line.includes(`\`${type}\` |`))
  expect(rows).toHaveLength(1)
  expect(rows[0]!.split(' | ')).toHaveLength(3)
})

test('newlines of a payload are shown', () => {
  expect(lines.find(line => line.includes('`PROCESS_GROUP_ADDED`'))).toContain('`groupname:cat\\n`')
})
