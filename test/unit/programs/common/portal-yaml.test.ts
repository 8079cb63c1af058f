import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { type Application, parsePortalConfig } from '../../../../programs/common/portal-config.ts'
import {
  editPortalYaml,
  ensurePortalYaml,
  type PortalYaml,
  PortalYamlError,
  parsePortalYaml,
  readPortalYaml,
  renderPortalYaml,
  watchPortalYaml,
} from '../../../../programs/common/portal-yaml.ts'
import { putApplication, removeApplication } from '../../../../programs/common/portal-yaml-text.ts'
import { openRandom } from '../../../support/random.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-portal-'))
  path = join(directory, 'portal.yaml')
})
afterEach(() => rmSync(directory, { recursive: true }))

const read = (): string => readFileSync(path, 'utf8')
const app = (
  name: string,
  external_port: number,
  internal_port: number,
  more: Partial<Application> = {},
): Application => ({
  ...{ name, hostname: 'localhost', external_port, internal_port, open_path: '/', extra: {} },
  ...more,
})
const told = ({ problems }: PortalYaml): readonly string[] =>
  problems.map(({ where, message }) => `${where}: ${message}`)

/** Does the gate find this term? As in utils/exit_portal.sh. */
const greps = (term: string): boolean => spawnSync('grep', ['-qiE', `^[^#].*${term}`, path]).status === 0

describe('the file as it is made', () => {
  test('block style, in order, two blanks of indent', () => {
    expect(renderPortalYaml([app('Instance Portal', 1111, 11111), app('Web', 80, 8080, { open_path: '/a?b=c' })])).toBe(
      `applications:
  Instance Portal:
    hostname: localhost
    external_port: 1111
    internal_port: 11111
    open_path: /
    name: Instance Portal
  Web:
    hostname: localhost
    external_port: 80
    internal_port: 8080
    open_path: /a?b=c
    name: Web
`,
    )
    expect(renderPortalYaml([])).toBe('applications: {}\n')
  })

  test('is what the gate finds every application in', () => {
    const names = [
      'Instance Portal',
      'Llama.cpp',
      'vLLM API',
      'ray dashboard',
      'Name: with colon',
      '#1 App',
      `${'long '.repeat(60)}end`,
    ]
    writeFileSync(path, renderPortalYaml(names.map((name, index) => app(name, 1000 + index, 2000))))
    for (const name of names) expect(greps(name), name).toBe(true)
    expect(greps('tensorboard')).toBe(false)
  })

  test('readers of older YAML, as Python is, read the same, also names that mean something else in older YAML', () => {
    const applications = [
      'On',
      'no',
      '012',
      '1:30',
      '~',
      'null',
      '1e3',
      '2026-01-01',
      'é😀',
      "it's",
      '"q"',
      '- x',
      '*a',
      '&b',
    ].map((name, index) => app(name, 1000 + index, 2000, { open_path: `/${name}` }))
    const text = renderPortalYaml(applications)
    expect(parsePortalYaml(text).applications).toEqual(applications)
    const older = parseDocument(text, { version: '1.1' }).toJS() as { applications: Record<string, { name: string }> }
    expect(Object.entries(older.applications).map(([key, { name }]) => [key, name])).toEqual(
      applications.map(({ name }) => [name, name]),
    )
  })
})

describe('parsePortalYaml', () => {
  test('what else is said of an application passes through', () => {
    const { applications, problems } = parsePortalYaml(
      'applications:\n  A:\n    external_port: 1\n    internal_port: 2\n    program: comfyui\n    tags: [x, {y: 1}]\n    name: Shown as\n',
    )
    expect(problems).toEqual([])
    expect(applications).toEqual([
      app('A', 1, 2, { extra: { program: 'comfyui', tags: ['x', { y: 1 }], name: 'Shown as' } }),
    ])
  })

  test('quoted ports are ports; hostname, path and name may be missing; anchors and merges are followed', () => {
    const text = `applications:
  A: {external_port: "1", internal_port: '2'}
  B: &b
    hostname: 127.0.0.1
    external_port: 3
    internal_port: 4
  C:
    <<: *b
    external_port: 5
  D: *b
`
    const { applications, problems } = parsePortalYaml(text)
    expect(applications).toEqual([
      app('A', 1, 2),
      app('B', 3, 4, { hostname: '127.0.0.1' }),
      app('C', 5, 4, { hostname: '127.0.0.1' }),
    ])
    expect(problems.map(({ message }) => message)).toEqual(['D: external port 3 is that of B; it is left out'])
  })

  test('a bad entry is told with its line, and costs no other', () => {
    const file = parsePortalYaml(`# mine
applications:
  A:
    external_port: 1
    internal_port: 2
  B:
    external_port: 80x
    internal_port: 2
  C: 17
  D:
    internal_port: 4
  E:
  F:
    external_port: [1]
    internal_port: 4
  G:
    hostname: "a b"
    external_port: 1
    internal_port: 4
  A:
    external_port: 3
    internal_port: 4
`)
    expect(file.applications.map(({ name }) => name)).toEqual(['A', 'A (2)'])
    expect(told(file)).toEqual([
      '/etc/portal.yaml:6: B: external_port is not a port: 80x; it is left out',
      '/etc/portal.yaml:9: C: is no mapping; it is left out',
      '/etc/portal.yaml:10: D: external_port is not a port: nothing; it is left out',
      '/etc/portal.yaml:12: E: is no mapping; it is left out',
      '/etc/portal.yaml:13: F: external_port is not a port: [1]; it is left out',
      '/etc/portal.yaml:16: G: hostname is none: a b; it is left out',
      '/etc/portal.yaml:20: a second A; it is called A (2)',
    ])
    expect(file.usable).toBe(true)
  })

  test('a name or a path with line ends is told, and left out', () => {
    const text =
      'applications:\n  "A\\nB": &a\n    external_port: 1\n    internal_port: 2\n  C:\n    <<: *a\n    open_path: "/x\\r\\ny"\n'
    expect(parsePortalYaml(text).problems.map(({ message }) => message)).toEqual([
      'A B: has control characters: "A\\nB"; it is left out',
      'C: has control characters: "C/x\\r\\ny"; it is left out',
    ])
  })

  test('of a field that is there twice the last one counts, as in Python', () => {
    const text = 'applications:\n  A:\n    external_port: 1\n    internal_port: 2\n    external_port: 3\n'
    expect(parsePortalYaml(text).applications).toEqual([app('A', 3, 2)])
  })

  test.each([
    ['', []],
    ['\n# only a comment\n', []],
    ['applications:\n', []],
    ['applications: {}\n', []],
    ['applications: [A]\n', ['/etc/portal.yaml:1: has no mapping `applications`']],
    ['apps:\n  A:\n', ['/etc/portal.yaml:1: has no mapping `applications`']],
    ['just text', ['/etc/portal.yaml:1: has no mapping `applications`']],
    ['applications:\n  A: {external_port: 1\n', [expect.stringMatching(/^\/etc\/portal.yaml:\d: not YAML: /)]],
    ['applications:\n\tA:\n', [expect.stringMatching(/^\/etc\/portal.yaml:2: not YAML: /)]],
  ])('%j is not usable', (text, problems) => {
    const file = parsePortalYaml(text)
    expect(file).toMatchObject({ applications: [], usable: false })
    if (problems.length === 0) expect(told(file)).toEqual([])
    else expect(told(file)[0]).toEqual(problems[0])
  })

  test('entities that multiply are not followed', () => {
    const levels = Array.from({ length: 30 }, (_, i) =>
      `  l${i + 1}: [${`*a${i},`.repeat(9)}]\n`.replace(':', `: &a${i + 1}`),
    )
    const file = parsePortalYaml(`applications:\n  l0: &a0 [x]\n${levels.join('')}`)
    expect(file.applications).toEqual([])
    expect(file.problems.length).toBeGreaterThan(0)
  })

  test('any text: never throws; what it makes of it it makes again', () => {
    const random = openRandom()
    const { many, pick, below } = random
    const atoms = [
      'applications:',
      '\n',
      '\n  ',
      '\n    ',
      'A',
      ': ',
      '1',
      'external_port: 1',
      'internal_port: 2',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a ',
      '*a',
      '<<: ',
      '#',
      '- ',
      '|',
      '>',
      '!!x ',
      '? ',
      '\t',
      ',',
      '\0',
      '%',
      '---',
      '__proto__: ',
      'é',
    ]
    for (const text of many(
      3000,
      () =>
        `${pick(['', 'applications:\n  A:\n    external_port: 1\n'])}${many(below(14), () => pick(atoms)).join('')}`,
    )) {
      const { applications } = parsePortalYaml(text)
      expect(
        parsePortalYaml(renderPortalYaml(applications)).applications,
        `SEED=${random.seed} ${JSON.stringify(text)}`,
      ).toEqual(applications)
    }
  })

  test('what PORTAL_CONFIG says comes back out of the file', () => {
    const { applications } = parsePortalConfig(
      'localhost:1111:11111:/:Instance Portal|[::1]:80:8080:/x y?a=b#c:A "B" \'C\': D|localhost:1:1:/:1',
    )
    expect(parsePortalYaml(renderPortalYaml(applications)).applications).toEqual(applications)
  })
})

describe('editPortalYaml', () => {
  const HAND_MADE = `# edited by hand
applications:   # all of them

  Instance Portal:
    hostname: localhost
    external_port: 1111   # the button
    internal_port: 11111
    open_path: '/'
    name: Instance Portal
    icon: star
# Old App:
#   hostname: localhost
  Jupyter:
    hostname: localhost
    external_port: 8080
    internal_port: 18080
    open_path: /
    name: Jupyter
other: {kept: true}
`

  test('adds at the end; comments, blank lines, quotes and unknown keys stay', () => {
    writeFileSync(path, HAND_MADE)
    editPortalYaml(file => file.put(app('My App', 7860, 17860, { extra: { program: 'my-app' } })), path)
    const added = `  My App:
    hostname: localhost
    external_port: 7860
    internal_port: 17860
    open_path: /
    name: My App
    program: my-app
`
    expect(read()).toBe(HAND_MADE.replace('other:', `${added}other:`))
    expect(greps('old app')).toBe(false)
    expect(greps('my app')).toBe(true)
  })

  test('changes only what is different', () => {
    writeFileSync(path, HAND_MADE)
    editPortalYaml(file => file.put(app('Instance Portal', 1112, 11111)), path)
    expect(read()).toBe(HAND_MADE.replace('external_port: 1111', 'external_port: 1112'))
  })

  test('writes nothing when nothing changes', () => {
    writeFileSync(path, HAND_MADE)
    const { ino } = statSync(path)
    editPortalYaml(file => file.put(app('Jupyter', 8080, 18080)), path)
    expect(editPortalYaml(file => file.remove('no such'), path)).toBe(false)
    expect(statSync(path).ino).toBe(ino)
    expect(read()).toBe(HAND_MADE)
  })

  test('removes one', () => {
    writeFileSync(path, HAND_MADE)
    expect(editPortalYaml(file => file.remove('Jupyter'), path)).toBe(true)
    expect(readPortalYaml(path).applications.map(({ name }) => name)).toEqual(['Instance Portal'])
    expect(read()).toBe(HAND_MADE.replace(/ {2}Jupyter:\n(?: {4}.*\n)+/, ''))
    expect(editPortalYaml(file => file.remove('Instance Portal'), path)).toBe(true)
    expect(read()).toContain('applications: {}   # all of them\n')
    expect(readPortalYaml(path)).toMatchObject({ problems: [], usable: false })
    editPortalYaml(file => file.put(app('New', 1, 2)), path)
    expect(readPortalYaml(path)).toMatchObject({ applications: [app('New', 1, 2)], problems: [] })
    expect(read()).toContain('# Old App:')
  })

  test.each([
    '',
    '# nothing yet\n',
    'applications:\n',
    'applications: {}\n',
    'other: 1\n',
    'applications: {} # none\n# end',
  ])('begins block style in %j', text => {
    writeFileSync(path, text)
    editPortalYaml(file => file.put(app('A', 1, 2)), path)
    expect(read()).toMatch(/^applications: *(?:# none)?\n {2}A:\n {4}hostname: localhost\n {4}external_port: 1\n/m)
    expect(greps('hostname')).toBe(true)
  })

  test('makes a file that is not there: 0644; keeps the mode of one that is', () => {
    const umask = process.umask(0o077)
    try {
      editPortalYaml(file => file.put(app('A', 1, 2)), path)
    } finally {
      process.umask(umask)
    }
    expect(statSync(path).mode & 0o777).toBe(0o644)
    chmodSync(path, 0o600)
    editPortalYaml(file => file.put(app('B', 3, 4)), path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('through a symbolic link the file behind it changes, and the link stays', () => {
    mkdirSync(join(directory, 'elsewhere'))
    symlinkSync('elsewhere/real.yaml', path)
    editPortalYaml(file => file.put(app('A', 1, 2)), path)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(directory, 'elsewhere/real.yaml'), 'utf8')).toContain('  A:\n')
    expect(readdirSync(join(directory, 'elsewhere'))).toEqual(['.real.yaml.lock', 'real.yaml'])
  })

  test.each([
    'applications: {\n',
    '- a list\n',
    'text',
    '{applications: {}}\n',
    'applications: {B: {external_port: 1, internal_port: 2}}\n',
  ])('%j is not touched: it could only be lost', text => {
    writeFileSync(path, text)
    expect(() => editPortalYaml(file => file.put(app('A', 1, 2)), path)).toThrow(PortalYamlError)
    expect(read()).toBe(text)
  })
})

describe('the text is edited in whatever shape it is', () => {
  const shapes = {
    'indented by four':
      'applications:\n    A:\n        external_port: 1\n        internal_port: 2\n    B:\n        external_port: 3\n        internal_port: 4',
    'all indented':
      '  applications:\n    A:\n      external_port: 1\n      internal_port: 2\n    B: {external_port: 3, internal_port: 4}\n  z: 1\n',
    'Windows lines':
      'applications:\r\n  A:\r\n    external_port: 1\r\n    internal_port: 2\r\n  B:\r\n    external_port: 3\r\n    internal_port: 4\r\n',
    'lists and block scalars':
      'applications:\n  A:\n    external_port: 1\n    internal_port: 2\n    notes: |\n      one\n      two\n    tags:\n    - x\n  B:\n    tags:\n      - y: 1\n        z: 2\n    external_port: 3\n    internal_port: 4\n    text: >-\n      folded\nafter: x\n',
    'anchors and merges':
      'x: &d\n  hostname: localhost\n  internal_port: 2\napplications:\n  A:\n    <<: *d\n    external_port: 1\n  B:\n    <<: *d\n    external_port: 3\n    internal_port: 4\n',
    'quoted keys, a marker and comments':
      '---\n# a\n"applications":\n# b\n  \'A\':\n    # c\n    external_port: "1"\n    internal_port: 2 # d\n\n\n  "B": # e\n    external_port: 3\n    internal_port: 4\n# f\n',
  }
  test.each(Object.entries(shapes))('%s', (_, text) => {
    writeFileSync(path, text)
    const before = readPortalYaml(path)
    expect(before.applications.map(({ name, external_port }) => [name, external_port])).toEqual([
      ['A', 1],
      ['B', 3],
    ])
    const edit = (run: Parameters<typeof editPortalYaml<boolean>>[0]) => {
      expect(editPortalYaml(run, path)).toBe(true)
      expect(readPortalYaml(path).problems).toEqual([])
      return readPortalYaml(path).applications
    }
    const [a, b] = before.applications as [Application, Application]
    const c = app('C: c', 5, 6, { extra: { program: 'c', list: [1, { two: null }] } })
    expect(edit(file => file.put(c))).toEqual([a, b, c])
    const [a2, b2, c2] = [
      { ...a, open_path: '/new' },
      { ...b, internal_port: 44, extra: { ...b.extra, program: 'b' } },
      { ...c, external_port: 7 },
    ]
    expect(edit(file => [a2, b2, c2].map(file.put).every(Boolean))).toEqual([a2, b2, c2])
    expect(edit(file => file.remove('B'))).toEqual([a2, c2])
    expect(edit(file => file.remove('C: c'))).toEqual([a2])
    expect(edit(file => file.remove('A'))).toEqual([])
    for (const comment of text.match(/#.*/g) ?? [])
      if (!'#c#d#e'.includes(comment.replace(' ', ''))) expect(read()).toContain(comment)
  })

  test('an entry that was bad is mended', () => {
    writeFileSync(
      path,
      'applications:\n  A:\n    external_port: 80x\n    icon: star\n  B: 17\n  C:\n  D:\n    external_port:\n    internal_port: 1\n',
    )
    for (const [index, name] of ['A', 'B', 'C', 'D'].entries())
      editPortalYaml(file => file.put(app(name, index + 1, 20)), path)
    expect(readPortalYaml(path)).toMatchObject({
      problems: [],
      applications: [app('A', 1, 20, { extra: { icon: 'star' } }), app('B', 2, 20), app('C', 3, 20), app('D', 4, 20)],
    })
  })

  test('who had the port of another one can go, or move', () => {
    const text =
      'applications:\n  A:\n    external_port: 80\n    internal_port: 1\n  B:\n    external_port: 80\n    internal_port: 2\n'
    writeFileSync(path, text)
    editPortalYaml(file => file.put(app('A', 81, 1)), path)
    expect(readPortalYaml(path)).toMatchObject({ problems: [], applications: [app('A', 81, 1), app('B', 80, 2)] })
    writeFileSync(path, text)
    editPortalYaml(file => file.remove('A'), path)
    expect(readPortalYaml(path)).toMatchObject({ problems: [], applications: [app('B', 80, 2)] })
  })

  test('any edit of any file does what it should, or leaves the file alone', () => {
    const random = openRandom()
    const { many, pick, below } = random
    let edited = 0
    const atoms = [
      '\n',
      '\n  ',
      '\n    ',
      '  B:',
      '\n  B:\n    external_port: 3\n    internal_port: 4',
      ': ',
      ' # c',
      '\n# c',
      '\n  # c',
      '{',
      '}',
      '[x]',
      '"',
      '&a ',
      '*a',
      '- ',
      ' |',
      'k: v',
      '\n    k: v',
      ' {}',
      '\r',
      '\n...',
      '\n---',
      "''",
      '? ',
    ]
    for (const text of many(
      2000,
      () =>
        `${pick(['', 'x: 1\n'])}applications:${pick(['', '\n  A:\n    external_port: 1\n    internal_port: 2'])}${many(below(8), () => pick(atoms)).join('')}`,
    )) {
      const before = parsePortalYaml(text)
      const name = pick(['A', 'B', 'C', 'k'])
      const context = `SEED=${random.seed} ${name} ${JSON.stringify(text)}`
      const others = before.applications.filter(each => each.name !== name)
      try {
        const put = parsePortalYaml(putApplication(text, app(name, 7, 8)))
        expect(
          put.applications.filter(each => each.name !== name),
          context,
        ).toEqual(others)
        expect(
          put.applications.find(each => each.name === name),
          context,
        ).toMatchObject({ external_port: 7, internal_port: 8 })
        edited++
      } catch (error) {
        expect(error, context).toBeInstanceOf(PortalYamlError)
      }
      try {
        const removed = removeApplication(text, name)
        if (removed !== undefined) expect(parsePortalYaml(removed).applications, context).toEqual(others)
      } catch (error) {
        expect(error, context).toBeInstanceOf(PortalYamlError)
      }
    }
    expect(edited).toBeGreaterThan(500)
  })
})

describe('ensurePortalYaml', () => {
  const CONFIG = 'localhost:1111:11111:/:Instance Portal|localhost:7860:17860:/:My App'
  const ensure = (config: string) => ensurePortalYaml(config, { path, record: join(directory, 'state/record.json') })

  test('makes the file once; then the file counts', () => {
    expect(ensure(CONFIG)).toMatchObject({ outcome: 'written', usable: true, problems: [] })
    expect(read()).toBe(renderPortalYaml(parsePortalConfig(CONFIG).applications))
    const { ino } = statSync(path)
    expect(ensure(CONFIG)).toMatchObject({ outcome: 'kept', problems: [] })
    expect(statSync(path).ino).toBe(ino)
  })

  test.each(['', ' \n', 'applications: {}\n', '# empty\n'])('makes it where there is only %j', text => {
    writeFileSync(path, text)
    expect(ensure(CONFIG).outcome).toBe('written')
    expect(existsSync(`${path}.broken`)).toBe(false)
  })

  test('what is not YAML is kept beside it', () => {
    writeFileSync(path, 'applications: {\n  My Own: {\n')
    expect(ensure(CONFIG)).toMatchObject({ outcome: 'written', usable: true })
    expect(readFileSync(`${path}.broken`, 'utf8')).toBe('applications: {\n  My Own: {\n')
  })

  test('a file that an image brings stays, whatever PORTAL_CONFIG says', () => {
    writeFileSync(path, renderPortalYaml([app('Own', 1, 2)]))
    expect(ensure(CONFIG)).toMatchObject({ outcome: 'kept', problems: [] })
    expect(readPortalYaml(path).applications).toEqual([app('Own', 1, 2)])
  })

  test('without PORTAL_CONFIG it says that there is nothing', () => {
    expect(ensure('')).toMatchObject({ outcome: 'written', applications: [], usable: false })
    expect(read()).toBe('applications: {}\n')
    expect(ensure('')).toMatchObject({ outcome: 'kept' })
  })

  test('a PORTAL_CONFIG without one good entry leaves it absent, so that whoever waits is told', () => {
    expect(ensure('nonsense')).toMatchObject({ outcome: 'absent', usable: false })
    expect(existsSync(path)).toBe(false)
  })

  test('a changed PORTAL_CONFIG counts as long as nobody has edited the file', () => {
    ensure(CONFIG)
    expect(ensure('localhost:1:2:/:Other')).toMatchObject({ outcome: 'written', applications: [app('Other', 1, 2)] })
    expect(ensure('')).toMatchObject({ outcome: 'kept', applications: [app('Other', 1, 2)] })
    editPortalYaml(file => file.put(app('Added', 3, 4)), path)
    const after = ensure(CONFIG)
    expect(after).toMatchObject({ outcome: 'kept', problems: [{ where: 'PORTAL_CONFIG' }] })
    expect(after.applications).toHaveLength(2)
    expect(ensure('localhost:1:2:/:Other').problems).toEqual([])
  })

  test('on a disk that cannot be written, a file that is there is used', () => {
    writeFileSync(path, renderPortalYaml([app('Own', 1, 2)]))
    rmSync(join(directory, '.portal.yaml.lock'), { force: true })
    mkdirSync(join(directory, '.portal.yaml.lock')) // nobody can lock this, root included
    expect(ensure(CONFIG).outcome).toBe('kept')
    rmSync(path)
    expect(() => ensure(CONFIG)).toThrow()
  })
})

describe('watchPortalYaml', () => {
  const watching = (run: (seen: PortalYaml[], close: () => void) => Promise<void>) => async () => {
    const seen: PortalYaml[] = []
    const close = watchPortalYaml(file => seen.push(file), path)
    try {
      await run(seen, close)
    } finally {
      close()
    }
  }
  const last = (seen: PortalYaml[]) => seen.at(-1)?.applications.map(({ name }) => name)
  const write = (name: string): void => writeFileSync(path, renderPortalYaml([app(name, 1, 2)]))
  const replace = (name: string): void => {
    writeFileSync(`${path}.new`, renderPortalYaml([app(name, 1, 2)]))
    renameSync(`${path}.new`, path)
  }

  test(
    'tells of a file that appears, is edited in place, replaced, edited again, removed, and made again',
    watching(async seen => {
      for (const step of [write, write, replace, write, replace, replace].entries()) {
        step[1](`A${step[0]}`)
        await expect.poll(() => last(seen)).toEqual([`A${step[0]}`])
      }
      rmSync(path)
      await expect.poll(() => last(seen)).toEqual([])
      write('again')
      await expect.poll(() => last(seen)).toEqual(['again'])
    }),
  )

  test('follows a symbolic link, to a file that is not there yet, and to another one', async () => {
    mkdirSync(join(directory, 'one'))
    mkdirSync(join(directory, 'two'))
    symlinkSync('one/p.yaml', path)
    await watching(async seen => {
      writeFileSync(join(directory, 'one/p.yaml'), renderPortalYaml([app('One', 1, 2)]))
      await expect.poll(() => last(seen)).toEqual(['One'])
      writeFileSync(join(directory, 'two/p.yaml'), renderPortalYaml([app('Two', 1, 2)]))
      symlinkSync('two/p.yaml', `${path}.link`)
      renameSync(`${path}.link`, path)
      await expect.poll(() => last(seen)).toEqual(['Two'])
      writeFileSync(join(directory, 'two/p.yaml'), renderPortalYaml([app('Three', 1, 2)]))
      await expect.poll(() => last(seen)).toEqual(['Three'])
    })()
  })

  test(
    'says nothing when the text is the same, and nothing once it is closed',
    watching(async (seen, close) => {
      write('A')
      await expect.poll(() => last(seen)).toEqual(['A'])
      replace('A')
      chmodSync(path, 0o600)
      write('B')
      await expect.poll(() => last(seen)).toEqual(['B'])
      expect(seen).toHaveLength(2)
      close()
      const other: PortalYaml[] = []
      const closeOther = watchPortalYaml(file => other.push(file), path)
      write('C')
      await expect.poll(() => last(other)).toEqual(['C'])
      closeOther()
      expect(last(seen)).toEqual(['B'])
    }),
  )
})
