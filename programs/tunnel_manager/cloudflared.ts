import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

/** A run of the program, from its start to its end. */
export interface Run {
  /** every line of stdout and stderr, as it comes */
  onLine(listener: (line: string) => void): void
  /** resolves when it has ended: `exit status 1`, `signal SIGTERM`, `cannot be started: …` */
  readonly ended: Promise<string>
  /** SIGTERM, SIGKILL after 5 s; resolves when it has ended */
  stop(): Promise<void>
}

export type StartCloudflared = (args: readonly string[], secrets?: Readonly<Record<string, string>>) => Run

export const CLOUDFLARED_MISSING =
  'cloudflared is not installed: tunnels are off; build the image with CLOUDFLARED_URL, or put it into /opt/instance-tools/bin'

/** Where the vendor's images have it, beside PATH. Source: contract 1.4 */
const FURTHER_PLACE = '/opt/portal-aio/tunnel_manager'

/** The first `cloudflared` of PATH that can be run. */
export const findCloudflared = (path = process.env.PATH ?? ''): string | undefined =>
  [...path.split(':'), FURTHER_PLACE]
    .filter(directory => directory !== '')
    .map(directory => join(directory, 'cloudflared'))
    .find(isExecutable)

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What a tunnel has use for: its own settings, less the account's token, and where the world is. */
const environmentOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        /^(PATH|HOME|TUNNEL_\w+|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR))$/i.test(entry[0]) &&
        !/TOKEN|SECRET/.test(entry[0]),
    ),
  )

/** The real one. What is secret goes by its environment, never by its arguments. */
export const startCloudflared =
  (file: string, env = process.env): StartCloudflared =>
  (args, secrets = {}) => {
    const child = execa(file, ['--no-autoupdate', ...args], {
      env: { ...environmentOf(env), ...secrets },
      extendEnv: false,
      all: true,
      stdin: 'ignore',
      buffer: false,
      reject: false,
      forceKillAfterDelay: 5000,
    })
    const ended = child.then(({ exitCode, signal, originalMessage }) =>
      signal !== undefined
        ? `signal ${signal}`
        : exitCode !== undefined
          ? `exit status ${exitCode}`
          : `cannot be started: ${originalMessage}`,
    )
    const listeners: ((line: string) => void)[] = []
    void (async () => {
      for await (const line of child.iterable({ from: 'all' })) for (const listener of listeners) listener(line)
    })().catch(() => {}) // the end of a killed program's output; `ended` tells what there is to tell
    return {
      onLine: listener => void listeners.push(listener),
      ended,
      stop: async () => {
        child.kill('SIGTERM')
        await ended
      },
    }
  }
