/** `[program-defaults]`, and copies of what programs write. Source: contract/vast-instance.md 3.1, 3.4, 3.5, 14 (rows 22, 44) */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { expectAnswers, labWithOther, said } from '../support/faults.ts'
import { isOriginal, Lab, PYTHON_SUPERVISORD, SUPERVISORCTL, until } from '../support/lab.ts'

/** The daemon's own stdout goes to a file in the lab. */
const TO_STDOUT = ['sh', '-c', 'exec "$@" >> stdout', 'sh']

const DEFAULTS = `[program-defaults]
command=%(here)s/writes
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stdout_plain=true
redirect_stderr=true
stdout_tee_logfile=%(here)s/portal/%(program_name)s.log
stdout_plain_logfile=%(here)s/clean/%(program_name)s.log
`

/** Says so in colours, and when it is told to, something more. */
const WRITES = `#!/bin/sh
printf '\\033[1m%s\\033[0m in its tee %s\\r\\n' "$SUPERVISOR_PROCESS_NAME" "$SUPERVISOR_STDOUT_TEE"
printf 'error\\r50%%\\r' >&2
while read -r line; do printf '%s\\n' "$line"; done
`

async function started(conf: string): Promise<Lab> {
  const lab = new Lab(conf)
  lab.write('writes', WRITES)
  for (const directory of ['portal', 'clean']) mkdirSync(lab.path(directory))
  await lab.start({ prefix: TO_STDOUT })
  return lab
}

const raw = (lab: Lab, name: string): string =>
  `\x1b[1m${name}\x1b[0m in its tee ${lab.path(`portal/${name}.log`)}\r\nerror\r50%\r`
const plain = (lab: Lab, name: string): string => `${name} in its tee ${lab.path(`portal/${name}.log`)}\nerror\n50%`

const say = (lab: Lab, name: string, text: string): void =>
  void lab.run('python3', '-c', SAY, lab.path('s.sock'), name, text)
const SAY = `
import socket, sys, xmlrpc.client, http.client
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
class Transport(xmlrpc.client.Transport):
    def make_connection(self, host): return Connection('x')
xmlrpc.client.ServerProxy('http://x', Transport()).supervisor.sendProcessStdin(sys.argv[2], sys.argv[3])
`

test.skipIf(isOriginal)('what programs share stands once; each has its copies, and tail shows them', async () => {
  await using lab = await started(`${DEFAULTS}[program:a]\n[program:b]\nstdout_plain=false\n`)
  for (const name of ['a', 'b']) {
    await until(`${name} has written`, () => lab.read(`portal/${name}.log`) === raw(lab, name))
    // a CR may still be the beginning of a line's end
    await until(`${name} is there in plain text`, () => lab.read(`clean/${name}.log`) === plain(lab, name))
    expect(lab.ctl('tail', name).stdout).toBe(`${plain(lab, name)}\n`)
    expect(statSync(lab.path(`portal/${name}.log`)).mode & 0o777).toBe(0o644)
  }
  // our own stdout is plain for the one, and as it comes for the other
  await until(
    'all are there',
    () => lab.read('stdout').includes(plain(lab, 'a')) && lab.read('stdout').includes(raw(lab, 'b')),
  )

  const follower = spawn(SUPERVISORCTL, ['-c', lab.path('supervisord.conf'), 'tail', '-f', 'a'])
  let followed = ''
  follower.stdout.on('data', data => (followed += data))
  await until('it follows', () => followed.includes('50%'))
  say(lab, 'a', 'one more line\n')
  await until('it follows on', () => followed.endsWith('one more line\n'))
  follower.kill()
  await until('the plain text goes on', () => lab.read('clean/a.log') === `${plain(lab, 'a')}\none more line\n`)
})

test.skipIf(isOriginal)('each start begins new copies, and keeps those of the life before', async () => {
  await using lab = await started(
    `${DEFAULTS}stdout_tee_logfile_maxbytes=100\n[program:a]\nstdout_tee_logfile_maxbytes=200\n`,
  )
  await until('it has written', () => lab.read('portal/a.log') === raw(lab, 'a'))
  const much = `${'x'.repeat(200)}\n`
  say(lab, 'a', much)
  await until('it has rotated', () => lab.read('portal/a.log.1') === raw(lab, 'a') + much)
  say(lab, 'a', 'rest\n')
  await until('it has written the rest', () => lab.read('clean/a.log') === 'rest\n')

  lab.ctl('restart', 'a')
  await until('it has written', () => lab.read('portal/a.log') === raw(lab, 'a'))
  await expect.poll(() => lab.read('portal/a.log.old')).toBe('rest\n')
  await expect.poll(() => lab.read('portal/a.log.old.1')).toBe(raw(lab, 'a') + much)
  await expect.poll(() => lab.read('clean/a.log.old.1')).toBe(`${plain(lab, 'a')}\n${much}`)
  expect(existsSync(lab.path('portal/a.log.1'))).toBe(false)

  lab.ctl('restart', 'a')
  await until('it has written', () => lab.read('portal/a.log') === raw(lab, 'a'))
  // the CR that was the last is the end of a line
  await expect.poll(() => lab.read('clean/a.log.old')).toBe(`${plain(lab, 'a')}\n`)
  expect(existsSync(lab.path('portal/a.log.old.1'))).toBe(false)
})

test.skipIf(isOriginal)('SIGUSR2 reopens copies, clear empties them', async () => {
  await using lab = await started(`${DEFAULTS}[program:a]\n`)
  await until('it has written', () => lab.read('portal/a.log') === raw(lab, 'a'))
  renameSync(lab.path('portal/a.log'), lab.path('portal/moved'))
  lab.daemon!.kill('SIGUSR2')
  await until('it is reopened', () => existsSync(lab.path('portal/a.log')))
  say(lab, 'a', 'next\n')
  await until('it goes on in a new file', () => lab.read('portal/a.log') === 'next\n')
  expect(lab.read('portal/moved')).toBe(raw(lab, 'a'))
  await until('both copies have it', () => lab.read('clean/a.log').endsWith('next\n'))

  expect(lab.ctl('clear', 'a').stdout).toBe('a: cleared\n')
  expect(lab.read('portal/a.log') + lab.read('clean/a.log')).toBe('')
  expect(existsSync('/dev/stdout')).toBe(true)
  say(lab, 'a', 'last\n')
  await until('it goes on', () => lab.read('clean/a.log') === 'last\n')
})

test.skipIf(isOriginal)('a copy for which there is no place costs one line, never the program', async () => {
  await using lab = labWithOther(`${DEFAULTS}[program:a]\nstdout_plain_logfile=\n`)
  lab.write('writes', WRITES)
  await lab.start({ prefix: TO_STDOUT })
  await lab.untilState('a', 'RUNNING')
  await expectAnswers(lab)
  const line = (name: string, path: string) =>
    `CRIT cannot open log '${lab.path(path)}': ENOENT; the output of '${name}' stdout is not kept there`
  await expect
    .poll(() => said(lab, /CRIT cannot/))
    .toEqual([line('a', 'portal/a.log'), line('other', 'portal/other.log'), line('other', 'clean/other.log')])
  await until('all else is logged', () => lab.read('stdout').includes(plain(lab, 'a')))
  expect(lab.ctl('tail', 'a').stdout).toBe('a: ERROR (no log file)\n')

  // and the next life finds one
  mkdirSync(lab.path('portal'))
  lab.ctl('restart', 'a')
  await until('it has a copy', () => lab.read('portal/a.log') === raw(lab, 'a'))
})

test.skipIf(isOriginal)('a default that changes is a change, told and acted on', async () => {
  await using lab = await started(`${DEFAULTS}[program:a]\n[program:b]\nstdout_plain=true\n`)
  await until('they have written', () => lab.read('clean/a.log') !== '' && lab.read('clean/b.log') !== '')
  lab.write('supervisord.conf', lab.read('supervisord.conf').replace('stdout_plain=true', 'stdout_plain=false'))
  expect(lab.ctl('reread').stdout).toBe('a: changed\n')
  expect(lab.ctl('update').stdout).toMatch(/^a: stopped\na: updated process group\n$/)
})

test('the original takes the same file, and ignores what it does not know', async () => {
  await using lab = new Lab(`${DEFAULTS}[program:a]
command=%(here)s/writes
stdout_logfile=%(here)s/a.log
stdout_tee_logfile=%(here)s/portal/a.log
stdout_plain=true
`)
  lab.write('writes', WRITES)
  await lab.start({ supervisord: PYTHON_SUPERVISORD })
  await until('it has written', () => lab.read('a.log').includes('in its tee'))
})
