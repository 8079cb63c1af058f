/** /etc/environment among those who read it: bash, pam_env at a login, and accounts that should not. */
import { expect, test } from 'vitest'
import { ensureEnvironmentFile, renderVariable } from '../../programs/common/environment-file.ts'
import { type Instance, openInstance } from '../support/instance.ts'
import { openRandom } from '../support/random.ts'

const parse = (stdout: string): Map<string, string> =>
  new Map(
    stdout
      .split('\0')
      .slice(0, -1)
      .map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )

const atLogin = async (instance: Instance, account = 'root'): Promise<Map<string, string>> =>
  parse((await instance.exec(`exec su -s /bin/sh ${account} -c 'exec /usr/bin/env -0'`)).stdout)

const inBash = async (instance: Instance, user: 'root' | 'user'): Promise<Map<string, string>> =>
  parse((await instance.exec('set -a; . /etc/environment; exec /usr/bin/env -0', { user })).stdout)

test('bash and pam_env read the same, wherever pam_env can', async () => {
  const { seed, many, pick, below } = openRandom()
  const parts = [
    '"',
    '$',
    '`',
    '\\',
    '%',
    '!',
    '~',
    '{',
    ';',
    '&',
    '|',
    '(',
    ')',
    '<',
    '=',
    ' ',
    '\t',
    'a',
    '$HOME',
    'é',
    '\\"',
    '\\n',
  ]
  const apostrophes = [...parts.filter(part => !/[$`"\\]/.test(part)), "'", "'", '\\n']
  const value = (): string => many(below(9), () => pick(parts)).join('')
  const apostrophized = (): string => many(below(9), () => pick(apostrophes)).join('')
  const values = [
    ...['', '{"json": [1, "two"]}', 'sk-$ecret', 'C:\\dir\\', "it's", 'x'.repeat(900), '|localhost:1:2:/:A B|'],
    ...many(600, value),
    ...many(300, apostrophized),
  ]
  const expected = new Map(values.map((given, index) => [`V_${index}`, given]))
  await using instance = await openInstance()
  instance.write(
    '/etc/environment',
    Array.from(expected, ([name, given]) => `${renderVariable(name, given)}\n`).join(''),
  )
  const [bash, login] = [await inBash(instance, 'root'), await atLogin(instance)]
  for (const [name, given] of expected) {
    expect(bash.get(name), `SEED=${seed}`).toBe(given)
    // a variable that is not there, and that is to be empty: pam_env takes that for a wish to remove it
    expect(login.get(name) ?? '', `SEED=${seed} ${JSON.stringify(given)}`).toBe(given)
  }
})

test('what pam_env cannot read is right in bash, and never another variable', async () => {
  await using instance = await openInstance()
  const hard = {
    HASH: 'before#after',
    LINES: 'one\nINJECTED=yes',
    BOTH: `it's "quoted" $x`,
    AFTER: 'fine',
    LONG: 'x'.repeat(9000),
  }
  instance.write(
    '/etc/environment',
    Object.entries(hard)
      .map(([name, value]) => `${renderVariable(name, value)}\n`)
      .join(''),
  )
  const [bash, login] = [await inBash(instance, 'root'), await atLogin(instance)]
  for (const [name, value] of Object.entries(hard)) expect(bash.get(name)).toBe(value)
  expect(login.get('HASH')).toBe('before')
  expect(login.get('BOTH')).toBe('it\'s \\"quoted\\" \\$x')
  expect(login.has('LONG')).toBe(false)
  expect(login.get('AFTER')).toBe('fine')
  expect(login.has('INJECTED')).toBe(false)
})

test('secrets reach root, the account `user` and logins, and no other account', async () => {
  await using instance = await openInstance()
  ensureEnvironmentFile({ CONTAINER_ID: '7', HF_TOKEN: 'hf_secret' }, { path: instance.path('/etc/environment') })
  expect((await inBash(instance, 'root')).get('HF_TOKEN')).toBe('hf_secret')
  expect((await inBash(instance, 'user')).get('HF_TOKEN')).toBe('hf_secret')
  expect((await atLogin(instance, 'nobody')).get('HF_TOKEN')).toBe('hf_secret')
  const peek = await instance.exec('setpriv --reuid=65534 --regid=65534 --clear-groups cat /etc/environment')
  expect(peek).toMatchObject({ status: 1, stdout: '' })
})
