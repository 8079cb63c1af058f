/** The pair that the instance's sites are served with, and whether they are. Source: contract 1.6 (cert-usable), 5.1, 14 (8) */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeFileAtomically } from './atomic-file.ts'
import { paths } from './paths.ts'

export interface PairReport {
  /** `expired`: the two belong together, and browsers complain. One that is not valid yet is usable. */
  readonly state: 'usable' | 'expired' | 'unusable'
  /** `/etc/instance.key is empty`; '' when it is usable */
  readonly reason: string
}

/** Never throws. Any type of key; one that wants a passphrase cannot be read. */
export function examinePair(
  certificatePath: string = paths.instanceCertificate,
  keyPath: string = paths.instanceKey,
  now: number = Date.now(),
): PairReport {
  try {
    const [certificatePem, keyPem] = [readPem(certificatePath), readPem(keyPath)]
    const certificate = understand(certificatePath, 'certificate', () => new X509Certificate(certificatePem))
    const theirs = understand(certificatePath, 'certificate', () => renderPublic(certificate.publicKey))
    const ours = understand(keyPath, 'key without a passphrase', () => renderPublic(publicHalf(keyPem)))
    if (theirs !== ours) throw new Error(`${keyPath} is not the key of ${certificatePath}`)
    return Date.parse(certificate.validTo) < now
      ? { state: 'expired', reason: `${certificatePath} has expired (key still matches)` }
      : { state: 'usable', reason: '' }
  } catch (error) {
    return { state: 'unusable', reason: (error as Error).message }
  }
}

function readPem(path: string): Buffer {
  let content: Buffer
  try {
    content = readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? `there is no ${path}` : `${path} cannot be read: ${message}`)
  }
  if (content.length === 0) throw new Error(`${path} is empty`)
  // OpenSSL reads DER, too; servers do not
  if (!content.includes('-----BEGIN ')) throw new Error(`${path} is no PEM file`)
  return content
}

/** What OpenSSL says of a bad file helps nobody. */
function understand<T>(path: string, what: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw new Error(`${path} is no ${what}`)
  }
}

const publicHalf = (pem: Buffer): KeyObject => createPublicKey(createPrivateKey(pem))
const renderPublic = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()

export interface HttpsDecision {
  /** by TLS, and not by plain HTTP */
  readonly served: boolean
  /** one line */
  readonly reason: string
}

/**
 * Decides, and writes it down for those who only want to know: `/etc/environment` may still say ENABLE_HTTPS=true where there
 * is nothing to serve with. Boot decides, and whoever configures the sites, once more each time.
 */
export function decideHttps(wanted: boolean, pair: PairReport = examinePair()): HttpsDecision {
  const served = wanted && pair.state !== 'unusable'
  const reason = wanted ? pair.reason || 'the certificate is good' : 'ENABLE_HTTPS is not true'
  try {
    mkdirSync(dirname(paths.httpsDecision), { recursive: true })
    writeFileAtomically(paths.httpsDecision, `${JSON.stringify({ served, reason })}\n`)
  } catch {
    // it is decided all the same
  }
  return { served, reason }
}

/** As decided last; undefined before that. Never throws. */
export function readHttpsDecision(path: string = paths.httpsDecision): HttpsDecision | undefined {
  try {
    const { served, reason } = JSON.parse(readFileSync(path, 'utf8')) as HttpsDecision
    return typeof served === 'boolean' ? { served, reason: String(reason ?? '') } : undefined
  } catch {
    return undefined
  }
}
