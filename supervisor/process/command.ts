/**
 * From `command=` to a file and its arguments, at every attempt to start.
 * Source: contract 1.8, 4.4
 */
import { pythonRepr } from '../config/python-repr.ts'
import { ShellWordsError, splitShellWords } from '../config/shell-words.ts'
import type { CommandProblem } from '../daemon/api.ts'
import type { Files } from '../system/system.ts'

export interface Command {
  readonly file: string
  readonly argv: readonly string[]
}

const DEFAULT_PATH = '/bin:/usr/bin:/usr/local/bin'

export const isProblem = (found: Command | CommandProblem): found is CommandProblem => 'fault' in found

/**
 * A word with `/` is taken as it is, relative to the daemon's directory; another is the first entry of that name on `path`,
 * even if it turns out to be a directory or not executable.
 */
export function findCommand(command: string, path: string | undefined, files: Files): Command | CommandProblem {
  const words = wordsOf(command)
  if (!Array.isArray(words)) return words
  const word = words[0]
  if (word === undefined) return { fault: 'NOT_EXECUTABLE', text: 'command is empty' }
  const candidates = word.includes('/')
    ? [word]
    : (path ?? DEFAULT_PATH).split(':').map(directory => (directory === '' ? word : `${directory}/${word}`))
  for (const file of candidates) {
    const status = statusOf(files, file)
    if (!status) continue
    if (status.kind === 'directory') return notExecutable(`command at ${pythonRepr(file)} is a directory`)
    if (!(status.mode & 0o111)) return notExecutable(`command at ${pythonRepr(file)} is not executable`)
    if (!files.mayExecute(file)) return notExecutable(`no permission to run command ${pythonRepr(file)}`)
    return { file, argv: words }
  }
  return { fault: 'NO_FILE', text: `can't find command ${pythonRepr(word)}` }
}

const notExecutable = (text: string): CommandProblem => ({ fault: 'NOT_EXECUTABLE', text })

function wordsOf(command: string): string[] | CommandProblem {
  try {
    return [...splitShellWords(command)]
  } catch (error) {
    if (!(error instanceof ShellWordsError)) throw error
    return notExecutable(`can't parse command ${pythonRepr(command)}: ${error.message}`)
  }
}

function statusOf(files: Files, file: string) {
  try {
    return files.status(file)
  } catch {
    return null // EACCES or ENOTDIR on the way: as absent as the original finds it
  }
}
