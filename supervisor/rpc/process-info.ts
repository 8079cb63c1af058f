/**
 * The struct of `getProcessInfo`, and the listing that everybody polls. The XML of a process is kept until its revision
 * changes, up to the two members that time changes; the whole listing until anything changes or a second has passed.
 * Source: contract 8.5; design.md 3 Control
 */

import { compareText } from '../config/python-text.ts'
import type { Daemon, Group, Process } from '../daemon/api.ts'
import { processStates } from '../process/states.ts'
import { RenderedValue, renderValue } from '../xmlrpc/codec.ts'
import { describe, wholeSeconds } from './description.ts'

/** The 14 members in the order they are sent. `now` in seconds since the epoch. */
export const processInfo = (process: Process, now: number) => ({
  name: process.config.name,
  group: process.group.name,
  start: wholeSeconds(process.startedAt),
  stop: wholeSeconds(process.stoppedAt),
  now,
  state: processStates[process.state],
  statename: process.state,
  spawnerr: process.spawnerr,
  exitstatus: process.exitstatus ?? 0,
  logfile: process.logfile('stdout'),
  stdout_logfile: process.logfile('stdout'),
  stderr_logfile: process.logfile('stderr'),
  pid: process.pid,
  description: describe(process, now),
})

/** XML around the members that time changes: `now` goes after `head`, an uptime after `middle`. */
interface Pieces {
  readonly revision: number
  readonly head: string
  /** from behind `now` to `description`, which is a part of it unless it has to be made anew each second */
  readonly middle: string
  readonly tail: string | null
}

const NOW = '<name>now</name>\n<value><int>'
const DESCRIPTION = '<name>description</name>\n<value><string>'

// Members cannot be mistaken for text: a `<` in a value is escaped.
function cut(process: Process): Pieces {
  const ticking = process.state === 'RUNNING'
  const info = processInfo(process, 0)
  const xml = renderValue(ticking ? { ...info, description: '' } : info)
  const nowAt = xml.indexOf(NOW) + NOW.length
  const descriptionAt = xml.indexOf(DESCRIPTION) + DESCRIPTION.length
  return {
    revision: process.revision,
    head: xml.slice(0, nowAt),
    middle: xml.slice(nowAt + 1, ticking ? descriptionAt : undefined),
    tail: ticking ? xml.slice(descriptionAt) : null,
  }
}

/** `getAllProcessInfo`: sorted by (group name, process name). */
export class ProcessListing {
  readonly #daemon: Daemon
  readonly #pieces = new WeakMap<Process, Pieces>()
  #groups: readonly Group[] = []
  #processes: readonly Process[] = []
  #answer: { readonly revision: number; readonly now: number; readonly value: RenderedValue } | null = null

  constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** `now` in seconds since the epoch. */
  at(now: number): RenderedValue {
    const { revision } = this.#daemon
    if (this.#answer?.revision !== revision || this.#answer.now !== now) {
      let xml = '<array><data>\n'
      for (const process of this.#sorted()) xml += this.#render(process, now)
      this.#answer = { revision, now, value: new RenderedValue(`${xml}</data></array>`) }
    }
    return this.#answer.value
  }

  #render(process: Process, now: number): string {
    let pieces = this.#pieces.get(process)
    if (pieces?.revision !== process.revision) {
      pieces = cut(process)
      this.#pieces.set(process, pieces)
    }
    const { head, middle, tail } = pieces
    return tail === null
      ? `<value>${head}${now}${middle}</value>\n`
      : `<value>${head}${now}${middle}${describe(process, now)}${tail}</value>\n`
  }

  /** Groups change far less often than processes do. */
  #sorted(): readonly Process[] {
    const { groups } = this.#daemon
    if (groups.length !== this.#groups.length || groups.some((group, index) => group !== this.#groups[index])) {
      this.#groups = [...groups]
      this.#processes = groups
        .flatMap(group => group.processes)
        .sort((a, b) => compareText(a.group.name, b.group.name) || compareText(a.config.name, b.config.name))
    }
    return this.#processes
  }
}
