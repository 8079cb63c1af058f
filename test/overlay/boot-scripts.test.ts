/** Scripts that users name by variable, from a server of the instance's own. Source: contract/vast-instance.md 2.1, 2.4 (15, 75), 2.7 */
import { existsSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { until } from '../support/lab.ts'
import { ENTRYPOINT, openBoot, read, report, stepOf, untilReady, untilSaid, withServer } from './boot-lab.ts'

vi.setConfig({ testTimeout: 300_000 })

const OK = '#!/bin/bash\necho "script says $1$0 $OPEN_BUTTON_TOKEN"\nls /.provisioning\ntouch /tmp/ran\n'
const LOG = '/var/log/portal/provisioning.log'

test('PROVISIONING_SCRIPT runs once, while programs wait, with the ends of lines mended and without secrets in its log', async () => {
  const server = withServer({ '/ok.sh': OK.replaceAll('\n', '\r\n') })
  await using instance = await openBoot({
    files: server.files,
    init: `${server.init.replace(/exec /, '')}; rm -f /tmp/ran; ${ENTRYPOINT}`,
    env: { PROVISIONING_SCRIPT: 'http://me:pass@127.0.0.1:8000/moved?token=hidden', OPEN_BUTTON_TOKEN: 'top-secret' },
  })
  await untilReady(instance)
  expect(instance.output).toContain('script says /provisioning.sh ***\n/.provisioning\n')
  expect(instance.output).toContain('Provisioning complete!')
  expect(instance.output).not.toMatch(/hidden|pass@|top-secret/)
  expect(instance.read(LOG)).toContain('script says /provisioning.sh ***')
  expect(instance.read(LOG)).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[INFO\] Running http:\/\/127.0.0.1:8000\/moved$/m,
  )
  expect(instance.read('/var/log/provisioning.log')).toContain('script says')
  expect(instance.read('/.provisioning_complete')).toBe('exit status 0\n')
  expect(existsSync(instance.path('/.provisioning_failed'))).toBe(false)
  expect(await stepOf(instance, '75-provisioning-manifest.sh')).toMatchObject({ result: 'ok' })
  await instance.exec('supervisorctl shutdown')
  await untilReady(instance, 2)
  expect(existsSync(instance.path('/tmp/ran'))).toBe(false)
  expect(await stepOf(instance, '75-provisioning-manifest.sh')).toMatchObject({
    result: 'skipped',
    message: 'complete since an earlier boot',
  })
})

for (const [what, source, said] of [
  ['an error page', 'http://127.0.0.1:8000/no.sh', /HTTP status 404/],
  ['a page', 'http://127.0.0.1:8000/page', /is a page/],
  ['no such file', '/workspace/no.sh', /cannot read \/workspace\/no.sh: ENOENT/],
  ['a script that fails', 'file:///opt/fails.sh', /file:\/\/\/opt\/fails.sh: exit status 3/],
] as const)
  test(`PROVISIONING_SCRIPT is ${what}: the instance starts, and says so`, async () => {
    await using instance = await openBoot({
      ...withServer({ '/page': '<!doctype html><p>log in' }),
      env: { PROVISIONING_SCRIPT: source, PROVISIONER_RETRY_MAX: '2', PROVISIONER_RETRY_DELAY: '0' },
      // what is beside a script is found there
      prepare: `printf '#!/bin/bash\\n. "\${0%%/*}/beside"; echo "try $WORD"; exit 3\\n' >/opt/fails.sh; chmod 755 /opt/fails.sh; echo WORD=beside >/opt/beside`,
    })
    await untilReady(instance)
    expect(instance.read(LOG)).toMatch(said)
    expect(instance.output).toContain('Note: Provisioning encountered issues but instance startup will continue')
    expect(instance.read('/.provisioning_failed')).toMatch(said)
    expect(existsSync(instance.path('/.provisioning_complete'))).toBe(false)
    expect(existsSync(instance.path('/.provisioning'))).toBe(false)
    expect(await stepOf(instance, '75-provisioning-manifest.sh')).toMatchObject({ result: 'failed' })
    expect(instance.output).toMatch(new RegExp(`boot: problem: 75-provisioning-manifest.sh: .*${said.source}`))
    if (what === 'a script that fails') expect(instance.output.match(/^try beside$/gm)).toHaveLength(2)
  })

test('what a script leaves running keeps its stdout, and holds up nobody', async () => {
  await using instance = await openBoot({
    files: {
      '/opt/leaves.sh':
        '#!/bin/bash\n(while [ ! -e /tmp/go ]; do sleep 0.05; done; echo "from behind"; echo done >/tmp/gone) &\necho "to stdout" >/dev/stdout\n',
    },
    env: { PROVISIONING_SCRIPT: '/opt/leaves.sh' },
  })
  await untilReady(instance)
  expect(instance.output).toContain('to stdout')
  instance.write('/tmp/go', '')
  await until('it could write', () => read(instance, '/tmp/gone'))
  await until('and was heard', () => instance.read(LOG).includes('from behind'))
})

test('a manifest is refused in one line, and nothing is called complete; one without content is none', async () => {
  await using refused = await openBoot({
    files: { '/provisioning.yaml': 'version: 1\napt_packages: [jq]\n', '/opt/x.sh': '#!/bin/sh\ntouch /tmp/ran\n' },
    env: { PROVISIONING_SCRIPT: '/opt/x.sh' },
  })
  await untilReady(refused)
  expect(refused.output).toMatch(
    /\[ERROR\] \/provisioning.yaml: this version does not apply manifests, and this one asks for apt_packages;/,
  )
  expect(existsSync(refused.path('/tmp/ran'))).toBe(false)
  expect(existsSync(refused.path('/.provisioning_failed'))).toBe(true)
  await using empty = await openBoot({ files: { '/provisioning.yaml': 'version: 1\n' } })
  await untilReady(empty)
  expect(existsSync(empty.path('/.provisioning_complete'))).toBe(true)
})

test('a stop during provisioning ends the script, and the next boot begins anew', async () => {
  await using instance = await openBoot({
    files: {
      '/opt/long.sh':
        '#!/bin/bash\ntrap "echo script is told; exit 1" TERM\necho "begins"; while :; do sleep 0.05; done\n',
    },
    init: `${ENTRYPOINT.slice(5)}; echo "ended with $?"; ${ENTRYPOINT}`,
    env: { PROVISIONING_SCRIPT: '/opt/long.sh', BOSUN_STOP_SECONDS: '90' },
  })
  await untilSaid(instance, /^begins/m)
  expect((await report(instance)).phase).toBe('provisioning')
  await instance.exec(`kill -TERM "$(pgrep -o -f boot_default.sh)"`)
  await untilSaid(instance, /ended with 0/)
  expect(instance.output).toContain('script is told')
  await untilSaid(instance, /^begins/m, 2)
  expect(existsSync(instance.path('/.provisioning_failed'))).toBe(false)
})

test('HOTFIX_SCRIPT runs at every boot before the steps after it, which it may rewrite; its last good copy stands in', async () => {
  const server = withServer({
    '/fix.sh':
      'echo "fixed $((++n))"; echo echo rewritten >>/etc/vast_boot.d/48-venv-backup.sh; mv /srv/bodies.json /srv/gone; exit 5',
  })
  await using instance = await openBoot({
    files: server.files,
    init: `${server.init.replace(/exec /, '')}; kill %1; ${ENTRYPOINT}`,
    env: { HOTFIX_SCRIPT: 'http://127.0.0.1:8000/fix.sh' },
  })
  await untilReady(instance)
  expect(instance.output).toMatch(/Applying hotfix script[\s\S]*rewritten/)
  expect(instance.read('/var/log/hotfix.log')).toContain('fixed 1')
  expect(await stepOf(instance, '15-hotfix.sh')).toMatchObject({
    result: 'failed',
    message: 'http://127.0.0.1:8000/fix.sh: exit status 5, see /var/log/hotfix.log',
  })
  await instance.exec('supervisorctl shutdown')
  await untilReady(instance, 2)
  expect(instance.read('/var/log/hotfix.log').match(/fixed/g)).toHaveLength(2)
  expect((await stepOf(instance, '15-hotfix.sh')).message).toContain('its last good copy ran')
})

test('BOOT_SCRIPT replaces the boot once it has been had, and not before', async () => {
  const server = withServer({ '/boot.sh': 'echo "custom boot $# $2"\r\nexec sleep 1000\r\n', '/page': '<html>' })
  await using custom = await openBoot({
    files: server.files,
    init: `${server.init} --no-user-keys "a b"`,
    env: { BOOT_SCRIPT: 'http://127.0.0.1:8000/boot.sh' },
  })
  await untilSaid(custom, /^custom boot 2 a b$/m)
  expect((await custom.exec('stat -c %a /opt/instance-tools/bin/boot_custom.sh')).stdout).toBe('755\n')
  await using refused = await openBoot({ ...server, env: { BOOT_SCRIPT: 'http://127.0.0.1:8000/page' } })
  await untilReady(refused)
  expect(refused.output).toMatch(/BOOT_SCRIPT: http:\/\/127.0.0.1:8000\/page is not a script: it is a page/)
  expect(existsSync(refused.path('/opt/instance-tools/bin/boot_custom.sh'))).toBe(false)
})

test('a BOOT_SCRIPT that is there is not fetched again, unless that is asked for; then the old one stays until there is a new', async () => {
  const old = { '/opt/instance-tools/bin/boot_custom.sh': '#!/bin/sh\necho old boot; exec sleep 1000\n' }
  await using kept = await openBoot({ files: old, env: { BOOT_SCRIPT: 'http://127.0.0.1:8000/boot.sh' } })
  await untilSaid(kept, /^old boot$/m)
  const server = withServer({ '/boot.sh': 'echo new boot; exec sleep 1000\n' })
  const env = { BOOT_SCRIPT: 'http://127.0.0.1:8000/boot.sh', BOOT_SCRIPT_REFRESH: 'True' }
  await using refreshed = await openBoot({ ...server, files: { ...server.files, ...old }, env })
  await untilSaid(refreshed, /^new boot$/m)
  await using lost = await openBoot({
    ...server,
    files: { ...server.files, ...old },
    env: { ...env, BOOT_SCRIPT: 'http://127.0.0.1:8000/no' },
  })
  await untilSaid(lost, /HTTP status 404[\s\S]*its last copy boots[\s\S]*old boot/)
})

test('a stop while BOOT_SCRIPT is being fetched ends the instance at once', async () => {
  await using instance = await openBoot({
    init: `/opt/instance-tools/node/bin/node -e 'require("net").createServer(() => console.log("asked")).listen(8000, () => console.log("serving"))' &
      until (: </dev/tcp/127.0.0.1/8000) 2>/dev/null; do sleep 0.02; done; ${ENTRYPOINT}`,
    env: { BOOT_SCRIPT: 'http://127.0.0.1:8000/boot.sh' },
  })
  // the first time is the look whether it serves
  await untilSaid(instance, /asked/, 2)
  instance.signal('SIGTERM')
  expect(await instance.ended).toBe(143)
})
