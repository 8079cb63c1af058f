/**
 * The one truth about the applications of an instance: gathers the facts, has `application-rules.ts` decide, and tells when
 * something has changed. Everything is told by somebody: supervisord, the kernel (files), portal.yaml. Only whether a port
 * accepts connections nobody tells, so that is tried, while its program is alive and somebody looks.
 */
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { programOf, readGateTerm } from './application-program.ts'
import { type ApplicationStatus, describeApplications, type Facts } from './application-rules.ts'
import { readBootJournal } from './boot-journal.ts'
import { type Close, watchPath } from './file-watch.ts'
import { paths } from './paths.ts'
import type { Application } from './portal-config.ts'
import { readPortalYaml } from './portal-yaml.ts'
import { readGateVerdicts, readSkipMarkers } from './skip-markers.ts'
import { openSupervisorWatch } from './supervisor-watch.ts'

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
  close(): void
}

export interface ApplicationStatusOptions {
  /** of supervisord; `unix:///var/run/supervisor.sock` unless given */
  readonly serverUrl?: string
  /** where the facts lie, for tests */
  readonly places?: Partial<Places>
  /** Who listens on which port, for applications that are otherwise no program's; nobody knows without. */
  readonly portOwners?: () => ReadonlyMap<number, string>
}

type Place = 'portalYaml' | 'skipMarkers' | 'gateVerdicts' | 'bootJournal' | 'provisioning' | 'provisioningFailed'
type Places = Readonly<Record<Place, string>>

const placesOfFacts: readonly Place[] = [
  ...(['portalYaml', 'skipMarkers', 'gateVerdicts', 'bootJournal', 'provisioning', 'provisioningFailed'] as const),
]

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
}

export function openApplicationStatuses(options: ApplicationStatusOptions = {}): ApplicationStatuses {
  const places: Places = { ...paths, ...options.places }
  const watch = openSupervisorWatch(options.serverUrl)
  const listeners = new Set<(statuses: readonly ApplicationStatus[]) => void>()
  const probes = new Map<string, Probe>()
  let watchers: readonly Close[] = []
  let files = readFiles(places)
  let terms = new Map<string, string>()
  let commands: ReadonlyMap<string, string> = new Map()
  let ports: ReadonlyMap<number, string> = new Map()
  let told = ''
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
    const { programs, applications, ...hints } = facts()
    const isOrphan = (application: Application): boolean =>
      programOf(application, programs ?? [], { ...hints, listeners: new Map() }) === undefined
    ports = (applications.some(isOrphan) && options.portOwners?.()) || new Map()
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
      if (probe?.life === life) continue
      clearTimeout(probe?.timer)
      probes.set(application.name, { life, answers: false, wait: FIRST_PROBE_MS, timer: undefined })
      if (listeners.size > 0) void tryPort(application.name)
    }
    tell()
  }

  function tell(): void {
    if (listeners.size === 0) return
    const statuses = describeApplications(facts())
    const text = JSON.stringify(statuses)
    if (text === told) return
    told = text
    for (const listener of [...listeners]) listener(statuses)
  }

  /** Tries it now, and again later where an answer may come without other news. */
  async function tryPort(name: string): Promise<void> {
    const probe = probes.get(name)
    const application = files.applications.find(other => other.name === name)
    if (probe === undefined || application === undefined) return
    clearTimeout(probe.timer)
    const before = probe.answers
    const answers = await accepts(application)
    if (probes.get(name) !== probe) return
    probe.answers = answers
    if (answers !== before) probe.wait = FIRST_PROBE_MS
    if (!answers && listeners.size > 0 && mayAnswerSoon(application)) {
      probe.timer = setTimeout(tryPort, probe.wait, name)
      probe.wait = Math.min(probe.wait * 2, LONGEST_PROBE_MS)
    }
    tell()
  }

  function mayAnswerSoon(application: Application): boolean {
    const { programs, verdicts, ...hints } = facts()
    const program = programs && programOf(application, programs, hints)
    if (program === undefined) return true
    const verdict = verdicts.get(program.name)?.verdict
    const isHeldBack = verdict === 'wait' || verdict === 'skip'
    return (program.state === 'RUNNING' || program.state === 'STARTING') && !isHeldBack
  }

  function readAgain(): void {
    files = readFiles(places)
    look()
  }

  async function read(): Promise<readonly ApplicationStatus[]> {
    await watch.read()
    files = readFiles(places)
    learnTerms()
    learnListeners()
    look()
    await Promise.all([...probes.keys()].map(tryPort))
    return describeApplications(facts())
  }

  return {
    current: () => describeApplications(facts()),
    facts,
    async read() {
      reading ??= read().finally(() => {
        reading = undefined
      })
      return reading
    },
    subscribe(listener) {
      listeners.add(listener)
      if (listeners.size === 1) {
        watchers = [watch.subscribe(look), ...placesOfFacts.map(place => watchPath(places[place], readAgain))]
        told = JSON.stringify(describeApplications(facts()))
        void read().then(tell)
      }
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return
        rest()
      }
    },
    suspect(name) {
      const probe = probes.get(name)
      if (probe === undefined) return
      probe.wait = FIRST_PROBE_MS
      void tryPort(name)
    },
    close() {
      listeners.clear()
      rest()
      watch.close()
    },
  }

  function rest(): void {
    for (const stop of watchers) stop()
    watchers = []
    for (const { timer } of probes.values()) clearTimeout(timer)
  }
}

const readFiles = (places: Places) => ({
  applications: readPortalYaml(places.portalYaml).applications,
  skipMarkers: readSkipMarkers(places.skipMarkers),
  verdicts: readGateVerdicts(places.gateVerdicts),
  boot: readBootJournal(places.bootJournal),
  provisioning: existsSync(places.provisioning)
    ? ('running' as const)
    : existsSync(places.provisioningFailed)
      ? ('failed' as const)
      : undefined,
})

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
