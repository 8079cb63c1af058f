/**
 * Files → sections that remember file and line of every value.
 *
 * The dialect is Python's RawConfigParser with inline comments, up to 3.12, which is what Debian's original runs on; every
 * rule is observable. Reading takes time in proportion to the text. Source: contract 1.3, 1.4
 */
import { dirname } from 'node:path/posix'
import type { Machine } from './config.ts'
import { BadValue, ConfigError } from './config-error.ts'
import { absolute } from './converters.ts'
import { environmentNames, expand } from './expansions.ts'
import { glob } from './glob.ts'
import { pythonRepr } from './python-repr.ts'
import { decodeUtf8, indentOf, isBlank, splitBlanks, strip, stripEnd } from './python-text.ts'

/** A value and where it was written; continued lines count with the line of their key. */
export interface Entry {
  readonly value: string
  /** name of the section that it stands in */
  readonly section: string
  readonly file: string
  readonly line: number
}

export interface Section {
  readonly name: string
  /** of its first header: this is the file that the original names in errors */
  readonly file: string
  readonly line: number
  /** by lower-case key; those that it has from elsewhere are not among them, see `optionOf` */
  readonly options: ReadonlyMap<string, Entry>
  /** what it has of the section that sections of its kind inherit from (program-defaults.ts) */
  readonly inherits?: ReadonlyMap<string, Entry>
}

export interface Ini {
  /** in the order of their first headers */
  readonly sections: ReadonlyMap<string, Section>
  /** `[DEFAULT]`: what every section inherits */
  readonly defaults: ReadonlyMap<string, Entry>
}

export const optionOf = (ini: Ini, section: Section, option: string): Entry | undefined =>
  section.options.get(option) ?? section.inherits?.get(option) ?? ini.defaults.get(option)

interface GrowingSection extends Section {
  readonly options: Map<string, Entry>
}
interface GrowingIni extends Ini {
  readonly sections: Map<string, GrowingSection>
  readonly defaults: Map<string, Entry>
}

export interface IniFiles {
  readonly ini: Ini
  /** WARN lines about patterns without a match */
  readonly warnings: readonly string[]
  /** INFO lines about files that were included */
  readonly infos: readonly string[]
}

/**
 * The root file and what its `[include]` names. An included file that cannot be read is skipped, as in the original.
 * @throws ConfigError
 */
export function readIniFiles(file: string, machine: Machine): IniFiles {
  const ini = emptyIni()
  const rootDirectory = dirname(absolute(file, machine))
  mergeIni(ini, readRoot(file, machine), file, null)
  const include = ini.sections.get('include')
  if (!include) return { ini, warnings: [], infos: [] }

  substituteHere(ini, rootDirectory)
  const warnings: string[] = []
  const infos: string[] = []
  for (const pattern of includePatterns(ini, include, rootDirectory, machine)) {
    const absolutePattern = joinPath(rootDirectory, pattern)
    const paths = glob(absolutePattern, machine)
    if (paths.length === 0) warnings.push(`No file matches via include "${absolutePattern}"`)
    for (const path of paths) {
      infos.push(`Included extra file "${path}" during parsing`)
      const bytes = readIfPossible(path, machine)
      if (bytes) mergeIni(ini, bytes, path, dirname(absolute(path, machine)))
    }
  }
  return { ini, warnings, infos }
}

/** Python's os.path.join: nothing is normalised, the text goes into a log line. */
const joinPath = (directory: string, path: string): string =>
  path.startsWith('/') ? path : directory.endsWith('/') ? directory + path : `${directory}/${path}`

/**
 * The root file alone: supervisorctl follows no `[include]`. `'flaws'`: of programs only those are read in which something
 * may be wrong; a quick command has no time for a thousand others. @throws ConfigError
 */
export function readIniFile(file: string, machine: Machine, programs: 'all' | 'flaws' = 'all'): Ini {
  const ini = emptyIni()
  const text = decode(readRoot(file, machine), file)
  mergeText(ini, text, file, null, programs === 'all' ? null : flawlessPrograms)
  return ini
}

/**
 * A header, an option, and lines that are options, comments, or go on with an option, up to the next header; many at a time,
 * but not more than V8 can keep track of.
 */
const flawlessPrograms =
  /(?:\[(?:program|eventlistener|fcgi-program|group):[^\];#\r\n]+\]\n[a-z_]+[ \t]*[=:][^\r\n]*(?:\n(?:(?:[a-z_]+[ \t]*[=:]|[ \t#;])[^\r\n]*)?)*(?:(?<=\n)(?=\[[^\];#\r\n]+\])|$)){1,100}/y

const emptyIni = (): GrowingIni => ({ sections: new Map(), defaults: new Map() })

function readRoot(file: string, { files }: Machine): Uint8Array {
  try {
    return files.read(file)
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '')
    throw new ConfigError(isMissing ? `could not find config file ${file}` : `could not read config file ${file}`)
  }
}

function readIfPossible(path: string, { files }: Machine): Uint8Array | null {
  try {
    return files.read(path)
  } catch {
    return null
  }
}

function includePatterns(ini: Ini, include: Section, here: string, { host }: Machine): readonly string[] {
  const entry = optionOf(ini, include, 'files')
  if (!entry) {
    throw new ConfigError('.ini file has [include] section, but no files setting', {
      file: include.file,
      line: include.line,
      section: 'include',
      hint: 'write files = /path/*.conf below [include], or remove the section',
    })
  }
  const names = [
    environmentNames(host.environment),
    new Map([
      ['here', here],
      ['host_node_name', host.nodename],
    ]),
  ]
  try {
    return splitBlanks(expand(entry.value, names, 'include.files'))
  } catch (error) {
    if (error instanceof BadValue) {
      throw new ConfigError(error.message, { ...entry, section: 'include', option: 'files', hint: error.hint })
    }
    throw error
  }
}

const putHere = (value: string, here: string): string => value.replaceAll('%(here)s', () => here)

/** Once there is an `[include]`, `%(here)s` is text to be replaced, in any option and even behind another `%`. */
function substituteHere(ini: GrowingIni, here: string): void {
  for (const options of [ini.defaults, ...[...ini.sections.values()].map(section => section.options)]) {
    for (const [key, entry] of options) options.set(key, { ...entry, value: putHere(entry.value, here) })
  }
}

/** `here`: null to leave `%(here)s` as it is. @throws ConfigError */
function mergeIni(ini: GrowingIni, bytes: Uint8Array, file: string, here: string | null): void {
  mergeText(ini, decode(bytes, file), file, here, null)
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return decodeUtf8(bytes)
  } catch (error) {
    const { message, offset } = error as Error & { offset: number }
    const line = bytes.subarray(0, offset).filter(byte => byte === 0x0a).length + 1
    throw new ConfigError(message, { file, line, hint: 'save the file as UTF-8' })
  }
}

/** A value that is being read: its lines are joined when the next key comes. */
interface OpenValue {
  readonly options: Map<string, Entry>
  readonly section: string
  readonly key: string
  readonly line: number
  readonly parts: string[]
}

/** `ignored`: sticky; what it matches at the beginning of a line ends with a line, and is passed over. */
function mergeText(ini: GrowingIni, written: string, file: string, here: string | null, ignored: RegExp | null): void {
  const text = written.replace(/\r\n?/g, '\n')
  const bad: { line: number; text: string }[] = []
  let options: Map<string, Entry> | null = null
  let section = ''
  let open: OpenValue | null = null
  let indent = 0

  const close = (): void => {
    if (!open) return
    const joined = stripEnd(open.parts.join('\n'))
    const value = here === null ? joined : putHere(joined, here)
    open.options.set(open.key, { value, section: open.section, file, line: open.line })
    open = null
  }

  for (let at = 0, number = 0; at < text.length; ) {
    const passed = ignored && text[at] === '[' ? matchAt(ignored, text, at) : ''
    if (passed !== '') {
      number += passed.split('\n').length - 1
      at += passed.length
      continue
    }
    number++
    const lineEnd = text.indexOf('\n', at)
    const raw = text.slice(at, lineEnd === -1 ? undefined : lineEnd)
    const asWritten = lineEnd === -1 ? raw : `${raw}\n`
    at += asWritten.length
    const cut = commentStart(raw)
    const line = strip(cut === -1 ? raw : raw.slice(0, cut))
    if (line === '') {
      // an empty line, unless it is one only because of a comment, may be part of a continued value
      if (cut === -1) (open as OpenValue | null)?.parts.push('')
      continue
    }
    const lineIndent = indentOf(raw)
    if (open !== null && lineIndent > indent) {
      ;(open as OpenValue).parts.push(line)
      continue
    }
    indent = lineIndent
    const header = headerIn(line)
    if (header !== null) {
      close()
      section = header
      options = header === 'DEFAULT' ? ini.defaults : sectionNamed(ini, header, file, number).options
      continue
    }
    if (options === null) throw noSectionHeader(file, number, asWritten)
    const delimiter = delimiterIn(line)
    const key = delimiter === -1 ? '' : stripEnd(line.slice(0, delimiter)).toLowerCase()
    if (key === '') {
      bad.push({ line: number, text: asWritten })
      // a line without delimiter does not end the value before it, one without key does
      if (delimiter !== -1) close()
      continue
    }
    close()
    open = { options, section, key, line: number, parts: [strip(line.slice(delimiter + 1))] }
  }
  if (bad.length > 0) throw parsingErrors(file, bad)
  close()
}

function matchAt(expression: RegExp, text: string, at: number): string {
  expression.lastIndex = at
  return expression.exec(text)?.[0] ?? ''
}

/** `[` … the last `]`; what is behind it does not count. */
function headerIn(line: string): string | null {
  if (line[0] !== '[') return null
  const end = line.lastIndexOf(']')
  return end > 1 ? line.slice(1, end) : null
}

function delimiterIn(line: string): number {
  for (let at = 0; at < line.length; at++) if (line[at] === '=' || line[at] === ':') return at
  return -1
}

function sectionNamed(ini: GrowingIni, name: string, file: string, line: number): GrowingSection {
  const known = ini.sections.get(name)
  if (known) return known
  const section = { name, file, line, options: new Map<string, Entry>() }
  ini.sections.set(name, section)
  return section
}

/**
 * Where the comment begins, −1 without one. `;` or `#` has to be the first character that is no blank, or to have a blank
 * before it. Python looks at the first of each sign, then at the second of each … and takes the leftmost valid one of the
 * first round that has any: in `a b#c #d ; e` that is `; e`.
 */
function commentStart(line: string): number {
  const first = indentOf(line)
  if (line[first] === ';' || line[first] === '#') return 0
  let semicolon = line.indexOf(';')
  let hash = line.indexOf('#')
  while (semicolon !== -1 || hash !== -1) {
    const valid = [semicolon, hash].filter(at => at !== -1 && (at === 0 || isBlank(line.charCodeAt(at - 1))))
    if (valid.length > 0) return Math.min(...valid)
    if (semicolon !== -1) semicolon = line.indexOf(';', semicolon + 1)
    if (hash !== -1) hash = line.indexOf('#', hash + 1)
  }
  return -1
}

function noSectionHeader(file: string, line: number, text: string): ConfigError {
  const message = `File contains no section headers.\nfile: ${pythonRepr(file)}, line: ${line}\n${pythonRepr(text)}`
  const hint = text.startsWith('\ufeff')
    ? 'save the file without byte order mark'
    : 'write a section header such as [program:name] above this line'
  return new ConfigError(message, { file, line, hint })
}

function parsingErrors(file: string, bad: readonly { line: number; text: string }[]): ConfigError {
  const shown = bad.map(({ line, text }) => `\n\t[line ${String(line).padStart(2)}]: ${pythonRepr(text)}`)
  const hint = 'write option=value, or indent the line if it continues the value above'
  return new ConfigError(`Source contains parsing errors: ${pythonRepr(file)}${shown.join('')}`, {
    file,
    line: bad[0]!.line,
    hint,
  })
}
