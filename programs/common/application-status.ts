/**
 * The one truth about the applications of an instance: gathers the facts, has `application-rules.ts` decide, and tells when
 * something has changed. Everything is told by somebody: supervisord, the kernel (files), portal.yaml. Only whether a port
 * accepts connections nobody tells, so that is tried, while its program is alive and somebody looks.
 */
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { programOf, readGateTerm } from './application-program.ts'
import { type ApplicationStatus, describeApplications, type Facts, presentVerdict } from './application-rules.ts'
import { readBootJournal } from './boot-journal.ts'
import { type Close, watchPath } from './file-watch.ts'
import { readListeningSockets } from './listening-sockets.ts'
import { paths } from './paths.ts'
import type { Application } from './portal-config.ts'
import { readPortalYaml } from './portal-yaml.ts'
import { readGateVerdicts, readSkipMarkers } from './skip-markers.ts'
import { openSupervisorWatch, type Program, pidsOf, type SupervisorWatch } from './supervisor-watch.ts'

export type { ApplicationState, ApplicationStatus } from './application-rules.ts'
export { describeApplications } from './application-rules.ts'

export interface ApplicationStatuses {
  /** As of the latest news; in the order of /etc/portal.yaml. */
  current(): readonly ApplicationStatus[]
  /** Asks everybody anew: for one answer without a subscription. Never rejects; 3 s at most. */
  read(): Promise<readonly ApplicationStatus[]>
  /** `listener` gets all of them after each change of one. What they depend on is followed while somebody has subscribed. */
  subscribe(listener: (statuses: readonly ApplicationStatus[]) => void): () => void
  /** A connection to its port has failed: look again, whatever was known. */
  suspect(name: string): void
  /** What `current()` rests on. */
  facts(): Facts
  /** As `subscribe`, for any news of the facts; at most once in a turn of the event loop. */
  follow(changed: () => void): () => void
  close(): void
}

export interface ApplicationStatusOptions {
  /** of supervisord; one that is closed with it, for `unix:///var/run/supervisor.sock`, unless given */
  readonly watch?: SupervisorWatch
  /** where the facts lie, for tests */
  readonly places?: Partial<Places>
}

const placesOfFacts = [
  'portalYaml',
  'skipMarkers',
  'gateVerdicts',
  'bootJournal',
  'provisioning',
  'provisioningFailed',
] as const
type Places = Readonly<Record<(typeof placesOfFacts)[number], string>>

/** A port that does not answer is tried again, at first soon: while its program is alive, and while somebody looks. */
const FIRST_PROBE_MS = 100
const LONGEST_PROBE_MS = 5000
const PROBE_LIMIT_MS = 1000

/** Whether the port of an application accepts connections: that of the life that its program has now. */
interface Probe {
  readonly life: string
  answers: boolean
  /** ms until the next try, if there has to be one */
  wait: number
  timer: NodeJS.Timeout | undefined
  /** It is being tried. */
  busy: boolean
}

export function openApplicationStatuses(options: ApplicationStatusOptions = {}): ApplicationStatuses {
  const places: Places = { ...paths, ...options.places }
  const watch = options.watch ?? openSupervisorWatch()
  const followers = new Set<() => void>()
  const probes = new Map<string, Probe>()
  let watchers: readonly Close[] = []
  let files = readFiles(places)
  let terms = new Map<string, string>()
  let commands: ReadonlyMap<string, string> = new Map()
  let ports: ReadonlyMap<number, string> = new Map()
  let telling = false
  let reading: Promise<readonly ApplicationStatus[]> | undefined

  const facts = (): Facts => {
    const answering = new Set([...probes].filter(([, { answers }]) => answers).map(([name]) => name))
    return { now: Date.now(), ...files, programs: watch.current().programs, terms, listeners: ports, answering }
  }

  /** Launchers are read when supervisord has other programs than before. */
  function learnTerms(): void {
    const { commands: latest } = watch.current()
    if (latest === commands) return
    commands = latest
    terms = new Map()
    for (const [namespec, command] of commands) {
      const term = readGateTerm(command)
      if (term !== undefined) terms.set(namespec, term)
    }
  }

  /** Sockets are looked through only for applications that are no program's otherwise. */
  function learnListeners(): void {
    const { programs = [], applications } = facts()
    const isOrphan = (application: Application): boolean =>
      programOf(application, programs, { terms, listeners: new Map() }) === undefined
    ports = applications.some(isOrphan) ? listenersAmong(programs) : new Map()
  }

  function look(): void {
    learnTerms()
    const { applications, programs, ...hints } = facts()
    const names = new Set(applications.map(({ name }) => name))
    for (const [name, probe] of probes) {
      if (names.has(name)) continue
      clearTimeout(probe.timer)
      probes.delete(name)
    }
    for (const application of applications) {
      const program = programs && programOf(application, programs, hints)
      const life = `${application.hostname} ${application.internal_port} ${program?.namespec} ${program?.pid}`
      const probe = probes.get(application.name)
      const isNew = probe?.life !== life
      if (isNew) {
        clearTimeout(probe?.timer)
        const unknown = { answers: false, wait: FIRST_PROBE_MS, timer: undefined, busy: false }
        probes.set(application.name, { life, ...unknown })
      }
      const isPending = probe?.answers || probe?.busy || probe?.timer !== undefined
      // a gate that lets its program go is news, too
      if (followers.size > 0 && (isNew || (!isPending && mayAnswerSoon(application)))) void tryPort(application.name)
    }
    tell()
  }

  function tell(): void {
    if (telling) return
    telling = true
    setImmediate(() => {
      telling = false
      for (const changed of [...followers]) changed()
    })
  }

  /** Tries it now, and again later where an answer may come without other news. */
  async function tryPort(name: string): Promise<void> {
    const probe = probes.get(name)
    const application = files.applications.find(other => other.name === name)
    if (probe === undefined || application === undefined) return
    clearTimeout(probe.timer)
    probe.timer = undefined
    probe.busy = true
    const answers = await accepts(application)
    probe.busy = false
    if (probes.get(name) !== probe) return
    if (answers !== probe.answers) probe.wait = FIRST_PROBE_MS
    probe.answers = answers
    if (!answers && followers.size > 0 && mayAnswerSoon(application)) {
      probe.timer = setTimeout(tryPort, probe.wait, name)
      probe.wait = Math.min(probe.wait * 2, LONGEST_PROBE_MS)
    }
    tell()
  }

  function mayAnswerSoon(application: Application): boolean {
    const known = facts()
    const program = known.programs && programOf(application, known.programs, known)
    if (program === undefined) return true
    const verdict = presentVerdict(program, known)?.verdict
    const isHeldBack = verdict === 'wait' || verdict === 'skip'
    return (program.state === 'RUNNING' || program.state === 'STARTING') && !isHeldBack
  }

  function readAgain(): void {
    files = readFiles(places)
    look()
  }

  const current = (): readonly ApplicationStatus[] => describeApplications(facts())

  async function readNow(): Promise<readonly ApplicationStatus[]> {
    await watch.read()
    files = readFiles(places)
    learnTerms()
    learnListeners()
    look()
    await Promise.all([...probes.keys()].map(tryPort))
    return current()
  }

  function read(): Promise<readonly ApplicationStatus[]> {
    reading ??= readNow().finally(() => {
      reading = undefined
    })
    return reading
  }

  function follow(changed: () => void): () => void {
    followers.add(changed)
    if (followers.size === 1) {
      watchers = [watch.subscribe(look), ...placesOfFacts.map(place => watchPath(places[place], readAgain))]
      void read()
    }
    return () => {
      if (followers.delete(changed) && followers.size === 0) rest()
    }
  }

  function rest(): void {
    for (const stop of watchers) stop()
    watchers = []
    for (const probe of probes.values()) {
      clearTimeout(probe.timer)
      probe.timer = undefined
    }
  }

  return {
    current,
    read,
    facts,
    follow,
    subscribe(listener) {
      let told = JSON.stringify(current())
      return follow(() => {
        const statuses = current()
        const text = JSON.stringify(statuses)
        if (text === told) return
        told = text
        listener(statuses)
      })
    },
    suspect(name) {
      const probe = probes.get(name)
      if (probe === undefined) return
      probe.wait = FIRST_PROBE_MS
      void tryPort(name)
    },
    close() {
      followers.clear()
      rest()
      if (options.watch === undefined) watch.close()
    },
  }
}

/** Port → namespec of the program that listens there. */
function listenersAmong(programs: readonly Program[]): ReadonlyMap<number, string> {
  const sockets = readListeningSockets(pidsOf(programs)).filter(({ protocol }) => protocol === 'tcp')
  return new Map(sockets.flatMap(({ port, owner }) => (owner?.program === undefined ? [] : [[port, owner.program]])))
}

const readFiles = (places: Places) => ({
  ...readApplications(places.portalYaml),
  skipMarkers: readSkipMarkers(places.skipMarkers),
  verdicts: readGateVerdicts(places.gateVerdicts),
  boot: readBootJournal(places.bootJournal),
  provisioning: existsSync(places.provisioning)
    ? ('running' as const)
    : existsSync(places.provisioningFailed)
      ? ('failed' as const)
      : undefined,
})

const readApplications = (path: string) => {
  const { applications, problems } = readPortalYaml(path)
  return { applications, problems }
}

/** Nothing is said: the connection is closed as soon as it is there. */
function accepts({ hostname, internal_port: port }: Application): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port })
    const answer = (accepted: boolean): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.setTimeout(PROBE_LIMIT_MS, () => answer(false))
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}
