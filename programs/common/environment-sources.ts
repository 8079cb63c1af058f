/** Where the variables that launchers see come from: what the container was started with, the boot, and the files they source. */
import { readFileSync } from 'node:fs'
import { type Env, readEnvironmentLayers } from './environment-file.ts'
import { paths } from './paths.ts'
import type { Problem } from './problem.ts'

export interface EnvironmentSource {
  /** `/etc/environment`, `the container's environment` */
  readonly name: string
  readonly values: ReadonlyMap<string, string>
  /** Of a file: variable → line. */
  readonly lines: ReadonlyMap<string, number> | undefined
}

export interface EnvironmentSources {
  /** Later ones come on top of earlier ones. */
  readonly sources: readonly EnvironmentSource[]
  /** What is wrong with the files. */
  readonly problems: readonly Problem[]
}

export interface Surroundings {
  readonly env: Env
  /** `/proc/1/environ` and the like; '' when it cannot be read */
  readonly readEnviron: (pid: number) => string
  readonly supervisordPid: number | undefined
  readonly environmentFile: string
}

/** Of this machine, for whoever asks. */
export const ownSurroundings = (env: Env = process.env): Surroundings => ({
  env,
  readEnviron,
  supervisordPid: findSupervisord(),
  environmentFile: paths.environmentFile,
})

/**
 * Programs get the environment of supervisord, which is that of process 1 and what the boot has added. Only root can read these;
 * to others, and without a supervisord, it is their own environment that counts.
 */
export function readEnvironmentSources(given: Surroundings): EnvironmentSources {
  const container = parseEnviron(given.readEnviron(1))
  const supervisord =
    given.supervisordPid === undefined ? new Map() : parseEnviron(given.readEnviron(given.supervisordPid))
  const own = new Map(Object.entries(given.env).filter((pair): pair is [string, string] => pair[1] !== undefined))
  const [base, name] = supervisord.size > 0 ? [supervisord, 'set at boot'] : [own, 'the environment of this command']
  const isOfContainer = ([variable, value]: readonly [string, string]): boolean => container.get(variable) === value
  const layers = readEnvironmentLayers(Object.fromEntries(base), given.environmentFile)
  return {
    sources: [
      { name: "the container's environment", values: new Map([...base].filter(isOfContainer)), lines: undefined },
      { name, values: new Map([...base].filter(pair => !isOfContainer(pair))), lines: undefined },
      ...layers.map(({ path, values, lines }) => ({ name: path, values, lines })),
    ],
    problems: layers.flatMap(({ problems }) => problems),
  }
}

/** All of them, each variable as the last source has it that has it. */
export const mergeSources = (sources: readonly EnvironmentSource[]): Env =>
  Object.fromEntries(sources.flatMap(({ values }) => [...values]))

/** `/etc/environment:12`, `the container's environment`; undefined: it is not set. */
export function placeOf(sources: readonly EnvironmentSource[], variable: string): string | undefined {
  const source = sources.findLast(({ values }) => values.has(variable))
  return source && placeIn(source, variable)
}

export const placeIn = ({ name, lines }: EnvironmentSource, variable: string): string =>
  lines === undefined ? name : `${name}:${lines.get(variable)}`

const parseEnviron = (text: string): Map<string, string> =>
  new Map(
    text
      .split('\0')
      .filter(pair => pair.includes('='))
      .map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )

function readEnviron(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return '' // another user's, or gone
  }
}

/** The pid in its pid file, if it still is one. */
function findSupervisord(): number | undefined {
  try {
    const pid = Number(readFileSync(paths.supervisorPidfile, 'utf8'))
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('supervisord') ? pid : undefined
  } catch {
    return undefined
  }
}
