import { describe, expect, test } from 'vitest'
import {
  parseCtlCommandLine,
  parseDaemonCommandLine,
  renderCtlUsage,
  renderDaemonUsage,
} from '../../../supervisor/config/command-line.ts'
import { errorOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const machine = fakeMachine()
const daemon = (...argv: string[]) => parseDaemonCommandLine(argv, machine)
const ctl = (...argv: string[]) => parseCtlCommandLine(argv, machine)
const daemonRun = (configuration: string | null, flags: Record<string, string>) => ({
  kind: 'run',
  configuration,
  flags: new Map(Object.entries(flags)),
})

describe('supervisord', () => {
  test.each<[string[], ReturnType<typeof daemonRun>]>([
    [[], daemonRun(null, {})],
    [['-n', '-c', 'x.conf'], daemonRun('x.conf', { nodaemon: 'true' })],
    [['-ncx.conf'], daemonRun('x.conf', { nodaemon: 'true' })],
    [['--loglevel', 'debug', '--identifier=me'], daemonRun(null, { loglevel: 'debug', identifier: 'me' })],
    [['--ident', 'me', '--minp=5'], daemonRun(null, { identifier: 'me', minprocs: '5' })],
    [['-u', 'no-such'], daemonRun(null, { user: 'no-such' })],
    [['-l=x.log'], daemonRun(null, { logfile: '=x.log' })],
    [
      ['--profile_options=x', '-kst'],
      daemonRun(null, { profile_options: 'x', nocleanup: 'true', silent: 'true', strip_ansi: 'true' }),
    ],
  ])('%j', (argv, result) => {
    expect(daemon(...argv)).toEqual(result)
  })

  test.each([['-h'], ['--help'], ['-?'], ['--he']])('%s asks for help', flag => {
    expect(daemon(flag)).toEqual({ kind: 'help' })
  })

  test('what comes first is done first', () => {
    expect(daemon('-v', '-m', '99')).toEqual({ kind: 'version' })
    expect(errorOf(() => daemon('-m', '99', '-v')).message).toContain('invalid value for -m')
  })

  test.each([
    [['-Q'], 'option -Q not recognized'],
    [['-nQ'], 'option -Q not recognized'],
    [['-v', '-Q'], 'option -Q not recognized'],
    [['--bogus'], 'option --bogus not recognized'],
    [['-c'], 'option -c requires argument'],
    [['-nc'], 'option -c requires argument'],
    [['--configuration'], 'option --configuration requires argument'],
    [['--nodaemon=x'], 'option --nodaemon must not have an argument'],
    [['--no'], 'option --no not a unique prefix'],
    [['--logfil=x'], 'option --logfil not a unique prefix'],
    [['--=x'], 'option -- not a unique prefix'],
    [['foo', '-v'], "positional arguments are not supported: ['foo', '-v']"],
    [['-v', 'foo'], "positional arguments are not supported: ['foo']"],
    [['--', '-x'], "positional arguments are not supported: ['-x']"],
    [['-'], "positional arguments are not supported: ['-']"],
    [['-n', '-n'], "conflicting command line option '-n'"],
    [['-n', '--nodaemon'], "conflicting command line option '--nodaemon'"],
    [['-e', 'info', '-e', 'info'], "conflicting command line option '-e'"],
    [['-e', 'loud'], "invalid value for -e 'loud': bad logging level name 'loud'"],
    [['--umask=99'], "invalid value for --umask '99': 99 can not be converted to an octal type"],
    [['-m', "it's"], `invalid value for -m "it's": it's can not be converted to an octal type`],
    [['-d', '/no'], "invalid value for -d '/no': /no is not an existing directory"],
    [['-a', 'x'], "invalid value for -a 'x': invalid literal for int() with base 10: 'x'"],
    [['-j', '/no/p'], "invalid value for -j '/no/p': The directory named as part of the path /no/p does not exist"],
  ])('%j: %s', (argv, message) => {
    expect(errorOf(() => daemon(...argv)).message).toBe(message)
  })

  test('the usage names every flag', () => {
    const usage = renderDaemonUsage('/usr/bin/supervisord')
    expect(usage).toMatch(/^Usage: \/usr\/bin\/supervisord \[options\]$/m)
    for (const flag of [
      ...['-c/--configuration', '-n/--nodaemon', '-s/--silent', '-h/--help', '-v/--version', '-u/--user', '-m/--umask'],
      ...[
        '-d/--directory',
        '-l/--logfile',
        '-y/--logfile_maxbytes',
        '-z/--logfile_backups',
        '-e/--loglevel',
        '-j/--pidfile',
      ],
      ...['-i/--identifier', '-q/--childlogdir', '-k/--nocleanup', '-a/--minfds', '-t/--strip_ansi', '--minprocs'],
    ]) {
      expect(usage).toContain(`\n${flag} `)
    }
  })
})

describe('supervisorctl', () => {
  test('flags end at the first word', () => {
    expect(ctl('-c', 'x.conf', '-i', '-s', 'unix:///s', 'tail', '-f', 'x')).toEqual({
      kind: 'run',
      configuration: 'x.conf',
      interactive: true,
      flags: new Map([['serverurl', 'unix:///s']]),
      words: ['tail', '-f', 'x'],
    })
  })

  test.each(['bogus', '', 'unix://', 'http:', '://', 'a//b'])('%j is not a URL', url => {
    expect(errorOf(() => ctl('-s', url)).message).toBe(`invalid value for -s '${url}': value '${url}' is not a URL`)
  })

  test.each(['http://x', 'unix:///s', 'ftp://x', 'x:y'])('%j is a URL', url => {
    expect(ctl('-s', url)).toMatchObject({ flags: new Map([['serverurl', url]]) })
  })

  test.each([
    [['-v'], 'option -v not recognized'],
    [['-i', '-i'], "conflicting command line option '-i'"],
    [['-p'], 'option -p requires argument'],
    [['-s', 'http://x', '-s', 'y'], "invalid value for -s 'y': value 'y' is not a URL"],
  ])('%j: %s', (argv, message) => {
    expect(errorOf(() => ctl(...argv)).message).toBe(message)
  })

  test('the usage', () => {
    expect(ctl('-h')).toEqual({ kind: 'help' })
    expect(renderCtlUsage('ctl')).toMatch(/^Usage: ctl \[options\] \[action \[arguments\]\]$/m)
  })
})
