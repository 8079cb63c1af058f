/** `portal` and `bosun explain` as they are installed: as root, as `user`, many at once, on odd disks. */
import { expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'

const CONFIG = 'localhost:1111:11111:/:Instance Portal|localhost:8188:18188:/:ComfyUI|broken'

test('a provisioning script adds an application: what PORTAL_CONFIG says stays, and the gate finds it', async () => {
  await using instance = await openInstance({ env: { PORTAL_CONFIG: CONFIG } })
  const added = await instance.exec('portal add "My App" --external-port 7860 --internal-port 17860')
  expect(added).toMatchObject({ status: 0, stdout: 'added My App: port 7860 leads to localhost:17860\n' })
  expect(added.stderr).toContain("portal: the container's environment, PORTAL_CONFIG, entry 3: has 1 of 5 fields")
  expect(
    (await instance.exec('portal list', { user: 'user' })).stdout.split('\n').map(line => line.split('  ')[0]),
  ).toEqual(['NAME', 'Instance Portal', 'ComfyUI', 'My App', ''])
  expect((await instance.exec('grep -qiE "^[^#].*my app" /etc/portal.yaml', { user: 'user' })).status).toBe(0)
  expect((await instance.exec('stat -c "%a %U" /etc/portal.yaml')).stdout).toBe('644 root\n')
  const checked = await instance.exec('portal check')
  expect(checked).toMatchObject({ status: 1, stderr: '' })
  expect(checked.stdout).toMatch(/entry 3: has 1 of 5 fields.*\n3 applications in \/etc\/portal.yaml, 1 problem\n$/)
})

test('without the right to, it says who has it', async () => {
  await using instance = await openInstance()
  const refused = await instance.exec('portal add A --external-port 1 --internal-port 2', { user: 'user' })
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toMatch(/^portal: EACCES: permission denied.*: only root may do that \(sudo portal add …\)\n$/)
  expect((await instance.exec('portal list', { user: 'user' })).status).toBe(0)
})

test('many at once: none gets lost, and the file is whole whenever one looks', { timeout: 300_000 }, async () => {
  await using instance = await openInstance({ env: { PORTAL_CONFIG: CONFIG } })
  const { status, stdout } = await instance.exec(`
    for i in $(seq 1 12); do portal add "App $i" --external-port $((2000 + i)) --internal-port 3000 2>/dev/null & done
    while [ -n "$(jobs -rp)" ]; do [ ! -s /etc/portal.yaml ] || grep -q "^  Instance Portal:" /etc/portal.yaml || echo torn; sleep 0.05; done
    wait; portal list --json`)
  expect(status).toBe(0)
  expect(stdout).not.toContain('torn')
  const names = (JSON.parse(stdout.slice(stdout.indexOf('['))) as { name: string }[]).map(({ name }) => name)
  expect(names.toSorted()).toEqual(
    ['Instance Portal', 'ComfyUI', ...Array.from({ length: 12 }, (_, index) => `App ${index + 1}`)].toSorted(),
  )
})

test('a file that is a mount of its own is written in place; a disk that is read-only is told', async () => {
  await using instance = await openInstance({
    files: { '/etc/portal.yaml': 'applications: {}\n', '/mounted.yaml': 'applications: {}\n' },
    prepare: 'mount --bind /mounted.yaml /etc/portal.yaml',
  })
  expect((await instance.exec('portal add A --external-port 1 --internal-port 2')).status).toBe(0)
  expect(instance.read('/mounted.yaml')).toContain('  A:\n')
  await instance.exec('mount --bind /etc /etc && mount -o remount,bind,ro /etc')
  const refused = await instance.exec('portal add B --external-port 3 --internal-port 4')
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/^portal: EROFS: read-only file system/)
})

test('bosun explain: where each setting comes from, and no secret, to root and to `user`', async () => {
  await using instance = await openInstance({
    env: { WEB_PASSWORD: 'from-container', ENABLE_AUTH: 'flase', HF_TOKEN: 'hf_0123456789' },
    files: {
      '/etc/environment': '# marker\nAUTH_EXCLUDE="6006"\n',
      '/workspace/.env': 'export WEB_PASSWORD="it\'s mine"\n',
    },
  })
  const { status, stdout } = await instance.exec('bosun explain')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^launch mode args, profile vast, applications 0\n/)
  expect(stdout).toMatch(/^WEB_PASSWORD +\*\*\* +\/workspace\/\.env:1$/m)
  expect(stdout).toMatch(/^AUTH_EXCLUDE +6006 +\/etc\/environment:2$/m)
  expect(stdout).toMatch(/^HF_TOKEN +\*\*\* +the container's environment$/m)
  expect(stdout).toContain(
    "the container's environment: WEB_PASSWORD: does not count: /workspace/.env:1 says otherwise",
  )
  expect(stdout).toContain('ENABLE_AUTH: flase: is neither true nor false, and counts as true (write true or false)')
  expect(stdout).toContain(
    '/workspace/.env: every account can read it, and it holds WEB_PASSWORD (chmod o-r /workspace/.env)',
  )

  const json = JSON.parse((await instance.exec('bosun explain --json', { user: 'user' })).stdout)
  expect(json).toMatchObject({ launchMode: 'args', profile: 'vast', applications: 0 })
  expect(json.settings.find(({ name }: { name: string }) => name === 'WEB_PASSWORD')).toMatchObject({ value: '***' })
  const everything = stdout + JSON.stringify(json) + (await instance.exec('bosun explain --all')).stdout
  for (const secret of ['from-container', "it's mine", 'hf_0123456789']) expect(everything).not.toContain(secret)

  const asked = await instance.exec('bosun explain AUTH_EXCLUDE VAST_TCP_PORT_80 WEB_PASWORD')
  expect(asked.status).toBe(1)
  expect(asked.stdout).toMatch(/^AUTH_EXCLUDE {2}6006 {2}\/etc\/environment:2\n {4}External ports/)
  expect(asked.stderr).toBe('bosun: WEB_PASWORD is not set, and no setting; do you mean WEB_PASSWORD?\n')
  expect((await instance.exec('bosun frob')).status).toBe(2)
  expect((await instance.exec('bosun help')).stdout).toContain('bosun explain [NAME…]')
})
