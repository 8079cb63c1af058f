/**
 * /etc/portal.yaml: the applications of the instance, for as long as it lives. Made once from PORTAL_CONFIG, edited by people
 * and by `portal add`; gates and scripts grep it, so it stays text in block style. Source: contract 4.2
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Document, isMap, isScalar, LineCounter, type Node, parseDocument, YAMLMap } from 'yaml'
import { readTextFile, writeFileAtomically } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'
import { type Close, watchPath } from './file-watch.ts'
import { paths } from './paths.ts'
import {
  type Application,
  type Applications,
  checkApplication,
  collectApplications,
  parsePortalConfig,
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
    const application = readEntry(nameOf(key), value as Node | null, document, tell)
    if (application !== undefined) collector.add(application, tell)
  }
  return { applications: collector.applications, problems, usable: entries.items.length > 0 }
}

/** As `parsePortalYaml`; a file that is not there is empty, and one that cannot be read is told. Never throws. */
export function readPortalYaml(path: string = paths.portalYaml): PortalYaml {
  try {
    return parsePortalYaml(readTextFile(path), path)
  } catch (error) {
    const problem = { where: path, message: `cannot be read: ${(error as Error).message}`, fix: 'make it readable' }
    return { applications: [], problems: [problem], usable: false }
  }
}

/** Keys that appear twice: the last one counts, as with every other reader of this file. */
const parseYaml = (text: string, lineCounter?: LineCounter): Document.Parsed =>
  parseDocument(text, {
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
    compat: 'yaml-1.1', // quotes what Python would take for something else
    ...(lineCounter === undefined ? {} : { lineCounter }),
  })

const firstLine = (text: string): string => text.split('\n', 1)[0]!

const nameOf = (key: unknown): string => String(isScalar(key) ? (key.value ?? '') : key)

/** `applications:` with nothing behind it is an empty mapping. */
function entriesOf(document: Document): YAMLMap | undefined {
  const { contents } = document
  if (!isMap(contents)) return undefined
  const pair = contents.items.findLast(({ key }) => nameOf(key) === 'applications')
  if (pair === undefined) return undefined
  if (isMap(pair.value)) return pair.value
  return pair.value === null || (isScalar(pair.value) && pair.value.value === null) ? new YAMLMap() : undefined
}

const FIELDS = ['hostname', 'external_port', 'internal_port', 'open_path', 'name'] as const

function readEntry(name: string, node: Node | null, document: Document, tell: Tell): Application | undefined {
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
  return checkApplication(
    {
      name,
      hostname: text('hostname', 'localhost'),
      external_port: text('external_port'),
      internal_port: text('internal_port'),
      open_path: text('open_path'),
      extra: Object.fromEntries(extra),
    },
    tell,
  )
}

/** The whole file, in its order, as it is made from PORTAL_CONFIG. */
export function renderPortalYaml(applications: readonly Application[]): string {
  const document = new Document({}, { compat: 'yaml-1.1' })
  const entries = document.createNode({}) as YAMLMap
  document.set('applications', entries)
  for (const application of applications) putEntry(document, entries, application)
  return renderDocument(document)
}

/** Long values are not folded: whoever greps finds each on one line. */
const renderDocument = (document: Document): string => document.toString({ lineWidth: 0 })

/** @returns whether it was any different before */
function putEntry(document: Document, entries: YAMLMap, application: Application): boolean {
  const { name, hostname, external_port, internal_port, open_path, extra } = application
  const wanted = { hostname, external_port, internal_port, open_path, name, ...extra }
  const entry = entries.get(name)
  if (!isMap(entry)) {
    entries.set(document.createNode(name), document.createNode(wanted))
    return true
  }
  let changed = false
  for (const [field, value] of Object.entries(wanted)) {
    const node = entry.get(field, true) as Node | undefined
    if (node !== undefined && JSON.stringify(node.toJS(document)) === JSON.stringify(value)) continue
    entry.set(field, value)
    changed = true
  }
  return changed
}

/** The file while nobody else edits it. */
export interface PortalYamlEditor extends PortalYaml {
  /** Adds the application, or changes what is different of one that has its name; other keys of it stay. */
  put(application: Application): void
  /** @returns whether there was one */
  remove(name: string): boolean
}

/**
 * Reads, edits and writes the file, one editor after another. Comments, order and unknown keys stay as they are; nothing is
 * written when nothing changes. A file that is not there is made.
 * @throws PortalYamlError when it is not YAML, and so cannot be edited without loss; LockError when others do not let go of
 *   it; Node's error when it cannot be read or written
 */
export function editPortalYaml<T>(edit: (file: PortalYamlEditor) => T, path: string = paths.portalYaml): T {
  return withFileLock(path, () => {
    const text = readTextFile(path)
    const document = parseYaml(text)
    const file = parsePortalYaml(text, path)
    const broken = document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))
    if (broken) throw new PortalYamlError(path, file.problems)
    let changed = false
    const result = edit({
      ...file,
      put(application) {
        changed = putEntry(document, ownEntries(document), application) || changed
      },
      remove(name) {
        const removed = entriesOf(document)?.delete(name) ?? false
        changed ||= removed
        return removed
      },
    })
    if (changed) writeFileAtomically(path, renderDocument(document), { keepMode: true })
    return result
  })
}

/** The mapping of applications in block style, made where there is none. */
function ownEntries(document: Document): YAMLMap {
  if (document.contents === null) document.contents = document.createNode({}) as Document['contents']
  const entries = entriesOf(document) ?? new YAMLMap()
  entries.flow = false
  ;(document.contents as YAMLMap).flow = false
  document.set('applications', entries)
  return entries
}

/** The file cannot be edited as it is. */
export class PortalYamlError extends Error {
  override readonly name = 'PortalYamlError'
  readonly problems: readonly Problem[]

  constructor(path: string, problems: readonly Problem[]) {
    super(`cannot edit ${path}: ${problems[0]?.message ?? 'it is no mapping'}`)
    this.problems = problems
  }
}

export interface EnsuredPortalYaml extends PortalYaml {
  /** `absent`: there is a PORTAL_CONFIG without one good entry; whoever waits for the file is told by its absence */
  readonly outcome: 'kept' | 'written' | 'absent'
}

export interface EnsureOptions {
  readonly path?: string
  /** What the file was made from, and what was written: how we know whether somebody has edited it. */
  readonly record?: string
}

/**
 * Makes the file from PORTAL_CONFIG, when the instance starts: where there is no usable one, and where there is one that was
 * made from another PORTAL_CONFIG and nobody has edited. What is not YAML is kept as `portal.yaml.broken`. Without
 * PORTAL_CONFIG the file says that there are no applications.
 * @throws LockError, or Node's error, when it has to be written and cannot be
 * Source: contract 3.3, 4.2, 14 (10)
 */
export function ensurePortalYaml(portalConfig: string, options: EnsureOptions = {}): EnsuredPortalYaml {
  const { path = paths.portalYaml, record = join(paths.state, 'portal-config.json') } = options
  // before any lock: /etc may be read-only
  const kept = keepPortalYaml(portalConfig, path, record)
  return (
    kept ??
    withFileLock(path, () => keepPortalYaml(portalConfig, path, record) ?? makePortalYaml(portalConfig, path, record))
  )
}

function keepPortalYaml(portalConfig: string, path: string, record: string): EnsuredPortalYaml | undefined {
  const file = readPortalYaml(path)
  if (!file.usable) return undefined
  const made = readRecord(record)
  if (made === undefined || made.portalConfig === digest(portalConfig) || portalConfig.trim() === '')
    return { ...file, outcome: 'kept' }
  if (made.file === digest(readTextFile(path))) return undefined
  const problem = {
    where: 'PORTAL_CONFIG',
    message: `has changed since ${path} was made from it, and counts no more, as the file has been edited`,
    fix: `make the change in ${path} or by \`portal add\`, or delete the file and restart caddy`,
  }
  return { ...file, problems: [...file.problems, problem], outcome: 'kept' }
}

function makePortalYaml(portalConfig: string, path: string, record: string): EnsuredPortalYaml {
  const file = readPortalYaml(path)
  const before = readTextFile(path)
  const { applications, problems: problemsOfConfig } = parsePortalConfig(portalConfig)
  const problems = [...file.problems, ...problemsOfConfig]
  const isBlank = before.trim() === ''
  const saysNothing = portalConfig.trim() === '' && isBlank
  if (applications.length === 0 && !saysNothing) return { ...file, problems, outcome: isBlank ? 'absent' : 'kept' }
  if (file.problems.length > 0) writeFileAtomically(`${path}.broken`, before)
  const text = renderPortalYaml(applications)
  writeFileAtomically(path, text, { keepMode: true })
  writeRecord(record, { portalConfig: digest(portalConfig), file: digest(text) })
  return { applications, problems, usable: applications.length > 0, outcome: 'written' }
}

interface MadeFrom {
  /** SHA-256 of each, in hex */
  readonly portalConfig: string
  readonly file: string
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

function readRecord(path: string): MadeFrom | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as MadeFrom
  } catch {
    return undefined // none, or half of one: the file counts as edited, and stays
  }
}

function writeRecord(path: string, made: MadeFrom): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileAtomically(path, `${JSON.stringify(made)}\n`, { mode: 0o600 })
}

/**
 * Calls when the file says something else than before, within a tenth of a second; also when it appears, disappears, is
 * replaced, or is edited where it is or where it links to. Read it after this call, so that no change is missed.
 */
export function watchPortalYaml(onChange: (file: PortalYaml) => void, path: string = paths.portalYaml): Close {
  const look = (): string | undefined => {
    try {
      return readTextFile(path)
    } catch {
      return undefined
    }
  }
  let last = look()
  return watchPath(path, () => {
    const text = look()
    if (text === last) return
    last = text
    onChange(readPortalYaml(path))
  })
}
