/** `bosun exposure [--all] [--json] [--allow PORT[/udp],…]`: what can be reached from outside, and who asks for a login there. */
import { parseArgs } from 'node:util'
import { mergeSources, ownSurroundings, readEnvironmentSources } from '../../programs/common/environment-sources.ts'
import { type Exposure, readExposure } from '../../programs/common/exposure.ts'
import { parsePort } from '../../programs/common/port.ts'
import { readPortalYaml } from '../../programs/common/portal-yaml.ts'
import { readSettings } from '../../programs/common/settings.ts'
import { openSupervisorWatch } from '../../programs/common/supervisor-watch.ts'
import type { Output } from './commands.ts'

const USAGE = 'usage: bosun exposure [--all] [--json] [--allow PORT[/udp],…]'

/** @returns 0: whatever can be reached asks for a login; 1: something does not, or that cannot be told; 2: wrong usage */
export async function runExposure(args: readonly string[], { out, err }: Output): Promise<number> {
  const wrong = (message: string): number => {
    err(`bosun: ${message}\n${USAGE}\n`)
    return 2
  }
  let values: { readonly all?: boolean; readonly json?: boolean; readonly allow?: readonly string[] }
  try {
    const allow = { type: 'string', multiple: true } as const
    const options = { all: { type: 'boolean' }, json: { type: 'boolean' }, allow } as const
    values = parseArgs({ args: [...args], options }).values
  } catch (error) {
    return wrong((error as Error).message)
  }
  const allowed = (values.allow ?? []).flatMap(list => list.split(',')).map(parseAllowed)
  if (allowed.includes(undefined)) return wrong(`--allow takes ports, as 5900,3478/udp: ${values.allow?.join(',')}`)
  const exposures = await look(allowed as string[])
  out(
    values.json === true ? `${JSON.stringify(exposures, null, 2)}\n` : renderExposures(exposures, values.all === true),
  )
  return exposures.some(({ verdict }) => verdict !== 'ok') ? 1 : 0
}

/** `5900`, `5900/tcp` → `5900`; `3478/udp`; undefined for anything else */
export function parseAllowed(text: string): string | undefined {
  const [, digits = '', protocol] = /^(\d+)(?:\/(tcp|udp))?$/.exec(text.trim()) ?? []
  const port = parsePort(digits)
  return port === undefined ? undefined : `${port}${protocol === 'udp' ? '/udp' : ''}`
}

async function look(allowed: readonly string[]): Promise<readonly Exposure[]> {
  const { settings } = readSettings(mergeSources(readEnvironmentSources(ownSurroundings()).sources))
  const watch = openSupervisorWatch()
  const { programs } = await watch.read()
  watch.close()
  return readExposure({ programs, applications: readPortalYaml().applications, settings, allowed })
}

const words: Readonly<Record<Exposure['verdict'], string>> = { ok: 'ok', warn: 'OPEN', unknown: '?' }

export function renderExposures(exposures: readonly Exposure[], all: boolean): string {
  const shown = exposures.filter(({ reach }) => all || reach !== 'loopback')
  const rows = shown.map(({ verdict, port, protocol, address, owner }) => [
    words[verdict],
    `${port}/${protocol}`,
    address,
    owner,
  ])
  const widths = [0, 1, 2, 3].map(column => Math.max(0, ...rows.map(row => row[column]!.length)))
  const lines = shown.flatMap(({ guard, fix }, index) => [
    `${rows[index]!.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}  ${guard}`,
    ...(fix === '' ? [] : [`      ${fix}`]),
  ])
  const hidden = exposures.length - shown.length
  const rest = hidden === 0 ? [] : [`${hidden} more can be reached from within the instance only: bosun exposure --all`]
  const nothing = exposures.length === 0 ? ['nothing listens'] : []
  return [...lines, ...rest, ...nothing, ''].join('\n')
}
