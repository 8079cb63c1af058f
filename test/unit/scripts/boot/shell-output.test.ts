import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { renderShellChange } from '../../../../scripts/boot/shell-output.ts'

const values = [
  '',
  'plain',
  "it's",
  '"quoted" $HOME `id` \\ \\\\ !x',
  'two\nlines\n',
  '{"json": ["a", 1]}',
  '-n',
  '100 % #1 *?[a]',
  '\u00e9\u{1f680}',
]

test('bash gets every value as it is', () => {
  const exports = Object.fromEntries(values.map((value, index) => [`V${index}`, value]))
  const { stdout } = spawnSync(
    'bash',
    ['-c', `${renderShellChange({ exports, unset: ['GONE'], cd: '/' })}env -0; pwd`],
    {
      encoding: 'utf8',
      env: { GONE: '1', PATH: process.env.PATH },
    },
  )
  const pairs = stdout.split('\0')
  for (const [name, value] of Object.entries(exports)) expect(pairs).toContain(`${name}=${value}`)
  expect(pairs.some(pair => pair.startsWith('GONE='))).toBe(false)
  expect(pairs.at(-1)).toBe('/\n')
})

test('nothing to change is no text; a name that no shell takes is refused', () => {
  expect(renderShellChange({})).toBe('')
  expect(() => renderShellChange({ exports: { 'A B': '1' } })).toThrow('not the name of a variable: A B')
  expect(() => renderShellChange({ unset: ['x;reboot'] })).toThrow()
})
