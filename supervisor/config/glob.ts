/**
 * File name patterns of `[include] files`: `*`, `?`, `[a-z]`, `[!x]`; `**` means `*`; a leading dot has to be written.
 * Source: contract 1.4
 */
import type { Machine } from './config.ts'
import { compareText } from './python-text.ts'

const hasMagic = (text: string): boolean => /[*?[]/.test(text)

/** Everything that exists and matches the absolute pattern, in the order of code points. */
export function glob(pattern: string, machine: Pick<Machine, 'files'>): readonly string[] {
  let found: readonly string[] = ['']
  const parts = pattern.split('/')
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1
    const join = (path: string, name: string) => (index === 0 ? name : `${path}/${name}`)
    if (hasMagic(part)) {
      found = found.flatMap(path =>
        entriesMatching(path === '' ? '/' : path, part, machine).map(name => join(path, name)),
      )
    } else {
      found = found.map(path => join(path, part))
      // names without magic are looked up only where something depends on it: at the end, and before the next list()
      if (isLast) found = found.filter(path => exists(path === '' ? '/' : path, machine))
    }
  }
  return [...found].sort(compareText)
}

function exists(path: string, { files }: Pick<Machine, 'files'>): boolean {
  try {
    return files.status(path, { followLinks: false }) !== null
  } catch {
    return false
  }
}

function entriesMatching(directory: string, pattern: string, { files }: Pick<Machine, 'files'>): readonly string[] {
  const matches = nameMatcher(pattern)
  try {
    return files.list(directory).filter(name => (pattern.startsWith('.') || !name.startsWith('.')) && matches(name))
  } catch {
    return [] // not there, not a directory, not ours to read: no match
  }
}

type Piece = '*' | ((character: string) => boolean)

/** Goes back to the latest star only, so the time is at most the product of both lengths. */
function nameMatcher(pattern: string): (name: string) => boolean {
  const pieces = parsePattern(pattern)
  return name => {
    const characters = [...name]
    let piece = 0
    let at = 0
    let star = -1
    let startedAt = 0
    while (at < characters.length) {
      const current = pieces[piece]
      if (current === '*') {
        star = piece++
        startedAt = at
      } else if (current?.(characters[at]!)) {
        piece++
        at++
      } else if (star !== -1) {
        piece = star + 1
        at = ++startedAt
      } else return false
    }
    while (pieces[piece] === '*') piece++
    return piece === pieces.length
  }
}

function parsePattern(pattern: string): readonly Piece[] {
  const pieces: Piece[] = []
  const characters = [...pattern]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    const end = character === '[' ? endOfSet(characters, at) : -1
    if (character === '*') {
      if (pieces.at(-1) !== '*') pieces.push('*')
    } else if (character === '?') pieces.push(() => true)
    else if (end !== -1) {
      pieces.push(setMatcher(characters.slice(at + 1, end)))
      at = end
    } else pieces.push(other => other === character)
  }
  return pieces
}

/** Index of the `]`; a `]` right behind `[` or `[!` is a member. −1: there is none, and the `[` means itself. */
function endOfSet(characters: readonly string[], start: number): number {
  let first = start + 1
  if (characters[first] === '!') first++
  if (characters[first] === ']') first++
  return characters.indexOf(']', first)
}

function setMatcher(set: readonly string[]): (character: string) => boolean {
  const negated = set[0] === '!'
  const members = negated ? set.slice(1) : set
  const ranges: (readonly [string, string])[] = []
  for (let at = 0; at < members.length; at++) {
    const low = members[at]!
    const isRange = members[at + 1] === '-' && at + 2 < members.length
    const high = isRange ? members[at + 2]! : low
    if (isRange) at += 2
    ranges.push([low, high])
  }
  return character =>
    ranges.some(([low, high]) => compareText(low, character) <= 0 && compareText(character, high) <= 0) !== negated
}
