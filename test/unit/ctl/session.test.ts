import { describe, expect, test } from 'vitest'
import { commands } from '../../../supervisor/ctl/commands.ts'
import { parseLine } from '../../../supervisor/ctl/session.ts'
import { fault, given, says, socketError, URL, unauthorized } from './given.ts'

test.each([
  ['status', 'status', ''],
  ['  tail  -f   web ', 'tail', '-f   web'],
  ['pid-1', 'pid', '-1'],
  ['pid;web', 'pid', ';web'],
  ['pid_web', 'pid_web', ''],
  ['?', 'help', ''],
  ['? start', 'help', 'start'],
  ['!ls', '', '!ls'],
  [':', '', ':'],
  ['EOF', 'quit', ''],
])('%j is a name and the rest', (line, name, rest) => {
  expect(parseLine(line)).toEqual({ name, rest })
})

test('a blank line does nothing', async () => {
  expect(await says({}, '')).toEqual([0, ''])
  expect(await says({}, '  \t')).toEqual([0, ''])
})

test('an unknown command is 1', async () => {
  expect(await says({}, 'bogus word')).toEqual([1, '*** Unknown syntax: bogus word\n'])
  expect(await says({}, '!ls')).toEqual([1, '*** Unknown syntax: !ls\n'])
  expect(await says({}, 'constructor')).toEqual([1, '*** Unknown syntax: constructor\n'])
})

test('quit, exit and EOF leave with an empty line', async () => {
  for (const line of ['quit', 'exit', 'EOF', 'quit now']) expect(await says({}, line)).toEqual(['leave', '\n'])
})

describe('the reachability check', () => {
  const checked = Object.keys(commands).filter(name => commands[name]!.upcheck)

  test('is made by these commands', () => {
    expect(checked.sort().join(' ')).toBe('clear fg maintail pid restart signal start status stop tail version')
  })

  test.each(checked)('%s says that nothing listens', async name => {
    const status = name === 'status' ? 4 : 4
    expect(await says({ getVersion: socketError('ECONNREFUSED') }, name)).toEqual([
      status,
      `${URL} refused connection\n`,
    ])
  })

  test.each(checked)('%s says that the socket is missing', async name => {
    const status = name === 'status' ? 4 : 7
    expect(await says({ getVersion: socketError('ENOENT') }, name)).toEqual([status, `${URL} no such file\n`])
  })

  test('another version is 5', async () => {
    const text =
      'Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 4.0.\n'
    expect(await says({ getVersion: () => '4.0' }, 'pid')).toEqual([5, text])
    expect(await says({ getVersion: () => '4.0' }, 'status')).toEqual([4, text])
  })

  test('a daemon without the namespace is 3', async () => {
    const [status, out] = await says({ getVersion: () => fault('UNKNOWN_METHOD') }, 'pid')
    expect(status).toBe(3)
    expect(out).toMatch(
      /^Sorry, supervisord responded but did not recognize the supervisor namespace commands that .*\n$/,
    )
  })

  test('anything else is an error line and 1, for status too', async () => {
    for (const line of ['pid', 'status']) {
      const [status, out] = await says({ getVersion: () => fault('SHUTDOWN_STATE') }, line)
      expect(status).toBe(1)
      expect(out).toMatch(/^error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>: file: \/.* line: \d+\n$/)
    }
  })

  test('comes after the check for words that may not be', async () => {
    const [status, out] = await says({ getVersion: socketError('ENOENT') }, 'version x')
    expect([status, out.split('\n')[0]]).toEqual([1, 'Error: version accepts no arguments'])
  })
})

test.each(Object.keys(commands).filter(name => commands[name]!.bare))(
  '%s accepts no arguments, and shows its help',
  async name => {
    const help = commands[name]!.help.map(line => `${line}\n`).join('')
    expect(await says({}, `${name} x`)).toEqual([1, `Error: ${name} accepts no arguments\n${help}`])
  },
)

describe('a password', () => {
  const needsOne = (right: () => boolean) => ({
    getVersion: () => (right() ? '3.0' : unauthorized()),
    getPID: () => 12,
  })

  test('that is missing is an error for who is not asked', async () => {
    const [status, out] = await says(
      needsOne(() => false),
      'pid',
    )
    expect(status).toBe(1)
    expect(out).toMatch(
      /^Server requires authentication\nerror: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1\/RPC2: 401 Unauthorized>: file: .* line: \d+\n$/,
    )
  })

  test('is asked for until it is right', async () => {
    const typed = ['me', 'wrong', 'me', 'right']
    let tries = 0
    const { session, out, opened } = given(
      needsOne(() => tries++ === 2),
      { interactive: true, typed },
    )
    expect(await session.run('pid')).toBe(0)
    const question = 'Server requires authentication\nUsername:Password:\n'
    expect(out()).toBe(`${question}${question}12\n`)
    expect(opened.map(({ credentials }) => credentials)).toEqual([
      null,
      { username: 'me', password: 'wrong' },
      { username: 'me', password: 'right' },
    ])
  })

  test('that nobody types is an error', async () => {
    const { session, out } = given(
      needsOne(() => false),
      { interactive: true, typed: ['me', null] },
    )
    expect(await session.run('pid')).toBe(1)
    expect(out()).toMatch(/Password:error: <class 'EOFError'>, .*\n$/)
  })
})

test('hints are for people, on stderr', async () => {
  const gone = { getVersion: socketError('ENOENT') }
  const machine = given(gone)
  await machine.session.run('pid')
  expect(machine.errors()).toBe('')
  const person = given(gone, { person: true })
  await person.session.run('pid')
  expect(person.errors()).toBe('hint: do something\n')
  expect(person.out()).toBe(`${URL} no such file\n`)
})
