/**
 * /etc/portal.yaml: the applications of the instance, for as long as it lives. Made once from PORTAL_CONFIG, edited by people
 * and by `portal add`; gates and scripts grep it, so it stays text in block style. Source: contract 4.2
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTextFile, writeFileAtomically } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'
import { type Close, watchPath } from './file-watch.ts'
import { paths } from './paths.ts'
import { type Application, parsePortalConfig } from './portal-config.ts'
import {
  type PortalYaml,
  parsePortalYaml,
  putApplication,
  removeApplication,
  renderPortalYaml,
} from './portal-yaml-text.ts'

export { type PortalYaml, PortalYamlError, parsePortalYaml, renderPortalYaml } from './portal-yaml-text.ts'

/** As `parsePortalYaml`; a file that is not there is empty, and one that cannot be read is told. Never throws. */
export function readPortalYaml(path: string = paths.portalYaml): PortalYaml {
  try {
    return parsePortalYaml(readTextFile(path), path)
  } catch (error) {
    const problem = { where: path, message: `cannot be read: ${(error as Error).message}`, fix: 'make it readable' }
    return { applications: [], problems: [problem], usable: false }
  }
}

/** The file while nobody else edits it. */
export interface PortalYamlEditor extends PortalYaml {
  /**
   * Adds the application, or changes what is different of one that has its name; other keys of it stay.
   * @returns whether anything was different
   */
  put(application: Application): boolean
  /** @returns whether there was one */
  remove(name: string): boolean
}

/**
 * Reads, edits and writes the file, one editor after another. It is edited as text: comments, blank lines and quotes stay as
 * they are, and so does an application that is commented out (gates take an indented comment for an application). Nothing is
 * written when nothing changes. A file that is not there is made.
 * @throws PortalYamlError when it cannot be edited without loss; LockError when others do not let go of it; Node's error when
 *   it cannot be read or written
 */
export function editPortalYaml<T>(edit: (file: PortalYamlEditor) => T, path: string = paths.portalYaml): T {
  return withFileLock(path, () => {
    const before = readTextFile(path)
    let text = before
    const change = (after: string | undefined): boolean => {
      const isOther = after !== undefined && after !== text
      text = after ?? text
      return isOther
    }
    const result = edit({
      ...parsePortalYaml(before, path),
      put: application => change(putApplication(text, application, path)),
      remove: name => change(removeApplication(text, name, path)),
    })
    if (text !== before) writeFileAtomically(path, text, { keepMode: true })
    return result
  })
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

/** Without it the file counts as edited from now on: better than no portal on a disk that takes no more. */
function writeRecord(path: string, made: MadeFrom): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileAtomically(path, `${JSON.stringify(made)}\n`, { mode: 0o600 })
  } catch {}
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
