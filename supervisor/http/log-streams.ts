/** `GET /logtail/NAME[/CHANNEL]` and `/mainlogtail`: the end of a log, and what is written from then on. Source: contract 7.5 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Channel, Daemon } from '../daemon/api.ts'
import { followLog } from '../logs/follow.ts'
import { resolveSpec } from '../rpc/namespec.ts'
import type { FollowedFiles } from '../system/followed-file.ts'
import type { Files } from '../system/system.ts'
import { refuse, SERVER } from './error-page.ts'

/** How log files are looked at. */
export interface LogFiles {
  readonly files: Files
  readonly followedFiles: FollowedFiles
}

/** Sends for as long as the client stays. For a client that reads slowly nothing is read ahead. */
function stream(
  path: string,
  headers: readonly string[],
  response: ServerResponse,
  { files, followedFiles }: LogFiles,
): void {
  const modified = new Date(files.status(path)?.modified ?? 0)
  const follower = followLog(followedFiles, path, {
    onData(data) {
      if (!response.write(data)) follower?.pause()
    },
    onEnd: () => void response.end(),
  })
  if (follower === null) {
    refuse(response, 404)
  } else {
    response.writeHead(200, [
      ...['Server', SERVER, 'Last-Modified', modified.toUTCString(), 'Content-Type', 'text/plain;charset=utf-8'],
      ...headers,
    ])
    response.flushHeaders()
    response.on('drain', () => follower.resume())
    response.once('close', () => follower.close())
  }
}

function decodePath(url: string): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const isChannel = (text: string): text is Channel => text === 'stdout' || text === 'stderr'

/** The path of the log that a URL means; null when there is none. */
function logOf(daemon: Daemon, url: string): string | null {
  const [, , spec = '', channel = 'stdout', ...more] = decodePath(url).split('/')
  if (!isChannel(channel) || more.length > 0) return null
  return resolveSpec(daemon, spec)?.process?.readableLog(channel, 'bytes') || null
}

const endpoint =
  (pathOf: (url: string) => string | null, headers: readonly string[], logFiles: LogFiles) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const path = pathOf(request.url!)
    if (request.method !== 'GET') refuse(response, 400)
    else if (path === null) refuse(response, 404)
    else stream(path, headers, response, logFiles)
  }

export const logTail = (daemon: Daemon, logFiles: LogFiles) =>
  endpoint(url => logOf(daemon, url), ['X-Accel-Buffering', 'no'], logFiles)

export const mainLogTail = (daemon: Daemon, logFiles: LogFiles) => endpoint(() => daemon.logfile, [], logFiles)
