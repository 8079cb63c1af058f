/** The Instance Portal in an instance: ROOT's supervisord, launchers and gates, Caddy before it, and applications with habits. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ApplicationStatus } from '../../programs/common/application-status.ts'
import { type Instance, type InstanceOptions, openInstance } from '../support/instance.ts'

vi.setConfig({ testTimeout: 400_000 })

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const PORTAL = 'localhost:1111:11111:/:Instance Portal'

/** The block that all programs of images share, and a launcher. Source: contract 3.2 */
const programFiles = (name: string, body: string, more = ''): Readonly<Record<string, string>> => ({
  [`/etc/supervisor/conf.d/${name}.conf`]:
    `[program:${name}]\nenvironment=PROC_NAME="%(program_name)s"\ncommand=/opt/supervisor-scripts/${name}.sh\nautorestart=unexpected\n` +
    `startsecs=5\nexitcodes=0\nstopasgroup=true\nkillasgroup=true\nredirect_stderr=true\nstdout_logfile=/dev/stdout\n` +
    `stdout_logfile_maxbytes=0\n${more}`,
  [`/opt/supervisor-scripts/${name}.sh`]: `#!/bin/bash\nutils=/opt/supervisor-scripts/utils\n. "$utils/logging.sh"\n. "$utils/cleanup_generic.sh"\n. "$utils/environment.sh"\n${body}\n`,
})

const gatedBy = (term: string): string => `. "$utils/exit_serverless.sh"\n. "$utils/exit_portal.sh" "${term}"\n`
const web = (port: number): string => `exec /usr/bin/python3 -m http.server --bind 127.0.0.1 ${port}`

/** Those that the image has, and that are not needed here. */
const quiet = ['cron', 'jupyter', 'pyworker', 'syncthing', 'tensorboard', 'tunnel_manager'].map(
  name => [`/etc/supervisor/conf.d/${name}.conf`, ''] as const,
)

/** supervisord is bosun's, or Python's with the same files. */
async function given(supervisord: 'bosun' | 'python', options: InstanceOptions): Promise<Instance> {
  const instance = await openInstance({
    ...options,
    env: { CONTAINER_ID: '1', VAST_CONTAINERLABEL: 'C.1', ...options.env },
    files: { ...Object.fromEntries(quiet), ...options.files },
  })
  cleanups.push(() => instance[Symbol.asyncDispose]())
  const main =
    supervisord === 'bosun' ? 'supervisord' : '/usr/bin/python3 -c "from supervisor.supervisord import main; main()"'
  // a real pipe: Python's cannot open /dev/stdout where that is a socket, as those of Node are
  const daemon = instance.start(
    `umask 002; mkdir -p /var/log/supervisor /var/log/portal; ${main} -n -c /etc/supervisor/supervisord.conf 2>&1 | cat`,
  )
  daemon.stdout!.resume()
  await expect.poll(async () => (await curl(instance, 'localhost:11111/health')).body, patience).toBe('{"status":"ok"}')
  return instance
}

const patience = { timeout: 120_000, interval: 100 }

async function curl(instance: Instance, words: string) {
  const { stdout } = await instance.exec(`curl -s -m 60 -w '\\n%{http_code} %{redirect_url}' ${words}`)
  const [status = '', location = ''] = stdout.slice(stdout.lastIndexOf('\n') + 1).split(' ')
  return { status: Number(status), location, body: stdout.slice(0, stdout.lastIndexOf('\n')) }
}

async function statusOf(instance: Instance, name: string): Promise<ApplicationStatus | undefined> {
  const { body } = await curl(instance, 'localhost:11111/application-statuses')
  return (JSON.parse(body) as readonly ApplicationStatus[]).find(status => status.name === name)
}

const status = (instance: Instance, name: string) => expect.poll(() => statusOf(instance, name), patience)
/** What is shown at an address, once it has come to that. */
const shown = (instance: Instance, address: string) =>
  expect.poll(async () => (await curl(instance, address)).body, patience)

describe.each(['bosun', 'python'] as const)('with the supervisord of %s', supervisord => {
  test('every application says honestly how it is', async () => {
    const streams = supervisord === 'bosun'
    const instance = await given(supervisord, {
      env: {
        PORTAL_CONFIG: `${PORTAL}|localhost:7001:17001:/:Web|localhost:7002:17002:/:Crashes|localhost:7003:17003:/:Waits|localhost:7004:17004:/:Elsewhere|localhost:80x:1:/:Bad`,
      },
      files: {
        ...programFiles('a-web-server', `${gatedBy('web')}${web(17001)}`),
        ...programFiles('crashes', `${gatedBy('crashes')}echo "Traceback: no GPU"; exit 3`, 'startsecs=0\n'),
        ...programFiles('waits', `${gatedBy('waits')}. "$utils/wait_provisioning.sh"\n${web(17003)}`),
        ...programFiles('absent', `${gatedBy('absent')}${web(17005)}`),
        '/.provisioning': '',
      },
    })
    await status(instance, 'Instance Portal').toMatchObject({ state: 'ready', program: 'instance_portal' })
    await status(instance, 'Web').toMatchObject({ state: 'ready', program: 'a-web-server' })
    await status(instance, 'Waits').toMatchObject({ state: 'installing', sentence: 'waiting for provisioning' })
    await status(instance, 'Elsewhere').toMatchObject({
      state: 'installing',
      sentence: 'not there yet: provisioning is running',
    })
    await status(instance, 'Crashes').toMatchObject({
      state: 'crashed',
      program: 'crashes',
      sentence: expect.stringMatching(
        streams
          ? /^crashed .*exit status 3.*see \/var\/log\/portal\/crashes\.log$/
          : /^crashed .*\/var\/log\/portal\/crashes\.log$/,
      ),
    })
    await shown(instance, 'localhost:11111/log?program=crashes').toContain('Traceback: no GPU')
    await shown(instance, 'localhost:11111/').toContain('Skipped: absent is not in /etc/portal.yaml')
    await shown(instance, 'localhost:11111/').toMatch(/PORTAL_CONFIG, entry 6.*external_port is not a port: 80x/s)
    const names = async (): Promise<readonly string[]> => {
      const { body } = await curl(instance, 'localhost:11111/supervisor/processes')
      return JSON.parse(body).map(({ name }: { name: string }) => name)
    }
    await expect.poll(names, patience).not.toContain('absent')

    await instance.exec('rm /.provisioning')
    await status(instance, 'Waits').toMatchObject({ state: 'ready', program: 'waits' })
    await status(instance, 'Elsewhere').toMatchObject({ state: 'unknown' })
    await instance.exec('supervisorctl stop a-web-server')
    await status(instance, 'Web').toMatchObject({ state: 'stopped', sentence: 'stopped by hand' })
  })
})

describe('behind Caddy', () => {
  const behindCaddy = () =>
    given('bosun', {
      env: {
        PORTAL_CONFIG: `${PORTAL}|localhost:7001:17001:/:Web`,
        VAST_TCP_PORT_1111: '1111',
        VAST_TCP_PORT_7001: '7001',
        OPEN_BUTTON_TOKEN: 'an-open-button-token',
      },
      files: programFiles('web', `${gatedBy('web')}${web(17001)}`),
    })
  const bearer = '-H "Authorization: Bearer an-open-button-token"'

  test('whoever has logged in can order something, and nobody else', async () => {
    const instance = await behindCaddy()
    await expect.poll(async () => (await curl(instance, `${bearer} localhost:1111/health`)).status, patience).toBe(200)
    await status(instance, 'Web').toMatchObject({ state: 'ready' })
    expect((await curl(instance, 'localhost:1111/')).status).toBe(401)

    const restart = '-X POST localhost:1111/supervisor/process/web/restart'
    const pid = async () => (await instance.exec('supervisorctl pid web')).stdout
    const before = await pid()
    expect((await curl(instance, restart)).status).toBe(401)
    expect((await curl(instance, restart.replace('1111', '11111'))).status).toBe(403)
    expect((await curl(instance, `${bearer} -H "Origin: http://localhost:7001" ${restart}`)).status).toBe(403)
    expect(await pid()).toBe(before)
    const answer = await curl(instance, `${bearer} ${restart}`)
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { status: 'ok', name: 'web', action: 'restart' }])
    await expect.poll(pid, patience).not.toBe(before)
    await status(instance, 'Web').toMatchObject({ state: 'ready' })

    const asRoot = '-H "X-Portal-Token: $(cat /run/bosun/portal-token)"'
    expect((await curl(instance, `${asRoot} ${restart.replace('1111', '11111')}`)).status).toBe(200)
    const asUser = await instance.exec('cat /run/bosun/portal-token', { user: 'user' })
    expect(asUser.status).not.toBe(0)
  })

  test('the portal restarts itself, and Caddy, and comes back', async () => {
    const instance = await behindCaddy()
    await expect.poll(async () => (await curl(instance, `${bearer} localhost:1111/health`)).status, patience).toBe(200)
    for (const name of ['instance_portal', 'caddy']) {
      const pid = async () => (await instance.exec(`supervisorctl pid ${name}`)).stdout
      const before = await pid()
      const answer = await curl(instance, `${bearer} -X POST localhost:1111/supervisor/process/${name}/restart`)
      expect(answer.status, name).toBe(200)
      await expect.poll(pid, patience).not.toBe(before)
      await expect
        .poll(async () => (await instance.exec(`supervisorctl status ${name}`)).stdout, patience)
        .toMatch(/RUNNING/)
      await expect
        .poll(async () => (await curl(instance, `${bearer} localhost:1111/health`)).status, patience)
        .toBe(200)
    }
  })

  test('a link of the page lets in whoever follows it, once; no secret is in a log', async () => {
    const instance = await behindCaddy()
    await expect.poll(async () => (await curl(instance, `${bearer} localhost:1111/health`)).status, patience).toBe(200)
    const { body } = await curl(instance, `${bearer} localhost:1111/share`)
    const link = /<code class="share">([^<]+)</.exec(body)![1]!
    const visit = () => curl(instance, `-H 'Accept: text/html' '${link}'`)
    expect(await visit()).toMatchObject({ status: 302 })
    expect(await visit()).toMatchObject({ status: 401 })
    const secret = new URL(link).searchParams.get('token')!
    const readLogs = async () => (await instance.exec('cat /var/log/portal/*.log /var/log/supervisor/*.log')).stdout
    await expect.poll(readLogs, patience).toContain('listening on')
    const logs = await readLogs()
    for (const text of [secret, 'an-open-button-token', instance.read('/run/bosun/portal-token').trim()])
      expect(logs).not.toContain(text)
  })

  test('bosun exposure knows what asks for a login, and what does not', async () => {
    const instance = await behindCaddy()
    await expect.poll(async () => (await curl(instance, `${bearer} localhost:1111/health`)).status, patience).toBe(200)
    await status(instance, 'Web').toMatchObject({ state: 'ready' })
    await expect
      .poll(() => instance.exec('bosun exposure'), patience)
      .toEqual({
        status: 0,
        stdout: expect.stringMatching(
          /^ok +1111\/tcp +\S+ +caddy \(program caddy, pid \d+\) +Caddy asks for a login before Instance Portal$/m,
        ),
        stderr: '',
      })

    instance.start('exec /usr/bin/python3 -m http.server 5900').stdout!.resume()
    await expect.poll(async () => (await instance.exec('bosun exposure')).status, patience).toBe(1)
    const bad = await instance.exec('bosun exposure --json')
    expect(JSON.parse(bad.stdout)[0]).toMatchObject({
      ...{ port: 5900, reach: 'all', verdict: 'warn', owner: expect.stringMatching(/^python3 \(pid \d+\)$/) },
      fix: expect.stringContaining('--allow 5900'),
    })
    expect((await instance.exec('bosun exposure --allow 5900')).status).toBe(0)
    await shown(instance, 'localhost:11111/').toContain('5900/tcp')

    const asUser = await instance.exec('bosun exposure', { user: 'user' })
    expect(asUser.status).toBe(1)
    expect(asUser.stdout).toMatch(/^\? +1111\/tcp +\S+ +unknown +open .*; only root can see whose it is$/m)
  })
})
