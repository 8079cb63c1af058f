/** What gates look at on this machine. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readLaunchMode } from '../common/launch-mode.ts'
import type { Env, Facts, FileFacts, FoundLine } from './gates.ts'

export type OwnFacts = Omit<Facts, 'late'>

export function ownFacts(env: Env, program: string): OwnFacts {
  const seen = new Map<string, { readonly version: string; readonly since: number }>()
  return {
    env,
    program,
    exists: existsSync,
    launchMode: () => readLaunchMode(),
    read(path) {
      try {
        const status = statSync(path)
        const text = readFileSync(path, 'utf8')
        const version = `${status.ino} ${status.mtimeMs} ${text.length}`
        const now = performance.now()
        const before = seen.get(path)
        const since = before?.version === version ? before.since : now
        seen.set(path, { version, since })
        // a clock that is set back makes files of the future
        return { text, quietMs: Math.max(Date.now() - status.mtimeMs, now - since) }
      } catch (error) {
        return unreadable(error as NodeJS.ErrnoException)
      }
    },
    findLine: (expression, text) => grep(expression, text, env),
    findCommand: command => findCommand(command, env),
  }
}

const unreadable = ({ code, message }: NodeJS.ErrnoException): FileFacts =>
  code === 'ENOENT' ? { text: '', quietMs: 0 } : { text: '', quietMs: 0, problem: `cannot be read: ${message}` }

/** grep itself: nobody else has its dialect, its classes and its idea of upper and lower case. */
function grep(expression: string, text: string, env: Env): FoundLine {
  const { status, stdout, stderr, error } = spawnSync('grep', ['-a', '-n', '-m1', '-iE', '-e', expression], {
    input: text,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', LC_ALL: env.LC_ALL, LC_CTYPE: env.LC_CTYPE, LANG: env.LANG },
  })
  if (status === 0) {
    const number = Number.parseInt(stdout, 10)
    return { found: true, number, line: stdout.slice(`${number}:`.length).split('\n', 1)[0]! }
  }
  if (status === 1) return { found: false }
  // it may end before it has read all that it is given: what it says comes first
  return { found: false, problem: stderr?.trim() || (error?.message ?? `grep: exit status ${status}`) }
}

function findCommand(command: string, { PATH = '' }: Env): string | undefined {
  const places = command.includes('/') ? [command] : PATH.split(':').map(directory => join(directory || '.', command))
  return places.find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
