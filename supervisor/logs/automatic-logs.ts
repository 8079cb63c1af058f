/** `stdout_logfile=AUTO`: files with generated names in childlogdir. Source: contract 6.4 */
import type { Channel } from '../daemon/api.ts'
import type { LogFiles } from '../system/log-file.ts'
import type { Files } from '../system/system.ts'

export interface AutomaticLog {
  readonly processName: string
  readonly channel: Channel
  readonly identifier: string
  /** childlogdir */
  readonly directory: string
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_'

const randomLetters = (count: number): string =>
  Array.from({ length: count }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join('')

/**
 * Makes the file, which only its owner may read, and returns its path:
 * `/tmp/web-stdout---supervisor-k2_x09qa.log`
 * @throws SystemError when there can be no such file
 */
export function createAutomaticLog(
  files: LogFiles,
  { processName, channel, identifier, directory }: AutomaticLog,
): string {
  for (;;) {
    const path = inDirectory(directory, `${processName}-${channel}---${identifier}-${randomLetters(8)}.log`)
    if (files.createNew(path)) return path
  }
}

/**
 * Removes what earlier runs with this identifier have left, backups included; those of any process, and of another
 * instance that runs now with the same identifier. Returns warnings for the activity log.
 */
export function removeAutomaticLogs(files: Files, directory: string, identifier: string): readonly string[] {
  const name = new RegExp(`^.+?---${escapeForRegExp(identifier)}-\\S+\\.log\\.?\\d{0,4}`)
  const warnings: string[] = []
  for (const entry of listed(files, directory, warnings)) {
    if (!name.test(entry)) continue
    const path = inDirectory(directory, entry)
    try {
      files.unlink(path)
    } catch {
      warnings.push(`Failed to clean up '${path}'`)
    }
  }
  return warnings
}

function listed(files: Files, directory: string, warnings: string[]): readonly string[] {
  try {
    return files.list(directory)
  } catch {
    warnings.push('Could not clear childlog dir')
    return []
  }
}

const inDirectory = (directory: string, name: string): string => `${directory.replace(/\/+$/, '')}/${name}`

const escapeForRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
