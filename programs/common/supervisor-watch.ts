/**
 * The programs of supervisord as they stand, without asking again and again: bosun's supervisord streams what changes
 * (`GET /process-events`), for as long as the watch is open. Python's has no such stream: there everything is asked for
 * every 5 s while somebody has subscribed, and when somebody wants to know. A supervisord that is gone is looked for again.
 */
import { StringDecoder } from 'node:string_decoder'
import { type Following, HttpStatusError, openClient } from '../../supervisor/client/client.ts'
import type { ProcessInfo } from '../../supervisor/client/supervisor-api.ts'
import type { ProcessState } from '../../supervisor/process/states.ts'
import { paths } from './paths.ts'

/** One process of supervisord. */
export interface Program {
  /** `group:name`, or `name` alone when both are equal: what supervisorctl calls it */
  readonly namespec: string
  readonly name: string
  readonly group: string
  readonly state: ProcessState
  /** as `supervisorctl status` prints it */
  readonly description: string
  /** 0 when there is no child */
  readonly pid: number
  /** ms since the epoch, in whole seconds, of the latest start and end; 0: never */
  readonly started: number
  readonly stopped: number
  /** '' when the latest start had no trouble */
  readonly spawnerr: string
  /** of the latest end, −1 for death by signal; 0 also before the first, and after one that came too quickly */
  readonly exitstatus: number
  /** '' or `/dev/stdout` when it has no log file of its own */
  readonly logfile: string
  /** What only bosun's supervisord tells; undefined otherwise. */
  readonly more: MoreOfProgram | undefined
  /** ms since the epoch of ends that nobody asked for: those of the last minute that were seen, 100 at most */
  readonly ends: readonly number[]
}

export interface MoreOfProgram {
  /** how the latest child ended: `exit status 3`, `terminated by SIGKILL`; '' before the first end */
  readonly ending: string
  /** That is one that `exitcodes` expects. */
  readonly expected: boolean
  /** how many children have ended */
  readonly endings: number
  /** Starts that failed since the last one that did not. */
  readonly failures: number
  /** ms since the epoch of the next attempt; 0: none is due by itself */
  readonly retryAt: number
}

export interface SupervisorView {
  /** by group, then name; undefined while supervisord does not answer */
  readonly programs: readonly Program[] | undefined
  /** namespec → its command line; empty when supervisord does not tell */
  readonly commands: ReadonlyMap<string, string>
}

export interface SupervisorWatch {
  /** As of the latest news. */
  current(): SupervisorView
  /** As it stands now: waits for a supervisord that is slow, 2 s at most, and asks one that does not stream. Never rejects. */
  read(): Promise<SupervisorView>
  /** `changed` is called when `current()` has become another, at most once in a turn of the event loop. */
  subscribe(changed: () => void): () => void
  close(): void
}

/** pid → namespec, of those that run */
export const pidsOf = (programs: readonly Program[]): ReadonlyMap<number, string> =>
  new Map(programs.filter(({ pid }) => pid !== 0).map(({ pid, namespec }) => [pid, namespec]))

const POLL_MS = 5000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000
const PATIENCE_MS = 2000
const REMEMBERED_MS = 60_000
const MOST_REMEMBERED = 100
const LONGEST_EVENT = 16 * 1024 * 1024

type Told = Omit<Program, 'ends'>

const nothing: SupervisorView = { programs: undefined, commands: new Map() }

/** `serverUrl` of supervisord, as in `[supervisorctl]`. */
export function openSupervisorWatch(serverUrl = `unix://${paths.supervisorSocket}`): SupervisorWatch {
  const client = openClient(serverUrl)
  const subscribers = new Set<() => void>()
  let mode: 'connecting' | 'streaming' | 'polling' | 'waiting' | 'closed' = 'waiting'
  let view = nothing
  const known = new Map<string, Program>()
  /** resolves when the latest attempt to connect has come to something */
  let attempt: Promise<void> = Promise.resolve()
  let wait = 0
  let timer: NodeJS.Timeout | undefined
  let announced = false

  function become(next: SupervisorView): void {
    view = next
    if (announced) return
    announced = true
    setImmediate(() => {
      announced = false
      for (const changed of [...subscribers]) changed()
    })
  }

  function take(told: readonly Told[], all: boolean): void {
    const now = Date.now()
    if (all) {
      const present = new Set(told.map(({ namespec }) => namespec))
      for (const namespec of known.keys()) if (!present.has(namespec)) known.delete(namespec)
    }
    for (const each of told) known.set(each.namespec, { ...each, ends: endsOf(known.get(each.namespec), each, now) })
    const programs = [...known.values()].sort((a, b) => compare(a.group, b.group) || compare(a.name, b.name))
    become({ ...view, programs })
  }

  /** They change only when groups come and go. */
  async function learnCommands(): Promise<void> {
    try {
      const infos = (await client.supervisor.getAllConfigInfo()) as readonly ConfigCommand[]
      const commands = new Map(infos.map(info => [namespecOf(info), info.command ?? '']))
      if (view.programs !== undefined) become({ ...view, commands })
    } catch {
      // an older supervisord does not know them; one that has gone is noticed elsewhere
    }
  }

  function connect(): void {
    mode = 'connecting'
    const { promise, resolve } = Promise.withResolvers<void>()
    attempt = promise
    const read = readEvents(event => {
      mode = 'streaming'
      wait = 0
      take(event.processes.map(fromStream), event.all)
      if (event.all) void learnCommands()
      resolve()
    })
    const following: Following = client.follow('/process-events', bytes => {
      if (!read(bytes)) following.stop()
    })
    following.ended.then(waitToConnect, (error: unknown) => {
      // 404: it is Python's; 503: many look already
      if (mode === 'connecting' && error instanceof HttpStatusError) return poll().then(resolve)
      waitToConnect()
      resolve()
    })
  }

  function waitToConnect(): void {
    if (mode === 'closed') return
    mode = 'waiting'
    known.clear()
    if (view !== nothing) become(nothing)
    wait = Math.min(Math.max(wait * 2, FIRST_WAIT_MS), LONGEST_WAIT_MS)
    clearTimeout(timer)
    timer = setTimeout(connect, wait).unref()
  }

  async function poll(): Promise<void> {
    mode = 'polling'
    clearTimeout(timer)
    try {
      const told = (await client.supervisor.getAllProcessInfo()).map(fromInfo)
      if (mode !== 'polling') return
      const isSame = told.length === known.size && told.every(({ namespec }) => known.has(namespec))
      take(told, true)
      if (!isSame) void learnCommands()
      wait = 0
      pollLater()
    } catch {
      if (mode === 'polling') waitToConnect()
    }
  }

  function pollLater(): void {
    clearTimeout(timer)
    if (subscribers.size > 0) timer = setTimeout(poll, POLL_MS).unref()
  }

  connect()
  return {
    current: () => view,
    async read() {
      if (mode === 'waiting') {
        clearTimeout(timer)
        connect()
      }
      const patience = Promise.withResolvers<void>()
      const limit = setTimeout(patience.resolve, PATIENCE_MS)
      await Promise.race([mode === 'polling' ? poll() : attempt, patience.promise])
      clearTimeout(limit)
      return view
    },
    subscribe(changed) {
      subscribers.add(changed)
      if (mode === 'polling' && subscribers.size === 1) void poll()
      return () => void subscribers.delete(changed)
    },
    close() {
      mode = 'closed'
      clearTimeout(timer)
      subscribers.clear()
      client.close()
    },
  }
}

// -- what is on the wire -----------------------------------------------------------------------------------------------

interface ConfigCommand {
  readonly name: string
  readonly group: string
  readonly command?: string
}

/** Of `GET /process-events`; see supervisor/http/process-events.ts. */
interface StreamedProcess extends ProcessInfo {
  readonly ending: string
  readonly expected: boolean
  readonly endings: number
  readonly failures: number
  readonly retryat: number
}

interface ProcessesEvent {
  readonly all: boolean
  readonly processes: readonly StreamedProcess[]
}

const namespecOf = ({ group, name }: { readonly group: string; readonly name: string }): string =>
  group === name ? name : `${group}:${name}`

const fromInfo = (info: ProcessInfo): Told => ({
  namespec: namespecOf(info),
  name: info.name,
  group: info.group,
  state: info.statename,
  description: info.description,
  pid: info.pid,
  started: info.start * 1000,
  stopped: info.stop * 1000,
  spawnerr: info.spawnerr,
  exitstatus: info.exitstatus,
  logfile: info.stdout_logfile,
  more: undefined,
})

const fromStream = (process: StreamedProcess): Told => {
  const { ending, expected, endings, failures, retryat: retryAt } = process
  return { ...fromInfo(process), more: { ending, expected, endings, failures, retryAt } }
}

/** Takes pieces of a stream; answers false when that is none of ours, or an event grows beyond all measure. */
function readEvents(take: (event: ProcessesEvent) => void): (bytes: Buffer) => boolean {
  const decoder = new StringDecoder('utf8')
  let text = ''
  return bytes => {
    text += decoder.write(bytes)
    const lines = text.split('\n')
    text = lines.pop()!
    try {
      for (const line of lines) if (line.startsWith('data: ')) take(JSON.parse(line.slice('data: '.length)))
    } catch {
      return false
    }
    return text.length <= LONGEST_EVENT
  }
}

// -- ends that nobody asked for ----------------------------------------------------------------------------------------

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function endsOf(before: Program | undefined, told: Told, now: number): readonly number[] {
  const kept = before?.ends.filter(end => end > now - REMEMBERED_MS) ?? []
  const more = before === undefined ? 0 : Math.min(unasked(before, told), MOST_REMEMBERED)
  return [...kept, ...Array<number>(more).fill(now)].slice(-MOST_REMEMBERED)
}

/** How often it has ended by itself since. One who is stopped by hand is STOPPING in between. */
function unasked(before: Told, told: Told): number {
  if (before.state === 'STOPPING' || told.state === 'STOPPING' || told.state === 'STOPPED') return 0
  if (before.more && told.more) return told.more.endings - before.more.endings
  const isAnother = before.pid !== 0 && told.pid !== before.pid
  return isAnother || told.stopped !== before.stopped ? 1 : 0
}
