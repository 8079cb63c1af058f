/** The tunnel manager, as the portal asks it. Source: contract 6.2 "Tunnel routes", 7.1 */
import { request as httpRequest } from 'node:http'
import type { Logger } from '../common/logger.ts'
import type { Tunnel } from './links.ts'

export interface TunnelAnswer {
  readonly status: number
  readonly body: unknown
}

export interface Tunnels {
  /** As the tunnel manager has told them last; empty while it does not answer. */
  known(): readonly Tunnel[]
  /** Asks for them anew, if that was not just done; one question at a time, 3 s at most. Never rejects. */
  refresh(): Promise<void>
  /** One call of its API, with its status: 500 when it does not answer. Never rejects. */
  ask(method: 'GET' | 'POST' | 'PUT', path: string): Promise<TunnelAnswer>
}

/** Creating one may take that long. */
const LONGEST_ANSWER_MS = 35_000
const PATIENCE_MS = 3000
const FRESH_MS = 5000

export function openTunnels(address: string, log: Pick<Logger, 'warn'>): Tunnels {
  let known: readonly Tunnel[] = []
  let asked = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined
  let complained = false

  async function list(path: string): Promise<readonly Tunnel[]> {
    const { status, body } = await request('GET', new URL(path, address), PATIENCE_MS)
    return status === 200 && Array.isArray(body) ? body.filter(isTunnel) : []
  }

  async function learn(): Promise<void> {
    try {
      known = (await Promise.all([list('/get-named-tunnels'), list('/get-all-quick-tunnels')])).flat()
      complained = false
    } catch (error) {
      known = []
      if (!complained) log.warn(`the tunnel manager does not answer: ${(error as Error).message}`)
      complained = true
    }
  }

  return {
    known: () => known,
    async refresh() {
      if (asking === undefined && performance.now() - asked < FRESH_MS) return
      asked = performance.now()
      asking ??= learn().finally(() => {
        asking = undefined
      })
      await asking
    },
    async ask(method, path) {
      try {
        return await request(method, new URL(path, address), LONGEST_ANSWER_MS)
      } catch (error) {
        log.warn(`the tunnel manager does not answer: ${(error as Error).message}`)
        return { status: 500, body: undefined }
      }
    },
  }
}

const MOST_OF_ANSWER = 1024 * 1024

/** The global fetch would cost 6 MB for these few calls on loopback. */
function request(method: string, url: URL, limitMs: number): Promise<TunnelAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, signal: AbortSignal.timeout(limitMs) }, answer => {
      const chunks: Buffer[] = []
      let length = 0
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > MOST_OF_ANSWER) answer.destroy(new Error('the answer is too long'))
      })
      answer.once('error', reject)
      answer.once('end', () => resolve({ status: answer.statusCode!, body: parse(Buffer.concat(chunks).toString()) }))
    })
    outgoing.once('error', reject).end()
  })
}

/** undefined for what is not JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isTunnel = (value: unknown): value is Tunnel =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Tunnel).targetUrl === 'string' &&
  typeof (value as Tunnel).tunnelUrl === 'string'
