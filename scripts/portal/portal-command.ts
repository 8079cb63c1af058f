/** The `portal` command; main.ts tells how it is called. Source: issue 6 part 1; contract 4.1, 4.2, 14 (9, 10) */
import { lookup } from 'node:dns/promises'
import { parseArgs } from 'node:util'
import type { Env } from '../../programs/common/environment-file.ts'
import {
  mergeSources,
  ownSurroundings,
  placeOf,
  readEnvironmentSources,
} from '../../programs/common/environment-sources.ts'
import { paths } from '../../programs/common/paths.ts'
import {
  type Application,
  type ApplicationText,
  checkApplication,
  collectApplications,
  isProxied,
  parsePortalConfig,
} from '../../programs/common/portal-config.ts'
import {
  editPortalYaml,
  ensurePortalYaml,
  type PortalYamlEditor,
  PortalYamlError,
  readPortalYaml,
} from '../../programs/common/portal-yaml.ts'
import { type Problem, renderProblem } from '../../programs/common/problem.ts'
import { mappedPort, readSettings, type Settings } from '../../programs/common/settings.ts'

export interface Output {
  out(text: string): void
  err(text: string): void
}

const USAGE = `usage: portal add NAME --external-port N --internal-port M [--path /] [--hostname localhost] [--program P]
       portal add HOST:EXTERNAL_PORT:INTERNAL_PORT:PATH:NAME [--program P]
       portal remove NAME
       portal list [--json]
       portal check
       with --file PATH: another file than ${paths.portalYaml}

add      adds an application to the portal, or changes what is given of the one that has this name.
         The same port twice: it is not proxied, the portal only links to it. --program names the
         program of supervisord that serves it, where that cannot be told from their names.
remove   removes it.
list     lists them, with the public port where the platform has mapped one.
check    tells what is wrong with ${paths.portalYaml} and with PORTAL_CONFIG, and what to do about it.

Exit status: 0 done, or there was nothing to do; 1 not done, or check has found something; 2 wrong usage.
`

const options = {
  'external-port': { type: 'string' },
  'internal-port': { type: 'string' },
  path: { type: 'string' },
  hostname: { type: 'string' },
  program: { type: 'string' },
  json: { type: 'boolean' },
  file: { type: 'string' },
} as const
type OptionName = keyof typeof options
type Options = { readonly [Name in OptionName]?: (typeof options)[Name]['type'] extends 'string' ? string : boolean }

interface Call extends Output {
  readonly options: Options
  readonly path: string
  readonly settings: Settings
  /** where PORTAL_CONFIG stands */
  readonly place: string
}

interface Command {
  /** How many words it takes; anything else is told as wrong usage. */
  readonly words: number
  readonly options: readonly OptionName[]
  /** @returns the exit status */
  run(call: Call, word: string): number | Promise<number>
}

const commands: Readonly<Record<string, Command>> = {
  add: {
    words: 1,
    options: ['external-port', 'internal-port', 'path', 'hostname', 'program', 'file'],
    run: add,
  },
  remove: { words: 1, options: ['file'], run: remove },
  list: { words: 0, options: ['json', 'file'], run: list },
  check: { words: 0, options: ['file'], run: check },
}

/** It is not called like this. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It cannot be done; the message says what to do instead. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** @returns the exit status */
export async function runPortal(args: readonly string[], given: Env, output: Output): Promise<number> {
  const [name = '', ...rest] = args
  try {
    if (['--help', '-h', 'help'].includes(name)) {
      output.out(USAGE)
      return 0
    }
    const command = Object.hasOwn(commands, name) ? commands[name]! : undefined
    if (command === undefined) throw new UsageError(name === '' ? 'what is to be done?' : `there is no command ${name}`)
    const { options, words } = parseWords(rest, command)
    const { sources } = readEnvironmentSources(ownSurroundings(given))
    const { settings } = readSettings(mergeSources(sources))
    const place = placeOf(sources, 'PORTAL_CONFIG') ?? ''
    return await command.run({ ...output, options, path: options.file ?? paths.portalYaml, settings, place }, words[0]!)
  } catch (error) {
    output.err(`portal: ${renderFailure(error as NodeJS.ErrnoException, args)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function parseWords(args: readonly string[], command: Command): { options: Options; words: readonly string[] } {
  const allowed = Object.fromEntries(command.options.map(name => [name, options[name]]))
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: allowed, allowPositionals: true })
    if (positionals.length === command.words) return { options: values as Options, words: positionals }
  } catch (error) {
    throw new UsageError((error as Error).message.split('.')[0]!)
  }
  throw new UsageError(command.words === 0 ? 'too many words' : 'give one name; in quotes, where it has blanks')
}

function renderFailure(error: NodeJS.ErrnoException, args: readonly string[]): string {
  if (error instanceof UsageError) return `${error.message}; portal --help tells how`
  if (error instanceof PortalYamlError) return `${error.message} (${error.fix})`
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return `${error.message}: only root may do that (sudo portal ${args[0]} …)`
  return error.message
}

function add(call: Call, word: string): number {
  const { options, path, settings, out, err } = call
  beginWithPortalConfig(call)
  const { application, outcome } = editPortalYaml(file => {
    const wanted = planApplication(word, options, file)
    const isNew = file.applications.every(({ name }) => name !== wanted.name)
    const isDifferent = file.put(wanted)
    return { application: wanted, outcome: isNew ? 'added' : isDifferent ? 'changed' : 'unchanged' }
  }, path)
  out(`${outcome} ${renderApplication(application)}\n`)
  const isOnPlatform = settings['VAST_TCP_PORT_*'].size > 0
  if (isOnPlatform && mappedPort(settings, application.external_port) === undefined)
    err(`portal: the platform has mapped no port to ${application.external_port}: it can be reached by a tunnel only\n`)
  return 0
}

const renderApplication = (application: Application): string => {
  const { name, hostname, external_port, internal_port } = application
  return isProxied(application)
    ? `${name}: port ${external_port} leads to ${hostname}:${internal_port}`
    : `${name}: a link to port ${external_port}`
}

/** What the words mean, on top of what the file says of the application so far. */
function planApplication(word: string, given: Options, file: PortalYamlEditor): Application {
  const entry = readEntry(word)
  const name = entry?.name ?? word
  const old = file.applications.find(application => application.name === name)
  const port = (option: 'external-port' | 'internal-port', field: 'external_port' | 'internal_port'): string => {
    const text = given[option] ?? entry?.[field] ?? old?.[field]
    if (text === undefined) throw new UsageError(`${name} needs --${option}`)
    return String(text)
  }
  const wanted: ApplicationText = {
    name,
    hostname: given.hostname ?? entry?.hostname ?? old?.hostname ?? 'localhost',
    external_port: port('external-port', 'external_port'),
    internal_port: port('internal-port', 'internal_port'),
    open_path: (given.path ?? entry?.open_path ?? old?.open_path ?? '').replace(/^\/?/, '/'),
    extra: given.program === undefined ? {} : { program: given.program },
  }
  const refuse = (message: string, fix: string): never => {
    throw new Refusal(`${message.replace('; it is left out', '')} (${fix})`)
  }
  const application = checkApplication(wanted, refuse)!
  const collector = collectApplications()
  for (const other of file.applications) if (other !== old) collector.add(other, () => {})
  collector.add(application, refuse)
  return application
}

/** `localhost:7860:17860:/:My App`; undefined: it is just a name. */
function readEntry(word: string): Application | undefined {
  if (word.trim() === '' || /\p{Cc}/u.test(word)) throw new UsageError('that is no name')
  if (!/^[^:]+:\d+:\d+:/.test(word)) return undefined
  const { applications, problems } = parsePortalConfig(word)
  if (applications.length === 1) return applications[0]
  throw new Refusal(problems.map(({ message, fix }) => `${message} (${fix})`).join('; '))
}

/** Once there is a file, PORTAL_CONFIG counts no more: what it says is in there first. */
function beginWithPortalConfig({ path, settings, place, err }: Call): void {
  if (path === paths.portalYaml) tellProblems(ensurePortalYaml(settings.PORTAL_CONFIG).problems, place, err)
}

function remove(call: Call, name: string): number {
  const { path, out } = call
  beginWithPortalConfig(call)
  const wasThere = editPortalYaml(file => file.remove(name), path)
  out(wasThere ? `removed ${name}\n` : `there is no ${name}: nothing to do\n`)
  return 0
}

function list({ options, path, settings, out, err }: Call): number {
  const { applications, problems } = readPortalYaml(path)
  const rows = applications.map(({ extra, ...application }) => ({
    ...{ ...application, ...extra },
    name: application.name,
    proxied: isProxied({ ...application, extra }),
    public_port: mappedPort(settings, application.external_port) ?? null,
  }))
  if (options.json) out(`${JSON.stringify(rows, null, 2)}\n`)
  else
    out(
      renderTable([
        ['NAME', 'PORT', 'LEADS TO', 'PATH', 'PUBLIC PORT'],
        ...rows.map(row => [
          row.name,
          String(row.external_port),
          row.proxied ? `${row.hostname}:${row.internal_port}` : 'a link only',
          row.open_path,
          String(row.public_port ?? '-'),
        ]),
      ]),
    )
  tellProblems(problems, '', err)
  return 0
}

const renderTable = (rows: readonly (readonly string[])[]): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

async function check({ path, settings, place, out }: Call): Promise<number> {
  const file = readPortalYaml(path)
  const config = path === paths.portalYaml ? parsePortalConfig(settings.PORTAL_CONFIG) : undefined
  const problems = [
    ...file.problems,
    ...(await findUnknownHosts(file.applications, path)),
    ...placed(config?.problems ?? [], place),
  ]
  for (const problem of problems) out(`${renderProblem(problem)}\n`)
  const count = `${file.applications.length} ${file.applications.length === 1 ? 'application' : 'applications'} in ${path}`
  if (problems.length === 0) out(`${count}, no problems\n`)
  else out(`${count}, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n`)
  return problems.length === 0 ? 0 : 1
}

async function findUnknownHosts(applications: readonly Application[], path: string): Promise<readonly Problem[]> {
  const found = applications.map(async ({ name, hostname }): Promise<readonly Problem[]> => {
    try {
      await lookup(hostname.replace(/^\[|\]$/g, ''))
      return []
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTFOUND') return [] // nobody could be asked
      const message = `${name}: there is no host ${hostname}`
      return [{ where: path, message, fix: 'write localhost, or a name that this machine knows' }]
    }
  })
  return (await Promise.all(found)).flat()
}

/** Told with the place where PORTAL_CONFIG stands. */
const placed = (problems: readonly Problem[], place: string): readonly Problem[] =>
  problems.map(problem =>
    place !== '' && problem.where.startsWith('PORTAL_CONFIG')
      ? { ...problem, where: `${place}, ${problem.where}` }
      : problem,
  )

function tellProblems(problems: readonly Problem[], place: string, err: Output['err']): void {
  for (const problem of placed(problems, place)) err(`portal: ${renderProblem(problem)}\n`)
}
