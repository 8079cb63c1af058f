import { describe, expect, test } from 'vitest'
import { optionOf, readIniFile, readIniFiles } from '../../../supervisor/config/ini-reader.ts'
import { errorOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const read = (content: string | Uint8Array) => readIniFile('a.conf', fakeMachine({ files: { 'a.conf': content } }))

/** `{ section: { key: value } }` */
const values = (content: string) =>
  Object.fromEntries(
    [...read(content).sections].map(([name, { options }]) => [
      name,
      Object.fromEntries([...options].map(([key, { value }]) => [key, value])),
    ]),
  )

const messageOf = (content: string | Uint8Array) => errorOf(() => read(content)).message

describe('what a line is', () => {
  test.each<[string, string, Record<string, Record<string, string>>]>([
    ['key, value and blanks around both', '[a]\n key  =  v w  \n', { a: { key: 'v w' } }],
    ['a colon separates as well; the first delimiter counts', '[a]\nk: v=w\nl=x:y\n', { a: { k: 'v=w', l: 'x:y' } }],
    ['keys have no case, sections have', '[A]\nKey=1\n[a]\nKEY=2\n', { A: { key: '1' }, a: { key: '2' } }],
    ['the last value of a key wins', '[a]\nk=1\nk=2\n', { a: { k: '2' } }],
    ['a section written twice is one', '[a]\nk=1\n[b]\n[a]\nl=2\n', { a: { k: '1', l: '2' }, b: {} }],
    ['what follows the last ] of a header is ignored', '[a]junk\n[b]c]d\n', { a: {}, 'b]c': {} }],
    ['blanks inside a header stay', '[ a ]\n', { ' a ': {} }],
    ['a header may be indented', '  [a]\n  k=1\n', { a: { k: '1' } }],
    ['a header without ] but with a colon is a key', '[a]\n[program:bad\n', { a: { '[program': 'bad' } }],
    ['a value may be empty', '[a]\nk=\n', { a: { k: '' } }],
    ['CRLF and a lone CR end a line', '[a]\r\nk=1\r\nl=2\rm=3', { a: { k: '1', l: '2', m: '3' } }],
    ['the last line needs no newline', '[a]\nk=1', { a: { k: '1' } }],
  ])('%s', (_, text, sections) => {
    expect(values(text)).toEqual(sections)
  })
})

describe('comments', () => {
  test.each<[string, string, string]>([
    ['; after a blank', 'a b ;c', 'a b'],
    ['# after a tab', 'a b\t#c', 'a b'],
    ['glued to a word it is text', 'a b;c d#e', 'a b;c d#e'],
    ['quotes do not protect', "bash -c 'foo ; bar'", "bash -c 'foo"],
    ['glued to the delimiter it is text', ';foo', ';foo'],
    ['behind the delimiter and a blank it is a comment', ' #foo', ''],
    ['the round that finds one decides', 'a b#c #d ; e', 'a b#c #d'],
  ])('%s', (_, written, value) => {
    expect(values(`[a]\nk=${written}\n`)).toEqual({ a: { k: value } })
  })

  test('a line of its own may be indented, and does not end a continued value', () => {
    expect(values('; top\n[a]\n# one\nk=1\n  ; two\n  2\n# three\n  3\n')).toEqual({ a: { k: '1\n2\n3' } })
  })
})

describe('continued values', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a line indented more than its key continues it', 'k=1\n 2\n', { k: '1\n2' }],
    ['even if it looks like a key', 'k=1\n l=2\n', { k: '1\nl=2' }],
    ['keys may all be indented equally', '  k=1\n  l=2\n', { k: '1', l: '2' }],
    ['after a header any indentation starts a key', '    k=1\n', { k: '1' }],
    ['an empty line inside stays', 'k=1\n\n 2\n', { k: '1\n\n2' }],
    ['empty lines at the end go', 'k=1\n\n\nl=2\n', { k: '1', l: '2' }],
  ])('%s', (_, text, options) => {
    expect(values(`[a]\n${text}`)).toEqual({ a: options })
  })
})

test('every value knows its section, its file and its line', () => {
  const ini = read('; x\n[a]\nk=1\n 2\n\nl=3\n')
  expect(ini.sections.get('a')).toMatchObject({ file: 'a.conf', line: 2 })
  expect(ini.sections.get('a')!.options.get('k')).toEqual({ value: '1\n2', section: 'a', file: 'a.conf', line: 3 })
  expect(ini.sections.get('a')!.options.get('l')).toEqual({ value: '3', section: 'a', file: 'a.conf', line: 6 })
})

test('[DEFAULT] is inherited by every section, and a section may override it', () => {
  const ini = read('[DEFAULT]\nk=1\nl=1\n[a]\nl=2\n')
  const section = ini.sections.get('a')!
  expect(optionOf(ini, section, 'k')?.value).toBe('1')
  expect(optionOf(ini, section, 'l')?.value).toBe('2')
  expect([...ini.sections.keys()]).toEqual(['a'])
})

describe('errors', () => {
  test('text before the first section', () => {
    const error = errorOf(() => read('\n a=b\n[x]\n'))
    expect(error.message).toBe("File contains no section headers.\nfile: 'a.conf', line: 2\n' a=b\\n'")
    expect(error).toMatchObject({ file: 'a.conf', line: 2 })
  })

  test('a byte order mark is text before the first section, and the hint says so', () => {
    const error = errorOf(() => read('\ufeff[a]\n'))
    expect(error.message).toBe("File contains no section headers.\nfile: 'a.conf', line: 1\n'\\ufeff[a]\\n'")
    expect(error.hint).toContain('byte order mark')
  })

  test('lines without delimiter, or without a key, are reported together', () => {
    expect(messageOf("[a]\nfoo\nk=1\n=x\nit's")).toBe(
      "Source contains parsing errors: 'a.conf'\n\t[line  2]: 'foo\\n'\n\t[line  4]: '=x\\n'\n\t[line  5]: \"it's\"",
    )
  })

  test.each<[number[], string]>([
    [[0xe9, 0x0a], 'byte 0xe9 in position 4: invalid continuation byte'],
    [[0xff], 'byte 0xff in position 4: invalid start byte'],
    [[0xe2, 0x82], 'bytes in position 4-5: unexpected end of data'],
    [[0xe2, 0x82, 0x41], 'bytes in position 4-5: invalid continuation byte'],
    [[0xed, 0xa0, 0x80], 'byte 0xed in position 4: invalid continuation byte'],
    [[0xf0, 0x9f, 0x98, 0x41], 'bytes in position 4-6: invalid continuation byte'],
  ])('bytes %j are not UTF-8', (bytes, text) => {
    const error = errorOf(() => read(Buffer.from([0x5b, 0x61, 0x5d, 0x0a, ...bytes])))
    expect(error.message).toBe(`'utf-8' codec can't decode ${text}`)
    expect(error).toMatchObject({ file: 'a.conf', line: 2 })
  })

  test('a missing file, and one that cannot be read', () => {
    const machine = fakeMachine({ unreadable: ['secret.conf'] })
    expect(errorOf(() => readIniFile('no.conf', machine)).message).toBe('could not find config file no.conf')
    expect(errorOf(() => readIniFile('secret.conf', machine)).message).toBe('could not read config file secret.conf')
    expect(errorOf(() => readIniFile('/tmp', machine)).message).toBe('could not read config file /tmp')
  })
})

describe('[include]', () => {
  const readAll = (
    root: string,
    files: Record<string, string>,
    more: { unreadable?: string[]; directories?: string[] } = {},
  ) => readIniFiles('/home/lab/root.conf', fakeMachine({ files: { '/home/lab/root.conf': root, ...files }, ...more }))

  test('patterns in order, the matches of each sorted, later files over earlier ones', () => {
    const { ini, warnings, infos } = readAll('[include]\nfiles = z.conf conf.d/*.ini\n  none/*.x\n[a]\nk=root\n', {
      'z.conf': '[a]\nk=z\n',
      'conf.d/2.ini': '[a]\nk=two\n[b]\n',
      'conf.d/10.ini': '[a]\nk=ten\n',
      'conf.d/.hidden.ini': '[hidden]\n',
    })
    expect(infos).toEqual(
      ['z.conf', 'conf.d/10.ini', 'conf.d/2.ini'].map(name => `Included extra file "/home/lab/${name}" during parsing`),
    )
    expect(warnings).toEqual(['No file matches via include "/home/lab/none/*.x"'])
    expect(ini.sections.get('a')!.options.get('k')).toEqual({
      value: 'two',
      section: 'a',
      file: '/home/lab/conf.d/2.ini',
      line: 2,
    })
    expect(ini.sections.get('a')!.file).toBe('/home/lab/root.conf')
    expect(ini.sections.get('b')!.file).toBe('/home/lab/conf.d/2.ini')
    expect(ini.sections.has('hidden')).toBe(false)
  })

  test('directories and unreadable files are named and skipped', () => {
    const { infos } = readAll(
      '[include]\nfiles=d/*\n',
      {},
      { directories: ['/home/lab/d/dir'], unreadable: ['d/secret'] },
    )
    expect(infos).toEqual([
      'Included extra file "/home/lab/d/dir" during parsing',
      'Included extra file "/home/lab/d/secret" during parsing',
    ])
  })

  test('%(here)s becomes the directory of the file that says it, in every option, behind %, too', () => {
    const { ini } = readAll('[include]\nfiles=sub/a.conf\n[a]\nk=%(here)s %%(here)s\n', {
      'sub/a.conf': '[b]\nk=%(here)s\n',
    })
    expect(ini.sections.get('a')!.options.get('k')!.value).toBe('/home/lab %/home/lab')
    expect(ini.sections.get('b')!.options.get('k')!.value).toBe('/home/lab/sub')
  })

  test('without [include] %(here)s is left to the options that know it', () => {
    expect(readAll('[a]\nk=%(here)s\n', {}).ini.sections.get('a')!.options.get('k')!.value).toBe('%(here)s')
  })

  test('an [include] in an included file has no effect', () => {
    const { infos } = readAll('[include]\nfiles=a.conf\n', { 'a.conf': '[include]\nfiles=b.conf\n', 'b.conf': '[b]\n' })
    expect(infos).toHaveLength(1)
  })

  test('files knows here, host_node_name and the environment', () => {
    const { warnings } = readAll('[include]\nfiles=%(here)s/%(host_node_name)s-%(ENV_COLOUR)s\n', {})
    expect(warnings).toEqual(['No file matches via include "/home/lab/fakenode-green"'])
  })

  test('errors', () => {
    expect(errorOf(() => readAll('[include]\n', {})).message).toBe(
      '.ini file has [include] section, but no files setting',
    )
    expect(errorOf(() => readAll('[include]\nfiles=%(x)s\n', {})).message).toBe(
      "Format string '%(x)s' for 'include.files' contains names ('x') which cannot be expanded. " +
        'Available names: ENV_COLOUR, ENV_HOME, here, host_node_name',
    )
    expect(errorOf(() => readAll('[include]\nfiles=a.conf\n', { 'a.conf': 'oops' })).message).toContain(
      "file: '/home/lab/a.conf'",
    )
  })
})

test('time is in proportion to the text', () => {
  const n = 500_000
  const began = performance.now()
  read(`[a]\nk=${'x;'.repeat(n)}\n${' y\n'.repeat(n)}${'z=1\n'.repeat(n)}`)
  // half a second; quadratic time would be minutes
  expect(performance.now() - began).toBeLessThan(30_000)
})
