// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shell is what this is about
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  editEnvironmentFile,
  effectiveEnvironment,
  ensureEnvironmentFile,
  parseEnvironmentFile,
  readEnvironmentLayers,
  renderEnvironmentFile,
  renderVariable,
  replaceBlock,
} from '../../../../programs/common/environment-file.ts'
import { openRandom } from '../../../support/random.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-environment-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** What `set -a; . FILE` exports. */
function askBash(text: string): Map<string, string> {
  const path = join(directory, 'asked')
  writeFileSync(path, text)
  const { stdout, stderr } = spawnSync(
    '/bin/bash',
    ['--norc', '-c', 'set -a; . "$1"; exec /usr/bin/env -0', 'bash', path],
    {
      env: {},
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  expect(stderr).toBe('')
  const pairs = stdout.split('\0').slice(0, -1)
  return new Map(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

test('plain values keep the form NAME="value"', () => {
  for (const value of ['', 'a', 'two words', "it's", 'a=b', '100%', 'C:\\dir', '!history', '~', '*', '#', 'a\tb'])
    expect(renderVariable('X', value)).toBe(`X="${value}"`)
})

test('a variable is one line, whatever its value', () => {
  expect(renderVariable('X', "a\nLD_PRELOAD=/b\n'c'\\")).toBe(`X=$'a\\nLD_PRELOAD=/b\\n\\'c\\'\\\\'`)
})

test('any value comes back out of bash, and out of our own parser', () => {
  const random = openRandom()
  const { many, pick, below } = random
  const parts = [
    '"',
    "'",
    '$',
    '`',
    '\\',
    '\n',
    '#',
    '%',
    '!',
    '~',
    '{',
    '}',
    '(',
    ')',
    '&',
    '|',
    ';',
    '<',
    '>',
    '*',
    '?',
  ]
  const words = [
    'a',
    ' ',
    '\t',
    '\r',
    '$HOME',
    '${X:-y}',
    '$(id)',
    '`id`',
    '\\n',
    '\\"',
    "\\'",
    '[1, "a"]',
    'é😀',
    '=',
    '\x01',
  ]
  const fixed = [
    '{"json": {"a": [1, "b\'c"], "d": "$x `y` \\\\"}}',
    "'",
    '"',
    '\\',
    '\\\\',
    '\n',
    "\\'",
    '"\\',
    '$',
    '%s%%',
  ]
  const values = [...fixed, ...many(5000, () => many(below(9), () => pick([...parts, ...words])).join(''))]
  const expected = new Map(values.map((value, index) => [`V_${index}`, value]))
  const text = renderEnvironmentFile(expected)
  const [bash, own] = [askBash(text), parseEnvironmentFile(text)]
  expect(own.problems.filter(({ message }) => !message.includes('carriage return'))).toEqual([])
  for (const [name, value] of expected) {
    const told = `SEED=${random.seed} ${JSON.stringify(value)}`
    expect(bash.get(name), told).toBe(value)
    expect(own.values.get(name), told).toBe(value)
  }
})

describe('ensureEnvironmentFile', () => {
  const ensure = (env: Record<string, string>): boolean =>
    ensureEnvironmentFile(env, { path: join(directory, 'environment'), gid: 0 })
  const read = (): string => readFileSync(join(directory, 'environment'), 'utf8')

  test('writes the marker, the fixed PATH, and then every variable', () => {
    expect(ensure({ CONTAINER_ID: '17', PATH: '/my/bin', TOKEN: 'a"b' })).toBe(true)
    expect(read().split('\n')).toEqual([
      '# Template controlled environment for C.17',
      'PATH="/opt/instance-tools/bin:/opt/sys-venv/shim:/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
      'CONTAINER_ID="17"',
      'PATH="/my/bin"',
      `TOKEN='a"b'`,
      '',
    ])
    expect(askBash(read()).get('PATH')).toBe('/my/bin')
  })

  test('what is too long for pam_env comes last: it reads no further', () => {
    ensure({ LONGER: 'x'.repeat(9000), LONG: 'x'.repeat(5000), B: '2'.repeat(900), A: '1' })
    expect([...parseEnvironmentFile(read()).values.keys()]).toEqual(['PATH', 'B', 'A', 'LONG', 'LONGER'])
  })

  test('keeps what people have edited while the identity is the same', () => {
    ensure({ CONTAINER_ID: '17', A: '1' })
    writeFileSync(join(directory, 'environment'), `${read()}A="edited"\n`)
    expect(ensure({ CONTAINER_ID: '17', A: '1' })).toBe(false)
    expect(read()).toContain('A="edited"')
    expect(ensure({ CONTAINER_ID: '18', A: '1' })).toBe(true)
    expect(read()).not.toContain('edited')
  })

  test('the identity is CONTAINER_ID, else VAST_CONTAINERLABEL, else CONTAINER_LABEL; without one it writes at every boot', () => {
    ensure({ CONTAINER_ID: '', VAST_CONTAINERLABEL: 'C.5', CONTAINER_LABEL: 'x' })
    expect(read()).toContain('# Template controlled environment for C.C.5\n')
    ensure({ CONTAINER_LABEL: 'x' })
    expect(read()).toContain('# Template controlled environment for C.x\n')
    expect(ensure({})).toBe(true)
    expect(ensure({})).toBe(true)
  })

  test('leaves out what is not for others: HOME, SHLVL, CONDA in name or value, what bash does not let set, and what is no name', () => {
    ensure({
      ...{ HOME: '/root', SHLVL: '1', CONDA_PREFIX: '/x', Y: 'in CONDA', UID: '0', SHELLOPTS: 'x', PWD: '/', _: 'x' },
      ...{ 'BASH_FUNC_f%%': '() { :; }', 'a.b': 'x', KEPT: 'yes' },
    })
    expect([...parseEnvironmentFile(read()).values.keys()]).toEqual(['PATH', 'KEPT'])
  })

  test('is not for everybody to read, whatever it was and whatever the umask is', () => {
    writeFileSync(join(directory, 'environment'), '')
    chmodSync(join(directory, 'environment'), 0o644)
    const umask = process.umask(0o002)
    try {
      ensure({ HF_TOKEN: 'x' })
    } finally {
      process.umask(umask)
    }
    expect(statSync(join(directory, 'environment')).mode & 0o777).toBe(0o640)
  })
})

describe('editEnvironmentFile and replaceBlock', () => {
  const path = (): string => join(directory, 'environment')
  const edit = (lines: string[]) => editEnvironmentFile(text => replaceBlock(text, '# BEGIN', '# END', lines), path())

  test('a block is added at the end, replaced where it is, and removed, with the mode kept', () => {
    writeFileSync(path(), 'A=1\n', { mode: 0o600 })
    expect(edit(['B=2', 'C=3']).values.get('C')).toBe('3')
    expect(readFileSync(path(), 'utf8')).toBe('A=1\n# BEGIN\nB=2\nC=3\n# END\n')
    writeFileSync(path(), `${readFileSync(path(), 'utf8')}D=4\n`)
    edit(['B=5'])
    expect(readFileSync(path(), 'utf8')).toBe('A=1\n# BEGIN\nB=5\n# END\nD=4\n')
    edit([])
    expect(readFileSync(path(), 'utf8')).toBe('A=1\nD=4\n')
    expect(statSync(path()).mode & 0o777).toBe(0o600)
  })

  test('nothing is written when nothing changes', () => {
    writeFileSync(path(), 'A=1')
    const { ino } = statSync(path())
    editEnvironmentFile(text => text, path())
    expect(statSync(path()).ino).toBe(ino)
  })

  test('a quote that somebody left open is told: it would swallow what follows', () => {
    writeFileSync(path(), 'A="1\n')
    expect(edit(['B=2']).problems).toEqual([
      { where: `${path()}:1`, message: expect.stringContaining('the " has no end'), fix: 'end the quote' },
    ])
  })
})

describe('effectiveEnvironment', () => {
  test('the files of the boot on top of the environment, .env of the workspace on top of all', () => {
    mkdirSync(join(directory, 'w'))
    writeFileSync(join(directory, 'environment'), `WORKSPACE="${directory}/w"\nA="file"\nB="file"\nC=\${D}x\n`)
    writeFileSync(join(directory, 'w/.env'), 'B="own $A"\n')
    const env = effectiveEnvironment({ WORKSPACE: '/nowhere', A: 'given', D: 'd' }, join(directory, 'environment'))
    expect(env).toEqual({ WORKSPACE: `${directory}/w`, A: 'file', B: 'own file', C: 'dx', D: 'd' })
  })

  test('what only a shell can work out is as it is in the environment, and told with its line', () => {
    writeFileSync(join(directory, 'environment'), '\nA=$(hostname)\n')
    const env = { A: 'worked out', WORKSPACE: '/nowhere' }
    expect(effectiveEnvironment(env, join(directory, 'environment')).A).toBe('worked out')
    const [layer] = readEnvironmentLayers(env, join(directory, 'environment'))
    expect(layer!.problems.map(({ where }) => where)).toEqual([`${directory}/environment:2`])
  })

  test('a file that is not there says nothing; one that cannot be read is told', () => {
    expect(effectiveEnvironment({ A: '1', WORKSPACE: directory }, join(directory, 'none'))).toEqual({
      A: '1',
      WORKSPACE: directory,
    })
    mkdirSync(join(directory, '.env'))
    const [, layer] = readEnvironmentLayers({ WORKSPACE: directory }, join(directory, 'none'))
    expect(layer!.problems[0]!.message).toContain('cannot be read')
  })
})
