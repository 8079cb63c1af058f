/**
 * `syncthing-settings [--new]`: waits until Syncthing answers, then sets by its REST API what an instance needs, and ends.
 * `--new`: the configuration has just been made. The key to the API is in STGUIAPIKEY. Exit status 1 when it does not
 * answer, or refuses. Source: contract 3.3 (syncthing.sh)
 */
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { reconcileListenAddresses } from './listen-addresses.ts'

const API = 'http://127.0.0.1:18384/rest'
const TRY_EVERY_MS = 250
const ANSWER_MS = 5000

const { STGUIAPIKEY: key = '', VAST_TCP_PORT_72299: publicPort = '', MAX_RETRY } = process.env

/** Not by process.stdout: that would leave the pipe of Syncthing non-blocking. */
const say = (line: string): void => void writeSync(1, `${line}\n`)

async function call(method: 'GET' | 'PATCH', path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${API}${path}`, {
    method,
    headers: { 'X-API-Key': key },
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`syncthing answers ${method} ${path} with ${response.status}`)
  return response
}

/** There is nobody who could tell when it listens. */
async function untilItAnswers(seconds: number): Promise<void> {
  for (const end = performance.now() + seconds * 1000; ; await wait(TRY_EVERY_MS)) {
    try {
      await call('GET', '/system/ping')
      return
    } catch (error) {
      if (performance.now() > end)
        throw new Error(`syncthing does not answer within ${seconds} s: ${(error as Error).message}`)
    }
  }
}

async function main(isNew: boolean): Promise<void> {
  await untilItAnswers(Number.parseInt(MAX_RETRY ?? '', 10) || 30)
  const options = (await (await call('GET', '/config/options')).json()) as {
    readonly listenAddresses: readonly string[]
  }
  const { addresses, problem } = reconcileListenAddresses(options.listenAddresses, isNew, publicPort)
  await call('PATCH', '/config/options', { listenAddresses: addresses, ...(isNew ? { natEnabled: false } : {}) })
  // who may come in is Caddy's business, and the name that people use for us is not ours
  await call('PATCH', '/config/gui', { insecureAdminAccess: true, insecureSkipHostcheck: true })
  say(
    problem === undefined
      ? `Syncthing listens on port ${publicPort}`
      : `Syncthing has no listener of its own: ${problem}`,
  )
}

main(process.argv.includes('--new')).catch((error: Error) => {
  say(`ERROR: ${error.message}`)
  process.exitCode = 1
})
