import { chmodSync, mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Lab, SUPERVISORCTL } from '../support/lab.ts'

const NOT_SPAWNED = 'supervisor: child process was not spawned\n'
const isRoot = process.getuid!() === 0
/** Only root can become somebody else; anybody else is told so. */
const as = (user: string) => (isRoot ? `user=${user}\n` : '')

test('what fails after the fork is told by the child itself, with exit status 127', async () => {
  await using lab = new Lab(`
[program:nowhere]
command=/bin/pwd
directory=/no/such/place
startsecs=60
startretries=0
stderr_logfile=%(here)s/nowhere.err
[program:plain]
command=%(here)s/plain
startsecs=60
startretries=0
stderr_logfile=%(here)s/plain.err
[program:plain-as]
command=%(here)s/plain
${as('nobody')}startsecs=60
startretries=0
stderr_logfile=%(here)s/plain-as.err
[program:closed]
command=/bin/pwd
${as('nobody')}directory=%(here)s/closed
startsecs=60
startretries=0
stderr_logfile=%(here)s/closed.err
`)
  chmodSync(lab.directory, 0o755)
  lab.write('plain', 'echo no interpreter is named\n', 0o755)
  mkdirSync(lab.path('closed'))
  chmodSync(lab.path('closed'), isRoot ? 0o700 : 0o000)
  await lab.start()
  for (const name of ['nowhere', 'plain', 'plain-as', 'closed']) await lab.untilState(name, 'FATAL')
  const notExecutable = `supervisor: couldn't exec ${lab.path('plain')}: ENOEXEC\n`
  for (const [name, told] of [
    ['nowhere', "supervisor: couldn't chdir to /no/such/place: ENOENT\n"],
    ['plain', notExecutable],
    ['plain-as', notExecutable],
    ['closed', `supervisor: couldn't chdir to ${lab.path('closed')}: EACCES\n`],
  ] as const)
    await expect.poll(() => lab.read(`${name}.err`)).toBe(told + NOT_SPAWNED)
  expect(lab.read('supervisord.log').match(/exited: \S+ \(exit status 127; not expected\)/g)).toHaveLength(4)
})

test('a child leads its process group in our session, with nothing blocked, and may open its streams by name', async () => {
  await using lab = await new Lab(`
[program:look]
command=/bin/sh -c "ps -o pgid=,sid= -p $$; id -u; echo by name > /dev/stdout; grep -E '^(SigBlk|SigIgn)' /proc/self/status; sleep 1000"
${as('nobody')}stdout_logfile=%(here)s/look.out
`).start()
  await lab.untilFile('look.out', /SigIgn.*\n/)
  const [groupAndSession, uid, byName, blocked, ignored] = lab.read('look.out').split('\n')
  const pid = lab.ctl('pid', 'look').stdout.trim()
  const [group, session] = groupAndSession!.trim().split(/\s+/)
  expect(group).toBe(pid)
  expect(session).toBe(lab.run('ps', '-o', 'sid=', '-p', lab.ctl('pid').stdout.trim()).stdout.trim())
  expect(uid).toBe(lab.run('id', '-u', ...(isRoot ? ['nobody'] : [])).stdout.trim())
  expect(byName).toBe('by name')
  expect(blocked).toMatch(/0000000000000000$/)
  // SIGPIPE and SIGXFSZ, as in children of the original
  expect(Number.parseInt(ignored!.slice(-8), 16) & 0x01001000).toBe(0x01001000)
})

test("NODE_OPTIONS are for the programs, whatever ours are: the daemon's Node and supervisorctl's start without them", async () => {
  await using lab = new Lab(`
[program:asks]
command=/bin/sh -c 'env | grep -c BOSUN_; echo "$NODE_OPTIONS"; exec sleep 9999'
stdout_logfile=%(here)s/asks.log
`)
  const env = { ...process.env, NODE_OPTIONS: '--require /no/such/file.js' }
  await lab.start({ env })
  await expect.poll(() => lab.read('asks.log')).toBe('0\n--require /no/such/file.js\n')
  const ctl = lab.run(
    'env',
    'NODE_OPTIONS=--no-such-option',
    SUPERVISORCTL,
    '-c',
    lab.path('supervisord.conf'),
    'status',
  )
  expect(ctl.stdout).toMatch(/^asks +(STARTING|RUNNING)/)
})
