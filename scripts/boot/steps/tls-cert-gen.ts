/**
 * The pair that the instance's sites are served with: signed by the vendor's service, or else by itself, to be tried again
 * at the next boots. What is there and good stays; a new pair appears when it is complete. Source: contract 2.4 (55), trap 27
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { decideHttps, examinePair, type PairReport } from '../../../programs/common/certificates.ts'
import { paths } from '../../../programs/common/paths.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { runCommand } from '../command.ts'
import { signCertificate } from '../sign-certificate.ts'
import { type Env, failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const OPENSSL_CONFIG = `# how the certificate of a vast instance is asked for
[req]
default_bits = 2048
distinguished_name = subject
req_extensions = extensions

[subject]

[extensions]
basicConstraints = CA:FALSE
keyUsage = nonRepudiation, digitalSignature, keyEncipherment
subjectAltName = IP:0.0.0.0
`

const SUBJECT = '/C=US/ST=CA/CN=jupyter.vast.ai/'
const VALID_DAYS = 365

/** A service that has refused that often is left in peace … */
const MOST_ATTEMPTS = 3
/** … for that long. */
const PEACE_MS = 24 * 3600 * 1000

export async function tlsCertGen(tools: StepTools): Promise<StepOutcome> {
  const { env } = tools
  const before = examinePair()
  const isWanted = before.state !== 'usable' || mayBeSigned()
  let done: string | undefined
  let problem = ''
  if (isWanted && env.generate_tls_cert !== 'false') {
    try {
      done = await obtainPair(before, tools)
    } catch (error) {
      problem = (error as Error).message
    }
  }
  const pair = examinePair()
  const wantsHttps = readSettings(env).settings.ENABLE_HTTPS
  decideHttps(wantsHttps, pair)
  if (pair.state === 'unusable') {
    const message = [`HTTPS is off: ${pair.reason}`, problem].filter(Boolean).join('; ')
    const change = { exports: { ENABLE_HTTPS: 'false' } }
    return wantsHttps || problem !== '' ? failed(message, change) : { ...skipped(message), ...change }
  }
  if (problem !== '') return failed(problem)
  if (pair.state === 'expired') return ok(`${pair.reason}: it is served all the same, and browsers warn`)
  return done === undefined ? skipped('the certificate is good') : ok(done)
}

/** The pair is self-signed, and the service may be asked again. */
function mayBeSigned(): boolean {
  if (!existsSync(paths.selfSigned)) return false
  return readAttempts() < MOST_ATTEMPTS || Date.now() - statSync(paths.selfSigned).mtimeMs > PEACE_MS
}

const readAttempts = (): number =>
  (existsSync(paths.selfSigned) && Number.parseInt(readFileSync(paths.selfSigned, 'utf8'), 10)) || 0

/** `31337`; '' on a machine that the vendor does not know. */
const instanceId = ({ CONTAINER_ID, VAST_CONTAINERLABEL }: Env): string =>
  CONTAINER_ID || (VAST_CONTAINERLABEL ?? '').replace(/^C\./, '')

/** @returns what was done. @throws Error when there is no new pair, and the old one is not good */
async function obtainPair(before: PairReport, { env, signal }: StepTools): Promise<string> {
  const id = instanceId(env)
  const nobodySigns = 'there is no CONTAINER_ID to have it signed for'
  if (before.state === 'usable' && id === '') return `the self-signed certificate stays: ${nobodySigns}`
  const draft = mkdtempSync(join('/etc', '.instance-tls-'))
  try {
    const pair = await makeRequest(draft, signal)
    const signing =
      id === '' ? { problem: nobodySigns } : await signCertificate(readFileSync(pair.request, 'utf8'), id, signal)
    const problem = 'problem' in signing ? signing.problem : takeCertificate(pair, signing.certificate)
    if (problem === '') {
      install(pair)
      rmSync(paths.selfSigned, { force: true })
      return 'the certificate is signed by the vendor'
    }
    writeFileAtomically(paths.selfSigned, `${Math.min(readAttempts() + 1, MOST_ATTEMPTS)}\n`)
    if (before.state === 'usable') return `the self-signed certificate stays: ${problem}`
    await signByItself(pair, signal)
    install(pair)
    return `the certificate is self-signed: ${problem}`
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Files of a pair that is not in use yet. */
interface Draft {
  readonly key: string
  readonly request: string
  readonly certificate: string
}

async function makeRequest(directory: string, signal: AbortSignal): Promise<Draft> {
  if (!isOurs(paths.opensslConfig)) writeFileAtomically(paths.opensslConfig, OPENSSL_CONFIG)
  const [key, request, certificate] = ['key', 'csr', 'crt'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const what = ['-subj', SUBJECT, '-sha256', '-newkey', 'rsa:2048', '-nodes', '-config', paths.opensslConfig]
  await openssl(['req', '-new', ...what, '-keyout', key, '-out', request], signal)
  return { key, request, certificate }
}

/** With the extensions that the request asks for. */
async function signByItself({ key, request, certificate }: Draft, signal: AbortSignal): Promise<void> {
  const how = ['-sha256', '-days', String(VALID_DAYS), '-copy_extensions', 'copyall']
  await openssl(['x509', '-req', ...how, '-in', request, '-signkey', key, '-out', certificate], signal)
}

async function openssl(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { ok, problem } = await runCommand('openssl', args, { signal })
  if (!ok) throw new Error(`cannot make a certificate: ${problem}`)
}

/** @returns '' when it is one for our key, else what is wrong */
function takeCertificate({ key, certificate }: Draft, pem: string): string {
  writeFileSync(certificate, pem)
  return examinePair(certificate, key).state === 'usable'
    ? ''
    : 'the signing service has sent no certificate for our key'
}

function install({ key, request, certificate }: Draft): void {
  chmodSync(key, 0o600)
  chmodSync(certificate, 0o644)
  renameSync(request, paths.instanceRequest)
  renameSync(key, paths.instanceKey)
  renameSync(certificate, paths.instanceCertificate)
}

/** People may have their own settings there; what mentions the vendor is meant for us. */
const isOurs = (path: string): boolean => existsSync(path) && readFileSync(path, 'utf8').includes('vast')
