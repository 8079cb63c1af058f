/** Gates as launchers meet them: the sourced helpers under bash, as root and as `user`, in a machine of their own. */
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Instance, openInstance } from '../support/instance.ts'
import { until } from '../support/lab.ts'

const PORTAL = `applications:
  ComfyUI:
    hostname: localhost
    external_port: 8188
    internal_port: 18188
    open_path: /
    name: ComfyUI
  Llama-cpp Server:
    hostname: localhost
    external_port: 8081
    internal_port: 18081
    open_path: /swarm
    name: Llama-cpp Server
  # Forge:
# Fooocus:
`

let instance: Instance
beforeAll(async () => {
  instance = await openInstance({ files: { '/etc/portal.yaml': PORTAL } })
  await instance.exec('mkdir /run/bosun; install -d -m 1777 /run/bosun/gates') // as the boot does
})
afterAll(() => instance[Symbol.asyncDispose]())

/** Each start has a name of its own, so that what they leave behind is told apart. */
let names = 0

interface Start {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  readonly marker: string | undefined
  /** `since` in ms since the epoch */
  readonly verdict:
    | { readonly gate: string; readonly verdict: string; readonly reason: string; readonly since: number }
    | undefined
}

const helper = (line: string): string => `. /opt/supervisor-scripts/utils/${line}`

/** A launcher that sources these helpers, and then says that it has started. */
async function start(
  lines: readonly string[],
  {
    user,
    env = {},
    on = instance,
    name = `p${++names}`,
  }: { user: 'root' | 'user'; env?: Readonly<Record<string, string>>; on?: Instance; name?: string },
): Promise<Start> {
  const began = performance.now()
  const outcome = await on.exec([...lines, 'echo started'].join('\n'), { user, env: { PROC_NAME: name, ...env } })
  return { ...outcome, seconds: (performance.now() - began) / 1000, ...left(name, on) }
}

function left(name: string, on = instance): Pick<Start, 'marker' | 'verdict'> {
  const read = (path: string): string | undefined => {
    try {
      return on.read(path)
    } catch {
      return undefined
    }
  }
  const verdict = read(`/run/bosun/gates/${name}.json`)
  return {
    marker: read(`/tmp/supervisor-skip/${name}`),
    verdict: verdict === undefined ? undefined : JSON.parse(verdict),
  }
}

const accounts = ['root', 'user'] as const
/** Nothing can be run by its name, and the launcher ends at the first error. */
const STRICT_WITHOUT_PATH = 'PATH=/nonexistent; set -eu'

describe.concurrent.each(accounts)('as %s', user => {
  describe('exit_portal.sh', () => {
    test.each([
      ['the name of an application, in any case', 'comfyui', 'lists ComfyUI'],
      ['a part of a name', 'llama', 'lists Llama-cpp Server'],
      ['a regular expression', 'Llama.cpp', 'line 8 of /etc/portal.yaml matches Llama.cpp'],
      ['text that stands anywhere, as in a path', 'swarm', 'line 12'],
      ['an alternative', 'nothing|Server', 'line 8'],
      ['a class of characters', 'comfy[[:upper:]]{2}', 'line 2'],
      ['a comment that is indented', 'Forge', 'line 14'],
    ])('%s is found: the program starts', async (_, term, reason) => {
      const { status, stdout, stderr, marker, verdict } = await start([helper(`exit_portal.sh "${term}"`)], { user })
      expect({ status, stdout, stderr, marker }).toEqual({
        status: 0,
        stdout: 'started\n',
        stderr: '',
        marker: undefined,
      })
      expect(verdict).toMatchObject({ gate: 'portal', verdict: 'go', reason: expect.stringContaining(reason) })
    })

    test('what is not there is skipped: it says so, leaves a marker, outlives startsecs=5, and exits with 0', async () => {
      const terms = ['Wan2GP', 'Fooocus', 'applications:', 'C++ (']
      const starts = terms.map((term, n) =>
        start([helper(`exit_portal.sh $'${term}'`)], { user, name: `no-${user}-${n}` }),
      )
      for (const [n, { status, stdout, stderr, seconds, marker, verdict }] of (await Promise.all(starts)).entries()) {
        expect({ status, stdout, stderr }).toEqual({
          status: 0,
          stdout: `Skipping no-${user}-${n} startup (not in /etc/portal.yaml)\n`,
          stderr: '',
        })
        expect(marker).toBe(`${terms[n]}\n`)
        expect(verdict).toMatchObject({ gate: 'portal', verdict: 'skip' })
        expect(seconds).toBeGreaterThan(5.5)
      }
      expect(left(`no-${user}-3`).verdict!.reason).toContain('Unmatched ( or \\(')
    })

    test('the marker goes when the program is found again', async () => {
      const name = `again-${user}`
      await start([helper('exit_portal.sh Wan2GP')], { user, name })
      expect(left(name).marker).toBe('Wan2GP\n')
      await start([helper('exit_portal.sh comfyui')], { user, name })
      expect(left(name).marker).toBeUndefined()
    })

    test('serverless: it does not look at the file', async () => {
      const got = await start([helper('exit_portal.sh Wan2GP')], { user, env: { SERVERLESS: 'True' } })
      expect(got).toMatchObject({ status: 0, stdout: 'started\n', verdict: { gate: 'portal', verdict: 'go' } })
    })

    test.each(['', '""'])('without a term (%s) it is an error of the launcher', async argument => {
      const { status, stdout } = await start([helper(`exit_portal.sh ${argument}`)], { user })
      expect({ status, stdout }).toEqual({ status: 1, stdout: 'Error: No application name provided\n' })
    })

    test('nothing on PATH, set -e and set -u, NODE_OPTIONS of somebody else: the same', async () => {
      const env = { NODE_OPTIONS: '--require /nonexistent.js' }
      const [found, missing] = await Promise.all([
        start([STRICT_WITHOUT_PATH, helper('exit_portal.sh comfyui')], { user, env }),
        start([STRICT_WITHOUT_PATH, helper('exit_portal.sh Wan2GP')], { user, env, name: `bare-${user}` }),
      ])
      expect(found).toMatchObject({ status: 0, stdout: 'started\n', stderr: '' })
      expect(missing).toMatchObject({ status: 0, stderr: '', marker: 'Wan2GP\n' })
      expect(missing.stdout).toBe(`Skipping bare-${user} startup (not in /etc/portal.yaml)\n`)
      expect(missing.seconds).toBeGreaterThan(5.5)
    })
  })

  describe('exit_serverless.sh', () => {
    test('SERVERLESS is true, in any case: skipped', async () => {
      const starts = ['true', 'True', 'TRUE', 'tRuE'].map(SERVERLESS =>
        start([helper('exit_serverless.sh')], { user, env: { SERVERLESS }, name: `s-${user}-${SERVERLESS}` }),
      )
      for (const got of await Promise.all(starts)) {
        expect(got).toMatchObject({ status: 0, stderr: '', marker: undefined })
        expect(got.stdout).toMatch(/^Skipping s-\S+ startup \(Serverless\)\n$/)
        expect(got.verdict).toMatchObject({ gate: 'serverless', verdict: 'skip' })
        expect(got.seconds).toBeGreaterThan(5.5)
      }
    })

    test.each(['', 'false', '1', 'yes', ' true', 'truely'])('SERVERLESS=%s: started', async SERVERLESS => {
      const got = await start([helper('exit_serverless.sh')], { user, env: { SERVERLESS } })
      expect(got).toMatchObject({ status: 0, stdout: 'started\n', stderr: '' })
    })

    test('what an earlier start was told is forgotten', async () => {
      const name = `fresh-${user}`
      await start([helper('exit_serverless.sh')], { user, env: { SERVERLESS: 'true' }, name })
      expect(left(name).verdict).toMatchObject({ verdict: 'skip' })
      expect((await start([helper('exit_serverless.sh')], { user, name })).verdict).toBeUndefined()
    })
  })

  describe('where instance-gate cannot run, the helpers decide by themselves', () => {
    let broken: Instance
    beforeAll(async () => {
      broken = await openInstance({ files: { '/etc/portal.yaml': PORTAL }, prepare: 'umount /opt/instance-tools/lib' })
    })
    afterAll(() => broken[Symbol.asyncDispose]())

    test('in the same way, whatever is on PATH', async () => {
      const run = (line: string, env: Readonly<Record<string, string>> = {}) =>
        start([STRICT_WITHOUT_PATH, helper(line)], { user, env, on: broken, name: `b-${user}` })
      expect(await run('exit_portal.sh Llama.cpp')).toMatchObject({ status: 0, marker: undefined })
      expect(await run('exit_portal.sh Wan2GP', { SERVERLESS: 'TRUE' })).toMatchObject({ status: 0 })
      const skipped = await run('exit_portal.sh Fooocus')
      expect(skipped).toMatchObject({ status: 0, marker: 'Fooocus\n' })
      expect(skipped.stdout).toContain(`Skipping b-${user} startup (not in /etc/portal.yaml)\n`)
      expect(skipped.stdout).toContain('instance-gate cannot run (exit status 127)')
      expect(skipped.seconds).toBeGreaterThan(5.5)
      expect((await run('exit_portal.sh comfyui')).marker).toBeUndefined()
      const serverless = await run('exit_serverless.sh', { SERVERLESS: 'tRUE' })
      expect(serverless.status).toBe(0)
      expect(serverless.stdout).toContain(`Skipping b-${user} startup (Serverless)\n`)
      expect((await run('exit_serverless.sh', { SERVERLESS: 'no' })).stdout).toContain('started\n')
      expect((await run('exit_missing.sh /bin/sh')).stdout).toBe('started\n')
      const missing = await run('exit_missing.sh /bin/nosuch')
      expect(missing.status).toBe(1)
      expect(missing.stdout).toContain('ERROR: cannot tell')
    })
  })
})

describe.concurrent('/etc/portal.yaml while it comes to be', () => {
  async function waiting(user: 'root' | 'user', portalYaml?: string) {
    const machine = await openInstance(portalYaml === undefined ? {} : { files: { '/etc/portal.yaml': portalYaml } })
    await machine.exec('mkdir /run/bosun; install -d -m 1777 /run/bosun/gates')
    const starting = start([helper('exit_portal.sh comfyui')], { user, on: machine, name: 'app' })
    await until('the gate waits', () => left('app', machine).verdict?.verdict === 'wait')
    return { machine, starting, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() }
  }
  /** What it says while it waits, now and then again, and this. */
  const waitsThen = (text: string): unknown =>
    expect.stringMatching(new RegExp(`^(Waiting for /etc/portal\\.yaml before starting app\\.\\.\\.\n)+${text}\n$`))

  test.each(accounts)('%s waits for a file that is not there, and starts as soon as it is', async user => {
    await using given = await waiting(user)
    given.machine.write('/etc/portal.yaml', PORTAL)
    expect(await given.starting).toMatchObject({ status: 0, stdout: waitsThen('started') })
  })

  test.each(accounts)('%s waits for an empty one to be filled, also where it links to', async user => {
    await using given = await waiting(user, '')
    await given.machine.exec(
      'mv /etc/portal.yaml /workspace/p.yaml; ln -s /workspace/p.yaml /etc/portal.yaml; sleep 0.3; cat >/workspace/p.yaml',
      { input: PORTAL },
    )
    expect(await given.starting).toMatchObject({ status: 0, stdout: waitsThen('started') })
  })

  /** ms: one that stays half for so long is taken as it is */
  const STAYS_HALF = 5000

  test.each(accounts)('%s is not skipped because half of the file is there', async user => {
    const head = PORTAL.replaceAll('ComfyUI', 'Other')
    const cut = head.indexOf('18081')
    // again where the machine has stood still for longer than a file may be half
    for (let tries = 1; ; tries++) {
      await using given = await waiting(user)
      const machine = given.machine
      machine.write('/etc/portal.yaml', head.slice(0, cut))
      const written = statSync(machine.path('/etc/portal.yaml')).mtimeMs
      const nothingYet = 'waiting for /etc/portal.yaml'
      await until('the half has been seen', () => left('app', machine).verdict?.reason !== nothingYet)
      await sleep(1500)
      const { verdict } = left('app', machine)
      machine.write(
        '/etc/portal.yaml',
        `${head.slice(0, cut)}18081\n  ComfyUI: { external_port: 1, internal_port: 2 }\n`,
      )
      const got = await given.starting
      if (got.verdict?.verdict === 'skip' && got.verdict.since - written > STAYS_HALF && tries < 5) continue
      expect(verdict).toMatchObject({ verdict: 'wait' })
      expect(got).toMatchObject({ status: 0, stdout: waitsThen('started') })
      break
    }
  })

  test.each(accounts)('%s is skipped when the file says that there are no applications', async user => {
    await using given = await waiting(user)
    given.machine.write('/etc/portal.yaml', 'applications: {}\n')
    const got = await given.starting
    expect(got).toMatchObject({
      status: 0,
      stdout: waitsThen('Skipping app startup \\(not in /etc/portal.yaml\\)'),
    })
    expect(got.verdict).toMatchObject({ verdict: 'skip', reason: 'comfyui is not in /etc/portal.yaml' })
  })

  test.each(accounts)('%s: a file that stays half is taken as it is', async user => {
    await using given = await waiting(user)
    given.machine.write('/etc/portal.yaml', 'applications:\n  Other:\n    hostname: "local')
    expect(await given.starting).toMatchObject({ status: 0, marker: 'comfyui\n' })
  })

  test('what `user` may not read is told, and the launcher fails', async () => {
    await using machine = await openInstance({ files: { '/etc/portal.yaml': PORTAL } })
    await machine.exec('chmod 600 /etc/portal.yaml')
    const got = await start([helper('exit_portal.sh comfyui')], { user: 'user', on: machine })
    expect(got.status).toBe(1)
    expect(got.stdout).toContain('ERROR: /etc/portal.yaml cannot be read: EACCES')
  })
})

describe.concurrent('the other gates', () => {
  test.each(accounts)(
    '%s: wait_provisioning.sh waits until /.provisioning is gone, also after a failure',
    async user => {
      await using machine = await openInstance({ files: { '/.provisioning': '' } })
      await machine.exec('mkdir /run/bosun; install -d -m 1777 /run/bosun/gates')
      const starting = start([helper('wait_provisioning.sh')], { user, on: machine, name: 'app' })
      await until('the gate waits', () => left('app', machine).verdict?.verdict === 'wait')
      await machine.exec('touch /.provisioning_failed; rm /.provisioning')
      const got = await starting
      expect(got).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^(Waiting for the end of provisioning before starting app\.\.\.\n)+started\n$/),
        verdict: { gate: 'provisioning', verdict: 'go', reason: 'provisioning has failed' },
      })
      expect((await start([helper('wait_provisioning.sh')], { user, on: machine })).stdout).toBe('started\n')
    },
  )

  test.each(accounts)('%s: exit_missing.sh skips where a command is not installed', async user => {
    const [there, missing] = await Promise.all([
      start([helper('exit_missing.sh bash')], { user }),
      start([helper('exit_missing.sh /opt/nosuch')], { user, name: `missing-${user}` }),
    ])
    expect(there).toMatchObject({ status: 0, stdout: 'started\n' })
    expect(missing).toMatchObject({
      status: 0,
      stdout: `Skipping missing-${user} startup (/opt/nosuch is not installed)\n`,
      marker: '/opt/nosuch\n',
      verdict: { gate: 'installed', verdict: 'skip', reason: '/opt/nosuch is not installed' },
    })
  })

  test('markers are writable for everybody, whoever came first', async () => {
    await using machine = await openInstance({ files: { '/etc/portal.yaml': PORTAL } })
    await Promise.all(accounts.map(user => start([helper('exit_missing.sh /x')], { user, on: machine, name: user })))
    expect((await machine.exec('stat -c %a /tmp/supervisor-skip')).stdout).toBe('1777\n')
    for (const user of accounts) expect(left(user, machine).marker).toBe('/x\n')
  })

  test('a link that `user` has put in the place of a marker or a verdict is not followed', async () => {
    await instance.exec(
      `install -d -m 1777 /tmp/supervisor-skip /run/bosun/gates
       ln -s /etc/victim /tmp/supervisor-skip/trap; ln -s /etc/victim /run/bosun/gates/trap.json`,
    )
    await start([helper('exit_missing.sh /opt/nosuch')], { user: 'root', name: 'trap' })
    expect(left('trap').marker).toBe('/opt/nosuch\n')
    expect((await instance.exec('ls /etc/victim')).status).not.toBe(0)
  })

  test('instance-gate says what gates there are, and refuses calls that make no sense', async () => {
    const { stdout } = await instance.exec('instance-gate --help')
    for (const name of ['serverless', 'portal TERM', 'provisioning', 'launch-managed', 'installed COMMAND', 'pyworker'])
      expect(stdout).toContain(`  ${name}\n`)
    for (const args of ['', 'nosuch', 'toString', 'portal', 'portal ""', 'portal a b', 'serverless x'])
      expect(await instance.exec(`instance-gate ${args}`)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('try instance-gate --help'),
      })
  })
})
