import { describe, expect, test } from 'vitest'
import { readCtlConfig } from '../../../supervisor/config/read-ctl-config.ts'
import { errorOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const read = (text: string | null, flags: Record<string, string> = {}) =>
  readCtlConfig(
    text === null ? null : 'c.conf',
    new Map(Object.entries(flags)),
    fakeMachine({ files: text === null ? {} : { 'c.conf': text } }),
  )
const defaults = {
  serverurl: 'http://localhost:9001',
  username: null,
  password: null,
  prompt: 'supervisor',
  history_file: null,
}

test('without a file everything is default', () => {
  expect(read(null)).toEqual({ ...defaults, file: null })
})

test('flags beat the file, and what they leave out is taken from it', () => {
  expect(
    read('[supervisorctl]\nserverurl=unix:///a\nusername=me\npassword=secret\n', { serverurl: 'unix://b' }),
  ).toEqual({
    ...defaults,
    serverurl: 'unix:///home/lab/b',
    username: 'me',
    password: 'secret',
    file: 'c.conf',
  })
})

test('the paths know ~ and %(here)s, the rest only the environment', () => {
  expect(read('[supervisorctl]\nserverurl=unix://%(here)s/s\nhistory_file=~/h\nprompt=%(ENV_COLOUR)s\n')).toMatchObject(
    {
      serverurl: 'unix:///home/lab/s',
      history_file: '/root/h',
      prompt: 'green',
    },
  )
  expect(errorOf(() => read('[supervisorctl]\nprompt=%(here)s\n')).message).toBe(
    "Format string '%(here)s' for 'supervisorctl.prompt' contains names ('here') which cannot be expanded. " +
      'Available names: ENV_COLOUR, ENV_HOME',
  )
})

test('[include] is not followed, and may be broken', () => {
  expect(read('[include]\n[supervisorctl]\nserverurl=foo\n').serverurl).toBe('foo')
})

test.each([
  ['', '.ini file does not include supervisorctl section'],
  [
    '[supervisorctl]\npassword=100%\n',
    "Format string '100%' for 'supervisorctl.password' is badly formatted: incomplete format",
  ],
  ['[supervisorctl]\n[ctlplugin:x]\n', 'section [ctlplugin:x] does not specify a supervisor.ctl_factory'],
  ['[supervisorctl]\n[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n', 'a:b cannot be resolved within [ctlplugin:x]'],
  ['[supervisorctl]\nfoo\n', "Source contains parsing errors: 'c.conf'\n\t[line  2]: 'foo\\n'"],
])('%j: %s', (text, message) => {
  expect(errorOf(() => read(text)).message).toBe(message)
})

describe('programs do not matter, mistakes in them do', () => {
  const program = '[program:web]\n; a comment\ncommand = x ; y\n  and more\n\nautostart=false\n'
  const wholly = `[program:web]\ncommand = x [a]\n  and more\n\n# a comment\nautostart=false\n`

  test('what is between programs is read, wherever it stands', () => {
    const section = '[supervisorctl]\nserverurl=unix:///a\n'
    for (const text of [
      `${wholly}${section}${wholly}`,
      `${section}${wholly}`,
      `${wholly}${wholly}${section}`,
      `${program}${section}`,
    ])
      expect(read(text).serverurl).toBe('unix:///a')
    expect(
      read(`${wholly}[supervisorctl]\nserverurl=unix:///a\n${wholly}[supervisorctl]\nserverurl=unix:///b`).serverurl,
    ).toBe('unix:///b')
  })

  test.each(['foo', '=x', '[foo', ' ; x\nfoo', 'k [x]'])('a broken line %j is told with its number', broken => {
    const error = errorOf(() => read(`${wholly}${wholly}${broken}\n${wholly}[supervisorctl]\n`))
    const line = 13 + (broken.match(/\n/g)?.length ?? 0)
    expect(error.message).toMatch(/^Source contains parsing errors/)
    expect(error).toMatchObject({ file: 'c.conf', line })
  })
})
