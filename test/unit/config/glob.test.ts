import { expect, test } from 'vitest'
import { glob } from '../../../supervisor/config/glob.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const machine = fakeMachine({
  files: Object.fromEntries(
    [
      '/d/a.conf',
      '/d/b.conf',
      '/d/10.conf',
      '/d/2.conf',
      '/d/.dot.conf',
      '/d/a[1].ini',
      '/d/sub/x.conf',
      '/e/sub/x.conf',
      '/d/]',
    ].map(path => [path, '']),
  ),
})

test.each<[string, string[]]>([
  ['/d/*.conf', ['/d/10.conf', '/d/2.conf', '/d/a.conf', '/d/b.conf']],
  ['/d/?.conf', ['/d/2.conf', '/d/a.conf', '/d/b.conf']],
  ['/d/[ab].conf', ['/d/a.conf', '/d/b.conf']],
  ['/d/[!a].conf', ['/d/2.conf', '/d/b.conf']],
  ['/d/[0-9].conf', ['/d/2.conf']],
  ['/d/.*.conf', ['/d/.dot.conf']],
  ['/d/a[[]1].ini', ['/d/a[1].ini']],
  ['/d/[]]', ['/d/]']],
  ['/*/sub/x.conf', ['/d/sub/x.conf', '/e/sub/x.conf']],
  ['/d/**/x.conf', ['/d/sub/x.conf']],
  ['/**', ['/d', '/dev', '/e', '/home', '/root', '/tmp']],
  ['/d/a.conf', ['/d/a.conf']],
  ['/d/none.conf', []],
  ['/none/*.conf', []],
  ['/d/a.conf/*', []],
])('%s', (pattern, paths) => {
  expect(glob(pattern, machine)).toEqual(paths)
})

test('many stars take no exponential time', () => {
  const name = 'a'.repeat(200)
  const files = fakeMachine({ files: { [`/long/${name}`]: '' } })
  // it would not come to its end
  expect(glob(`/long/${'*a'.repeat(60)}b`, files)).toEqual([])
})
