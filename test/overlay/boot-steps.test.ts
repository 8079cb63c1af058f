/** What single steps do to an instance. Source: contract/vast-instance.md 2.4 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type Instance, openInstance } from '../support/instance.ts'
import { read } from './boot-lab.ts'

vi.setConfig({ testTimeout: 300_000 })

/** As a shim does: the changes of the shell, then what they have done to it. */
async function step(instance: Instance, name: string, env: Readonly<Record<string, string>> = {}, then = ':') {
  return instance.exec(
    `out=$(/opt/instance-tools/bin/boot-step ${name}); status=$?; eval "$out"; ${then}; exit $status`,
    { env },
  )
}

test('the command: list, wrong usage, no record', async () => {
  await using instance = await openInstance()
  const list = await instance.exec('boot-step --list')
  expect(list.stdout).toMatch(/^05-configure-cuda.sh +\S/)
  expect(list.stdout).toMatch(/^95-supervisor-wait.sh +\S/m)
  expect(await instance.exec('boot-step')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('usage: boot-step NAME'),
  })
  expect(await instance.exec('boot-step no-such')).toMatchObject({
    status: 2,
    stderr: 'boot-step: there is no step no-such\n',
  })
  expect(await instance.exec('boot-step --report')).toMatchObject({
    status: 1,
    stderr: 'boot-step: there is no record of a boot\n',
  })
  expect(await instance.exec('provisioner --help')).toMatchObject({ status: 0 })
  expect(await instance.exec('provisioner --nonsense')).toMatchObject({ status: 2 })
  expect(await instance.exec('provisioner')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('Nothing to provision'),
  })
  expect(
    await instance.exec('provisioner --dry-run', { env: { PROVISIONING_SCRIPT: 'https://x/y.sh?token=1' } }),
  ).toMatchObject({ status: 0, stdout: expect.stringMatching(/\[DRY RUN\] Would run https:\/\/x\/y.sh\n/) })
})

test('the workspace gets what it misses, whole, and nothing that is there changes', async () => {
  await using instance = await openInstance({
    files: {
      '/opt/workspace-internal/app/deep/file': 'from the image\n',
      '/opt/workspace-internal/notes.txt': 'from the image\n',
      '/opt/workspace-internal/kept/file': 'from the image\n',
      '/workspace/kept/file': 'mine\n',
      '/workspace/onstart.sh': 'x\n',
      '/workspace/.sync_app.gone/half': 'x\n',
    },
  })
  await instance.exec(
    'cd /opt/workspace-internal; ln -s /models/big app/big; ln -s nowhere dangling; chown 1001 app/deep/file; touch /workspace/.sync_app.lock',
  )
  const first = await step(instance, 'sync-workspace')
  expect(first).toMatchObject({ status: 0, stderr: 'Copying app to /workspace\nCopying notes.txt to /workspace\n' })
  expect(instance.read('/workspace/app/deep/file')).toBe('from the image\n')
  expect((await instance.exec('readlink /workspace/app/big; stat -c %u /workspace/app/deep/file')).stdout).toBe(
    '/models/big\n1001\n',
  )
  expect(instance.read('/workspace/kept/file')).toBe('mine\n')
  expect((await instance.exec('ls -A /workspace')).stdout.split('\n')).toEqual([
    '.sync_app.gone', // of another instance, which may be at it
    '.sync_app.lock',
    'app',
    'kept',
    'notes.txt',
    '',
  ])
  await instance.exec('rm -r /workspace/app; echo mine >/workspace/notes.txt')
  await step(instance, 'sync-workspace')
  expect(instance.read('/workspace/app/deep/file')).toBe('from the image\n')
  expect(instance.read('/workspace/notes.txt')).toBe('mine\n')
})

/** A root of its own with small homes: those of this host may hold gigabytes. */
const SMALL_ROOT = `mkdir /small && mount -t tmpfs tmpfs /small && cd /small && mkdir root home workspace
for name in /*; do case $name in
    /root | /home | /workspace | /small) ;;
    *) if [ -L "$name" ]; then cp -P "$name" .; elif [ -d "$name" ]; then mkdir ".$name" && mount --rbind "$name" ".$name"; fi ;;
esac; done
mkdir -p root/.ssh home/user home/nobodys
echo 'ssh-ed25519 AAAA root' >root/.ssh/authorized_keys
printf ': mine\\nDIRECT_PORT_START=1\\n' >root/.bashrc
echo key >root/.vast_api_key; echo ports >root/ports.log; echo root >root/mine; echo user >home/user/mine
chown -R 1001:0 home/user`

const syncHomes = (instance: Instance) =>
  instance.exec('umask 002; chroot /small /opt/instance-tools/bin/boot-step sync-home-dirs', {
    env: { sync_home_to_workspace: 'true' },
  })
const inSmall = async (instance: Instance, command: string): Promise<string> =>
  (await instance.exec(`chroot /small bash -c '${command}'`)).stdout

test('homes move to the workspace; keys and files of the platform stay in the container', async () => {
  await using instance = await openInstance({ prepare: SMALL_ROOT })
  const check = async (): Promise<void> => {
    expect(await inSmall(instance, 'readlink /root /home/user; cat /root/mine /home/user/mine')).toBe(
      '/workspace/home/root\n/workspace/home/user\nroot\nuser\n',
    )
    expect(
      await inSmall(
        instance,
        'readlink /workspace/home/root/.ssh; cat /root/.ssh/authorized_keys; stat -c "%a %u:%g" /home_ssh/root/.ssh',
      ),
    ).toBe('/home_ssh/root/.ssh\nssh-ed25519 AAAA root\n700 0:0\n')
    expect(
      await inSmall(
        instance,
        'stat -c "%u %a" /home_ssh/user/.ssh /home_ssh; ls -A /workspace/home; grep -r key /workspace/home',
      ),
    ).toBe('1001 700\n0 755\n.synced\nroot\nuser\n')
  }
  expect(await syncHomes(instance)).toMatchObject({ status: 0, stderr: '' })
  await check()
  expect(await inSmall(instance, 'cat /workspace/home/root/.bashrc /etc/.vast_api_key /var/log/vast_ports.log')).toBe(
    ': mine\nkey\nports\n',
  )
  expect(await syncHomes(instance)).toMatchObject({ status: 0, stderr: '' })
  await check()
  expect(existsSync(instance.path('/var/log/vast_boot_failures'))).toBe(false)
})

test('homes stay where the workspace is in one of them', async () => {
  await using instance = await openInstance()
  const moved = await step(instance, 'sync-home-dirs', { sync_home_to_workspace: 'true', WORKSPACE: '/root' })
  expect(moved).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('/root stays where it is: the workspace is in it'),
  })
  expect(existsSync(instance.path('/root/home'))).toBe(false)
})

test('a home in which something is mounted stays, and that is told until it is mended', async () => {
  await using instance = await openInstance({
    prepare: `${SMALL_ROOT}; mkdir home/user/volume; mount -t tmpfs tmpfs home/user/volume`,
  })
  expect(await syncHomes(instance)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('/home/user stays where it is: /home/user/volume is mounted there'),
  })
  expect(await inSmall(instance, 'cat /home/user/mine; readlink /root')).toBe('user\n/workspace/home/root\n')
  expect(instance.read('/var/log/vast_boot_failures')).toBe('35-sync-home-dirs: home sync did not complete\n')
  await instance.exec('umount /small/home/user/volume')
  expect(await syncHomes(instance)).toMatchObject({ status: 0 })
  expect(existsSync(instance.path('/var/log/vast_boot_failures'))).toBe(false)
})

test('environments move to the workspace, under the name of the image; an instance that comes later takes the copy', async () => {
  await using instance = await openInstance({
    files: {
      '/.env_hash': 'abc123\n',
      '/venv/main/pyvenv.cfg': 'home = /usr/bin\n',
      '/venv/main/who': 'first\n',
      '/venv/none/file': 'x\n',
      '/.uv/cache': 'x\n',
    },
    prepare: 'rm -rf /opt/nvm',
  })
  const env = { sync_environment: 'true' }
  expect(await step(instance, 'sync-environment', env)).toMatchObject({ status: 0 })
  const copy = '/workspace/.environment_sync/abc123'
  expect((await instance.exec('readlink /venv/main /.uv; ls -d /venv/none')).stdout).toBe(
    `${copy}/venv/main\n${copy}/uv\n/venv/none\n`,
  )
  await instance.exec('rm /venv/main; mkdir /venv/main; touch /venv/main/pyvenv.cfg; echo later >/venv/main/who')
  expect(await step(instance, 'sync-environment', env)).toMatchObject({ status: 0 })
  expect(instance.read(`${copy}/venv/main/who`)).toBe('first\n')
  expect((await instance.exec('cat /venv/main/who')).stdout).toBe('first\n')
  const nameless = await step(instance, 'sync-environment', { ...env, ENV_ID: '../x' })
  expect(nameless).toMatchObject({ status: 1, stderr: expect.stringContaining('set ENV_ID') })
})

test('keys of root reach the other accounts, and lead nowhere else', async () => {
  await using instance = await openInstance({
    files: {
      '/root/.ssh/authorized_keys': 'key one\nkey two\n',
      '/home/user/.ssh/authorized_keys': 'own\nkey one',
      '/home/nobodys/file': 'x\n',
    },
    prepare: 'mkdir -p /var/log/portal; chmod 777 /root/.ssh /root/.ssh/authorized_keys',
  })
  expect(await instance.exec('/opt/instance-tools/bin/propagate_ssh_keys.sh')).toMatchObject({ status: 0 })
  const { stdout } = await instance.exec(
    'cat /home/user/.ssh/authorized_keys; stat -c "%a %u" /home/user/.ssh /home/user/.ssh/authorized_keys /root/.ssh /root/.ssh/authorized_keys',
  )
  expect(stdout).toBe('own\nkey one\nkey two\n700 1001\n600 1001\n700 0\n600 0\n')
  expect(instance.read('/var/log/portal/ssh-keys.log')).toBe('SSH key propagation complete.\n')
  await instance.exec('rm -r /home/user/.ssh; mkdir /tmp/trap; ln -s /tmp/trap /home/user/.ssh')
  expect(await step(instance, 'user-propagate-ssh-keys')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('leads elsewhere'),
  })
  expect(read(instance, '/tmp/trap/authorized_keys')).toBeNull()
})

test('repositories of the workspace are usable by root and by user', async () => {
  await using instance = await openInstance()
  await instance.exec(
    'git init -q /workspace/a; git init -q /workspace/b/c; chown -R 1001:0 /workspace/a; rm -f /root/.gitconfig',
  )
  expect((await instance.exec('HOME=/root git -C /workspace/a status')).status).not.toBe(0)
  expect(await step(instance, 'user-git-safe-dirs')).toMatchObject({ status: 0 })
  expect((await instance.exec('HOME=/root git -C /workspace/a status')).status).toBe(0)
  expect((await instance.exec('git -C /workspace/b/c status', { user: 'user' })).status).toBe(0)
  const before = instance.read('/root/.gitconfig')
  await step(instance, 'user-git-safe-dirs')
  expect(instance.read('/root/.gitconfig')).toBe(before)
  expect((await instance.exec('stat -c %u /home/user/.gitconfig')).stdout).toBe('1001\n')
})

test('a login shell looks like the instance', async () => {
  await using instance = await openInstance({
    files: {
      '/etc/environment': 'A="it\'s \\$5"\n',
      '/workspace/.env': 'B=2\n',
      '/venv/main/bin/activate': 'ACTIVE=main\n',
    },
    prepare: 'rm -f /root/.bashrc; touch /.provisioning',
  })
  await step(instance, 'user-write-bashrc')
  const login = (user: 'root' | 'user') =>
    instance.exec('bash -i -c \'echo "$PWD $A $B $ACTIVE"\'', {
      user,
      bareEnv: true,
      env: { HOME: user === 'root' ? '/root' : '/home/user', SHLVL: '1' },
    })
  for (const user of ['root', 'user'] as const)
    expect((await login(user)).stdout).toMatch(/being provisioned.*\n\/workspace it's \$5 2 main\n$/)
  expect(
    (await instance.exec('bash -c "echo quiet"', { bareEnv: true, env: { BASH_ENV: '/root/.bashrc' } })).stdout,
  ).toBe('quiet\n')
  const before = instance.read('/root/.bashrc')
  await step(instance, 'user-write-bashrc')
  expect(instance.read('/root/.bashrc')).toBe(before)
})

describe('thread caps', () => {
  const LIMITS =
    'mount -t tmpfs tmpfs /sys/fs/cgroup; echo 20 >/sys/fs/cgroup/pids.max; echo "300000 100000" >/sys/fs/cgroup/cpu.max'

  test('a tiny budget of processes caps them, but not what the user has set; a large one takes that back', async () => {
    await using instance = await openInstance({
      prepare: LIMITS,
      files: { '/etc/environment': 'A="1"\nMKL_NUM_THREADS="7"\n' },
    })
    const print = 'echo "$OMP_NUM_THREADS $MKL_NUM_THREADS"'
    expect((await step(instance, 'cpu-thread-limits', { MKL_NUM_THREADS: '7' }, print)).stdout).toBe('3 7\n')
    const file = instance.read('/etc/environment')
    expect(file).toMatch(
      /^A="1"\nMKL_NUM_THREADS="7"\n# VAST_CPU_THREAD_CAPS_BEGIN \(ADR 0014, managed — do not edit\)\nOMP_NUM_THREADS=3\n/,
    )
    const again = { OMP_NUM_THREADS: '3', MKL_NUM_THREADS: '7' }
    await step(instance, 'cpu-thread-limits', again)
    expect(instance.read('/etc/environment')).toBe(file)
    instance.write('/sys/fs/cgroup/pids.max', 'max\n')
    expect((await step(instance, 'cpu-thread-limits', again, print)).stdout).toBe(' 7\n')
    expect(instance.read('/etc/environment')).toBe('A="1"\nMKL_NUM_THREADS="7"\n')
  })

  test('the functions of the step can be sourced alone', async () => {
    await using instance = await openInstance({
      prepare: LIMITS,
      files: { '/etc/environment': 'RAYON_NUM_THREADS=4\n' },
    })
    const { stdout } = await instance.exec(`_VAST_THREAD_HOOK_LIB_ONLY=1 . /etc/vast_boot.d/12-cpu-thread-limits.sh
      _vast_read_pids_max; _vast_read_quota_cores; _vast_thread_cap 100 64 4; _vast_thread_cap 9999 64 4 || echo none
      _vast_user_set RAYON_NUM_THREADS && echo user; _vast_user_set OMP_NUM_THREADS || echo not
      _vast_write_caps 5; grep -c =5 /etc/environment; _vast_apply_caps 5; echo "$OMP_NUM_THREADS"
      _vast_write_caps ''; cat /etc/environment; unset OMP_NUM_THREADS; _vast_run; echo "$OMP_NUM_THREADS"`)
    expect(stdout).toBe('20\n3\n4\nnone\nuser\nnot\n7\n5\nRAYON_NUM_THREADS=4\n3\n')
  })
})

describe('CUDA', () => {
  /** A driver library of one function; `status` is what cuInit says. */
  function driver(status: number): string {
    const directory = mkdtempSync(join(tmpdir(), 'bosun-cuda-'))
    const built = spawnSync('gcc', ['-shared', '-fPIC', '-o', join(directory, 'libcuda.so.1'), '-x', 'c', '-'], {
      input: `int cuInit(unsigned int flags) { return ${status}; }\n`,
      encoding: 'utf8',
    })
    expect(built.stderr).toBe('')
    return directory
  }

  const toolkits = (...versions: readonly string[]): Record<string, string> =>
    Object.fromEntries(versions.map(version => [`/usr/local/cuda-${version}/lib64/x`, '']))
  /** In place of the command that asks the driver of this host. */
  const says = (version: string): string => `cd /opt/instance-tools/bin; rm -f cuda-driver-version
printf '#!/bin/sh\\n[ "$1" = --native ] && ${version === '' ? 'exit 1' : `echo ${version}`}\\n' >cuda-driver-version; chmod 755 cuda-driver-version`
  const print = 'echo "$CUDA_HOME|$PATH|$LD_LIBRARY_PATH"; readlink /usr/local/cuda'

  test('the newest toolkit that the driver takes becomes the current one, and loaders forget the others', async () => {
    await using instance = await openInstance({
      files: {
        ...toolkits('11.8', '12.4', '12.10'),
        '/etc/ld.so.conf.d/988_cuda-12.conf': '/usr/local/cuda-12/lib\n',
        '/etc/ld.so.conf.d/mixed.conf': '/opt/a\n/opt/cuda/x\n',
      },
      prepare: `${says('12.9')}; echo old >/run/vast-cuda-config-failed`,
    })
    const done = await step(instance, 'configure-cuda', { LD_LIBRARY_PATH: '/usr/local/cuda-11.8/lib64:/keep' }, print)
    expect(done.stdout).toMatch(/^\/usr\/local\/cuda\|\/usr\/local\/cuda\/bin:.*\|\/keep\n\/usr\/local\/cuda-12.4\n$/)
    expect(done).toMatchObject({ status: 0, stderr: 'CUDA 12.4 (driver supports 12.9)\n' })
    expect(
      (
        await instance.exec(
          'ls /etc/ld.so.conf.d | grep -E "cuda|mixed"; cat /etc/ld.so.conf.d/mixed.conf /etc/ld.so.conf.d/10-cuda.conf',
        )
      ).stdout,
    ).toBe('10-cuda.conf\nmixed.conf\n/opt/a\n/usr/local/cuda/lib64\n')
    expect(existsSync(instance.path('/run/vast-cuda-config-failed'))).toBe(false)
  })

  test('forward compatibility is used where it starts on this machine, and its loss is told', async () => {
    const good = driver(0)
    const bad = driver(803)
    try {
      await using instance = await openInstance({ files: toolkits('12.4', '13.0'), prepare: says('12.4') })
      const put = (from: string): Promise<unknown> =>
        instance
          .exec('mkdir -p /usr/local/cuda-13.0/compat; cat >/usr/local/cuda-13.0/compat/libcuda.so.1', {
            input: readFileSync(join(from, 'libcuda.so.1')).toString('base64'),
          })
          .then(() =>
            instance.exec(
              'base64 -d </usr/local/cuda-13.0/compat/libcuda.so.1 >/tmp/x && mv /tmp/x /usr/local/cuda-13.0/compat/libcuda.so.1',
            ),
          )
      await put(good)
      expect(await step(instance, 'configure-cuda', {}, print)).toMatchObject({
        stderr: 'CUDA 13.0 (driver supports 12.4, forward compatibility)\n',
        stdout: expect.stringContaining('/usr/local/cuda-13.0\n'),
      })
      expect(instance.read('/etc/vast-cuda-compat-established')).toBe('13.0\n')
      expect(instance.read('/etc/ld.so.conf.d/0-compat-cuda.conf')).toBe('/usr/local/cuda-13.0/compat\n')
      await put(bad)
      const lost = await step(instance, 'configure-cuda', {}, print)
      expect(lost).toMatchObject({ status: 1, stdout: expect.stringContaining('/usr/local/cuda-12.4\n') })
      expect(instance.read('/run/vast-cuda-config-failed')).toMatch(
        /^forward compatibility with CUDA 13.0 worked at an earlier boot/,
      )
      await put(good)
      const off = await step(instance, 'configure-cuda', { DISABLE_FORWARD_COMPAT: 'true' }, print)
      expect(off).toMatchObject({ status: 0, stdout: expect.stringContaining('/usr/local/cuda-12.4\n') })
      const overridden = await step(instance, 'configure-cuda', { VAST_CUDA_MAX_OVERRIDE: '13.1' }, print)
      expect(overridden.stderr).toMatch(/VAST_CUDA_MAX_OVERRIDE: taking 13.1[\s\S]*CUDA 13.0 \(driver supports 13.1\)/)
    } finally {
      for (const directory of [good, bad]) rmSync(directory, { recursive: true })
    }
  })

  test('a driver that does not tell changes nothing, and that is recorded', async () => {
    await using instance = await openInstance({
      files: { ...toolkits('12.4'), '/etc/ld.so.conf.d/9-cuda.conf': 'x\n' },
      prepare: says(''),
    })
    const unknown = await step(instance, 'configure-cuda', { LD_LIBRARY_PATH: '/usr/local/cuda/lib64' }, print)
    expect(unknown).toMatchObject({ status: 1, stdout: expect.stringMatching(/^\|.*\|\/usr\/local\/cuda\/lib64\n/) })
    expect(instance.read('/run/vast-cuda-config-failed')).toMatch(/^no usable CUDA version from the driver/)
    expect(instance.read('/etc/ld.so.conf.d/9-cuda.conf')).toBe('x\n')
  })
})

test('what agents find: capabilities without secrets, a guide, a line in the banner', async () => {
  await using instance = await openInstance({
    env: {
      HF_TOKEN: 'hf_secret',
      CONTAINER_ID: '7',
      VAST_TCP_PORT_1111: '41111',
      VAST_UDP_PORT_70000: '70000',
      PUBLIC_IPADDR: '192.0.2.1',
    },
    files: {
      '/etc/portal.yaml':
        'applications:\n  Instance Portal:\n    hostname: localhost\n    external_port: 1111\n    internal_port: 11111\n    open_path: /\n    name: Instance Portal\n',
      '/etc/vast_capabilities.d/50-mine.yaml':
        'tools:\n  - name: mine\nopenai_endpoints:\n  - service: Nobody\n  - service: Instance Portal\n    path: /v1\n',
      '/etc/vast_capabilities.d/60-broken.yaml': 'tools: [\n',
      '/etc/vast_agents/app.md': '# My app\n\nDo this.\n',
      '/etc/banner': 'Welcome\nAI agents: old\n',
      '/workspace/AGENTS.md': 'mine\n',
    },
  })
  const done = await step(instance, 'capabilities-manifest')
  expect(done).toMatchObject({ status: 1, stderr: expect.stringContaining('60-broken.yaml') })
  const text = instance.read('/etc/vast_capabilities.json')
  expect(text).not.toContain('hf_secret')
  expect(JSON.parse(text)).toMatchObject({
    schema_version: 1,
    credentials: { HF_TOKEN: true, CIVITAI_TOKEN: false },
    instance: {
      container_id: '7',
      workspace: '/workspace',
      open_ports: expect.arrayContaining([
        { proto: 'tcp', container_port: 1111, public_port: 41111 },
        { proto: 'udp', container_port: 70000, public_port: 70000, self_mapped: true, bind_port: 70000 },
      ]),
    },
    tools: expect.arrayContaining([expect.objectContaining({ name: 'supervisorctl' }), { name: 'mine' }]),
    services: [
      { name: 'Instance Portal', internal_port: 11111, mapped_port: '41111', direct_url: 'http://192.0.2.1:41111/' },
    ],
    endpoints_openai: [{ service: 'Instance Portal', path: '/v1' }],
    provisioning: { status: 'none' },
  })
  expect((await instance.exec('vast-capabilities 2>/dev/null')).stdout).toBe(text)
  expect(instance.read('/etc/vast-agents-guide.md')).toMatch(
    /^- Working on this instance\n- My app\n\n# Working[\s\S]*# My app\n\nDo this.\n$/,
  )
  expect(instance.read('/workspace/AGENTS.md')).toBe('mine\n')
  expect(readlinkSync(instance.path('/workspace/CLAUDE.md'))).toBe('/etc/vast-agents-guide.md')
  expect(instance.read('/etc/banner')).toMatch(/^Welcome\nAI agents: read /)
  await step(instance, 'capabilities-manifest', { ENABLE_AGENT_BANNER: 'false' })
  expect(instance.read('/etc/banner')).toBe('Welcome\n')
})

test('what is kept for its name alone says so, and does nothing', async () => {
  await using instance = await openInstance()
  for (const command of ['update-portal -v v1', 'venv-backup.sh'])
    expect(await instance.exec(command)).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(/: nothing is /),
    })
})
