/** The vendor's signing service: a certificate for a key, by an authority that the vendor's clients know. Source: contract 2.4 (55) */
import { setTimeout as wait } from 'node:timers/promises'
import { runCommand } from './command.ts'

export type Signing =
  | { readonly certificate: string }
  /** one line */
  | { readonly problem: string }

const SERVICE = 'https://console.vast.ai/api/v0/sign_cert/'

/** Without a network nobody waits longer than that. */
const CONNECT_SECONDS = 2
/** supervisord is not started before that. */
const ALL_SECONDS = 10
const TRIES = 4
const PAUSE_SECONDS = 2
const LARGEST_ANSWER = 64 * 1024

/**
 * `request` is a PKCS #10 request as PEM; what comes back is as the service sent it, and checked by whoever takes it. Tried
 * again only where the service answers that it may be different soon. Rejects only when `signal` is aborted.
 *
 * By curl: a name that does not resolve would keep Node from ending for as long as the resolver tries (10 s, measured).
 */
export async function signCertificate(request: string, instanceId: string, signal: AbortSignal): Promise<Signing> {
  const end = performance.now() + ALL_SECONDS * 1000
  for (let attempt = 1; ; attempt++) {
    const left = Math.ceil((end - performance.now()) / 1000)
    const { ok, stdout, problem } = await runCommand(
      'curl',
      [
        ...['-sS', '--proto', '=https', '--connect-timeout', String(CONNECT_SECONDS), '--max-time', String(left)],
        ...['--max-filesize', String(LARGEST_ANSWER), '-w', '\\n%{http_code}'],
        ...['-H', 'Content-Type: application/octet-stream', '--data-binary', '@-'],
        `${SERVICE}?instance_id=${encodeURIComponent(instanceId)}`,
      ],
      { input: request, signal },
    )
    if (!ok) return { problem }
    const [, answer, status] = /^(.*)\n(\d+)$/s.exec(stdout)!
    if (status === '200') return { certificate: answer! }
    const mayChange = status === '408' || status === '429' || status!.startsWith('5')
    if (!mayChange || attempt === TRIES || left <= PAUSE_SECONDS)
      return { problem: `the signing service answers ${status}` }
    await wait(PAUSE_SECONDS * 1000, undefined, { signal })
  }
}
