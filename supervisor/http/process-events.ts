/**
 * `GET /process-events`: the processes for programs, as server-sent events: first all of them, then those that change.
 * Nothing is polled, and no queue grows: a client that reads slowly is told how everything stands as soon as it can take it.
 *
 *     event: processes
 *     data: {"now":1700000000000,"all":true,"processes":[{…}]}
 *
 * `now` in ms since the epoch; `all` when there are no others. A process has the members of `getProcessInfo`, and what it
 * leaves out: `ending` (`exit status 3`; '' before the first), `expected` (that ending was), `endings` (how many so far),
 * `failures` (starts that failed since the last good one), `retryat` (ms since the epoch; 0: no start is due by itself).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Daemon, Process } from '../daemon/api.ts'
import { describeExit } from '../process/messages.ts'
import { wholeSeconds } from '../rpc/description.ts'
import { processInfo } from '../rpc/process-info.ts'
import type { Clock } from '../system/system.ts'
import { ChangedProcesses } from './changed-processes.ts'
import { refuse, SERVER } from './error-page.ts'

/** Each holds a connection; more are refused. */
const MOST_CLIENTS = 32

function facts(process: Process, now: number, clock: Clock) {
  const { lastExit, config, endings, failures, retryAt } = process
  return {
    ...processInfo(process, wholeSeconds(now)),
    ending: lastExit === null ? '' : describeExit(lastExit),
    expected: lastExit === null || config.exitcodes.includes(lastExit.status),
    endings,
    failures,
    retryat: retryAt === null ? 0 : Math.round(now + retryAt - clock.monotonic()),
  }
}

export function processEvents(daemon: Daemon, clock: Clock) {
  const clients = new Set<ServerResponse>()
  /** They could not take something: next comes everything. */
  const behind = new Set<ServerResponse>()
  const changes = new ChangedProcesses(daemon, clock, changed => tell(changed))

  function render(changed: ReadonlySet<Process> | null): string {
    const now = clock.wall()
    const processes = changed ? [...changed] : daemon.groups.flatMap(group => group.processes)
    const data = { now, all: changed === null, processes: processes.map(process => facts(process, now, clock)) }
    return `event: processes\ndata: ${JSON.stringify(data)}\n\n`
  }

  function tell(changed: ReadonlySet<Process> | null): void {
    const text = render(changed)
    for (const response of clients) {
      if (response.writableNeedDrain) behind.add(response)
      else response.write(text)
    }
  }

  return ({ method }: IncomingMessage, response: ServerResponse): void => {
    if (method !== 'GET' || clients.size >= MOST_CLIENTS) {
      refuse(response, method === 'GET' ? 503 : 400)
      return
    }
    response.writeHead(200, [
      ...['Server', SERVER, 'Content-Type', 'text/event-stream;charset=utf-8', 'Cache-Control', 'no-store'],
      ...['X-Accel-Buffering', 'no', 'X-Content-Type-Options', 'nosniff'],
    ])
    if (clients.size === 0) changes.begin()
    clients.add(response)
    response.on('drain', () => {
      if (behind.delete(response)) response.write(render(null))
    })
    response.once('close', () => {
      clients.delete(response)
      behind.delete(response)
      if (clients.size === 0) changes.end()
    })
    response.write(render(null))
  }
}
