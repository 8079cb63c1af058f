/**
 * Where the configuration file is looked for when no flag names one. Source: contract 1.1
 */

import type { Machine } from './config.ts'
import { ConfigError } from './config-error.ts'
import { absolute } from './converters.ts'

/** Python's os.path.dirname: '' when there is no slash. */
const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1).replace(/(?<=[^/])\/+$/, '')

const inDirectory = (directory: string, name: string): string =>
  directory === '' || directory.endsWith('/') ? directory + name : `${directory}/${name}`

/** In this order; `argv0` is the path of the executable as called, links not followed. */
export function defaultConfigPaths(argv0: string): readonly string[] {
  const prefix = directoryOf(directoryOf(argv0))
  return [
    inDirectory(prefix, 'etc/supervisord.conf'),
    inDirectory(prefix, 'supervisord.conf'),
    'supervisord.conf',
    'etc/supervisord.conf',
    '/etc/supervisord.conf',
    '/etc/supervisor/supervisord.conf',
  ]
}

/** The first that exists, as it is in the list; null: none does. */
export function searchConfigFile(argv0: string, machine: Machine): string | null {
  const exists = (path: string): boolean => {
    try {
      return machine.files.status(absolute(path, machine)) !== null
    } catch {
      return false
    }
  }
  return defaultConfigPaths(argv0).find(exists) ?? null
}

/**
 * The file of `-c`, or the one that is found.
 * @throws ConfigError `could not find config file …`, `No config file found at default paths (…); …`
 */
export function findConfigFile(given: string | null, argv0: string, machine: Machine): string {
  if (given !== null) {
    checkConfigFile(given, machine)
    return given
  }
  const found = searchConfigFile(argv0, machine)
  if (found !== null) return found
  const paths = defaultConfigPaths(argv0).join(', ')
  throw new ConfigError(
    `No config file found at default paths (${paths}); use the -c option to specify a config file at a different path`,
  )
}

/** @throws ConfigError `could not find config file …` */
export function checkConfigFile(file: string, machine: Machine): void {
  let found = false
  try {
    found = file !== '' && machine.files.status(absolute(file, machine)) !== null
  } catch {
    // not ours to look at: as good as missing
  }
  if (!found) throw new ConfigError(`could not find config file ${file}`)
}

/** What supervisord as root says on stderr when it found its file by searching. */
export const rootSearchWarning =
  'Supervisord is running as root and it is searching for its configuration file in default locations (including its ' +
  'current working directory); you probably want to specify a "-c" argument specifying an absolute path to a ' +
  'configuration file for improved security.'
