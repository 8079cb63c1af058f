/**
 * Scripts that a user names by variable: BOOT_SCRIPT, HOTFIX_SCRIPT, PROVISIONING_SCRIPT. A page that says "not found" is not
 * one, and is never run. Source: contract/vast-instance.md 2.1, 2.4 (15), 8.2 (9), 14 (6)
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What is fetched; far beyond any script, far below what hurts. */
const MOST_BYTES = 16 * 1024 * 1024
/** Of one attempt, redirects and all. */
const ATTEMPT_SECONDS = 60
/** Waits before the second attempt and the third: only for what may be better then. */
const RETRY_AFTER_MS = [2000, 5000]

export interface ReadOptions {
  /** stops waiting and fetching */
  readonly signal?: AbortSignal
  /** One line for people, about a failed attempt. */
  readonly say?: (line: string) => void
}

/** `https://user:secret@host/a.sh?token=b` → `https://host/a.sh`: fit for logs. */
export function nameOfSource(source: string): string {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(source) || !URL.canParse(source)) return source
  const { protocol, host, pathname } = new URL(source)
  return `${protocol}//${host}${pathname}`
}

/** The path that a source means, `/a.sh` or `file:///a.sh`; undefined for one to be fetched. */
export function pathOfSource(source: string): string | undefined {
  if (/^https?:\/\//i.test(source)) return undefined
  return /^file:/i.test(source) ? fileURLToPath(source) : source
}

/**
 * The script's text, ready to run.
 * @throws Error that says what is wrong with the source and never quotes a secret of it
 */
export async function readScript(source: string, options: ReadOptions = {}): Promise<string> {
  const name = nameOfSource(source)
  const unsupported = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]
  if (unsupported !== undefined && !/^(https?|file)$/i.test(unsupported))
    throw new Error(`cannot fetch ${name}: ${unsupported} is none of https, http, file`)
  const path = pathOfSource(source)
  return mendScript(path === undefined ? await fetchBytes(source, options) : readBytes(path), name)
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`)
  }
}

/**
 * Line ends of Windows and a byte order mark go. Without a first line that names an interpreter, or with `#!/bin/false`, which
 * only keeps people from running it by hand, bash runs it. What is no script is refused.
 * @throws Error
 */
export function mendScript(bytes: Buffer, name: string): string {
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
  const problem =
    text.trim() === ''
      ? 'it is empty'
      : /^\s*</.test(text)
        ? 'it is a page (its first character is <): is this the address of the raw file?'
        : text.includes('\0')
          ? 'it is no text'
          : undefined
  if (problem !== undefined) throw new Error(`${name} is not a script: ${problem}`)
  if (!text.startsWith('#!')) return `#!/bin/bash\n${text}`
  return text.replace(/^#!\s*\S*\/false\b.*/, '#!/bin/bash')
}

/** Worth another attempt. */
class PassingError extends Error {}

async function fetchBytes(source: string, { signal, say }: ReadOptions): Promise<Buffer> {
  useSurroundings()
  for (const wait of [...RETRY_AFTER_MS, undefined]) {
    try {
      return await fetchOnce(source, signal)
    } catch (error) {
      if (!(error instanceof PassingError) || wait === undefined || signal?.aborted) throw error
      say?.(`${error.message}; again in ${wait / 1000} s`)
      await new Promise(next => setTimeout(next, wait))
    }
  }
  throw new Error('unreachable')
}

/** As other programs of the instance do: certificates of the system, and its proxy. Loaded for this alone: most runs fetch nothing. */
function useSurroundings(): void {
  const [tls, http] = [process.getBuiltinModule('node:tls'), process.getBuiltinModule('node:http')]
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])
  http.setGlobalProxyFromEnv()
}

async function fetchOnce(source: string, signal?: AbortSignal): Promise<Buffer> {
  const name = nameOfSource(source)
  const url = new URL(source)
  const headers = new Headers({ 'user-agent': 'bosun' })
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
    url.username = url.password = ''
  }
  const limit = AbortSignal.timeout(ATTEMPT_SECONDS * 1000)
  try {
    const response = await fetch(url, { headers, signal: signal ? AbortSignal.any([signal, limit]) : limit })
    if (url.protocol === 'https:' && response.url.startsWith('http:'))
      throw new Error(`cannot fetch ${name}: it redirects to plain http`)
    if (!response.ok) {
      const text = `cannot fetch ${name}: HTTP status ${response.status}`
      throw response.status === 429 || response.status >= 500 ? new PassingError(text) : new Error(text)
    }
    return await readBody(response, name)
  } catch (error) {
    if (limit.aborted) throw new PassingError(`cannot fetch ${name}: not done within ${ATTEMPT_SECONDS} s`)
    if (!(error instanceof TypeError)) throw error
    // fetch says "fetch failed", and keeps the reason
    const { cause } = error as { cause?: Error }
    throw new PassingError(`cannot fetch ${name}: ${cause?.message || error.message}`)
  }
}

async function readBody(response: Response, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MOST_BYTES) throw new Error(`cannot fetch ${name}: it is larger than ${MOST_BYTES / 1024 / 1024} MB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
