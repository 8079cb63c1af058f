import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { Lab, PYTHON_SUPERVISORCTL, SUPERVISORCTL } from '../support/lab.ts'

const execute = promisify(execFile)

beforeAll(async () => {
  await execute(process.execPath, [resolve(import.meta.dirname, '../../scripts/dev/debian.ts'), 'ansible'])
}, 300_000)

interface Task {
  readonly state: 'present' | 'absent' | 'started' | 'stopped' | 'restarted' | 'signalled'
  readonly name: string
  readonly signal?: string
}

interface Answer {
  readonly changed: boolean
  readonly failed?: boolean
  readonly msg?: string
  /** of supervisorctl, when its exit status was held against it */
  readonly rc?: number
  readonly stdout?: string
  /** the processes that something was done to */
  readonly affected?: readonly string[]
}

/** A playbook of these tasks, all of them carried out; what each of them answered. */
async function play(lab: Lab, supervisorctl: string, tasks: readonly Task[]): Promise<Answer[]> {
  const playbook = {
    hosts: 'localhost',
    connection: 'local',
    gather_facts: false,
    ignore_errors: true,
    module_defaults: {
      'community.general.supervisorctl': { config: lab.path('supervisord.conf'), supervisorctl_path: supervisorctl },
    },
    tasks: tasks.map(task => ({ 'community.general.supervisorctl': task })),
  }
  lab.write('playbook.yml', JSON.stringify([playbook]))
  const command = ['-i', 'localhost,', '-e', 'ansible_python_interpreter=/usr/bin/python3', lab.path('playbook.yml')]
  const { stdout } = await execute('ansible-playbook', command, {
    cwd: lab.directory,
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_HOME: lab.path('ansible'),
      ANSIBLE_PIPELINING: '1',
      ANSIBLE_STDOUT_CALLBACK: 'ansible.posix.json',
    },
  })
  const { plays } = JSON.parse(stdout) as { plays: readonly { tasks: readonly { hosts: { localhost: Answer } }[] }[] }
  return plays[0]!.tasks.map(({ hosts }) => hosts.localhost)
}

const changed = (...affected: string[]) => ({ changed: true, ...(affected.length > 0 && { affected }) })
const ok = { changed: false }
const failed = (msg: string) => ({ failed: true, msg: expect.stringContaining(msg) })

/** In this order: each finds what the ones before have left. */
const steps: readonly (readonly [Task, Partial<Answer>])[] = [
  [{ name: 'app', state: 'started' }, failed('ERROR (no such process)')],
  [{ name: 'app', state: 'present' }, changed()],
  [{ name: 'app', state: 'present' }, ok],
  [{ name: 'app', state: 'started' }, changed('app')],
  [{ name: 'app', state: 'started' }, ok],
  [{ name: 'app', state: 'signalled', signal: 'USR1' }, changed('app')],
  [{ name: 'app', state: 'absent' }, failed('ERROR: process/group still running: app')],
  [{ name: 'app', state: 'restarted' }, changed('app')],
  [{ name: 'app', state: 'stopped' }, changed('app')],
  [{ name: 'app', state: 'stopped' }, ok],
  [{ name: 'app', state: 'signalled', signal: 'USR1' }, ok],
  [{ name: 'app', state: 'restarted' }, changed('app')],
  [{ name: 'crew:', state: 'started' }, changed('crew:one', 'crew:two')],
  [{ name: 'crew:', state: 'started' }, ok],
  [{ name: 'crew:two', state: 'stopped' }, changed('crew:two')],
  [{ name: 'crew:', state: 'stopped' }, changed('crew:one')],
  [
    { name: 'broken', state: 'started' },
    { failed: true, rc: 7, stdout: 'broken: ERROR (spawn error)\n' },
  ],
  [{ name: 'all', state: 'stopped' }, changed('app')],
  [{ name: 'app', state: 'absent' }, changed()],
  [{ name: 'app', state: 'absent' }, ok],
]

test.each([
  ['the one under test', SUPERVISORCTL],
  ["Python's", PYTHON_SUPERVISORCTL],
])(
  "ansible's supervisorctl module tells changed from ok and from failed, with %s",
  { timeout: 300_000, concurrent: true },
  async (_, supervisorctl) => {
    await using lab = await new Lab(`
[program:one]
command=sleep 1000
startsecs=0
autostart=false
[program:two]
command=sleep 1000
startsecs=0
autostart=false
[group:crew]
programs=one,two
[program:broken]
command=/bin/false
autostart=false
startsecs=60
startretries=0
`).start()
    lab.write('app.sh', '#!/bin/sh\ntrap "echo USR1" USR1\necho armed\nwhile :; do read line; done\n')
    lab.write('conf.d/app.conf', '[program:app]\ncommand={dir}/app.sh\nautostart=false\nstdout_logfile={dir}/app.log\n')
    const answers = await play(
      lab,
      supervisorctl,
      steps.map(([task]) => task),
    )
    const told = answers.map((answer, at) => [steps[at]![0], answer])
    expect(told).toEqual(steps.map(([task, answer]) => [task, expect.objectContaining(answer)]))
    await lab.untilFile('app.log', /^armed\nUSR1\narmed\narmed\n$/)
    expect(lab.read('supervisord.log').match(/spawned: 'app'/g)).toHaveLength(3)
    expect(lab.ctl('avail').stdout).toMatch(/^app +avail /m)
  },
)
