import { describe, expect, test } from 'vitest'
import { AUTO } from '../../../supervisor/config/config.ts'
import {
  ctlOptions,
  daemonOptions,
  inetServerOptions,
  unixServerOptions,
} from '../../../supervisor/config/daemon-options.ts'
import { REQUIRED, type Row, type Table } from '../../../supervisor/config/option-row.ts'
import {
  fcgiOptions,
  groupOptions,
  listenerOptions,
  programOptions,
} from '../../../supervisor/config/program-options.ts'
import { renderOptionsReference } from '../../../supervisor/config/reference.ts'
import { configErrorOf, configOf, messageOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const number: Case = ['soon', "invalid literal for int() with base 10: 'soon'", '5', 5]
const bytes: Case = ['50M', "invalid literal for int() with base 10: '50m'", '2 kB', 2048]
const truth: Case = ['Maybe', "not a valid boolean value: 'Maybe'", 'ON', true]
const octal: Case = ['999', '999 can not be converted to an octal type', '0o27', 0o27]
const environment: Case = ['A', "Unexpected end of key/value pairs in value 'A'", 'A="1"', { A: '1' }]
const logfile: Case = [
  '/no/x.log',
  'The directory named as part of the path /no/x.log does not exist',
  '~nobody/x.log',
  null, // its home does not exist: see below
]
const account: Case = [
  'no-such',
  'Invalid user name no-such',
  '65534',
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent' },
]
/** Nothing is wrong with any text. */
const anything: Case = [null, null, 'a b', 'a b']

/** what is refused, with which text; what is taken, as which value */
type Case = readonly [bad: string | null, message: string | null, good: string, value: unknown]

const tables: readonly (readonly [string, Table, Readonly<Record<string, Case>>, Readonly<Record<string, unknown>>])[] =
  [
    [
      'program',
      programOptions,
      {
        command: anything,
        process_name: anything,
        numprocs: number,
        numprocs_start: number,
        priority: number,
        autostart: truth,
        startsecs: number,
        startretries: number,
        autorestart: ['Sometimes', "invalid 'autorestart' value 'sometimes'", 'Yes', 'true'],
        exitcodes: ['0,256', "not a valid list of exit codes: '0,256'", '0, 2', [0, 2]],
        stopsignal: ['FOO', "value 'FOO' is not a valid signal name", 'sigint', 2],
        stopwaitsecs: number,
        stopasgroup: truth,
        killasgroup: truth,
        user: account,
        redirect_stderr: truth,
        stdout_logfile: [logfile[0], logfile[1], 'None', null],
        stdout_logfile_maxbytes: bytes,
        stdout_logfile_backups: number,
        stdout_capture_maxbytes: bytes,
        stdout_events_enabled: truth,
        stdout_syslog: truth,
        stdout_tee_logfile: [null, null, '~/x.log', '/root/x.log'],
        stdout_plain_logfile: [null, null, 'None', null],
        stdout_plain: truth,
        stdout_tee_logfile_maxbytes: bytes,
        stdout_tee_logfile_backups: number,
        stderr_logfile: [logfile[0], logfile[1], '~/x.log', '/root/x.log'],
        stderr_logfile_maxbytes: bytes,
        stderr_logfile_backups: number,
        stderr_capture_maxbytes: bytes,
        stderr_events_enabled: truth,
        stderr_syslog: truth,
        environment,
        directory: [null, null, '~/x', '~/x'],
        umask: octal,
        serverurl: [null, null, ' auto', null],
      },
      {
        process_name: '%(program_name)s',
        numprocs: 1,
        numprocs_start: 0,
        priority: 999,
        autostart: true,
        startsecs: 1,
        startretries: 3,
        autorestart: 'unexpected',
        exitcodes: [0],
        stopsignal: 15,
        stopwaitsecs: 10,
        stopasgroup: false,
        user: null,
        redirect_stderr: false,
        stdout_logfile: AUTO,
        stdout_logfile_maxbytes: 50 * 1024 * 1024,
        stdout_logfile_backups: 10,
        stdout_capture_maxbytes: 0,
        stdout_events_enabled: false,
        stdout_syslog: false,
        stdout_tee_logfile: null,
        stdout_plain_logfile: null,
        stdout_plain: false,
        stdout_tee_logfile_maxbytes: 5 * 1024 * 1024,
        stdout_tee_logfile_backups: 1,
        stderr_logfile: AUTO,
        stderr_logfile_maxbytes: 50 * 1024 * 1024,
        stderr_logfile_backups: 10,
        stderr_capture_maxbytes: 0,
        stderr_events_enabled: false,
        stderr_syslog: false,
        environment: {},
        directory: null,
        umask: null,
        serverurl: null,
      },
    ],
    [
      'fcgi-program',
      fcgiOptions,
      {
        socket: [
          'foo',
          "('Bad socket format %s', 'foo')",
          'tcp://localhost:9002',
          { url: 'tcp://localhost:9002', address: { kind: 'tcp', host: 'localhost', port: 9002 } },
        ],
        socket_backlog: ['0', 'Invalid socket_backlog value 0', '65535', 65535],
        socket_owner: ['no-such', 'Invalid socket_owner value no-such', 'nobody', { uid: 65534, gid: -1 }],
        socket_mode: ['9', 'Invalid socket_mode value 9', '0666', 0o666],
      },
      { socket_backlog: null, socket_owner: null, socket_mode: null },
    ],
    [
      'eventlistener',
      listenerOptions,
      {
        events: [null, null, 'tick_5, event,TICK_5', ['TICK_5', 'EVENT']],
        buffer_size: number,
        result_handler: anything,
      },
      { events: [], buffer_size: 10, result_handler: 'supervisor.dispatchers:default_handler' },
    ],
    [
      'group',
      groupOptions,
      { programs: [null, null, 'a, b,', ['a', 'b', '']], priority: number },
      { programs: [], priority: 999 },
    ],
    [
      'supervisord',
      daemonOptions,
      {
        logfile: [logfile[0], logfile[1], 'x.log', '/home/lab/x.log'],
        logfile_maxbytes: bytes,
        logfile_backups: number,
        loglevel: ['warning', "bad logging level name 'warning'", 'WARN', 'warn'],
        pidfile: [logfile[0], logfile[1], '/tmp/x.pid', '/tmp/x.pid'],
        umask: octal,
        nodaemon: truth,
        silent: truth,
        minfds: number,
        minprocs: number,
        nocleanup: truth,
        childlogdir: ['/no', '/no is not an existing directory', '~lab', '/home/lab'],
        user: account,
        directory: ['~nobody', '~nobody is not an existing directory', '/tmp', '/tmp'],
        strip_ansi: truth,
        environment,
        identifier: anything,
      },
      {
        logfile: '/home/lab/supervisord.log',
        logfile_maxbytes: 50 * 1024 * 1024,
        logfile_backups: 10,
        loglevel: 'info',
        pidfile: '/home/lab/supervisord.pid',
        umask: 0o22,
        nodaemon: false,
        silent: false,
        minfds: 1024,
        minprocs: 200,
        nocleanup: false,
        childlogdir: null,
        user: null,
        directory: null,
        strip_ansi: false,
        environment: {},
        identifier: 'supervisor',
      },
    ],
    [
      'unix_http_server',
      unixServerOptions,
      {
        file: [null, null, '~/s.sock', '/root/s.sock'],
        chmod: ['9', 'Invalid chmod value 9', '0770', 0o770],
        chown: ['root:no-such', 'Invalid sockchown value root:no-such', 'nobody:nogroup', { uid: 65534, gid: 65534 }],
        username: anything,
        password: anything,
      },
      { chmod: 0o700, chown: null, username: null, password: null },
    ],
    [
      'inet_http_server',
      inetServerOptions,
      {
        port: ['abc', "not a valid port number: 'abc' ", 'LocalHost:9001', { host: 'localhost', port: 9001 }],
        username: anything,
        password: anything,
      },
      { username: null, password: null },
    ],
    [
      'supervisorctl',
      ctlOptions,
      {
        serverurl: [null, null, 'unix://x.sock', 'unix:///home/lab/x.sock'],
        username: anything,
        password: anything,
        prompt: anything,
        history_file: [null, null, '~/h', '/root/h'],
      },
      { serverurl: 'http://localhost:9001', username: null, password: null, prompt: 'supervisor', history_file: null },
    ],
  ]

const machine = fakeMachine()

describe.each(tables)('[%s]', (section, table, cases, defaults) => {
  const rows = Object.entries<Row>(table)

  test('every row is tested here', () => {
    expect(Object.keys(cases)).toEqual(Object.keys(table))
    const withDefault = rows.filter(
      ([, { default: value }]) => value !== REQUIRED && !(value && typeof value === 'object'),
    )
    expect(Object.keys(defaults)).toEqual(withDefault.map(([option]) => option))
  })

  test.each(Object.entries(defaults))('%s is %j by default', (option, value) => {
    const row = table[option]!
    expect(typeof row.default === 'string' ? row.parse(row.default, machine) : row.default).toEqual(value)
  })

  test.each(rows)('%s takes what it should', (option, { parse }) => {
    const [, , good, value] = cases[option]!
    expect(parse(good, machine)).toEqual(value)
  })

  test.each(rows.filter(([option]) => cases[option]?.[0] !== null))(
    '%s refuses what it should',
    (option, { parse }) => {
      const [bad, message] = cases[option]!
      expect(messageOf(() => parse(bad!, machine))).toBe(message)
    },
  )

  test('OPTIONS.md has every row, with its default', () => {
    const page = renderOptionsReference()
    const start = page.indexOf(`\n## [${section}`)
    const part = page.slice(
      start,
      page.indexOf('\n## ', start + 1) === -1 ? undefined : page.indexOf('\n## ', start + 1),
    )
    for (const [option, { default: value }] of rows) {
      expect(part).toContain(`| \`${option}\` |`)
      if (typeof value === 'string' && value !== '') expect(part).toContain(`\`${value}\``)
    }
  })
})

describe('[program:x] options in a file', () => {
  const wrapped = Object.entries(tables[0]![2]).filter(([option, [bad]]) => bad !== null && option !== 'priority')

  test.each(wrapped)('a bad %s names section and file, and the line that is wrong', (option, [bad, message]) => {
    const error = configErrorOf(`[program:x]\ncommand=/bin/cat\n${option}=${bad}\n`)
    expect(error.message).toBe(`${message} in section 'program:x' (file: '/home/lab/supervisord.conf')`)
    expect(error).toMatchObject({
      file: '/home/lab/supervisord.conf',
      line: 4,
      section: 'program:x',
      option,
      value: bad,
    })
    expect(error.hint).not.toBeNull()
  })

  test('a bad priority names neither, as in the original', () => {
    expect(configErrorOf('[program:x]\ncommand=/bin/cat\npriority=soon\n').message).toBe(
      "invalid literal for int() with base 10: 'soon'",
    )
  })
})

describe('what a value may expand', () => {
  const availableIn = (option: string) =>
    /Available names: (.*?)(?: in section|$)/.exec(
      configErrorOf(
        `[program:x]\ncommand=/bin/cat\nenvironment=${option === 'environment' ? '%(no)s' : 'OWN="1"'}\n${option === 'environment' ? '' : `${option}=%(no)s\n`}`,
      ).message,
    )?.[1]

  const program = 'ENV_COLOUR, ENV_HOME, group_name, here, host_node_name, program_name'
  const process = 'ENV_COLOUR, ENV_HOME, ENV_OWN, group_name, here, host_node_name, numprocs, process_num, program_name'
  const perProcess = [
    ...['command', 'process_name', 'directory'],
    ...['stdout', 'stderr'].flatMap(channel =>
      ['logfile', 'logfile_maxbytes', 'logfile_backups', 'syslog'].map(suffix => `${channel}_${suffix}`),
    ),
    ...['tee_logfile', 'plain_logfile', 'tee_logfile_maxbytes', 'tee_logfile_backups'].map(name => `stdout_${name}`),
  ]

  test.each(Object.keys(programOptions).filter(option => option !== 'environment' && option !== 'priority'))(
    '%s',
    option => {
      expect(availableIn(option)).toBe(perProcess.includes(option) ? process : program)
    },
  )

  test('priority knows the little that its group knows', () => {
    expect(availableIn('priority')).toBe('ENV_COLOUR, ENV_HOME, here')
  })

  test('environment knows all but itself', () => {
    expect(availableIn('environment')).toBe(process.replace('ENV_OWN, ', ''))
  })

  test('labels are section and option; process_name and environment go by their option alone', () => {
    const labelOf = (line: string) =>
      /for '(.*?)'/.exec(configErrorOf(`[program:x]\ncommand=/bin/cat\n${line}=%(no)s`).message)?.[1]
    expect(['startsecs', 'command', 'process_name', 'environment'].map(labelOf)).toEqual([
      'program:x.startsecs',
      'program:x.command',
      'process_name',
      'environment',
    ])
  })

  test('log files are expanded twice: a percent sign is written four times', () => {
    const { groups } = configOf('[program:x]\ncommand=/bin/cat\nstdout_logfile=/tmp/100%%%%-%%(process_num)s\n')
    expect(groups[0]!.processes[0]!.stdout_logfile).toBe('/tmp/100%-0')
    expect(configErrorOf('[program:x]\ncommand=/bin/cat\nstdout_logfile=%%').message).toBe(
      "Format string '%' for 'stdout_logfile' is badly formatted: incomplete format in section 'program:x' (file: '/home/lab/supervisord.conf')",
    )
  })
})
