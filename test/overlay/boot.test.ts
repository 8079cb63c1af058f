/** The boot as process 1 of an instance. Source: contract/vast-instance.md 2, 13, 14 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import type { Instance } from '../support/instance.ts'
import { until } from '../support/lab.ts'
import { appVariable, ENTRYPOINT, LONG_PAUSES, openBoot, report, stepOf, untilReady, untilSaid } from './boot-lab.ts'

vi.setConfig({ testTimeout: 300_000 })

/** Zombies among the processes of an instance. */
function zombies(instance: Instance): readonly string[] {
  const proc = instance.path('/proc')
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        return / Z /.test(readFileSync(`${proc}/${pid}/stat`, 'latin1').replace(/^.*\)/, ''))
      } catch {
        return false
      }
    })
}

test('the steps run in the order of their names, those of an image between ours, and what they change stays', async () => {
  await using instance = await openBoot({
    files: {
      '/etc/vast_boot.d/05-aio.sh': 'export EARLY="it\'s $HOME \\"quoted\\"\nin two lines"\nORDER=$ORDER:early',
      '/etc/vast_boot.d/50-app.sh':
        'export LATE="$WORKSPACE"; helper() { echo helped; }; unexported=yes; umask 027; mkdir -p /workspace/app; cd /workspace/app; return 3',
      '/etc/vast_boot.d/60-last.sh': 'export HELPED="$(helper) $unexported"; ORDER=$ORDER:last; export ORDER',
      '/workspace/.env': 'FROM_DOTENV="a # b"\n',
    },
    env: { OPEN_BUTTON_TOKEN: `t"o'k$e\`n\\ {"json": "%s"}`, SERVERLESS: 'TrUe' },
  })
  const ready = await untilReady(instance)
  expect(ready).toMatch(/^READY after \d+\.\d s: supervisord answers; \d+ steps, 0 problems/)
  const { steps, phase } = await report(instance)
  expect(phase).toBe('done')
  const files = steps.map(({ file }) => file)
  expect(files).toEqual(
    [...files.filter(file => !file.includes('/'))]
      .sort()
      .flatMap(file => (file.startsWith('25-') ? [file, ...files.filter(each => each.includes('/'))] : [file])),
  )
  expect(files[0]).toBe('05-aio.sh')
  expect(steps.find(({ file }) => file === '50-app.sh')).toMatchObject({
    name: 'app',
    result: 'ok',
    message: 'returned 3',
  })
  expect(await appVariable(instance, 'EARLY')).toBe('it\'s /root "quoted"\nin two lines')
  expect(await appVariable(instance, 'LATE')).toBe('/workspace')
  expect(await appVariable(instance, 'HELPED')).toBe('helped yes')
  expect(await appVariable(instance, 'ORDER')).toBe(':early:last')
  expect(await appVariable(instance, 'FROM_DOTENV')).toBe('a # b')
  expect(await appVariable(instance, 'OPEN_BUTTON_TOKEN')).toBe(`t"o'k$e\`n\\ {"json": "%s"}`)
  expect(instance.read('/tmp/app.cwd')).toBe('/workspace/app\n')
  expect(instance.read('/tmp/app.umask')).toBe('0027\n')
  // what a step before step 10 exports is in the file, what a later one exports is not
  const sourced = await instance.exec('set -a; . /etc/environment; printf "%s|%s" "$EARLY" "$LATE"', { bareEnv: true })
  expect(sourced).toMatchObject({ status: 0, stdout: 'it\'s /root "quoted"\nin two lines|' })
  expect((await instance.exec('stat -c %a /etc/environment')).stdout).toBe('640\n')
  // flags of the boot are nobody's environment
  expect(await appVariable(instance, 'export_env')).toBeUndefined()
  expect(existsSync(instance.path('/.provisioning'))).toBe(false)
  expect(existsSync(instance.path('/.first_boot_complete'))).toBe(true)
  await until('no zombies', () => zombies(instance).length === 0)
})

test('an exit in a step, also under set -e, ends that step and not the boot; what it changed stays', async () => {
  await using instance = await openBoot({
    files: {
      '/etc/vast_boot.d/50-exits.sh': 'export BEFORE=1; plain=2; exit 4; export NEVER=1',
      '/etc/vast_boot.d/51-fails.sh': 'set -euo pipefail; export STRICT=$plain; false',
      '/etc/vast_boot.d/52-unset.sh': 'export AGAIN=1; echo "$this_is_not_set"',
      '/etc/vast_boot.d/90-late.sh': 'echo "late: $AGAIN$STRICT"; exit 9',
    },
  })
  await untilReady(instance)
  expect(instance.output).toContain('50-exits.sh called exit 4; the boot goes on')
  expect(instance.output).toContain('late: 12')
  expect(await appVariable(instance, 'STRICT')).toBe('2')
  expect(await appVariable(instance, 'NEVER')).toBeUndefined()
  expect(await stepOf(instance, '50-exits.sh')).toMatchObject({ result: 'failed', message: 'called exit 4' })
  expect(await stepOf(instance, '51-fails.sh')).toMatchObject({ result: 'failed', message: 'called exit 1' })
  expect(await stepOf(instance, '52-unset.sh')).toMatchObject({ result: 'ok' })
  expect(existsSync(instance.path('/.provisioning'))).toBe(false)
  expect(instance.output).toMatch(/boot: problem: 90-late.sh: called exit 9/)
  instance.signal('SIGTERM')
  expect(await instance.ended).toBe(0)
})

test('supervisorctl reload keeps the pid, supervisorctl shutdown ends the instance with the status of supervisord', async () => {
  await using instance = await openBoot()
  await untilReady(instance)
  await appVariable(instance, 'PATH')
  expect(instance.read('/tmp/app.umask')).toBe('0002\n')
  const pidBefore = (await instance.exec('supervisorctl pid')).stdout
  const untilReloaded = async (): Promise<void> => {
    await appVariable(instance, 'PATH') // the program runs again
    await expect.poll(async () => (await instance.exec('supervisorctl pid')).stdout).toBe(pidBefore)
  }
  await instance.exec('rm /tmp/app.env; supervisorctl reload')
  await untilReloaded()
  await instance.exec('rm /tmp/app.env')
  instance.signal('SIGHUP') // a second reload, passed on by process 1
  await untilSaid(instance, /received SIGHUP/)
  await untilReloaded()
  await instance.exec('supervisorctl shutdown')
  expect(await instance.ended).toBe(0)
})

test('a supervisord that cannot start ends the instance with its status', async () => {
  await using instance = await openBoot({ files: { '/etc/supervisor/conf.d/test-bad.conf': '[program:x]\n' } })
  expect(await instance.ended).toBe(2)
  expect(instance.output).not.toContain('READY')
})

const FOREGROUND = 'trap "" TERM; echo blocks; sleep 1000'

for (const [phase, files, said] of [
  ['a step blocks before supervisord runs', { '/etc/vast_boot.d/40-x.sh': 'echo blocks; sleep 1000' }, /^blocks/m],
  ['a step waits by a builtin', { '/etc/vast_boot.d/40-x.sh': 'sleep 1000 & echo blocks; wait $!' }, /^blocks/m],
  [
    'a step blocks after supervisord runs',
    { '/etc/vast_boot.d/90-x.sh': 'echo blocks; sleep 1000; echo on' },
    /^blocks/m,
  ],
  ['all is done', {}, /^READY/m],
] as const)
  test(`a stop while ${phase} ends everything in order, and no step after it runs`, async () => {
    await using instance = await openBoot({
      env: { BOSUN_STOP_SECONDS: '90' },
      files: { ...files, '/etc/vast_boot.d/94-after.sh': 'echo "after it"' },
    })
    await untilSaid(instance, said)
    // where programs run, they have begun
    if (!phase.includes('before') && !phase.includes('builtin')) await appVariable(instance, 'PATH')
    instance.signal('SIGTERM')
    const runs = /waiting for app to die|stopped: app/
    const ended = await instance.ended
    expect(ended).toBe(runs.test(instance.output) ? 0 : 143)
    if (phase !== 'all is done') expect(instance.output).not.toContain('after it')
    expect(instance.output).not.toContain('killed')
  })

test('what ignores a stop is killed in time, and supervisord still ends by itself', async () => {
  await using instance = await openBoot({
    env: { BOSUN_STOP_SECONDS: '1' },
    files: {
      '/etc/supervisor/conf.d/test-stubborn.conf': `[program:stubborn]
command=/bin/bash -c 'trap "" TERM; touch /tmp/stubborn; while :; do sleep 1; done'
startsecs=0
stopwaitsecs=100
`,
      ...LONG_PAUSES,
      '/etc/vast_boot.d/90-x.sh': `bash -c '${FOREGROUND}'`,
    },
  })
  await untilSaid(instance, /^blocks/m)
  await until('the program is up', () => existsSync(instance.path('/tmp/stubborn')))
  instance.signal('SIGTERM')
  expect(await instance.ended).toBe(0)
  expect(instance.output).toContain('not everything has ended within 1 s')
  expect(instance.output).toContain('stopped: stubborn (terminated by SIGKILL)')
})

test('processes that nobody waits for are buried, and asked to end at the end', async () => {
  await using instance = await openBoot({
    files: {
      ...LONG_PAUSES,
      '/etc/vast_boot.d/50-orphans.sh':
        'for i in 1 2 3; do (sleep 0.2 &); done; (bash -c \'trap "echo orphan ends; exit" TERM; echo orphan begins; while :; do sleep 0.05; done\' &)',
    },
  })
  await untilReady(instance)
  await untilSaid(instance, /orphan begins/)
  await until('the dead are buried', () => zombies(instance).length === 0)
  await instance.exec('supervisorctl shutdown')
  expect(await instance.ended).toBe(0)
  expect(instance.output).toContain('orphan ends')
})

test('not as process 1: a stop ends what it has started, and nothing else', async () => {
  await using instance = await openBoot({ init: 'trap "exit 0" TERM; while :; do sleep 0.1; done' })
  await instance.exec('touch /.launch')
  const boot = instance.start(
    'echo $$ >/tmp/boot.pid; exec /opt/instance-tools/bin/entrypoint.sh --no-user-keys --what 2>&1 <&-',
  )
  let said = ''
  boot.stdout!.setEncoding('utf8').on('data', text => (said += text))
  const ended = new Promise(done => boot.once('exit', (status, signal) => done(status ?? signal)))
  await until('ready', () => /^READY/m.test(said), 120)
  expect(said).toContain('Warning: Unknown flag: --what')
  expect(await stepOf(instance, '46-user-propagate-ssh-keys.sh')).toMatchObject({ result: 'skipped' })
  await instance.exec('kill -TERM "$(cat /tmp/boot.pid)"')
  expect(await ended).toBe(0)
  expect((await instance.exec('pgrep -c supervisord')).stdout).toBe('0\n')
})

test('a second boot keeps the environment as edited and does first boots no more; another identity gets its own', async () => {
  const twice = `/opt/instance-tools/bin/entrypoint.sh; touch /tmp/second; rm -f /tmp/app.env; EDITED= ${ENTRYPOINT.slice(5)}; touch /tmp/third; CONTAINER_ID=8 ${ENTRYPOINT.slice(5)}`
  await using instance = await openBoot({
    init: twice,
    env: { CONTAINER_ID: '7', EDITED: 'no' },
    files: { '/etc/vast_boot.d/first_boot/20-once.sh': 'echo "first boot"; export ONCE=1' },
  })
  await untilReady(instance)
  expect(await appVariable(instance, 'ONCE')).toBe('1')
  await instance.exec(
    'sed -i s/EDITED=.*/EDITED=yes/ /etc/environment; echo generate_tls_cert=false >>/etc/environment; supervisorctl shutdown',
  )
  await untilReady(instance, 2)
  expect(await appVariable(instance, 'EDITED')).toBe('yes')
  expect(instance.output.match(/first boot/g)).toHaveLength(1)
  expect(await stepOf(instance, '25-first-boot.sh')).toMatchObject({ result: 'skipped' })
  expect(instance.read('/root/.bashrc').match(/### Entrypoint setup ###/g)).toHaveLength(1)
  await instance.exec('supervisorctl shutdown')
  await untilReady(instance, 3)
  expect(instance.read('/etc/environment')).toContain('# Template controlled environment for C.8\n')
  expect(instance.read('/etc/environment')).toContain('EDITED="no"')
})

for (const [mode, launch, config] of [
  [
    'args',
    undefined,
    'localhost:1:2:/:A|localhost:8080:18080:/:Jupyter|localhost:8080:8080:/terminals/1:Jupyter Terminal',
  ],
  ['ssh', 'sshd\n', 'localhost:1:2:/:A'],
  ['jupyter', 'JUPYTER notebook\n', 'localhost:1:2:/:A|localhost:8080:8080:/:JupyterLab'],
] as const)
  test(`launch mode ${mode}: PORTAL_CONFIG has the Jupyter that runs`, async () => {
    const given = mode === 'args' ? 'localhost:1:2:/:A' : 'localhost:1:2:/:A|localhost:8080:18080:/:JupyterLab'
    await using instance = await openBoot({
      env: { PORTAL_CONFIG: given, VAST_TCP_PORT_8080: '41000' },
      files: launch === undefined ? {} : { '/.launch': launch },
    })
    expect(await appVariable(instance, 'PORTAL_CONFIG')).toBe(config)
    const { stdout } = await instance.exec('. /etc/environment; echo "$PORTAL_CONFIG"', { bareEnv: true })
    expect(stdout).toBe(`${config}\n`)
  })

test('without PORTAL_CONFIG, Jupyter still reaches the programs; --no-force-jupyter and other flags are heard', async () => {
  await using forced = await openBoot({ env: { VAST_TCP_PORT_8080: '41000' } })
  expect(await appVariable(forced, 'PORTAL_CONFIG')).toMatch(/^localhost:8080:18080:\/:Jupyter\|/)
  await using unforced = await openBoot({
    init: `${ENTRYPOINT} --no-force-jupyter --no-export-env --no-forward-compat --jupyter-override --no-agent-banner`,
    env: { VAST_TCP_PORT_8080: '41000' },
    files: { '/workspace/.env': 'FROM_DOTENV=1\n' },
  })
  await untilReady(unforced)
  expect(await appVariable(unforced, 'PORTAL_CONFIG')).toBeUndefined()
  expect(await appVariable(unforced, 'FROM_DOTENV')).toBeUndefined()
  expect(await appVariable(unforced, 'DISABLE_FORWARD_COMPAT')).toBe('true')
  expect(await appVariable(unforced, 'JUPYTER_OVERRIDE')).toBe('true')
  expect(await appVariable(unforced, 'ENABLE_AGENT_BANNER')).toBe('false')
  expect(unforced.read('/root/.bashrc')).not.toContain('/etc/environment')
})

for (const [trouble, options, problem] of [
  [
    'a read-only /etc',
    { prepare: 'mount --bind /etc /etc && mount -o remount,ro,bind /etc' },
    /10-prep-env.sh: cannot write \/etc\/environment: EROFS/,
  ],
  [
    'a full disk',
    {
      prepare:
        'mount -t tmpfs -o size=4k,mode=755 tmpfs /var/log; mount -t tmpfs -o size=4k tmpfs /workspace; dd if=/dev/zero of=/workspace/x bs=4k count=9 2>/dev/null; dd if=/dev/zero of=/var/log/x bs=4k count=9 2>/dev/null; true',
    },
    undefined,
  ],
  [
    'a bad PORTAL_CONFIG',
    { env: { PORTAL_CONFIG: 'nonsense|localhost:1:x:/:A' } },
    /10-prep-env.sh: PORTAL_CONFIG, entry 1: has 1 of 5 fields/,
  ],
  ['no WORKSPACE', { init: `unset WORKSPACE; ${ENTRYPOINT}` }, undefined],
  ['no boot-step', { prepare: 'rm /opt/instance-tools/bin/boot-step' }, undefined],
  [
    'no place for a journal',
    {
      prepare:
        'mount -t tmpfs -o size=4k,ro tmpfs /run; mkdir -p /var/run2; sed -i s,/var/run/,/var/run2/, /etc/supervisor/supervisord.conf',
    },
    undefined,
  ],
] as const)
  test(`with ${trouble} programs still run, and it is said what is wrong`, async () => {
    await using instance = await openBoot(options)
    expect(await appVariable(instance, 'WORKSPACE')).toBe('/workspace')
    if (problem !== undefined) {
      await untilReady(instance)
      expect(instance.output).toMatch(problem)
      expect(instance.output).toMatch(new RegExp(`boot: problem: ${problem.source}`))
    } else if (trouble === 'no boot-step') await untilSaid(instance, /boot: boot-step does not start/)
    else if (trouble === 'no place for a journal') await untilSaid(instance, /there will be no record of this boot/)
    else await untilReady(instance)
    await until('programs need not wait any more', () => !existsSync(instance.path('/.provisioning')))
  })
