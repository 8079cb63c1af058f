/** The pure parts of the steps, and the table. Source: contract/vast-instance.md 2.4 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAccounts } from '../../../../scripts/boot/accounts.ts'
import { stepName } from '../../../../scripts/boot/journal.ts'
import { mountsBelow } from '../../../../scripts/boot/shared-copy.ts'
import { mergeFragments, orderGuides } from '../../../../scripts/boot/steps/capabilities-manifest.ts'
import {
  compareVersions,
  isVersion,
  selectToolkit,
  withFirst,
  withoutCuda,
} from '../../../../scripts/boot/steps/configure-cuda.ts'
import { quotaCores, setByUser, threadCap } from '../../../../scripts/boot/steps/cpu-thread-limits.ts'
import { userOf } from '../../../../scripts/boot/steps/log-dirs.ts'
import { editJupyterEntries } from '../../../../scripts/boot/steps/prep-env.ts'
import { mergeKeys } from '../../../../scripts/boot/steps/user-propagate-ssh-keys.ts'
import { renderSteps, steps } from '../../../../scripts/boot/steps.ts'

const directory = resolve(import.meta.dirname, '../../../../ROOT/etc/vast_boot.d')

describe('the table', () => {
  test('has a row for each file, in the order of the files', () => {
    const ours = [
      ...readdirSync(directory).filter(name => name.endsWith('.sh')),
      ...readdirSync(join(directory, 'first_boot')).map(name => `first_boot/${name}`),
    ]
    const files = steps.map(({ file }) => file)
    expect([...files].sort()).toEqual([...ours].sort())
    const numbered = files.filter(file => !file.includes('/'))
    expect(numbered).toEqual([...numbered].sort())
    expect(renderSteps().split('\n')).toHaveLength(steps.length + 1)
  })

  test.each(steps.map(step => [step.file, step] as const))('%s is called by its file, if it has work', (file, step) => {
    expect(step.name).toBe(stepName(file))
    expect(existsSync(join(directory, file))).toBe(true)
    const text = readFileSync(join(directory, file), 'utf8')
    expect(text.includes(`boot-step ${step.name}`)).toBe(step.run !== null)
    expect(step.run === null || step.deadlineSeconds > 0).toBe(true)
  })
})

describe('Jupyter in PORTAL_CONFIG', () => {
  const facts = { mode: 'args', isMapped: true, force: true, override: false } as const
  const ADDED = 'localhost:8080:18080:/:Jupyter|localhost:8080:8080:/terminals/1:Jupyter Terminal'

  test('is added at the end where we run it and nobody mentions it', () => {
    expect(editJupyterEntries('a:1:2:/:A', facts)).toBe(`a:1:2:/:A|${ADDED}`)
    expect(editJupyterEntries('', facts)).toBe(ADDED)
    expect(editJupyterEntries('a:1:2:/:My JUPYTER', facts)).toBe('a:1:2:/:My JUPYTER')
    expect(editJupyterEntries('a:1:2:/:A', { ...facts, force: false })).toBe('a:1:2:/:A')
    expect(editJupyterEntries('a:1:2:/:A', { ...facts, mode: 'ssh' })).toBe('a:1:2:/:A')
  })

  test('is removed where its port is not mapped, and where the platform runs ssh alone', () => {
    const both = 'a:1:2:/:A|localhost:8080:18080:/:Jupyter|b:3:3:/jupyter:B'
    expect(editJupyterEntries(both, { ...facts, isMapped: false })).toBe('a:1:2:/:A')
    expect(editJupyterEntries(both, { ...facts, mode: 'ssh' })).toBe('a:1:2:/:A')
    expect(editJupyterEntries(both, { ...facts, mode: 'ssh', override: true })).toBe(both)
  })

  test("leads to the platform's own where that runs", () => {
    const given = 'localhost:8080:18080:/:Jupyter|a:1:2:/:A'
    expect(editJupyterEntries(given, { ...facts, mode: 'jupyter' })).toBe('localhost:8080:8080:/:Jupyter|a:1:2:/:A')
    expect(editJupyterEntries(given, { ...facts, mode: 'jupyter', override: true })).toBe(given)
  })

  test('leaves bad entries to whoever reads them', () => {
    expect(editJupyterEntries('nonsense||x:1', { ...facts, force: false })).toBe('nonsense||x:1')
  })
})

describe('thread caps', () => {
  const facts = { pidsMax: 1000, cpus: 128, quota: 8, ceiling: undefined }

  test.each([
    ['the quota', facts, 8],
    ['no more than the ceiling', { ...facts, quota: 40 }, 16],
    ['the ceiling without a quota', { ...facts, quota: null }, 16],
    ['a ceiling of one’s own', { ...facts, quota: null, ceiling: '4' }, 4],
    ['16 for a ceiling that is none', { ...facts, quota: null, ceiling: 'many' }, 16],
    ['16 for a ceiling below 2', { ...facts, quota: null, ceiling: '1' }, 16],
    ['at least 2', { ...facts, quota: 1 }, 2],
    ['none where processes abound', { ...facts, pidsMax: 16 * 128 }, null],
    ['none without a limit of processes', { ...facts, pidsMax: null }, null],
  ])('%s', (_, given, cap) => expect(threadCap(given)).toBe(cap))

  test('a quota is rounded to whole cores', () => {
    expect(quotaCores('250000', '100000')).toBe(3)
    expect(quotaCores('20000', '100000')).toBe(1)
    expect(quotaCores('max', '100000')).toBeNull()
    expect(quotaCores('-1', '100000')).toBeNull()
    expect(quotaCores(undefined, undefined)).toBeNull()
  })

  test('what the user has set is told from what an earlier boot has', () => {
    const environment = `A="1"
OMP_NUM_THREADS="3"
# VAST_CPU_THREAD_CAPS_BEGIN (ADR 0014, managed — do not edit)
# OMP_NUM_THREADS is the user's
MKL_NUM_THREADS=8
# VAST_CPU_THREAD_CAPS_END
`
    const dotenv = 'RAYON_NUM_THREADS=5\n'
    const env = { OMP_NUM_THREADS: '3', MKL_NUM_THREADS: '8', RAYON_NUM_THREADS: '5', TOKIO_WORKER_THREADS: '9' }
    expect(setByUser({ environment, dotenv }, env)).toEqual([
      'OMP_NUM_THREADS',
      'RAYON_NUM_THREADS',
      'TOKIO_WORKER_THREADS',
    ])
  })
})

describe('CUDA', () => {
  test('versions are compared by their numbers', () => {
    expect(['12.10', '11.8', '12.9'].sort(compareVersions)).toEqual(['11.8', '12.9', '12.10'])
    expect(['12.4', '12', '', '12.4.1', 'x'].map(isVersion)).toEqual([true, false, false, false, false])
  })

  test('the newest toolkit that the driver takes; all of them with compatibility; else the oldest', () => {
    const toolkits = ['11.8', '12.4', '12.10']
    expect(selectToolkit(toolkits, '12.9', false)).toEqual({ toolkit: '12.4', warning: '' })
    expect(selectToolkit(toolkits, '12.9', true)).toEqual({ toolkit: '12.10', warning: '' })
    expect(selectToolkit(toolkits, '13.0', false).toolkit).toBe('12.10')
    expect(selectToolkit(toolkits, '11.0', false)).toMatchObject({ toolkit: '11.8', warning: /newer than the driver/ })
  })

  test('paths lose toolkits and nothing else', () => {
    expect(withoutCuda('/usr/local/cuda/lib64:/a:/usr/local/cuda-12.4/compat::/opt/cudax')).toBe('/a:/opt/cudax')
    expect(withoutCuda('/usr/local/cuda')).toBe('')
    expect(withFirst('/a:/b', '/c')).toBe('/c:/a:/b')
    expect(withFirst('/a:/c', '/c')).toBe('/a:/c')
  })
})

test('the user of a program is the one of its conf; root needs no log of its own', () => {
  expect(userOf('[program:x]\nuser=user\n')).toBe('user')
  expect(userOf('[program:x]\nuser = tomcat ; not root\n')).toBe('tomcat')
  expect(userOf('[program:x]\nenvironment=USER=user\n;user=x\n')).toBeUndefined()
  expect(userOf('user=root\n')).toBeUndefined()
})

test('keys are added once, and what is there stays', () => {
  expect(mergeKeys('', 'a\nb\n')).toBe('a\nb\n')
  expect(mergeKeys('own', 'a\n\na\nown\n')).toBe('own\na\n')
  expect(mergeKeys('a\n# mine\n', 'a\n')).toBe('a\n# mine\n')
})

test('accounts are read from lines that are some', () => {
  expect(parseAccounts('root:x:0:0:root:/root:/bin/bash\nbad\nuser:x:1001:0::/home/user:/bin/bash\n')).toEqual([
    { name: 'root', uid: 0, gid: 0, home: '/root' },
    { name: 'user', uid: 1001, gid: 0, home: '/home/user' },
  ])
})

test('mounts in a directory are found, with blanks in their names, and no others', () => {
  const mountinfo = `1 0 0:1 / / rw - overlay o rw
2 1 0:2 / /root/.cache\\040x rw - tmpfs t rw
3 1 0:2 / /rootless rw - tmpfs t rw
`
  expect(mountsBelow(mountinfo, '/root')).toEqual(['/root/.cache x'])
  expect(mountsBelow(mountinfo, '/home')).toEqual([])
})

test('fragments add to lists, and replace environments of the same name and keys of the image', () => {
  expect(
    mergeFragments([
      { tools: ['a'], image: { name: 'base', tag: '1' }, python_environments: [{ name: 'main', path: '/venv/main' }] },
      {
        tools: ['b'],
        image: { name: 'mine' },
        python_environments: [{ name: 'main', path: '/x' }],
        openai_endpoints: 'bad',
      },
    ]),
  ).toEqual({
    image: { name: 'mine', tag: '1' },
    tools: ['a', 'b'],
    python_environments: [{ name: 'main', path: '/x' }],
    openai_endpoints: [],
  })
})

test('guides go from general to special', () => {
  expect(orderGuides(['zeta.md', 'pytorch.md', 'alpha.md', 'base.md'])).toEqual([
    'base.md',
    'pytorch.md',
    'alpha.md',
    'zeta.md',
  ])
})
