/**
 * THE option tables of `[supervisord]` with its command line, of the servers, of `[supervisorctl]` with its command line,
 * and the flags that are no options. Source: contract 2.1–2.4, 3.1, 9.1
 */
import {
  absoluteFilePath,
  absolutePath,
  boolean,
  byteSize,
  ctlServerurl,
  daemonLogfile,
  environment,
  existingDirectory,
  integer,
  listenAddress,
  logLevel,
  mode,
  octal,
  owner,
  text,
  user,
} from './converters.ts'
import { type Flag, REQUIRED, row, type Values } from './option-row.ts'

const flag = (short: string | null, long: string, argument: string | null): Flag => ({ short, long, argument })

/** `[supervisord]`; a flag beats the file. */
export const daemonOptions = {
  logfile: row({
    parse: daemonLogfile,
    default: 'supervisord.log',
    scope: 'here',
    flag: flag('l', 'logfile', 'FILENAME'),
    doc: 'The activity log: a file, or syslog.',
  }),
  logfile_maxbytes: row({
    parse: byteSize,
    default: '50MB',
    scope: 'here',
    flag: flag('y', 'logfile_maxbytes', 'BYTES'),
    doc: 'Size at which the activity log is rotated; 0: never.',
  }),
  logfile_backups: row({
    parse: integer,
    default: '10',
    scope: 'here',
    flag: flag('z', 'logfile_backups', 'NUM'),
    doc: 'How many rotated activity logs are kept; 0: none.',
  }),
  loglevel: row({
    parse: logLevel,
    default: 'info',
    scope: 'here',
    flag: flag('e', 'loglevel', 'LEVEL'),
    doc: 'The least important lines to log: critical, error, warn, info, debug, trace or blather.',
  }),
  pidfile: row({
    parse: absoluteFilePath,
    default: 'supervisord.pid',
    scope: 'here',
    flag: flag('j', 'pidfile', 'FILENAME'),
    doc: 'File that holds the pid of the daemon while it runs.',
  }),
  umask: row({
    parse: octal,
    default: '022',
    scope: 'here',
    flag: flag('m', 'umask', 'UMASK'),
    doc: 'Umask of the daemon, octal. Only in the background; in the foreground it keeps the one it has.',
  }),
  nodaemon: row({
    parse: boolean,
    default: 'false',
    scope: 'here',
    flag: flag('n', 'nodaemon', null),
    doc: 'Stay in the foreground.',
  }),
  silent: row({
    parse: boolean,
    default: 'false',
    scope: 'here',
    flag: flag('s', 'silent', null),
    doc: 'Stay in the foreground, and do not write the activity log to stdout as well.',
  }),
  minfds: row({
    parse: integer,
    default: '1024',
    scope: 'here',
    flag: flag('a', 'minfds', 'NUM'),
    doc: 'Raise the limit of open files to at least this; if that fails, do not start.',
  }),
  minprocs: row({
    parse: integer,
    default: '200',
    scope: 'here',
    flag: flag(null, 'minprocs', 'NUM'),
    doc: 'Raise the limit of processes to at least this; if that fails, do not start.',
  }),
  nocleanup: row({
    parse: boolean,
    default: 'false',
    scope: 'here',
    flag: flag('k', 'nocleanup', null),
    doc: 'Keep the automatic child logs of the run before.',
  }),
  childlogdir: row({
    parse: existingDirectory,
    default: null, // the system's directory for temporary files
    scope: 'here',
    flag: flag('q', 'childlogdir', 'DIRECTORY'),
    doc: 'Directory of automatic child logs. Unset: $TMPDIR or the usual place for temporary files.',
  }),
  user: row({
    parse: user,
    default: null,
    scope: 'here',
    flag: flag('u', 'user', 'USER'),
    doc: 'Become this user (name or number) at the start.',
  }),
  directory: row({
    parse: existingDirectory,
    default: null,
    scope: 'here',
    flag: flag('d', 'directory', 'DIRECTORY'),
    doc: 'Change to this directory. Only in the background.',
  }),
  strip_ansi: row({
    parse: boolean,
    default: 'false',
    scope: 'here',
    flag: flag('t', 'strip_ansi', null),
    doc: 'Take ANSI escape sequences out of what children write.',
  }),
  environment: row({
    parse: environment,
    default: '',
    scope: 'here', // and host_node_name
    doc: 'Variables for all children: KEY="value",OTHER="value".',
  }),
  identifier: row({
    parse: text,
    default: 'supervisor',
    scope: 'here',
    flag: flag('i', 'identifier', 'STR'),
    doc: 'Name of this daemon, for clients, events and automatic child logs.',
  }),
}
export type DaemonValues = Values<typeof daemonOptions>

export interface FlagRow extends Flag {
  readonly doc: string
}

/** Flags of supervisord that are no option of the file. */
export const daemonFlags = {
  configuration: { ...flag('c', 'configuration', 'FILENAME'), doc: 'Read this file, instead of searching for one.' },
  help: { ...flag('h', 'help', null), doc: 'Print this text and exit.' },
  version: { ...flag('v', 'version', null), doc: 'Print the version and exit.' },
  profile_options: { ...flag(null, 'profile_options', 'LIST'), doc: 'Accepted for compatibility; does nothing.' },
} as const satisfies Readonly<Record<string, FlagRow>>

const username = row({
  parse: text,
  default: null,
  scope: 'environment',
  doc: 'Ask clients for this user name. Unset or empty: anybody may connect.',
})
const password = row({
  parse: text,
  default: null,
  scope: 'environment',
  doc: 'The password that goes with it: clear text, or {SHA} and the 40 hex digits of its SHA-1.',
})

/** `[unix_http_server]`, `[unix_http_server:name]` */
export const unixServerOptions = {
  file: row({ parse: absolutePath, default: REQUIRED, scope: 'here', doc: 'Path of the socket.' }),
  chmod: row({ parse: mode('chmod'), default: '0700', scope: 'environment', doc: 'Permissions of the socket, octal.' }),
  chown: row({
    parse: owner('sockchown'),
    default: null,
    scope: 'environment',
    doc: 'user or user:group that owns the socket. Unset: whoever runs the daemon.',
  }),
  username,
  password,
}

/** `[inet_http_server]`, `[inet_http_server:name]` */
export const inetServerOptions = {
  port: row({
    parse: listenAddress,
    default: REQUIRED,
    scope: 'environment',
    doc: 'host:port to listen on; without a host, or with *, on every interface. IPv4.',
  }),
  username,
  password,
}

/** `[supervisorctl]`; a flag beats the file. */
export const ctlOptions = {
  serverurl: row({
    parse: ctlServerurl,
    default: 'http://localhost:9001',
    scope: 'here',
    flag: flag('s', 'serverurl', 'URL'),
    doc: 'Where the daemon listens: unix:///path or http://host:port.',
  }),
  username: row({
    parse: text,
    default: null,
    scope: 'environment',
    flag: flag('u', 'username', 'USERNAME'),
    doc: 'User name to log in with.',
  }),
  password: row({
    parse: text,
    default: null,
    scope: 'environment',
    flag: flag('p', 'password', 'PASSWORD'),
    doc: 'Password to log in with, in clear text.',
  }),
  prompt: row({
    parse: text,
    default: 'supervisor',
    scope: 'environment',
    doc: 'What the shell prompts with.',
  }),
  history_file: row({
    parse: absolutePath,
    default: null,
    scope: 'here',
    flag: flag('r', 'history_file', 'FILENAME'),
    doc: 'Keep the lines typed in the shell in this file.',
  }),
}
export type CtlValues = Values<typeof ctlOptions>

/** Flags of supervisorctl that are no option of the file. */
export const ctlFlags = {
  configuration: { ...flag('c', 'configuration', 'FILENAME'), doc: 'Read this file, instead of searching for one.' },
  help: { ...flag('h', 'help', null), doc: 'Print this text and exit.' },
  interactive: { ...flag('i', 'interactive', null), doc: 'Ask before a restart or shutdown of the daemon.' },
} as const satisfies Readonly<Record<string, FlagRow>>

/** `[include]` */
export const includeOptions = {
  files: row({
    parse: text,
    default: REQUIRED,
    scope: 'here', // and host_node_name
    doc: 'Patterns of files to read as well, with blanks between them; relative ones start at the directory of this file.',
  }),
}
