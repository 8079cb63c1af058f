/** What ROOT starts: names that belong together, settings as in the contract, and each launcher with the real program. */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { configOf } from '../support/config.ts'
import { type Instance, type InstanceOptions, openInstance } from '../support/instance.ts'
import { until } from '../support/lab.ts'
import { askedVendors, startVendors, withVendors } from '../support/vendors.ts'

vi.setConfig({ testTimeout: 400_000 })

const root = resolve(import.meta.dirname, '../../ROOT')
const fixtures = resolve(import.meta.dirname, '../fixtures/vast-conf')
const programs = [
  'caddy',
  'cron',
  'instance_portal',
  'jupyter',
  'pyworker',
  'syncthing',
  'tensorboard',
  'tunnel_manager',
]

describe('files', () => {
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map(name => join(root, name))
    .filter(path => lstatSync(path).isFile())
  const scripts = all.filter(path => path.endsWith('.sh') || /^#!.*sh\b/.test(readFileSync(path, 'utf8').slice(0, 80)))

  test('each program has its settings and its launcher, and there are no others', () => {
    const confs = readdirSync(join(root, 'etc/supervisor/conf.d'))
    expect(confs).toEqual(programs.map(name => `${name}.conf`))
    const launchers = readdirSync(join(root, 'opt/supervisor-scripts')).filter(name => name.endsWith('.sh'))
    expect(launchers).toEqual(programs.map(name => `${name}.sh`))
    for (const name of launchers)
      expect(lstatSync(join(root, 'opt/supervisor-scripts', name)).mode & 0o111, name).toBe(0o111)
  })

  /** As the program of this name is configured; the account `user` is one that the machine of the test has. */
  const configured = (path: string) => configOf(readFileSync(path, 'utf8').replace('user=user', 'user=lab')).groups

  test.each(programs)('%s is configured as ever', name => {
    expect(configured(join(root, `etc/supervisor/conf.d/${name}.conf`))).toEqual(
      configured(join(fixtures, `ROOT__${name}.conf`)),
    )
  })

  test('supervisord is configured as ever', () => {
    const of = (path: string) =>
      configOf(readFileSync(path, 'utf8').replace('files = /etc/supervisor/conf.d/*.conf', 'files = none'), {
        directories: ['/var/log/supervisor', '/var/run'],
      })
    const [ours, theirs] = [
      of(join(root, 'etc/supervisor/supervisord.conf')),
      of(join(fixtures, 'ROOT__supervisord.conf')),
    ]
    expect(ours.daemon).toEqual(theirs.daemon)
    expect(ours.servers).toEqual(theirs.servers)
  })

  test.each(scripts.map(path => [path.slice(root.length), path]))('%s is bash without errors', (_, path) => {
    // what follows is perl, and sh never reads it
    const shell = readFileSync(path, 'utf8').split(/^#!perl$/m)[0]!
    expect(spawnSync('bash', ['-n'], { input: shell, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  })

  test.each(['log-tee', 'pty-wrap'])('%s is perl without errors', name => {
    const { status, stderr } = spawnSync('perl', ['-c', '-x', join(root, 'usr/local/bin', name)], { encoding: 'utf8' })
    expect(stderr).toMatch(/syntax OK\n$/)
    expect(status).toBe(0)
  })

  test('each command that is a link leads to one that is built', () => {
    const bin = join(root, 'opt/instance-tools/bin')
    const dist = resolve(process.env.BOSUN_DIST ?? resolve(root, '../dist'))
    const links = readdirSync(bin).filter(name => lstatSync(join(bin, name)).isSymbolicLink())
    expect(links.length).toBeGreaterThan(3)
    for (const name of links) {
      expect(readlinkSync(join(bin, name))).toMatch(/^\.\.\/lib\/[a-z-]+$/)
      expect(existsSync(join(dist, basename(readlinkSync(join(bin, name))))), name).toBe(true)
    }
  })
})

const application = (name: string, external: number, internal: number): string =>
  `  ${name}:\n    hostname: localhost\n    external_port: ${external}\n    internal_port: ${internal}\n    open_path: /\n    name: ${name}\n`
const PORTAL = `applications:\n${application('Jupyter', 8080, 18080)}${application('Syncthing', 8384, 18384)}${application('Tensorboard', 6006, 16006)}`

/** supervisord with these programs, as the boot starts it. */
const withSupervisord = (names: readonly string[], options: InstanceOptions = {}): Promise<Instance> =>
  openInstance({
    init: 'umask 002; exec supervisord -n -u root -c /etc/supervisor/supervisord.conf',
    ...options,
    files: { '/etc/portal.yaml': PORTAL, ...options.files },
    prepare: `mkdir -p /var/log/supervisor /run/bosun; install -d -m 1777 /var/log/portal /run/bosun/gates
      cd /etc/supervisor/conf.d; for conf in *.conf; do case " ${names.join(' ')} " in *" \${conf%.conf} "*) ;; *) rm $conf ;; esac; done
      ${options.prepare ?? ''}`,
  })

/** s: how long a program may take to come up, or to come to an end */
const PATIENCE = 120

const stateOf = async (instance: Instance, name: string): Promise<string | undefined> =>
  (await instance.exec(`supervisorctl status ${name}`)).stdout.split(/\s+/)[1]
const untilState = (instance: Instance, name: string, state: string): Promise<true> =>
  until(
    () => `${name} is ${state}; it said: ${instance.output}`,
    async () => (await stateOf(instance, name)) === state || null,
    PATIENCE,
  )
const untilSaid = (instance: Instance, text: string): Promise<true> =>
  until(
    () => `it says ${text}; it said: ${instance.output}`,
    () => instance.output.includes(text) || null,
    PATIENCE,
  )
const answers = (instance: Instance, request: string): Promise<string> =>
  until(
    () => `an answer to ${request}; it said: ${instance.output}`,
    async () => {
      const { status, stdout } = await instance.exec(`curl -fs -m 60 ${request}`)
      return status === 0 ? stdout : null
    },
    PATIENCE,
  )
/** What a log comes to: it may be written after what else shows. */
const log = (instance: Instance, path: string) =>
  expect.poll(() => (existsSync(instance.path(path)) ? instance.read(path) : ''))
/** How many processes `pgrep` finds, in the end. */
const processes = (instance: Instance, search: string) =>
  expect.poll(async () => Number((await instance.exec(`pgrep -c ${search}`)).stdout))

test('cron: the program that supervisord knows is the real one, and ends with it', async () => {
  await using instance = await withSupervisord(['cron'])
  await untilState(instance, 'cron', 'RUNNING')
  const { stdout } = await instance.exec('until pidof cron; do sleep 0.1; done; supervisorctl pid cron')
  expect(new Set(stdout.trim().split('\n')).size).toBe(1)
  await instance.exec('supervisorctl stop cron')
  await processes(instance, '-x cron').toBe(0)
})

describe('jupyter', () => {
  test('the real server: on loopback, without a token, at the root, for whoever comes through Caddy', async () => {
    await using instance = await withSupervisord(['jupyter'], {
      env: { JUPYTER_TOKEN: 'of-the-platform', JUPYTER_TYPE: 'Notebook' },
    })
    const status = await answers(instance, 'localhost:18080/api/status')
    expect(JSON.parse(status)).toMatchObject({ kernels: 0 })
    const listed = JSON.parse(await answers(instance, 'localhost:18080/api/contents/etc/supervisor'))
    expect(listed.content.map((entry: { name: string }) => entry.name)).toContain('supervisord.conf')
    expect((await instance.exec('ss -Hltn "sport = :18080"')).stdout).toMatch(/^LISTEN +\d+ +\d+ +127\.0\.0\.1:18080 /)
    expect(
      await answers(instance, '-H "Origin: https://x.example" -H "Host: 192.0.2.1:8080" localhost:18080/api'),
    ).toContain('version')
    // without a token only the XSRF cookie keeps other sites out
    const forged = await instance.exec('curl -s -o /dev/null -w "%{http_code}" -X POST localhost:18080/api/terminals')
    expect(forged.stdout).toBe('403')
    await untilState(instance, 'jupyter', 'RUNNING')
    await log(instance, '/var/log/portal/jupyter.log').toContain('18080')
    expect(JSON.parse(instance.read('/run/bosun/gates/jupyter.json'))).toMatchObject({ verdict: 'go' })
  })

  test('a server of ours that has outlived its supervisord makes room; what only looks like one stays', async () => {
    await using instance = await withSupervisord(['jupyter'], {
      prepare: 'sed -i s/autostart=true/autostart=false/ jupyter.conf',
    })
    await instance.exec(
      '(exec -a "jupyter-notebook --port=18080" sleep 7301) >/dev/null 2>&1 & PROC_NAME=jupyter setsid /opt/supervisor-scripts/jupyter.sh >/dev/null 2>&1 & disown -a',
    )
    await answers(instance, 'localhost:18080/api/status')
    const [old] = instance.read('/run/bosun/jupyter.pid').split(' ')
    await instance.exec('supervisorctl start jupyter')
    await untilState(instance, 'jupyter', 'RUNNING')
    await until('it has made room', async () => (await instance.exec(`kill -0 ${old}`)).status !== 0)
    await answers(instance, 'localhost:18080/api/status')
    const { stdout } = await instance.exec("supervisorctl pid jupyter; pgrep -fc 'jupyter-noteboo[k] --port=18080'")
    expect(stdout).toBe(`${instance.read('/run/bosun/jupyter.pid').split(' ')[0]}\n1\n`)
    await log(instance, '/var/log/jupyter.log').toContain(`an earlier supervisord has left behind (pid ${old})`)
  })

  test("the platform's own server is left alone: the program refuses, and JUPYTER_OVERRIDE starts it all the same", async () => {
    const files = { '/.launch': '#!/bin/bash\nJupyter lab &\n' }
    await using refusing = await withSupervisord(['jupyter'], { files })
    await untilState(refusing, 'jupyter', 'EXITED')
    await log(refusing, '/var/log/portal/jupyter.log').toBe('Refusing to start jupyter (/.launch managing)\n')
    expect(JSON.parse(refusing.read('/run/bosun/gates/jupyter.json'))).toMatchObject({
      gate: 'launch-managed',
      verdict: 'skip',
    })
    await using overriding = await withSupervisord(['jupyter'], { files, env: { JUPYTER_OVERRIDE: 'True' } })
    await answers(overriding, 'localhost:18080/api/status')
  })
})

describe('syncthing', () => {
  const TOKEN = 'button-token-0123456789'
  const options: InstanceOptions = {
    env: { VAST_TCP_PORT_72299: '41234', OPEN_BUTTON_TOKEN: TOKEN },
    prepare: 'install -d -o user /opt/syncthing',
  }
  const rest = (instance: Instance, path: string): Promise<string> =>
    answers(instance, `-H 'X-API-Key: ${TOKEN}' localhost:18384/rest${path}`)
  const addresses = async (instance: Instance): Promise<unknown> =>
    JSON.parse(await rest(instance, '/config/options')).listenAddresses
  const RELAYS = 'dynamic+https://relays.syncthing.net/endpoint'

  test('the real program, as `user`: the port of the platform, relays, no NAT, its page on loopback', async () => {
    await using instance = await withSupervisord(['syncthing'], options)
    await untilSaid(instance, 'Syncthing listens on port 41234')
    expect(await addresses(instance)).toEqual([RELAYS, 'tcp://0.0.0.0:41234'])
    expect(JSON.parse(await rest(instance, '/config/options'))).toMatchObject({ natEnabled: false })
    expect(JSON.parse(await rest(instance, '/config/gui'))).toMatchObject({
      insecureAdminAccess: true,
      insecureSkipHostcheck: true,
    })
    await expect
      .poll(async () => (await instance.exec("ss -Hltn | awk '{print $4}' | sort")).stdout)
      .toBe('*:41234\n127.0.0.1:18384\n')
    const { stdout } = await instance.exec(
      "ps -C syncthing -o user= | sort -u; cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
    )
    expect(stdout).toMatch(/^user\n/)
    expect(stdout).not.toContain(TOKEN)

    // an instance that moved: another port, and an address without one, as older images have left behind
    await instance.exec(
      `curl -s -X PATCH -H 'X-API-Key: ${TOKEN}' localhost:18384/rest/config/options -d '{"listenAddresses":["tcp://:","quic://0.0.0.0:","tcp://0.0.0.0:22001"],"natEnabled":true}'`,
    )
    instance.write('/etc/environment', 'VAST_TCP_PORT_72299=41235\n')
    await untilState(instance, 'syncthing', 'RUNNING')
    await instance.exec('pkill -KILL -x syncthing') // its lock is left behind
    await untilSaid(instance, 'Syncthing listens on port 41235')
    expect(await addresses(instance)).toEqual(['tcp://0.0.0.0:22001', 'tcp://0.0.0.0:41235'])
    expect(JSON.parse(await rest(instance, '/config/options'))).toMatchObject({ natEnabled: true })

    await instance.exec('supervisorctl stop syncthing')
    await processes(instance, '-u user').toBe(0)
  })

  test('without a port it says so, and one that does not answer is given up', async () => {
    await using instance = await withSupervisord(['syncthing'], { ...options, env: { OPEN_BUTTON_TOKEN: TOKEN } })
    await untilSaid(instance, 'Syncthing has no listener of its own: VAST_TCP_PORT_72299 is not set')
    await using mute = await openInstance({
      ...options,
      env: { PROC_NAME: 'syncthing', MAX_RETRY: '1' },
      files: { '/etc/portal.yaml': PORTAL, '/opt/syncthing/syncthing': '#!/bin/bash\nexec sleep 7401\n' },
    })
    const { status, stdout } = await mute.exec('/opt/supervisor-scripts/syncthing.sh', { user: 'user' })
    expect(status).toBe(1)
    expect(stdout).toContain('ERROR: syncthing does not answer within 1 s')
    await processes(mute, '-f "[s]leep 7401"').toBe(0)
  })
})

test('tensorboard: in the workspace, on its port, with the logs that are asked for', async () => {
  const files = { '/usr/local/bin/tensorboard': '#!/bin/bash\necho "$PWD $*"\nexec sleep 1000\n' }
  await using instance = await withSupervisord(['tensorboard'], {
    files,
    env: { TENSORBOARD_LOG_DIR: '/workspace/my logs' },
  })
  await untilState(instance, 'tensorboard', 'RUNNING')
  await log(instance, '/var/log/portal/tensorboard.log').toBe('/workspace --port 16006 --logdir /workspace/my logs\n')
})

test("under Python's supervisord log-tee keeps the logs, and a program in a terminal ends with its own status", async () => {
  const app = `#!/bin/bash
utils=/opt/supervisor-scripts/utils
for helper in logging cleanup_generic environment exit_serverless; do . "$utils/$helper.sh"; done
. "$utils/exit_portal.sh" jupyter
pty bash -c 'trap "echo bye; exit 4" TERM; printf "10%%\\r20%%\\r"; while :; do sleep 0.1; done'
`
  const conf = `[program:app]
command=/opt/supervisor-scripts/app.sh
environment=PROC_NAME="%(program_name)s"
stopasgroup=true
killasgroup=true
stopwaitsecs=90
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
`
  await using instance = await withSupervisord(['app', 'tensorboard'], {
    // whose /dev/stdout may not be a socket, as the pipes of this test are
    init: '/usr/bin/python3 -c "from supervisor.supervisord import main; main()" -n -u root -c /etc/supervisor/supervisord.conf | cat',
    files: {
      '/opt/supervisor-scripts/app.sh': app,
      '/etc/supervisor/conf.d/app.conf': conf,
      '/etc/portal.yaml': `applications:\n${application('Jupyter', 8080, 18080)}`,
    },
  })
  await untilSaid(instance, '10%\n20%')
  await untilState(instance, 'tensorboard', 'EXITED')
  await instance.exec('supervisorctl stop app')
  await untilSaid(instance, 'stopped: app (exit status 4)')
  await log(instance, '/var/log/portal/app.log').toMatch(/^10%\r20%\r(.*\n)?bye\n$/)
  await log(instance, '/var/log/app.log').toMatch(/^10%\n20%\n(.*\n)?bye\n$/)
  await log(instance, '/var/log/tensorboard.log').toBe('Skipping tensorboard startup (not in /etc/portal.yaml)\n')
})

test('what is not installed is skipped, with a reason, and not tried again', async () => {
  const names = ['cron', 'jupyter', 'syncthing', 'tensorboard']
  await using instance = await withSupervisord(names, {
    prepare:
      'rm -f /usr/sbin/cron /usr/bin/jupyter /usr/local/bin/jupyter /usr/bin/syncthing /usr/local/bin/tensorboard',
  })
  for (const [name, command] of [
    ['cron', 'cron'],
    ['jupyter', '/venv/main/bin/jupyter'],
    ['syncthing', 'syncthing'],
    ['tensorboard', 'tensorboard'],
  ] as const) {
    await untilState(instance, name, 'EXITED')
    await log(instance, `/var/log/portal/${name}.log`).toBe(`Skipping ${name} startup (${command} is not installed)\n`)
    expect(existsSync(instance.path(`/tmp/supervisor-skip/${name}`))).toBe(true)
  }
})

describe('pyworker', () => {
  const SERVERLESS = { SERVERLESS: 'true' }
  const PATH = '/vast-ai/pyworker/main/start_server.sh'

  test('only in serverless instances; it is never shown', async () => {
    await using instance = await withSupervisord(['pyworker'])
    await untilState(instance, 'pyworker', 'EXITED')
    await log(instance, '/var/log/portal/pyworker.log').toBe('Skipping pyworker startup (not serverless)\n')
    expect(existsSync(instance.path('/tmp/supervisor-skip/pyworker'))).toBe(true)
  })

  test("after provisioning it runs the vendor's script, which has the environment and ends with it", async () => {
    const vendors = withVendors({
      [PATH]: 'echo "worker in $SERVERLESS"\nsetsid sleep 7501 &\nwhile :; do sleep 1; done\n',
    })
    await using instance = await withSupervisord(['pyworker'], {
      env: SERVERLESS,
      files: { ...vendors.files, '/.provisioning': '' },
      prepare: vendors.prepare,
    })
    await startVendors(instance)
    await untilSaid(instance, 'Waiting for the end of provisioning before starting pyworker...')
    expect(askedVendors(instance)).toEqual([])
    await instance.exec('rm /.provisioning')
    await untilSaid(instance, 'worker in true')
    expect(askedVendors(instance)).toMatchObject([{ method: 'GET', host: 'raw.githubusercontent.com', url: PATH }])
    expect((await instance.exec('ls /tmp')).stdout).not.toContain('start_server')
    await instance.exec('supervisorctl stop pyworker')
    await processes(instance, '-f "[s]leep 7501"').toBe(0)
  })

  test('an error page is not run', async () => {
    const vendors = withVendors()
    await using instance = await openInstance({ ...vendors, env: { ...SERVERLESS, PROC_NAME: 'pyworker' } })
    await startVendors(instance)
    const launcher = instance.start('/opt/supervisor-scripts/pyworker.sh')
    let said = ''
    launcher.stdout!.on('data', data => (said += data))
    await until('it has been refused', () => said.includes('404') || null)
    expect(said).not.toContain('not here')
    launcher.kill()
  })
})
