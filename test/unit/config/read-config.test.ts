import { describe, expect, test } from 'vitest'
import { AUTO } from '../../../supervisor/config/config.ts'
import { renderConfigError } from '../../../supervisor/config/config-error.ts'
import { configErrorOf, configOf, rootFile } from '../../support/config.ts'

const X = '[program:x]\ncommand=/bin/cat\n'
const F = '[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix:///tmp/s\n'
const E = '[eventlistener:e]\ncommand=/bin/cat\nevents=TICK_5\n'
const RPC =
  '[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n'
const inX = ` in section 'program:x' (file: '${rootFile}')`

const firstProcess = (text: string) => configOf(text).groups[0]!.processes[0]!
const namesOf = (text: string) =>
  configOf(text).groups.map(({ name, processes }) => [name, ...processes.map(p => p.name)])

describe('structural errors', () => {
  test.each([
    ['[program:a b]\ncommand=x\n', "Invalid name: 'a b' because of character: ' '"],
    ['[program:a:b]\ncommand=x\n', "Invalid name: 'a:b' because of character: ':'"],
    ['[group:a/b]\n', "Invalid name: 'a/b' because of character: '/'"],
    ['[fcgi-program:a b]\ncommand=x\n', "Invalid name: 'a b' because of character: ' '"],
    [
      '[eventlistener:a b]\ncommand=x\nevents=EVENT\n',
      `Invalid name: 'a b' because of character: ' ' in section 'eventlistener:a b' (file: '${rootFile}')`,
    ],
    [`${X}process_name=a:%(process_num)s\n`, `Invalid name: 'a:%(process_num)s' because of character: ':'${inX}`],
    ['[program:x]\n', `program section program:x does not specify a command${inX}`],
    [`${X}numprocs=2\n`, `%(process_num) must be present within process_name when numprocs > 1${inX}`],
    [`${X}stopasgroup=true\nkillasgroup=false\n`, `Cannot set stopasgroup=true and killasgroup=false${inX}`],
    ['[group:g]\nprograms=zz\n', '[group:g] names unknown program or fcgi-program zz'],
    [`${X}[group:g]\nprograms=x,zz\n`, '[program:x] names unknown program or fcgi-program zz'],
    [`${X}[group:g]\nprograms=x,\n`, '[program:x] names unknown program or fcgi-program '],
    [`${X}[group:g]\nprograms=x\n y\n`, '[group:g] names unknown program or fcgi-program x\ny'],
    [`${E}[group:g]\nprograms=e\n`, '[group:g] names unknown program or fcgi-program e'],
    [
      `${F}[program:f]\ncommand=x\n[group:g]\nprograms=f\n`,
      '[group:g] name f is ambiguous (exists as program and fcgi-program)',
    ],
    ['[eventlistener:e]\ncommand=x\n', '[eventlistener:e] section requires an "events" line'],
    ['[eventlistener:e]\ncommand=x\nevents=\n', '[eventlistener:e] section requires an "events" line'],
    [E.replace('TICK_5', 'tick_5,foo'), 'Unknown event type FOO in [eventlistener:e] events'],
    [E.replace('TICK_5', 'TICK_5,'), 'Unknown event type  in [eventlistener:e] events'],
    [`${E}buffer_size=0\n`, '[eventlistener:e] section sets invalid buffer_size (0)'],
    [`${E}buffer_size=x\n`, "invalid literal for int() with base 10: 'x'"],
    [
      `${E}redirect_stderr=true\n`,
      '[eventlistener:e] section sets redirect_stderr=true but this is not allowed because it will interfere with the eventlistener protocol',
    ],
    [`${E}result_handler=foo:bar\n`, 'foo:bar cannot be resolved within [eventlistener:e]'],
    ['[fcgi-program:f]\ncommand=x\n', '[fcgi-program:f] section requires a "socket" line'],
    ['[fcgi-program:f]\ncommand=x\nsocket=\n', '[fcgi-program:f] section requires a "socket" line'],
    [F.replace('unix:///tmp/s', 'foo'), "('Bad socket format %s', 'foo') in [fcgi-program:f] socket"],
    [
      F.replace('unix:///tmp/s', 'unix://foo'),
      "('Unix socket path %s is not an absolute path', 'foo') in [fcgi-program:f] socket",
    ],
    [F.replace('unix:///tmp/s', 'tcp://a:0'), '0 is below lower bound (1) in [fcgi-program:f] socket'],
    [
      `${F.replace('unix:///tmp/s', 'tcp://a:1')}socket_mode=0700\n`,
      'socket_owner and socket_mode params should only be used with a Unix domain socket in [fcgi-program:f] socket',
    ],
    [`${F}socket_owner=no-such\n`, 'Invalid socket_owner value no-such'],
    [`${F}socket_mode=9\n`, 'Invalid socket_mode value 9'],
    [`${F}socket_backlog=65536\n`, 'Invalid socket_backlog value 65536'],
    [
      F.replace('unix:///tmp/s', '%(group_name)s'),
      "Format string '%(group_name)s' for 'fcgi-program:f.socket' contains names ('group_name') which cannot be expanded. " +
        'Available names: ENV_COLOUR, ENV_HOME, here, program_name',
    ],
    ['[inet_http_server]\n', 'section [inet_http_server] has no port value'],
    ['[unix_http_server:b]\n', 'section [unix_http_server:b] has no file value'],
    ['[unix_http_server]\nfile=/s\nchown=x\n', 'Invalid sockchown value x'],
    ['[unix_http_server]\nfile=/s\nchmod=9\n', 'Invalid chmod value 9'],
    [
      '[inet_http_server]\nport=1\nusername=\n',
      'Section [inet_http_server] contains incomplete authentication: If a username or a password is specified, both the username and password must be specified',
    ],
    ['[rpcinterface:foo]\n', 'section [rpcinterface:foo] does not specify a supervisor.rpcinterface_factory'],
    [
      '[rpcinterface:foo]\nsupervisor.rpcinterface_factory=foo:bar\n',
      'foo:bar cannot be resolved within [rpcinterface:foo]',
    ],
    [`[unix_http_server]\nfile=/s\n${RPC}[DEFAULT]\na=1\n`, 'Could not make supervisor rpc interface'],
  ])('%j', (text, message) => {
    expect(configErrorOf(text).message).toBe(message)
  })

  test('no [supervisord]', () => {
    expect(configErrorOf('', { files: { [rootFile]: X } }).message).toBe(
      '.ini file does not include supervisord section',
    )
  })

  test('the file is the one that first had the section, the line the one that is wrong', () => {
    const error = configErrorOf('[include]\nfiles=i.conf\n', {
      files: { 'i.conf': '; x\n[program:y]\ncommand=x\nstartsecs=soon\n' },
    })
    expect(error.message).toBe(
      "invalid literal for int() with base 10: 'soon' in section 'program:y' (file: '/home/lab/i.conf')",
    )
    expect(renderConfigError(error)).toBe(
      '  at /home/lab/i.conf:4: [program:y] startsecs=soon — write a whole number, e.g. startsecs=10',
    )
  })

  test('an override in another file is found there', () => {
    const error = configErrorOf(`[include]\nfiles=i.conf\n${X}`, {
      files: { 'i.conf': '[program:x]\nstartsecs=soon\n' },
    })
    expect(error.message).toContain(inX)
    expect(renderConfigError(error)).toContain('at /home/lab/i.conf:2: ')
  })
})

describe('the line that helps', () => {
  test.each([
    ['[program:x]\n', '  at /home/lab/supervisord.conf:2: [program:x] — add command=…'],
    [
      '[inet_http_server]\nport=1\npassword=x\n',
      '  at /home/lab/supervisord.conf:2: [inet_http_server] — add username=…',
    ],
    [
      `${X}environment=A\n`,
      '  at /home/lab/supervisord.conf:4: [program:x] environment — write environment=KEY="value",OTHER="value" with quotes around every value',
    ],
    [
      '[inet_http_server]\nport=1\nusername=u\npassword=a%b\n',
      '  at /home/lab/supervisord.conf:5: [inet_http_server] password — write %% for a percent sign',
    ],
  ])('%j', (text, line) => {
    expect(renderConfigError(configErrorOf(text))).toBe(line)
  })
})

describe('programs', () => {
  test('a program is a group of its own; the groups are sorted by priority and name', () => {
    expect(namesOf('[program:b]\ncommand=x\n[program:a]\ncommand=x\n[program:z]\ncommand=x\npriority=1\n')).toEqual([
      ['z', 'z'],
      ['a', 'a'],
      ['b', 'b'],
    ])
  })

  test('numprocs processes from numprocs_start, in the order of their names', () => {
    expect(namesOf(`${X}numprocs=3\nnumprocs_start=9\nprocess_name=p%(process_num)d\n`)).toEqual([
      ['x', 'p10', 'p11', 'p9'],
    ])
    expect(namesOf(`${X}numprocs=0\n`)).toEqual([['x']])
    expect(namesOf(`${X}numprocs=-1\n`)).toEqual([['x']])
  })

  test('names that come out equal are one process', () => {
    expect(namesOf(`${X}numprocs=2\nprocess_name=%%(process_num)s\n`)).toEqual([['x', '%(process_num)s']])
  })

  test('blanks around the name are no part of it', () => {
    expect(namesOf('[program: x ]\ncommand=x\n')).toEqual([['x', 'x']])
  })

  test('expansions', () => {
    const text = `[program:x]
command=%(program_name)s %(group_name)s %(process_num)d %(numprocs)d %(here)s %(host_node_name)s %(ENV_COLOUR)s %(ENV_OWN)s 100%%
environment=OWN="%(process_num)s"
[group:g]
programs=x`
    expect(firstProcess(text).command).toBe('x g 0 1 /home/lab fakenode green 0 100%')
  })

  test('[supervisord] environment is under that of the program, and can be expanded', () => {
    const process = firstProcess(
      '[supervisord]\nenvironment=OUTER="out",BOTH="daemon"\n[program:x]\ncommand=%(ENV_OUTER)s %(ENV_IN)s %(ENV_BOTH)s\nenvironment=IN="in",BOTH="program"\n',
    )
    expect(process.environment).toEqual({ OUTER: 'out', BOTH: 'program', IN: 'in' })
    expect(process.command).toBe('out in program')
  })

  test('killasgroup is as stopasgroup by default', () => {
    expect(firstProcess(`${X}stopasgroup=yes\n`).killasgroup).toBe(true)
    expect(firstProcess(`${X}killasgroup=yes\n`)).toMatchObject({ killasgroup: true, stopasgroup: false })
  })

  test('redirect_stderr leaves no log file for stderr', () => {
    expect(firstProcess(`${X}redirect_stderr=true\n`)).toMatchObject({ stdout_logfile: AUTO, stderr_logfile: null })
  })

  test('[DEFAULT] applies to every section', () => {
    expect(firstProcess(`[DEFAULT]\nautostart=no\n${X}`).autostart).toBe(false)
  })

  test('a numprocs_start beyond what JavaScript counts to does not hang', () => {
    expect(
      namesOf(`${X}numprocs=5\nnumprocs_start=99999999999999999999\nprocess_name=%(process_num)s\n`)[0]!.length,
    ).toBeGreaterThan(1)
  })

  test('an unreasonable number of processes is refused, not made', () => {
    expect(configErrorOf(`${X}numprocs=1000000000\nprocess_name=%(process_num)d\n`).message).toContain(
      'numprocs is more than',
    )
  })
})

describe('copies of the output', () => {
  const copies = (...lines: readonly string[]) => firstProcess(`${X}${lines.join('\n')}\n`)

  test('are absolute paths, from where the daemon was started; their directory may come later', () => {
    const { stdout_tee_logfile, stdout_plain_logfile } = copies(
      'stdout_tee_logfile=logs/%(program_name)s.log',
      'stdout_plain_logfile=/no/such/%%.log',
    )
    expect([stdout_tee_logfile, stdout_plain_logfile]).toEqual(['/home/lab/logs/x.log', '/no/such/%.log'])
  })

  test('one that [program-defaults] asks for can be declined', () => {
    for (const none of ['', 'NONE', 'off']) {
      const text = `[program-defaults]\nstdout_tee_logfile=/tmp/t\n${X}stdout_tee_logfile=${none}\n`
      expect(firstProcess(text).stdout_tee_logfile).toBeNull()
    }
  })

  test('two that would share a file are told', () => {
    const text = `${X}numprocs=2\nprocess_name=%(process_num)d\nstdout_tee_logfile=/tmp/t\nstdout_plain_logfile=/dev/null\n`
    expect(configOf(text).warnings).toEqual([
      "'/tmp/t' is a copy of the output of x:0 and x:1: give each a file of its own, e.g. with %(process_num)s",
    ])
  })
})

describe('groups', () => {
  test('members in the order of the list, each sorted; they have no group of their own', () => {
    expect(
      namesOf(
        `${X}[program:b]\ncommand=x\nnumprocs=2\nprocess_name=b%(process_num)d\n[group:g]\nprograms=x,b\n[group:e]\n`,
      ),
    ).toEqual([['e'], ['g', 'x', 'b0', 'b1']])
  })

  test('a program may be in two groups', () => {
    expect(namesOf(`${X}[group:a]\nprograms=x\n[group:b]\nprograms=x\n`)).toEqual([
      ['a', 'x'],
      ['b', 'x'],
    ])
  })
})

describe('event listeners', () => {
  test('the pool has priority −1, its processes 999', () => {
    const [group] = configOf(E).groups
    expect(group).toMatchObject({
      name: 'e',
      priority: -1,
      listener: { events: ['TICK_5'], buffer_size: 10, result_handler: 'supervisor.dispatchers:default_handler' },
    })
    expect(group!.processes[0]!.priority).toBe(999)
  })

  test('priority sets both', () => {
    const [group] = configOf(`${E}priority=5\n`).groups
    expect([group!.priority, group!.processes[0]!.priority]).toEqual([5, 5])
  })
})

describe('fcgi-programs', () => {
  test('the socket is that of every process', () => {
    const [group] = configOf(
      `${F}numprocs=2\nprocess_name=%(process_num)d\nsocket_backlog=5\nsocket_owner=nobody:nogroup\nsocket_mode=0666\n`,
    ).groups
    const socket = {
      url: 'unix:///tmp/s',
      address: { kind: 'unix', path: '/tmp/s' },
      backlog: 5,
      owner: { uid: 65534, gid: 65534 },
      mode: 0o666,
    }
    expect(group!.processes.map(process => process.socket)).toEqual([socket, socket])
  })

  test('it belongs to the user of the program, unless that is who we are', () => {
    expect(firstProcess(`${F}user=nobody\n`).socket!.owner).toEqual({ uid: 65534, gid: 65534 })
    expect(firstProcess(`${F}user=root\n`).socket!.owner).toBeNull()
  })

  test('in a [group:x] it keeps its socket, and does without one as in the original', () => {
    expect(firstProcess(`${F}[group:g]\nprograms=f\n`).socket!.url).toBe('unix:///tmp/s')
    expect(firstProcess('[fcgi-program:f]\ncommand=x\n[group:g]\nprograms=f\n').socket).toBeNull()
  })
})

describe('[supervisord]', () => {
  test('defaults', () => {
    expect(configOf('').daemon).toEqual({
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
      childlogdir: '/tmp',
      user: null,
      directory: null,
      strip_ansi: false,
      environment: {},
      identifier: 'supervisor',
    })
  })

  test('flags beat the file', () => {
    const { daemon } = configOf(
      '[supervisord]\nidentifier=filed\nloglevel=warn\n',
      {},
      { identifier: 'flagged', nodaemon: 'true' },
    )
    expect(daemon).toMatchObject({ identifier: 'flagged', loglevel: 'warn', nodaemon: true })
  })

  test('what a flag overrides has to be right all the same, but for the user', () => {
    expect(configErrorOf('[supervisord]\nnodaemon=x\n', {}, { nodaemon: 'true' }).message).toBe(
      "not a valid boolean value: 'x'",
    )
    expect(configOf('[supervisord]\nuser=no-such\n', {}, { user: 'root' }).daemon.user!.uid).toBe(0)
  })

  test('a user that a flag names has to exist', () => {
    const error = configErrorOf('', {}, { user: 'no-such' })
    expect([error.message, renderConfigError(error)]).toEqual(['Invalid user name no-such', ''])
  })

  test('environment: expanded twice as in released versions, or once as in 4.4 where those cannot', () => {
    const environmentOf = (value: string) => configOf(`[supervisord]\nenvironment=A="${value}"\n`).daemon.environment.A
    expect(environmentOf('%(here)s')).toBe('/home/lab')
    expect(environmentOf('%%%%')).toBe('%')
    expect(environmentOf('%%(here)s')).toBe('/home/lab')
    expect(environmentOf('100%%')).toBe('100%')
    expect(environmentOf('%(host_node_name)s')).toBe('fakenode')
    expect(configErrorOf('[supervisord]\nenvironment=A=%(no)s\n').message).toBe(
      "Format string 'A=%(no)s' for 'supervisord.environment' contains names ('no') which cannot be expanded. " +
        'Available names: ENV_COLOUR, ENV_HOME, here',
    )
  })
})

describe('servers', () => {
  test('inet sections first, then unix sections, each in the order of the file', () => {
    const { servers } = configOf(
      '[unix_http_server]\nfile=%(here)s/s\nchown=nobody\nusername=u\npassword={SHA}x\n[inet_http_server:two]\nport=*:2\n[inet_http_server]\nport=h:1\nusername=\npassword=p\n',
    )
    expect(servers).toEqual([
      { kind: 'inet', section: 'inet_http_server:two', host: '', port: 2, credentials: null },
      { kind: 'inet', section: 'inet_http_server', host: 'h', port: 1, credentials: null },
      {
        kind: 'unix',
        section: 'unix_http_server',
        file: '/home/lab/s',
        chmod: 0o700,
        chown: { uid: 65534, gid: -1 },
        credentials: { username: 'u', password: '{SHA}x' },
      },
    ])
  })

  test('user names know %(here)s only when there is an [include]', () => {
    const section = '[unix_http_server]\nfile=/s\nusername=%(here)s\npassword=p\n'
    expect(configErrorOf(section).message).toContain("for 'unix_http_server.username' contains names ('here')")
    expect(configOf(`[include]\nfiles=\n${section}`).servers[0]!.credentials!.username).toBe('/home/lab')
  })

  test('the rpc interface is there when its section is', () => {
    expect(configOf(RPC).rpcInterfaces).toEqual(['supervisor'])
    expect(configOf('').rpcInterfaces).toEqual([])
  })
})

describe('warnings', () => {
  const warningsOf = (options: string) => configOf(`${X}${options}`).warnings

  test.each<[string, string[]]>([
    ['', []],
    [
      'stdout_logfile=syslog\n',
      [
        'For [program:x], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead.',
      ],
    ],
    [
      'stderr_logfile_maxbytes=0\n',
      [
        'For [program:x], AUTO logging used for stderr_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally',
      ],
    ],
    ['stderr_logfile_maxbytes=-1\n', []],
    [
      'redirect_stderr=true\nstderr_logfile=/tmp/e\n',
      [
        'For [program:x], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored',
      ],
    ],
    ['redirect_stderr=true\nstderr_logfile=NONE\n', []],
    ['redirect_stderr=true\nstderr_logfile=AUTO\n', []],
  ])('%j', (options, warnings) => {
    expect(warningsOf(options)).toEqual(warnings)
  })

  test('once for each process', () => {
    expect(warningsOf('numprocs=2\nprocess_name=%(process_num)s\nstdout_logfile=syslog\n')).toHaveLength(2)
  })

  test('the old word for syslog means the new option', () => {
    expect(firstProcess(`${X}stdout_logfile=SysLog\n`)).toMatchObject({ stdout_logfile: null, stdout_syslog: true })
    expect(firstProcess(`${X}redirect_stderr=true\nstderr_logfile=syslog\n`)).toMatchObject({
      stderr_logfile: null,
      stderr_syslog: true,
    })
  })
})
