/** Step 55 and cert-usable, with real openssl and a signing service that speaks as the vendor's. Source: contract 2.4 (55), 1.6 */
import { existsSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Instance, type InstanceOptions, openInstance } from '../support/instance.ts'
import { askedVendors, expiredPair, type Signs, startVendors, withVendors } from '../support/vendors.ts'
import { appVariable, ENTRYPOINT, openBoot, stepOf, untilReady } from './boot-lab.ts'

const COUNTER = '/etc/.instance-cert-selfsigned'
const KNOWN = { CONTAINER_ID: '31337', ENABLE_HTTPS: 'true' }

/** Real, but for the two seconds that it is given to reach the service: a machine that is busy may need more. */
const PATIENT_CURL = '#!/bin/sh\nexec /usr/bin/curl "$@" --connect-timeout 60\n'

async function openSigned(signs: Signs, env: Readonly<Record<string, string>> = KNOWN): Promise<Instance> {
  const { files, prepare } = withVendors({}, signs)
  const instance = await openInstance({ files: { ...files, '/usr/local/sbin/curl': PATIENT_CURL }, prepare, env })
  await startVendors(instance)
  return instance
}

interface StepRun {
  readonly status: number | null
  readonly exported: string
  readonly said: string
  readonly step: Awaited<ReturnType<typeof stepOf>>
}

/** As the boot sources it. */
async function runStep(instance: Instance, env: Readonly<Record<string, string>> = {}): Promise<StepRun> {
  await instance.exec('mkdir -p /run/bosun')
  const started = { at: Date.now(), file: '55-tls-cert-gen.sh', event: 'started', status: null }
  instance.write('/run/bosun/boot.events', `${JSON.stringify(started)}\n`)
  const shell = '. /etc/vast_boot.d/55-tls-cert-gen.sh; echo "$? $ENABLE_HTTPS" >&3'
  const { stdout, stderr } = await instance.exec(`{ ${shell}; } 3>&1 >&2`, {
    env: { generate_tls_cert: 'true', ...env },
  })
  const [status, exported = ''] = stdout.trim().split(' ')
  return { status: Number(status), exported, said: stderr, step: await stepOf(instance, '55-tls-cert-gen.sh') }
}

/** s that curl waited before it gave up, by its own account; 0: it did not wait. */
const waited = ({ message }: StepRun['step']): number =>
  Number(/timed out after (\d+) milliseconds/.exec(message)?.[1] ?? 0) / 1000

const certificate = async (instance: Instance): Promise<string> =>
  (await instance.exec('openssl x509 -in /etc/instance.crt -noout -text')).stdout
const certUsable = (instance: Instance, ...args: readonly string[]) => instance.exec(`cert-usable ${args.join(' ')}`)
const mode = (instance: Instance, path: string): number => statSync(instance.path(path)).mode & 0o777

test('the vendor signs: the pair is complete, and nobody is asked again', async () => {
  await using instance = await openSigned('well')
  const first = await runStep(instance)
  expect(first).toMatchObject({ status: 0, exported: 'true', said: '' })
  expect(first.step).toMatchObject({ result: 'ok', message: 'the certificate is signed by the vendor' })
  const text = await certificate(instance)
  expect(text).toContain('Issuer: CN = test authority')
  expect(text).toContain('Subject: C = US, ST = CA, CN = jupyter.vast.ai')
  expect(text).toContain('Public-Key: (2048 bit)')
  expect(text).toContain('CA:FALSE')
  expect(text).toContain('Digital Signature, Non Repudiation, Key Encipherment')
  expect(text).toContain('IP Address:0.0.0.0')
  expect([mode(instance, '/etc/instance.key'), mode(instance, '/etc/instance.crt')]).toEqual([0o600, 0o644])
  expect(await certUsable(instance)).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(existsSync(instance.path(COUNTER))).toBe(false)
  expect(JSON.parse(instance.read('/run/bosun/https.json'))).toEqual({
    served: true,
    reason: 'the certificate is good',
  })
  const request = instance.read('/etc/instance.csr')
  expect(askedVendors(instance)).toEqual([
    {
      method: 'POST',
      host: 'console.vast.ai',
      url: '/api/v0/sign_cert/?instance_id=31337',
      type: 'application/octet-stream',
      body: request,
    },
  ])
  expect((await instance.exec('ls -A /etc | grep instance-tls')).stdout).toBe('')

  const key = instance.read('/etc/instance.key')
  expect((await runStep(instance)).step).toMatchObject({ result: 'skipped', message: 'the certificate is good' })
  expect(instance.read('/etc/instance.key')).toBe(key)
  expect(askedVendors(instance)).toHaveLength(1)
})

test('a service that is busy is asked again', async () => {
  await using instance = await openSigned('the second time')
  expect((await runStep(instance)).step).toMatchObject({ message: 'the certificate is signed by the vendor' })
  expect(askedVendors(instance)).toHaveLength(2)
})

test('a service that takes it and never answers holds up the boot for ten seconds', async () => {
  await using instance = await openSigned('never')
  const { step } = await runStep(instance)
  expect(step.message).toMatch(/^the certificate is self-signed: curl: exit status 28: .*timed out/)
  // the limit of the contract, and by far not the next one that would be natural
  expect(waited(step)).toBeGreaterThanOrEqual(10)
  expect(waited(step)).toBeLessThan(30)
  expect(askedVendors(instance)).toHaveLength(1)
})

test.each([
  ['refuses', 'the signing service answers 403'],
  ['an error page', 'the signing service has sent no certificate for our key'],
  ['another key', 'the signing service has sent no certificate for our key'],
] as const)(
  'it signs %s: the certificate is self-signed, and stays until the vendor signs one',
  async (signs, problem) => {
    await using instance = await openSigned(signs)
    const first = await runStep(instance)
    expect(first).toMatchObject({ status: 0, exported: 'true' })
    expect(first.step).toMatchObject({ result: 'ok', message: `the certificate is self-signed: ${problem}` })
    const text = await certificate(instance)
    expect(text).toContain('Issuer: C = US, ST = CA, CN = jupyter.vast.ai')
    for (const part of ['CA:FALSE', 'Digital Signature, Non Repudiation, Key Encipherment', 'IP Address:0.0.0.0'])
      expect(text).toContain(part)
    const [, from, to] = /Not Before: (.*)\n\s*Not After : (.*)/.exec(text)!
    expect(Date.parse(to!) - Date.parse(from!)).toBe(365 * 24 * 3600 * 1000)
    expect(instance.read(COUNTER)).toBe('1\n')

    // of three attempts at the next boots each is counted, and then it is left in peace for a day
    for (const [attempts, asked] of [
      ['2\n', 2],
      ['3\n', 3],
      ['3\n', 3],
    ] as const) {
      await runStep(instance)
      expect(instance.read(COUNTER)).toBe(attempts)
      expect(askedVendors(instance)).toHaveLength(asked)
    }
    expect(await certificate(instance)).toBe(text)
    await instance.exec(`touch -d '25 hours ago' ${COUNTER}; printf well >/srv/signs`)
    expect((await runStep(instance)).step).toMatchObject({ message: 'the certificate is signed by the vendor' })
    expect(existsSync(instance.path(COUNTER))).toBe(false)
  },
)

test('the label names the instance, too; who has no name asks nobody', async () => {
  await using labelled = await openSigned('well', { VAST_CONTAINERLABEL: 'C.42' })
  await runStep(labelled)
  expect(askedVendors(labelled)[0]?.url).toBe('/api/v0/sign_cert/?instance_id=42')

  await using nameless = await openSigned('well', {})
  expect((await runStep(nameless)).step.message).toBe(
    'the certificate is self-signed: there is no CONTAINER_ID to have it signed for',
  )
  expect((await runStep(nameless)).step.message).toContain('the self-signed certificate stays')
  expect(askedVendors(nameless)).toEqual([])
  expect(await certUsable(nameless)).toMatchObject({ status: 0 })
})

/** Nobody answers, and nobody says that nobody does. */
const DEAF_RESOLVER = `echo nameserver 192.0.2.1 >/etc/resolv.conf.new; cp --remove-destination /etc/resolv.conf.new /etc/resolv.conf
ip addr add 198.51.100.1/24 dev lo; ip route add 192.0.2.0/24 dev lo`

test.each([
  ['no network at all', 'true', 0],
  ['a resolver that never answers', DEAF_RESOLVER, 2],
])('%s: self-signed, and the boot is held up for two seconds at most', async (_, prepare, limit) => {
  await using instance = await openInstance({ env: KNOWN, prepare })
  const { exported, step } = await runStep(instance)
  expect(step.message).toMatch(/^the certificate is self-signed: curl: exit status \d+/)
  expect(exported).toBe('true')
  expect(waited(step)).toBeGreaterThanOrEqual(limit)
  expect(waited(step)).toBeLessThanOrEqual(limit * 5)
})

test('a pair that has expired is made anew; with --no-cert-gen it is served as it is', async () => {
  const { certificate: crt, key } = expiredPair()
  const options: InstanceOptions = { env: KNOWN, files: { '/etc/instance.crt': crt, '/etc/instance.key': key } }
  await using instance = await openInstance(options)
  expect(await certUsable(instance)).toEqual({
    status: 3,
    stdout: '',
    stderr: 'cert-usable: /etc/instance.crt has expired (key still matches)\n',
  })
  const kept = await runStep(instance, { generate_tls_cert: 'false' })
  expect(kept).toMatchObject({ status: 0, exported: 'true' })
  expect(kept.step.message).toContain('/etc/instance.crt has expired')
  expect(instance.read('/etc/instance.crt')).toBe(crt)
  expect((await runStep(instance)).step.message).toContain('self-signed')
  expect(await certUsable(instance)).toMatchObject({ status: 0 })
})

test('without a pair ENABLE_HTTPS is false from there on, and the boot says why', async () => {
  const init = `${ENTRYPOINT} --no-cert-gen`
  await using instance = await openBoot({ init, env: { ENABLE_HTTPS: 'true' } })
  await untilReady(instance)
  expect(await stepOf(instance, '55-tls-cert-gen.sh')).toMatchObject({
    result: 'failed',
    message: 'HTTPS is off: there is no /etc/instance.crt',
  })
  expect(instance.output).toContain('HTTPS is off: there is no /etc/instance.crt')
  expect(await appVariable(instance, 'ENABLE_HTTPS')).toBe('false')
  expect(JSON.parse(instance.read('/run/bosun/https.json'))).toMatchObject({ served: false })
})

test.each([
  ['a read-only /etc', 'mount --bind /etc /etc; mount -o remount,ro,bind /etc', /EROFS/],
  ['no openssl', 'rm /usr/bin/openssl', /openssl: not installed/],
])('%s: it says so, and nothing is left half', async (_, prepare, problem) => {
  await using instance = await openInstance({ env: KNOWN, prepare })
  const { status, exported, step } = await runStep(instance)
  expect({ status, exported }).toEqual({ status: 1, exported: 'false' })
  expect(step.message).toMatch(problem)
  expect((await instance.exec('ls -A /etc | grep instance')).stdout).toBe('')
})

test('cert-usable: 1 and a reason for everything that no server could use', async () => {
  await using instance = await openInstance()
  const make = 'openssl req -x509 -nodes -subj /CN=x -days 2 2>/dev/null'
  await instance.exec(`cd /tmp; : >empty; echo text >text
    ${make} -newkey rsa:2048 -keyout a.key -out a.crt; ${make} -newkey ed25519 -keyout b.key -out b.crt
    openssl ecparam -name prime256v1 -genkey -out c.key; openssl req -x509 -key c.key -subj /CN=x -days 2 -out c.crt
    openssl rsa -in a.key -aes128 -passout pass:x -out locked.key; openssl x509 -in a.crt -outform DER -out a.der`)
  for (const name of ['a', 'b', 'c'])
    expect(await certUsable(instance, `/tmp/${name}.crt`, `/tmp/${name}.key`)).toMatchObject({ status: 0, stderr: '' })
  for (const [crt, key, reason] of [
    ['none', 'a.key', 'there is no /tmp/none'],
    ['a.crt', 'none', 'there is no /tmp/none'],
    ['empty', 'a.key', '/tmp/empty is empty'],
    ['a.crt', 'empty', '/tmp/empty is empty'],
    ['text', 'a.key', '/tmp/text is no PEM file'],
    ['a.der', 'a.key', '/tmp/a.der is no PEM file'],
    ['a.key', 'a.key', '/tmp/a.key is no certificate'],
    ['a.crt', 'a.crt', '/tmp/a.crt is no key without a passphrase'],
    ['a.crt', 'locked.key', '/tmp/locked.key is no key without a passphrase'],
    ['a.crt', 'b.key', '/tmp/b.key is not the key of /tmp/a.crt'],
  ] as const)
    expect(await certUsable(instance, `/tmp/${crt}`, `/tmp/${key}`)).toEqual({
      status: 1,
      stdout: '',
      stderr: `cert-usable: ${reason}\n`,
    })
})
