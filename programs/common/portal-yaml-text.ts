/**
 * The text of portal.yaml: what it says, and how it is edited without touching what it says besides. Source: contract 4.2
 */
import {
  Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  YAMLMap,
} from 'yaml'
import { paths } from './paths.ts'
import {
  type Application,
  type Applications,
  type ApplicationText,
  checkApplication,
  collectApplications,
  type Tell,
} from './portal-config.ts'
import type { Problem } from './problem.ts'

export interface PortalYaml extends Applications {
  /**
   * It has a mapping `applications` that is not empty, and so says what is served, even where an entry of it is bad.
   * One that is not usable may be made anew from PORTAL_CONFIG when the instance starts.
   */
  readonly usable: boolean
}

/**
 * Never throws. What cannot be used is told, with its line, and left out; what is not YAML is not usable at all. Ports may be
 * quoted; hostname, open_path and name may be missing: `localhost`, `/`, and the key.
 */
export function parsePortalYaml(text: string, path: string = paths.portalYaml): PortalYaml {
  const lines = new LineCounter()
  const document = parseYaml(text, lines)
  const problems: Problem[] = []
  const place = (offset: number): string => `${path}:${lines.linePos(offset).line || 1}`
  for (const { pos, message } of [...document.errors, ...document.warnings])
    problems.push({ where: place(pos[0]), message: `not YAML: ${firstLine(message)}`, fix: 'correct this line' })
  const entries = document.errors.length > 0 ? undefined : entriesOf(document)
  if (entries === undefined) {
    if (document.errors.length === 0 && document.contents !== null)
      problems.push({
        where: `${path}:1`,
        message: 'has no mapping `applications`',
        fix: 'begin it with `applications:`',
      })
    return { applications: [], problems, usable: false }
  }
  const collector = collectApplications()
  for (const { key, value } of entries.items) {
    const where = place((key as Node).range?.[0] ?? 0)
    const tell: Tell = (message, fix) => problems.push({ where, message, fix })
    const name = nameOf(key)
    if (name === undefined) tell('an application whose key is no name is left out', 'write `Name:`')
    const given = name === undefined ? undefined : readEntry(name, value as Node | null, document, tell)
    const application = given && checkApplication(given, tell)
    if (application !== undefined) collector.add(application, tell)
  }
  return { applications: collector.applications, problems, usable: entries.items.length > 0 }
}

/** Keys that appear twice: the last one counts, as with every other reader of this file. */
const parseYaml = (text: string, lineCounter?: LineCounter): Document.Parsed =>
  parseDocument(text, {
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
    logLevel: 'error', // what is odd is told by us
    ...(lineCounter === undefined ? {} : { lineCounter }),
  })

const firstLine = (text: string): string => text.split('\n', 1)[0]!

/** Undefined: a key that is a list or a mapping. */
const nameOf = (key: unknown): string | undefined => (isScalar(key) ? String(key.value ?? '') : undefined)

/** The last one that is called so. */
const pairOf = (map: YAMLMap, name: string): Pair | undefined => map.items.findLast(({ key }) => nameOf(key) === name)

/** `applications:` with nothing behind it is an empty mapping. */
function entriesOf(document: Document): YAMLMap | undefined {
  const { contents } = document
  if (!isMap(contents)) return undefined
  const pair = pairOf(contents, 'applications')
  if (pair === undefined) return undefined
  if (isMap(pair.value)) return pair.value
  return pair.value === null || (isScalar(pair.value) && pair.value.value === null) ? new YAMLMap() : undefined
}

const FIELDS = ['hostname', 'external_port', 'internal_port', 'open_path', 'name'] as const

/** What an entry says, good or bad; undefined, and told: it is no mapping. */
function readEntry(name: string, node: Node | null, document: Document, tell: Tell): ApplicationText | undefined {
  let value: unknown
  try {
    value = node?.toJS(document)
  } catch (error) {
    return void tell(`${name}: ${firstLine((error as Error).message)}`, 'write it without aliases')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return void tell(
      `${name}: is no mapping; it is left out`,
      'write hostname, external_port and internal_port below it',
    )
  const fields = new Map(Object.entries(value))
  const text = (field: string, otherwise = ''): string => {
    const given: unknown = fields.get(field) ?? otherwise
    return typeof given === 'object' ? JSON.stringify(given) : String(given).trim()
  }
  const extra = [...fields].filter(([key, given]) =>
    key === 'name' ? text('name', name) !== name && given !== null : !(FIELDS as readonly string[]).includes(key),
  )
  return {
    name,
    hostname: text('hostname', 'localhost'),
    external_port: text('external_port'),
    internal_port: text('internal_port'),
    open_path: text('open_path'),
    extra: Object.fromEntries(extra),
  }
}

/** The whole file, as it is made from PORTAL_CONFIG: block style, in its order. */
export const renderPortalYaml = (applications: readonly Application[]): string =>
  applications.length === 0
    ? 'applications: {}\n'
    : `applications:\n${applications.map(application => renderEntry(application, 2)).join('')}`

function renderEntry(application: Application, indent: number): string {
  const fields = Object.entries(fieldsOf(application)).map(([field, value]) => renderField(field, value, indent + 2))
  return `${' '.repeat(indent)}${renderValue(application.name)}:\n${fields.join('')}`
}

const fieldsOf = (application: Application | ApplicationText | undefined): object => {
  const { name, hostname, external_port, internal_port, open_path, extra } = application ?? {}
  return { hostname, external_port, internal_port, open_path, name, ...extra }
}

const renderField = (field: string, value: unknown, indent: number): string =>
  `${' '.repeat(indent)}${renderValue(field)}: ${renderValue(value)}\n`

/** On one line, so that whoever greps finds it; in quotes, where Python would take it for something else. */
const renderValue = (value: unknown): string =>
  typeof value === 'object' || /\p{Cc}/u.test(String(value))
    ? JSON.stringify(value)
    : new Document(value, { compat: 'yaml-1.1' }).toString({ lineWidth: 0 }).trimEnd()

/** It cannot be edited as it is, not without loss. */
export class PortalYamlError extends Error {
  override readonly name = 'PortalYamlError'
  /** What to do about it. */
  readonly fix: string

  constructor(problem: Problem) {
    super(`cannot edit ${problem.where}: ${problem.message}`)
    this.fix = problem.fix
  }
}

/** Characters of a text from one offset up to another, and what comes in their place. */
interface Splice {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Those at one place in their order. */
const spliceAll = (text: string, splices: readonly Splice[]): string =>
  splices
    .toReversed()
    .toSorted((a, b) => b.from - a.from)
    .reduce((edited, { from, to, text: inserted }) => edited.slice(0, from) + inserted + edited.slice(to), text)

/**
 * The application added at the end, or what is different of the one that has its name; the very same text when nothing is.
 * @throws PortalYamlError
 */
export function putApplication(text: string, application: Application, path: string = paths.portalYaml): string {
  const before = parsePortalYaml(text, path).applications
  const place = findEntries(text, path)
  const { entries } = place
  const item = entries?.items.findLast(({ key }) => nameOf(key) === application.name)
  const said = item && readEntry(application.name, item.value as Node | null, place.document, () => {})
  const old = before.find(({ name }) => name === application.name)
  const whole = { ...application, extra: { ...said?.extra, ...application.extra } }
  if (old !== undefined && isSame(old, whole)) return text
  const splices =
    item === undefined ? splicesToAdd(text, whole, place) : splicesToChange(text, whole, item, fieldsOf(old ?? said))
  return checked(spliceAll(text, splices), [...before.filter(each => each !== old), whole], entries, path)
}

/**
 * Without the application of this name; undefined: there is none.
 * @throws PortalYamlError
 */
export function removeApplication(text: string, name: string, path: string = paths.portalYaml): string | undefined {
  const { pair, entries } = findEntries(text, path)
  const doomed = entries?.items.filter(({ key }) => nameOf(key) === name) ?? []
  if (pair === undefined || doomed.length === 0) return undefined
  const splices = doomed.map(item => ({
    from: lineStart(text, startOf(item.key)),
    to: endOfLines(text, item),
    text: '',
  }))
  const colon = text.indexOf(':', (pair.key as Node).range![1]) + 1
  if (doomed.length === entries!.items.length) splices.push({ from: colon, to: colon, text: ' {}' })
  const expected = parsePortalYaml(text, path).applications.filter(application => application.name !== name)
  const others = entries!.items.filter(item => !doomed.includes(item))
  return checked(spliceAll(text, splices), expected, { items: others }, path)
}

const isSame = (a: Application, b: Application): boolean =>
  JSON.stringify(Object.entries(fieldsOf(a)).toSorted()) === JSON.stringify(Object.entries(fieldsOf(b)).toSorted())

/**
 * However odd the file: what is expected is in it now, and nothing besides that was not in it before (one that had been left
 * out as it wanted the same port may be there now).
 */
function checked(
  text: string,
  expected: readonly Application[],
  before: Pick<YAMLMap, 'items'> | undefined,
  path: string,
): string {
  const found = new Map(parsePortalYaml(text, path).applications.map(each => [each.name, each]))
  const known = new Set([...expected.map(({ name }) => name), ...(before?.items ?? []).map(({ key }) => nameOf(key))])
  const isThere = (each: Application): boolean => found.has(each.name) && isSame(each, found.get(each.name)!)
  if (expected.every(isThere) && [...found.keys()].every(name => known.has(name))) return text
  throw new PortalYamlError({ where: path, message: 'it would mean something else than it should', fix: BLOCK_STYLE })
}

const BLOCK_STYLE = 'write it in block style, a line for each key'

interface Entries {
  /** `applications`, and what it is */
  readonly pair: Pair | undefined
  /** Undefined where it is empty. */
  readonly entries: YAMLMap | undefined
  readonly document: Document
}

function findEntries(text: string, path: string): Entries {
  const document = parseYaml(text)
  const { contents } = document
  const refuse = (): never => {
    const [problem] = parsePortalYaml(text, path).problems
    throw new PortalYamlError(problem ?? { where: path, message: 'it is not written in block style', fix: BLOCK_STYLE })
  }
  if (document.errors.length > 0) return refuse()
  if (contents === null) return { pair: undefined, entries: undefined, document }
  if (!isMap(contents) || contents.flow) return refuse()
  const pair = pairOf(contents, 'applications')
  const entries = pair && entriesOf(document)
  if (pair !== undefined && (entries === undefined || (entries.flow && entries.items.length > 0))) return refuse()
  return { pair, entries: entries?.items.length === 0 ? undefined : entries, document }
}

function splicesToAdd(text: string, application: Application, { pair, entries, document }: Entries): readonly Splice[] {
  if (pair === undefined) {
    const indent = column(text, startOf((document.contents as YAMLMap | null)?.items[0]?.key))
    const made = `${' '.repeat(indent)}applications:\n${renderEntry(application, indent + 2)}`
    return [insertLines(text, text.length, made)]
  }
  if (entries !== undefined) {
    const indent = column(text, startOf(entries.items[0]!.key))
    return [insertLines(text, endOfLines(text, entries.items.at(-1)!), renderEntry(application, indent))]
  }
  const [from, to] = (pair.value as Node).range!
  const added = renderEntry(application, column(text, startOf(pair.key)) + 2)
  return [{ from, to, text: '' }, insertLines(text, lineEnd(text, to), added)]
}

/** `was`: its fields so far, as far as they can be read. */
function splicesToChange(text: string, application: Application, item: Pair, was: object): readonly Splice[] {
  const { value: entry } = item
  if (!isMap(entry) || entry.flow) {
    const from = lineStart(text, startOf(item.key))
    return [{ from, to: endOfLines(text, item), text: renderEntry(application, column(text, startOf(item.key))) }]
  }
  const said = new Map<string, unknown>(Object.entries(was))
  const indent = column(text, startOf(entry.items[0]!.key))
  return Object.entries(fieldsOf(application))
    .filter(([field, value]) => JSON.stringify(said.get(field)) !== JSON.stringify(value))
    .map(([field, value]) => {
      const node = pairOf(entry, field)?.value as Node | null | undefined
      if (!node?.range) return insertLines(text, endOfLines(text, item), renderField(field, value, indent))
      const [from, to] = node.range
      return { from, to, text: from === to ? ` ${renderValue(value)}` : renderValue(value) }
    })
}

const insertLines = (text: string, at: number, lines: string): Splice => ({
  from: at,
  to: at,
  text: at > 0 && text[at - 1] !== '\n' ? `\n${lines}` : lines,
})

const startOf = (key: unknown): number => (key as Node | undefined)?.range?.[0] ?? 0
const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1
const column = (text: string, offset: number): number => offset - lineStart(text, offset)

/** Behind the newline of the line in which that character is the last. */
function lineEnd(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset // the end of a block scalar
  const newline = text.indexOf('\n', offset)
  return newline === -1 ? text.length : newline + 1
}

/** Behind the last line of what a pair says; comments that follow are not part of it. */
function endOfLines(text: string, { key, value }: Pair): number {
  if (isCollection(value) && !value.flow && value.items.length > 0) {
    const last: unknown = value.items.at(-1)
    return isPair(last) ? endOfLines(text, last) : endOfLines(text, { key: last, value: last } as Pair)
  }
  const node = (value as Node | null)?.range ? (value as Node) : (key as Node)
  return lineEnd(text, node.range![1])
}
