/** What gates leave behind; programs/common/skip-markers.ts reads it. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { paths } from '../common/paths.ts'
import type { GateVerdict } from '../common/skip-markers.ts'
import type { Gate } from './gates.ts'

/**
 * Notes a decision, and makes or removes the marker of a program that is sent away. Best effort: a decision that cannot be
 * written down is still one. A program without a name, or with one that is no file name, leaves nothing behind.
 * Source: contract 3.4 (5, 6), trap 30
 */
export function recordVerdict(
  program: string,
  name: string,
  { marker }: Pick<Gate, 'marker'>,
  argument: string,
  verdict: GateVerdict['verdict'],
  reason: string,
): void {
  if (!/^[^/\0]+$/.test(program) || program === '.' || program === '..') return
  const note: GateVerdict = { gate: name, verdict, reason, since: Date.now() }
  replace(paths.gateVerdicts, `${program}.json`, `${JSON.stringify(note)}\n`)
  if (marker === 'never' || verdict === 'wait' || verdict === 'error') return
  if (verdict === 'skip' || marker === 'always') replace(paths.skipMarkers, program, `${argument || name}\n`)
  else remove(join(paths.skipMarkers, program))
}

/** In directories that every account may write to: a link that somebody has put there is replaced, and never followed. */
function replace(directory: string, name: string, text: string): void {
  const temporary = join(directory, `.${name}.${process.pid}`)
  try {
    if (mkdirSync(directory, { recursive: true }) !== undefined) chmodSync(directory, 0o1777)
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 })
    renameSync(temporary, join(directory, name))
  } catch {
    remove(temporary)
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // another account's
  }
}
