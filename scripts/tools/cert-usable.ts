/**
 * `cert-usable [CERTIFICATE] [KEY]`: exit status 0 when a server can use the pair, 3 when it only has expired, 1 when it
 * cannot be used; why, on stderr. Without paths: the pair of the instance. Source: contract 1.6
 */
import { writeSync } from 'node:fs'
import { examinePair } from '../../programs/common/certificates.ts'

const EXIT = { usable: 0, expired: 3, unusable: 1 } as const

const [certificate, key] = process.argv.slice(2)
const { state, reason } = examinePair(certificate || undefined, key || undefined)
if (reason !== '') writeSync(2, `cert-usable: ${reason}\n`)
process.exitCode = EXIT[state]
