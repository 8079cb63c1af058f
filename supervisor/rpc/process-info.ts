/**
 * The struct of `getProcessInfo`, and the listing that everybody polls. The text of a process is kept until its revision
 * changes, up to the two members that time changes; the whole listing until anything changes or a second has passed.
 * Source: contract 8.5; design.md 3 Control
 */

import { compareText } from '../config/python-text.ts'
import type { Daemon, Group, Process } from '../daemon/api.ts'
import { processStates } from '../process/states.ts'
import { type Renderable, RenderedValue, renderValue, type WireForm } from '../xmlrpc/codec.ts'
import { renderJson } from '../xmlrpc/json-form.ts'
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

/** What is around the members that time changes: `now` goes after `head`, an uptime after `middle`. */
interface Pieces {
  readonly revision: number
  readonly head: string
  /** from behind `now` to `description`, which is a part of it unless it has to be made anew each second */
  readonly middle: string
  readonly tail: string | null
}

interface ListForm {
  readonly render: (value: Renderable) => string
  /** ends right before the value of `now`, and of `description` */
  readonly now: string
  readonly description: string
  readonly list: (items: readonly string[]) => string
}

// Members cannot be mistaken for text: a `<` in a value is escaped, and so is a `"`.
const forms: Readonly<Record<WireForm, ListForm>> = {
  xml: {
    render: renderValue,
    now: '<name>now</name>\n<value><int>',
    description: '<name>description</name>\n<value><string>',
    list: items => `<array><data>\n${items.map(item => `<value>${item}</value>\n`).join('')}</data></array>`,
  },
  json: {
    render: renderJson,
    now: '"now":',
    description: '"description":"',
    list: items => `[${items.join()}]`,
  },
}

function cut(process: Process, form: ListForm): Pieces {
  const ticking = process.state === 'RUNNING'
  const info = processInfo(process, 0)
  const text = form.render(ticking ? { ...info, description: '' } : info)
  const nowAt = text.indexOf(form.now) + form.now.length
  const descriptionAt = text.indexOf(form.description) + form.description.length
  return {
    revision: process.revision,
    head: text.slice(0, nowAt),
    middle: text.slice(nowAt + 1, ticking ? descriptionAt : undefined),
    tail: ticking ? text.slice(descriptionAt) : null,
  }
}

/** `getAllProcessInfo`: sorted by (group name, process name). */
export class ProcessListing {
  readonly #daemon: Daemon
  readonly #form: ListForm
  readonly #pieces = new WeakMap<Process, Pieces>()
  #groups: readonly Group[] = []
  #processes: readonly Process[] = []
  #answer: { readonly revision: number; readonly now: number; readonly value: RenderedValue } | null = null

  constructor(daemon: Daemon, form: WireForm) {
    this.#daemon = daemon
    this.#form = forms[form]
  }

  /** `now` in seconds since the epoch. */
  at(now: number): RenderedValue {
    const { revision } = this.#daemon
    if (this.#answer?.revision !== revision || this.#answer.now !== now) {
      const items = this.#sorted().map(process => this.#render(process, now))
      this.#answer = { revision, now, value: new RenderedValue(this.#form.list(items)) }
    }
    return this.#answer.value
  }

  #render(process: Process, now: number): string {
    let pieces = this.#pieces.get(process)
    if (pieces?.revision !== process.revision) {
      pieces = cut(process, this.#form)
      this.#pieces.set(process, pieces)
    }
    const { head, middle, tail } = pieces
    return tail === null ? head + now + middle : head + now + middle + describe(process, now) + tail
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
