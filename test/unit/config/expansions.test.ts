import { describe, expect, test } from 'vitest'
import type { BadValue } from '../../../supervisor/config/config-error.ts'
import { environmentNames, expand, type Names } from '../../../supervisor/config/expansions.ts'
import { messageOf } from '../../support/config.ts'

const names: Names = [
  new Map<string, string | number>([
    ['program_name', "it's"],
    ['process_num', 7],
    ['a(b)c', 'nested'],
  ]),
  environmentNames({ X: 'outer' }),
  environmentNames({ X: 'inner' }),
]
const expanded = (text: string) => expand(text, names, 'program:x.command')
const reasonOf = (text: string) =>
  messageOf(() => expanded(text)).replace(/^Format string .* for 'program:x\.command' is badly formatted: /s, '')

test.each([
  ['no percent sign', 'no percent sign'],
  ['%(program_name)s', "it's"],
  ['a %(ENV_X)s b', 'a inner b'],
  ['100%%', '100%'],
  ['%(process_num)02d', '07'],
  ['%(process_num)s %(process_num)5d|%(process_num)-5d|%(process_num)+d', '7     7|7    |+7'],
  ['%(process_num)#x %(process_num)#o %(process_num)05X', '0x7 0o7 00007'],
  ['%(process_num).3d %(process_num)6.3d', '007    007'],
  ['%(process_num)f %(process_num)08.3f %(process_num)e %(process_num)g', '7.000000 0007.000 7.000000e+00 7'],
  ['%(process_num)c|%(process_num)r', '\u0007|7'],
  ['%(program_name)6s|%(program_name)-6s|%(program_name).2s|%(program_name)r', `  it's|it's  |it|"it's"`],
  ['%(a(b)c)s', 'nested'],
  ['%(process_num)ld', '7'],
])('%j becomes %j', (text, value) => {
  expect(expanded(text)).toBe(value)
})

test.each([
  ['%', 'incomplete format'],
  ['100% ', 'incomplete format'],
  ['%(program_name)', 'incomplete format'],
  ['%(program_name', 'incomplete format key'],
  ['0123456789 0123456789 0123456 %q', "unsupported format character 'q' (0x71) at index 31"],
  ['😀%é', "unsupported format character '?' (0xe9) at index 2"],
  ['%(program_name)%', "unsupported format character '%' (0x25) at index 15"],
  ['%(program_name)d', '%d format: a real number is required, not str'],
  ['%(program_name)x', '%x format: an integer is required, not str'],
  ['%(program_name)f', 'must be real number, not str'],
  ['%(program_name)c', '%c requires int or char'],
  ['%d', '%d format: a real number is required, not dict'],
  ['%(process_num)*d', '* wants int'],
  ['%s %s', 'not enough arguments for format string'],
  ['%(process_num)99999999999d', 'width too big'],
])('%j is badly formatted: %s', (text, reason) => {
  expect(reasonOf(text)).toBe(reason)
})

test('an unknown name is told with all that are known, sorted', () => {
  expect(messageOf(() => expanded("%(ENV_NO)s'"))).toBe(
    `Format string "%(ENV_NO)s'" for 'program:x.command' contains names ('ENV_NO') which cannot be expanded. ` +
      'Available names: ENV_X, a(b)c, process_num, program_name',
  )
})

test('%s without a name is the whole mapping, as in Python', () => {
  expect(
    expand(
      '<%s>',
      [
        new Map<string, string | number>([
          ['a', "x'y"],
          ['n', 1],
        ]),
      ],
      'l',
    ),
  ).toBe(`<{'a': "x'y", 'n': 1}>`)
})

describe('hints', () => {
  const hintOf = (text: string) => {
    try {
      expanded(text)
    } catch (error) {
      return (error as BadValue).hint
    }
    return undefined
  }
  test('a percent sign is to be doubled, a variable to be set', () => {
    expect(hintOf('date +%Y')).toBe('write %% for a percent sign')
    expect(hintOf('%(ENV_NO)s')).toContain('set NO in the environment of supervisord')
  })
})
