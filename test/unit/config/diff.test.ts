import { describe, expect, test } from 'vitest'
import { compareGroups } from '../../../supervisor/config/diff.ts'
import { configOf } from '../../support/config.ts'

const groupsOf = (text: string) => configOf(text, { files: { '/x/supervisord.conf': '' } }).groups
const changes = (before: string, after: string) => compareGroups(groupsOf(before), groupsOf(after))

const X = '[program:x]\ncommand=/bin/cat\n'
const LOGGED = `${X}stdout_logfile=/tmp/o\nstderr_logfile=/tmp/e\n`
const FCGI = '[fcgi-program:x]\ncommand=/bin/cat\nsocket=unix:///tmp/s\n'
const LISTENER = '[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5,EVENT\n'

describe('a change', () => {
  test.each<[string, string, string]>([
    ['one more blank in the command', X, X.replace('cat', 'cat ').replace('cat \n', 'cat  -u\n')],
    ['environment', X, `${X}environment=A="1"\n`],
    ['[supervisord] environment', X, `[supervisord]\nenvironment=A="1"\n${X}`],
    ['umask', X, `${X}umask=022\n`],
    ['directory', X, `${X}directory=/\n`],
    ['user', X, `${X}user=root\n`],
    ['priority', X, `${X}priority=1\n`],
    ['stopasgroup', X, `${X}stopasgroup=true\n`],
    ['autorestart', X, `${X}autorestart=true\n`],
    ['serverurl', X, `${X}serverurl=http://x\n`],
    ['number of processes', `${X}process_name=%(process_num)d\n`, `${X}process_name=%(process_num)d\nnumprocs=2\n`],
    ['another log file', LOGGED, LOGGED.replace('/tmp/o', '/tmp/p')],
    ['a log file switched off', LOGGED, LOGGED.replace('/tmp/o', 'NONE')],
    ['a tee', LOGGED, `${LOGGED}stdout_tee_logfile=/tmp/t\n`],
    ['plain text', LOGGED, `${LOGGED}stdout_plain=true\n`],
    ['redirect_stderr', LOGGED, `${LOGGED}redirect_stderr=true\n`],
    ['the socket of a fcgi-program', FCGI, FCGI.replace('/tmp/s', '/tmp/t')],
    ['a program that becomes a fcgi-program', X, FCGI],
    ['a program that becomes a listener', X, LISTENER],
    ['events', LISTENER, LISTENER.replace('EVENT', 'TICK_60')],
    ['buffer_size', LISTENER, `${LISTENER}buffer_size=5\n`],
    [
      'order of the members',
      `${X}${X.replace(':x', ':y')}[group:x]\nprograms=x,y\n`,
      `${X}${X.replace(':x', ':y')}[group:x]\nprograms=y,x\n`,
    ],
  ])('%s', (_, before, after) => {
    expect(changes(before, after)).toEqual({ added: [], changed: ['x'], removed: [] })
    expect(changes(after, before)).toEqual({ added: [], changed: ['x'], removed: [] })
  })
})

describe('no change', () => {
  test.each<[string, string, string]>([
    ['defaults written out', X, `${X}startsecs=1\nstopsignal=15\nexitcodes=0\nstdout_logfile=AUTO\n`],
    ['other quotes', `${X}environment=A="1",B='2'\n`, `${X}environment=B=2,A=1\n`],
    ['unknown options and comments', X, `; new\n${X}colour=blue\n`],
    ['a written log file that becomes automatic', LOGGED, X],
    ['an automatic log file that becomes written', X, LOGGED],
    ['order of events', LISTENER, LISTENER.replace('TICK_5,EVENT', 'EVENT,TICK_5')],
    ['owner, mode and backlog of a socket', FCGI, `${FCGI}socket_owner=nobody\nsocket_mode=0600\nsocket_backlog=5\n`],
  ])('%s', (_, before, after) => {
    expect(changes(before, after)).toEqual({ added: [], changed: [], removed: [] })
  })
})

test('an automatic log file that is switched off is not compared', () => {
  expect(changes(X, `${X}stdout_logfile=NONE\n`).changed).toEqual([])
})

test('a program that moves into a group is removed, the group added', () => {
  expect(changes(X, `${X}[group:g]\nprograms=x\n`)).toEqual({ added: ['g'], changed: [], removed: ['x'] })
})

test('added and changed in the order of the new configuration, removed in that of activation', () => {
  const program = (name: string, more = '') => `[program:${name}]\ncommand=/bin/cat\n${more}`
  const active = [...groupsOf(program('b') + program('a') + program('d') + program('c'))].reverse()
  const next = groupsOf(
    program('z', 'priority=1\n') +
      program('y') +
      program('d', 'startsecs=2\n') +
      program('c', 'priority=1\nstartsecs=2\n'),
  )
  expect(compareGroups(active, next)).toEqual({ added: ['z', 'y'], changed: ['c', 'd'], removed: ['b', 'a'] })
})

test('of two groups with one name the first counts', () => {
  const both = `${X}${FCGI}`
  expect(groupsOf(both)).toHaveLength(2)
  expect(changes(X, both)).toEqual({ added: [], changed: [], removed: [] })
})
