/**
 * Throws random and mutated configurations at the reader, in memory. Anything but a `Config` or a `ConfigError` is a
 * failure; so are an input that takes long and a heap that grows.
 * fuzz-harness.ts has the options.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseCtlCommandLine, parseDaemonCommandLine } from '../../supervisor/config/command-line.ts'
import { ConfigError, renderConfigError } from '../../supervisor/config/config-error.ts'
import { allConfigInfo } from '../../supervisor/config/config-info.ts'
import {
  ctlOptions,
  daemonOptions,
  inetServerOptions,
  unixServerOptions,
} from '../../supervisor/config/daemon-options.ts'
import { compareGroups } from '../../supervisor/config/diff.ts'
import { fcgiOptions, groupOptions, listenerOptions, programOptions } from '../../supervisor/config/program-options.ts'
import { readConfig } from '../../supervisor/config/read-config.ts'
import { readCtlConfig } from '../../supervisor/config/read-ctl-config.ts'
import { isEventType } from '../../supervisor/listeners/event-types.ts'
import { fakeMachine } from '../../test/support/fake-machine.ts'
import { below, fuzz, pick, random } from './fuzz-harness.ts'

const tables = [
  programOptions,
  fcgiOptions,
  listenerOptions,
  groupOptions,
  daemonOptions,
  unixServerOptions,
  inetServerOptions,
  ctlOptions,
]
const optionNames = [
  ...new Set([...tables.flatMap(table => Object.keys(table)), 'files', 'supervisor.rpcinterface_factory']),
]

const sections = [
  ...['supervisord', 'program:x', 'program:y', 'group:g', 'eventlistener:e', 'fcgi-program:f', 'unix_http_server'],
  ...[
    'inet_http_server',
    'inet_http_server:b',
    'rpcinterface:supervisor',
    'supervisorctl',
    'include',
    'DEFAULT',
    'program-defaults',
    'other',
  ],
]

const values = [
  ...[
    '',
    '0',
    '1',
    '-1',
    '007',
    '1_000',
    '1.5',
    '99999999999999999999999',
    '32768',
    'true',
    'no',
    'maybe',
    '50MB',
    '2GB',
    '022',
    '999',
  ],
  ...[
    'TERM',
    'SIGKILL',
    'rtmin',
    '0,2',
    '0,',
    'unexpected',
    'root',
    'nobody:nogroup',
    'no-such',
    'AUTO',
    'NONE',
    'syslog',
  ],
  ...[
    '/bin/cat',
    '/tmp/x.log',
    '/no/such/dir/x',
    '~/x',
    '~nobody/x',
    '%(program_name)s_%(process_num)02d',
    '%(here)s',
    '%%',
  ],
  ...[
    '%(ENV_COLOUR)s',
    '%(ENV_NO)s',
    '%',
    '%(',
    '%(x',
    '%(process_num)9999999d',
    '%(process_num)*d',
    '%s',
    '%d',
    '%%(here)s',
  ],
  ...[
    'A="1",B="2"',
    'A=1 B=2',
    "A='x",
    'A="x\\"y"',
    'A=1.\n  B=2',
    '__proto__="x"',
    'x,y',
    'x',
    'TICK_5,EVENT',
    'tick_60',
  ],
  ...[
    'unix:///tmp/f',
    'tcp://h:1',
    'tcp://h:0',
    'unix://x',
    '127.0.0.1:9001',
    ':9001',
    'a:b:c',
    'http://localhost:1',
    '/etc/*.conf',
  ],
  ...[
    '*.conf [!a]*.conf',
    '*/*/*',
    '/[',
    'supervisor.rpcinterface:make_main_rpcinterface',
    'constructor',
    'a b ;c',
    'a;b #c',
  ],
]

const fragments = [
  ...[
    '[',
    ']',
    '=',
    ':',
    ' ',
    '\t',
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    '\n  ',
    ';',
    '#',
    ' ;',
    ' #',
    '"',
    "'",
    '\\',
    ',',
    '.',
    '%',
    '%%',
  ],
  ...[
    '\u0000',
    '\u000b',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ud800',
    'é',
    '😀',
    '%(',
    ')s',
    '*',
    '?',
    '~',
    '/',
    '-',
    '_',
  ],
]

const fixtures = resolve(import.meta.dirname, '../../test/fixtures/vast-conf')
const seeds: readonly string[] = [
  '[supervisord]\n[program:x]\ncommand=/bin/cat\n',
  '[supervisord]\nenvironment=A="1"\n[include]\nfiles=conf.d/*.conf %(here)s/*.ini\n',
  '[supervisord]\n[program:x]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)02d\n[group:g]\nprograms=x\n',
  '[supervisord]\n[eventlistener:e]\ncommand=/bin/cat\nevents=PROCESS_STATE,TICK_60\nbuffer_size=5\n',
  '[supervisord]\n[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix:///tmp/f.sock\nsocket_owner=nobody:nogroup\nsocket_mode=0600\n',
  '[supervisord]\n[unix_http_server]\nfile=/tmp/s.sock\nchown=nobody:nogroup\nusername=u\npassword=p\n[inet_http_server]\nport=:9001\n',
  ...readdirSync(fixtures)
    .filter(name => name.endsWith('.conf'))
    .map(name => `[supervisord]\n${readFileSync(resolve(fixtures, name), 'utf8')}`),
]

const line = (): string =>
  pick([() => `[${pick(sections)}]`, () => `${pick(optionNames)}${pick(['=', ' = ', ': '])}${pick(values)}`])()

const insert = (text: string, piece: string): string => {
  const at = below(text.length + 1)
  return text.slice(0, at) + piece + text.slice(at)
}

const mutations: readonly ((text: string) => string)[] = [
  text => insert(text, pick(fragments)),
  text => insert(text, `\n${line()}\n`),
  text => `${text}\n${line()}`,
  text => {
    const from = below(text.length)
    return text.slice(0, from) + text.slice(from + below(20))
  },
  text => {
    const from = below(text.length)
    const piece = text.slice(from, from + below(60))
    return insert(text, piece.repeat(1 + below(random() < 0.01 ? 1000 : 3)))
  },
  text => {
    const at = below(text.length + 1)
    return text.slice(0, at) + String.fromCharCode(below(random() < 0.5 ? 0x80 : 0x10000)) + text.slice(at + 1)
  },
  text => {
    const lines = text.split('\n')
    lines[below(lines.length)] = line()
    return lines.join('\n')
  },
]

function document(): string {
  const lines = () => Array.from({ length: below(20) }, line).join('\n')
  let text = random() < 0.4 ? `[supervisord]\n${lines()}` : random() < 0.1 ? lines() : pick(seeds)
  for (let rounds = below(6); rounds > 0; rounds--) text = pick(mutations)(text)
  return text
}

interface Input {
  readonly files: Readonly<Record<string, string | Buffer>>
  readonly argv: readonly string[]
}

const encoded = (text: string): string | Buffer => (random() < 0.02 ? Buffer.from(text, 'latin1') : text)

const input = (): Input => ({
  files: {
    'supervisord.conf': encoded(document()),
    ...(random() < 0.1 ? { 'conf.d/a.conf': encoded(document()), 'b.ini': encoded(document()) } : {}),
  },
  argv:
    random() < 0.1
      ? Array.from(
          { length: below(4) },
          () => `${pick(['-', '--', ''])}${pick([...optionNames, ...values, ...'cnshvumdlyzejiqkatrp'])}`,
        )
      : [],
})

type Outcome = 'read' | 'refused'
const activity = { inUse: () => false, automaticLogfile: () => null }

function outcomeOf(work: () => unknown): Outcome {
  try {
    work()
    return 'read'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (error.message === '' || renderConfigError(error).includes('undefined')) throw error
    return 'refused'
  }
}

function read({ files, argv }: Input): Outcome {
  const machine = fakeMachine({ files })
  const file = '/home/lab/supervisord.conf'
  const request = { file, flags: new Map(), isEventType }
  outcomeOf(() => readCtlConfig(file, new Map(), machine))
  if (argv.length > 0) {
    outcomeOf(() => parseDaemonCommandLine(argv, machine))
    outcomeOf(() => parseCtlCommandLine(argv, machine))
  }
  return outcomeOf(() => {
    const config = readConfig(request, machine)
    allConfigInfo(config, activity)
    if (
      Object.values(compareGroups(config.groups, readConfig(request, machine).groups)).some(names => names.length > 0)
    ) {
      throw new Error('the same files, read twice, differ')
    }
  })
}

fuzz({
  input,
  run: given => [read(given)],
  show: ({ files, argv }) => ({
    argv,
    files: Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.toString('latin1')])),
  }),
  slow: 1000,
})
