import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runPortal } from '../../../../scripts/portal/portal-command.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-portal-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const file = (): string => join(directory, 'portal.yaml')
const portal = async (...args: readonly string[]) => {
  let [out, err] = ['', '']
  const output = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) }
  const ownFile = args.length > 0 && args[0] !== '--help' ? ['--file', file()] : []
  const status = await runPortal([...args, ...ownFile], { WORKSPACE: directory }, output)
  return { status, out, err }
}
const ports = ['--external-port', '80', '--internal-port', '8080']

describe('add', () => {
  test('adds, says so, and does nothing the second time', async () => {
    const added = await portal('add', 'My App', ...ports, '--path', '/x', '--hostname', '127.0.0.1', '--program', 'my')
    expect(added).toEqual({ status: 0, out: 'added My App: port 80 leads to 127.0.0.1:8080\n', err: '' })
    expect(readFileSync(file(), 'utf8')).toContain('  My App:\n    hostname: 127.0.0.1\n    external_port: 80\n')
    expect((await portal('add', 'My App', ...ports)).out).toMatch(/^unchanged /)
  })

  test('changes what is given of one that is there', async () => {
    await portal('add', 'A', ...ports)
    expect(await portal('add', 'A', '--path', 'lab')).toMatchObject({
      status: 0,
      out: 'changed A: port 80 leads to localhost:8080\n',
    })
    expect(readFileSync(file(), 'utf8')).toContain('open_path: /lab\n')
  })

  test('takes an entry as in PORTAL_CONFIG; equal ports are a link', async () => {
    expect((await portal('add', 'localhost:7860:17860:/:My App: v2')).out).toBe(
      'added My App: v2: port 7860 leads to localhost:17860\n',
    )
    expect((await portal('add', 'localhost:9:9:/x:Link')).out).toBe('added Link: a link to port 9\n')
  })

  test.each([
    [['add', 'A', '--external-port', '80'], 2, 'A needs --internal-port'],
    [
      ['add', 'A', '--external-port', '80x', '--internal-port', '1'],
      1,
      'A: external_port is not a port: 80x (write a whole number from 1 to 65535)',
    ],
    [
      ['add', 'A', ...ports, '--hostname', 'a b'],
      1,
      'A: hostname is none: a b (write a name such as localhost, or an address; IPv6 in brackets)',
    ],
    [['add', 'localhost:70000:1:/:A'], 1, 'A: external_port is not a port: 70000'],
    [['add', 'two', 'words'], 2, 'give one name; in quotes, where it has blanks'],
    [['add', ''], 2, 'that is no name'],
    [['add', 'a\nb', ...ports], 2, 'that is no name'],
    [['add', 'A', '--port', '1'], 2, "Unknown option '--port'"],
    [['remove'], 2, 'give one name'],
    [['list', 'x'], 2, 'too many words'],
    [['frob'], 2, 'there is no command frob'],
    [['constructor'], 2, 'there is no command constructor'],
    [[], 2, 'what is to be done?'],
  ] as const)('%j is refused, and nothing is written', async (args, status, message) => {
    const refused = await portal(...args)
    expect(refused).toMatchObject({ status, out: '' })
    expect(refused.err).toContain(`portal: ${message}`)
    expect(() => readFileSync(file())).toThrow('ENOENT')
  })

  test('a port that another one has is refused, by name', async () => {
    await portal('add', 'A', ...ports)
    const { status, err } = await portal('add', 'B', '--external-port', '80', '--internal-port', '1')
    expect(status).toBe(1)
    expect(err).toBe(
      'portal: B: external port 80 is that of A (give it another external port, or, for one more link to A, 80 twice)\n',
    )
    expect(await portal('add', 'B', '--external-port', '80', '--internal-port', '80')).toMatchObject({ status: 0 })
  })

  test('a file that cannot be edited is told with its line, and left alone', async () => {
    writeFileSync(file(), 'applications:\n  A: {\n')
    const { status, err } = await portal('add', 'B', ...ports)
    expect(status).toBe(1)
    expect(err).toMatch(/^portal: cannot edit .*portal\.yaml:\d: not YAML: .* \(correct this line\)\n$/)
    expect(readFileSync(file(), 'utf8')).toBe('applications:\n  A: {\n')
  })
})

test('remove takes one out; one that is not there is no failure', async () => {
  await portal('add', 'A', ...ports)
  expect(await portal('remove', 'A')).toEqual({ status: 0, out: 'removed A\n', err: '' })
  expect(await portal('remove', 'A')).toEqual({ status: 0, out: 'there is no A: nothing to do\n', err: '' })
})

test('list shows a table, or JSON with all that the file says', async () => {
  await portal('add', 'My App', ...ports, '--program', 'my')
  await portal('add', 'Link', '--external-port', '9', '--internal-port', '9', '--path', '/x')
  expect((await portal('list')).out).toBe(
    `NAME    PORT  LEADS TO        PATH  PUBLIC PORT
My App  80    localhost:8080  /     -
Link    9     a link only     /x    -
`,
  )
  expect(JSON.parse((await portal('list', '--json')).out)).toMatchObject([
    { name: 'My App', external_port: 80, internal_port: 8080, program: 'my', proxied: true, public_port: null },
    { name: 'Link', proxied: false },
  ])
})

describe('check', () => {
  test('says that all is well, with status 0', async () => {
    await portal('add', 'A', ...ports)
    expect(await portal('check')).toEqual({ status: 0, out: `1 application in ${file()}, no problems\n`, err: '' })
  })

  test('tells every problem with place and fix, with status 1', async () => {
    const unknown = 'x'.repeat(64) // longer than a label can be: no name server is asked
    writeFileSync(
      file(),
      `applications:\n  A:\n    external_port: 1\n    internal_port: 2\n  B:\n    external_port: x\n  C:\n    hostname: ${unknown}\n    external_port: 3\n    internal_port: 4\n`,
    )
    expect(await portal('check')).toEqual({
      status: 1,
      err: '',
      out: `${file()}:5: B: external_port is not a port: x; it is left out (write a whole number from 1 to 65535)
${file()}: C: there is no host ${unknown} (write localhost, or a name that this machine knows)
2 applications in ${file()}, 2 problems
`,
    })
  })
})

test('--help tells about every command', async () => {
  const { status, out } = await portal('--help')
  expect(status).toBe(0)
  for (const name of ['add', 'remove', 'list', 'check']) expect(out).toContain(`portal ${name}`)
})
