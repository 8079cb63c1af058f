import { expect, test } from 'vitest'
import { defaultConfigPaths, findConfigFile, searchConfigFile } from '../../../supervisor/config/find-config.ts'
import { errorOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

test.each([
  ['/usr/bin/supervisord', '/usr/'],
  ['./supervisord', ''],
  ['supervisord', ''],
  ['/supervisord', '/'],
  ['a/b/supervisord', 'a/'],
])('%s searches in %j first', (argv0, prefix) => {
  expect(defaultConfigPaths(argv0)).toEqual([
    `${prefix}etc/supervisord.conf`,
    `${prefix}supervisord.conf`,
    'supervisord.conf',
    'etc/supervisord.conf',
    '/etc/supervisord.conf',
    '/etc/supervisor/supervisord.conf',
  ])
})

test('the first that exists is found; names stay relative to the working directory', () => {
  const files = { 'etc/supervisord.conf': '', '/etc/supervisord.conf': '' }
  expect(findConfigFile(null, '/usr/bin/supervisord', fakeMachine({ files }))).toBe('etc/supervisord.conf')
  expect(searchConfigFile('/usr/bin/supervisord', fakeMachine())).toBeNull()
})

test('nothing found, or not what was asked for', () => {
  expect(errorOf(() => findConfigFile(null, '/usr/bin/supervisord', fakeMachine())).message).toBe(
    'No config file found at default paths (/usr/etc/supervisord.conf, /usr/supervisord.conf, supervisord.conf, ' +
      'etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf); use the -c option to specify a config ' +
      'file at a different path',
  )
  expect(errorOf(() => findConfigFile('x/y.conf', 'supervisord', fakeMachine())).message).toBe(
    'could not find config file x/y.conf',
  )
})
