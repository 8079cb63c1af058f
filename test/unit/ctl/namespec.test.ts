import { expect, test } from 'vitest'
import { parseNamespec, renderNamespec } from '../../../supervisor/ctl/namespec.ts'

test.each([
  ['web', 'web', 'web'],
  ['team:m0', 'team', 'm0'],
  ['team:*', 'team', null],
  ['team:', 'team', null],
  ['a:b:c', 'a', 'b:c'],
  [':', '', null],
  ['*', '*', '*'],
])('%s is of group %s, process %s', (text, group, process) => {
  expect(parseNamespec(text)).toEqual({ group, process })
})

test('a group of the same name is left out', () => {
  expect(renderNamespec('web', 'web')).toBe('web')
  expect(renderNamespec('team', 'm0')).toBe('team:m0')
})
