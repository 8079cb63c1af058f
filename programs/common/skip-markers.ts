/**
 * What gates leave behind: for each program that was sent away a marker with the term that was not found, and for each
 * decision a verdict. Both directories are open to every account of the instance, so nothing in them is trusted: it is
 * text to be shown, and it is kept short. Source: contract 3.4, 10.1, traps 30, 50
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { paths } from './paths.ts'
import { readBeginning } from './read-beginning.ts'

export interface GateVerdict {
  /** `portal`, `provisioning`, `serverless` … */
  readonly gate: string
  readonly verdict: 'go' | 'wait' | 'skip' | 'error'
  /** one line; '' when the gate gave none */
  readonly reason: string
  /** ms since the epoch */
  readonly since: number
}

const MOST_FILES = 1000
const MOST_BYTES = 4096
const MOST_CHARACTERS = 200

/** Program → the term that its gate did not find; '' where the marker is empty. No directory: no markers. */
export const readSkipMarkers = (directory: string = paths.skipMarkers): ReadonlyMap<string, string> =>
  new Map(readSmallFiles(directory).map(([name, text]) => [name, oneLine(text)]))

/** Program → what its gate decided last. What is not a verdict is left out. */
export const readGateVerdicts = (directory: string = paths.gateVerdicts): ReadonlyMap<string, GateVerdict> =>
  new Map(
    readSmallFiles(directory).flatMap(([file, text]) => {
      const verdict = file.endsWith('.json') ? parseGateVerdict(text) : undefined
      return verdict === undefined ? [] : [[file.slice(0, -'.json'.length), verdict] as const]
    }),
  )

/** `{"gate":"portal","verdict":"skip","reason":"…","since":1700000000000}`; undefined for anything else. */
export function parseGateVerdict(text: string): GateVerdict | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { gate, verdict, reason, since } = value as Readonly<Record<string, unknown>>
  if (typeof gate !== 'string' || typeof since !== 'number' || !isVerdict(verdict)) return undefined
  return { gate: oneLine(gate), verdict, reason: typeof reason === 'string' ? oneLine(reason) : '', since }
}

const isVerdict = (value: unknown): value is GateVerdict['verdict'] =>
  value === 'go' || value === 'wait' || value === 'skip' || value === 'error'

export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS)
    .toWellFormed()

function readSmallFiles(directory: string): readonly (readonly [name: string, text: string])[] {
  let names: readonly string[]
  try {
    names = readdirSync(directory)
  } catch {
    return []
  }
  // the hidden ones are being written
  const finished = names.filter(name => !name.startsWith('.'))
  return finished.slice(0, MOST_FILES).flatMap(name => {
    const text = readBeginning(join(directory, name), MOST_BYTES, { noLinks: true })
    return text === undefined ? [] : [[name, text] as const]
  })
}
