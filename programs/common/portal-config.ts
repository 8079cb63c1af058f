/**
 * PORTAL_CONFIG: the applications of an instance in one variable. `config = entry { "|" entry }`,
 * `entry = hostname ":" external_port ":" internal_port ":" open_path ":" name`; external before internal.
 * What is wrong with an entry is told, and costs no other entry anything. Source: contract 4.1
 */
import { parsePort } from './port.ts'
import type { Problem } from './problem.ts'

/** An application that people open. `external_port === internal_port`: nothing stands before it, there are only links. */
export interface Application {
  /** Its key in portal.yaml; no two have the same. */
  readonly name: string
  /** Where it listens: a name, an IPv4 address, or an IPv6 address in brackets; usually `localhost`. */
  readonly hostname: string
  readonly external_port: number
  readonly internal_port: number
  /** Begins with a slash. */
  readonly open_path: string
  /** What else portal.yaml says of it, as it stands there: `program`, and what we do not know. */
  readonly extra: Readonly<Record<string, unknown>>
}

export interface Applications {
  readonly applications: readonly Application[]
  readonly problems: readonly Problem[]
}

export const isProxied = ({ external_port, internal_port }: Application): boolean => external_port !== internal_port

const FORMAT = 'hostname:external_port:internal_port:open_path:name'

/** Never throws. Entries in their order; empty text: no applications and no problem. */
export function parsePortalConfig(text: string): Applications {
  const collector = collectApplications()
  const problems: Problem[] = []
  if (text.trim() === '') return { applications: [], problems }
  text.split('|').forEach((entry, index) => {
    const where = `PORTAL_CONFIG, entry ${index + 1}`
    const tell: Tell = (message, fix) => problems.push({ where, message, fix })
    const application = parseEntry(entry.trim(), tell)
    if (application !== undefined) collector.add(application, tell)
  })
  return { applications: collector.applications, problems }
}

export type Tell = (message: string, fix: string) => void

/** Brackets around a hostname hold an IPv6 address, with colons of its own. */
const FIELDS = /^(\[[^\]]*\]|[^:]*):([^:]*):([^:]*):([^:]*):(.*)$/s

function parseEntry(entry: string, tell: Tell): Application | undefined {
  if (entry === '') return void tell('an empty entry is left out', 'remove the | that has nothing before or behind it')
  if (entry.startsWith('#')) return void tell(`left out, as it begins with #: ${entry}`, 'remove the entry')
  const fields = FIELDS.exec(entry)?.slice(1).map(printable)
  if (fields === undefined)
    return void tell(`has ${entry.split(':').length} of 5 fields, and is left out: ${entry}`, `write ${FORMAT}`)
  const [hostname, external, internal, open_path, name] = fields as [string, string, string, string, string]
  if (/^\S*:\S/.test(name))
    tell(`its name is ${name}, with the colon`, 'write %3A for a colon in the path, and a space behind one in the name')
  return checkApplication({ name, hostname, external_port: external, internal_port: internal, open_path }, tell)
}

const printable = (field: string): string => field.replaceAll(/\p{Cc}+/gu, ' ').trim()

/** A name, an IPv4 address, or an IPv6 address in brackets: nothing that means something else in a URL or a Caddyfile. */
const HOSTNAME = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/i

/** What is written of an application, as it may stand in PORTAL_CONFIG, portal.yaml, or on a command line. */
export interface ApplicationText {
  readonly name: string
  readonly hostname: string
  readonly external_port: string
  readonly internal_port: string
  readonly open_path: string
  readonly extra?: Readonly<Record<string, unknown>>
}

/** The one place that says what an application may be; undefined, and told, when it cannot be used. */
export function checkApplication(given: ApplicationText, tell: Tell): Application | undefined {
  const external_port = parsePort(given.external_port)
  const internal_port = parsePort(given.internal_port)
  const name = given.name === '' ? `Port ${given.external_port}` : given.name
  const bad = (what: string, value: string, fix: string): undefined =>
    void tell(`${printable(name)}: ${what}: ${value || 'nothing'}; it is left out`, fix)
  if (/\p{Cc}/u.test(name + given.open_path))
    return bad('has control characters', JSON.stringify(name + given.open_path), 'write its name and path without them')
  if (!HOSTNAME.test(given.hostname))
    return bad('hostname is none', given.hostname, 'write a name such as localhost, or an address; IPv6 in brackets')
  if (external_port === undefined)
    return bad('external_port is not a port', given.external_port, 'write a whole number from 1 to 65535')
  if (internal_port === undefined)
    return bad('internal_port is not a port', given.internal_port, 'write a whole number from 1 to 65535')
  if (given.name === '') tell(`has no name; it is called ${name}`, 'write a name behind the path')
  const open_path = given.open_path === '' ? '/' : given.open_path
  if (!open_path.startsWith('/')) tell(`${name}: open_path is ${open_path}, taken as /${open_path}`, 'begin it with /')
  return {
    name,
    hostname: given.hostname,
    external_port,
    internal_port,
    open_path: open_path.startsWith('/') ? open_path : `/${open_path}`,
    extra: given.extra ?? {},
  }
}

/** Applications that can be served together; see `collectApplications`. */
export interface ApplicationCollector {
  readonly applications: readonly Application[]
  add(application: Application, tell: Tell): void
}

/**
 * Takes one after the other. Of two that want the same external port proxied, the first has it: Caddy takes no
 * configuration with both. A second one of the same name is called `My App (2)`.
 */
export function collectApplications(): ApplicationCollector {
  const applications: Application[] = []
  const copies = new Map<string, number>()
  const sites = new Map<number, string>()
  const freeName = (wanted: string): string => {
    let name = wanted
    for (let copy = copies.get(wanted) ?? 1; copies.has(name); copies.set(wanted, copy)) name = `${wanted} (${++copy})`
    copies.set(name, 1)
    return name
  }
  return {
    applications,
    add(application, tell) {
      const { name: wanted, external_port } = application
      const rival = isProxied(application) ? sites.get(external_port) : undefined
      if (rival !== undefined)
        return tell(
          `${wanted}: external port ${external_port} is that of ${rival}; it is left out`,
          `give it another external port, or, for one more link to ${rival}, ${external_port} twice`,
        )
      const name = freeName(wanted)
      if (name !== wanted) tell(`a second ${wanted}; it is called ${name}`, 'give each application a name of its own')
      if (isProxied(application)) sites.set(external_port, name)
      applications.push({ ...application, name })
    },
  }
}
