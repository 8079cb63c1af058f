/** Vendors' servers inside an instance, by their names and over TLS: what talks to them runs as it does in the world. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Instance, InstanceOptions } from './instance.ts'
import { until } from './lab.ts'

export type Signs = 'well' | 'refuses' | 'an error page' | 'another key' | 'never' | 'the second time'

const names = ['console.vast.ai', 'raw.githubusercontent.com', 'us.download.nvidia.com']

/** @throws Error with what openssl says */
function openssl(directory: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
}

/** In a directory of its own, which is gone afterwards. */
function inDraft<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-vendors-'))
  try {
    return work(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Options for an instance that trusts these servers; `startVendors` starts them. `files`: path on the servers → content */
export function withVendors(
  files: Readonly<Record<string, string>> = {},
  signs: Signs = 'well',
): Required<Pick<InstanceOptions, 'files' | 'prepare'>> {
  return inDraft(directory => {
    openssl(
      directory,
      'req',
      '-x509',
      ...EC,
      '-subj',
      '/CN=test authority',
      '-days',
      '2',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    )
    openssl(directory, 'req', '-new', ...EC, '-subj', '/CN=vendors', '-keyout', 'server.key', '-out', 'server.csr')
    writeFileSync(join(directory, 'names'), `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}\n`)
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
    openssl(directory, 'x509', '-req', '-in', 'server.csr', ...signing, '-out', 'server.crt')
    const made = ['ca.crt', 'ca.key', 'server.crt', 'server.key'].map(name => [
      `/srv/${name}`,
      readFileSync(join(directory, name), 'utf8'),
    ])
    return {
      files: {
        ...Object.fromEntries(made),
        ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`/srv/files${path}`, text])),
        '/srv/signs': signs,
        '/srv/server.mjs': readFileSync(resolve(import.meta.dirname, '../fixtures/vendor-server.mjs'), 'utf8'),
      },
      prepare: `cat /srv/ca.crt >>/etc/ssl/certs/ca-certificates.crt; echo 127.0.0.1 ${names.join(' ')} >>/etc/hosts`,
    }
  })
}

export async function startVendors(instance: Instance): Promise<void> {
  instance.start('exec /opt/instance-tools/node/bin/node /srv/server.mjs')
  await until('the vendors serve', async () => (await instance.exec('test -e /tmp/serving')).status === 0)
}

export interface Asked {
  readonly method: string
  readonly host: string
  readonly url: string
  readonly type: string | undefined
  readonly body: string
}

/** What they have been asked so far. */
export function askedVendors(instance: Instance): readonly Asked[] {
  try {
    return instance
      .read('/tmp/asked')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  } catch {
    return []
  }
}

/** A pair that was good in 2020. */
export const expiredPair = (): { readonly certificate: string; readonly key: string } =>
  inDraft(directory => {
    writeFileSync(join(directory, 'index'), '')
    writeFileSync(
      join(directory, 'ca.cnf'),
      '[ca]\ndefault_ca=x\n[x]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n',
    )
    openssl(directory, 'req', '-new', ...EC, '-subj', '/CN=old', '-keyout', 'key', '-out', 'csr')
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20200601000000Z']
    openssl(
      directory,
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-selfsign',
      '-keyfile',
      'key',
      '-in',
      'csr',
      ...dates,
      '-out',
      'crt',
    )
    return {
      certificate: readFileSync(join(directory, 'crt'), 'utf8'),
      key: readFileSync(join(directory, 'key'), 'utf8'),
    }
  })
