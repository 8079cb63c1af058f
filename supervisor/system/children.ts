/**
 * Supervised children: started by posix_spawn, collected by wait4. Nothing in `supervisor/` starts processes by libuv, so
 * every pid that ends is ours to bury, adopted orphans included (as PID 1 or subreaper).
 * Source: contract 4.4, 5.1, 5.3, 12; docs/decisions.md
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { worked } from './idle-memory.ts'
import { awaitEnd, duplicate, errnoName, posixSpawn, systemError, waitFor } from './native.ts'
import type { ChildExit, Children, SpawnRequest, User } from './system.ts'

const SETPRIV = '/usr/bin/setpriv'
const SHELL = '/bin/sh'

export const children: Children = {
  spawn,
  reap: () => collect(ANY),
  reapSoon(pid, ms) {
    awaitEnd(pid, ms)
    return collect(pid)
  },
  kill(pid, signal) {
    process.kill(pid, signal)
  },
}

const ANY = -1

function collect(which: number): ChildExit | null {
  const ended = waitFor(which)
  return ended && decodeExit(ended[0], ended[1])
}

/** Raw wait status: low 7 bits the signal, bit 7 the core flag, the next 8 bits the exit code. */
export function decodeExit(pid: number, raw: number): ChildExit {
  const signal = raw & 0x7f
  return { pid, signal, status: signal === 0 ? (raw >> 8) & 0xff : -1, coreDumped: (raw & 0x80) !== 0 }
}

function spawn(request: SpawnRequest): number {
  worked()
  const own = request.descriptors.map(descriptor => (descriptor < 3 ? duplicate(descriptor) : descriptor))
  const previous = request.umask === null ? null : process.umask(request.umask)
  try {
    return spawnWith(request, own as [number, number, number])
  } finally {
    if (previous !== null) process.umask(previous)
    own.forEach((descriptor, at) => {
      if (descriptor !== request.descriptors[at]) closeSync(descriptor)
    })
  }
}

function spawnWith(request: SpawnRequest, descriptors: readonly [number, number, number]): number {
  const environment = Object.entries(request.environment).map(([name, value]) => `${name}=${value}`)
  const start = (file: string, argv: readonly string[], directory: string | null): number =>
    posixSpawn({ file, argv, environment, descriptors, directory })

  /** A child in place of the one that cannot be: says why on its stderr and exits 127, as a failure after fork does. */
  const explain = (line: string): number => {
    const pid = posixSpawn({
      file: SHELL,
      argv: ['sh', '-c', 'printf "%s\\n" "$1" "$2" >&2; exit 127', 'sh', line, NOT_SPAWNED],
      environment: [],
      descriptors,
      directory: null,
    })
    if (pid < 0) throw systemError('posix_spawn', -pid)
    return pid
  }

  const { user, directory, file, argv } = request
  const switching = user !== null && user.uid !== process.getuid!()
  if (switching) {
    const problem = cannotBecome()
    if (problem) return explain(`supervisor: couldn't setuid to ${user.uid}: ${problem}`)
    if (!kernelExecutes(file)) return explain(`supervisor: couldn't exec ${argv[0]}: ENOEXEC`)
  }

  const pid = switching ? startAs(user, request, start) : start(file, argv, directory)
  if (pid > 0) return pid
  const code = errnoName(-pid)
  if (code === 'EAGAIN' || code === 'ENOMEM') throw systemError('posix_spawn', -pid)
  const missing = directory === null ? null : directoryProblem(directory)
  if (missing) return explain(`supervisor: couldn't chdir to ${directory}: ${missing}`)
  return explain(`supervisor: couldn't exec ${argv[0]}: ${code}`)
}

const NOT_SPAWNED = 'supervisor: child process was not spawned'

/** setpriv keeps the pid and sets all groups of the user; the directory is entered as that user, by a shell that execs. */
function startAs(
  user: User,
  { directory, file, argv }: SpawnRequest,
  start: (file: string, argv: readonly string[], directory: string | null) => number,
): number {
  const asUser = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--']
  // execvp looks a bare word up itself, in the same PATH: argv[0] stays what the user wrote
  const word = argv[0]!.includes('/') && directory !== null ? resolve(file) : argv[0]!
  const rest = argv.slice(1)
  if (directory === null) return start(SETPRIV, [...asUser, word, ...rest], null)
  return start(SETPRIV, [...asUser, SHELL, '-c', ENTER_DIRECTORY, 'sh', directory, word, ...rest], null)
}

const ENTER_DIRECTORY = `cd -- "$1" 2>/dev/null || {
  if [ -e "$1" ]; then if [ -d "$1" ]; then why=EACCES; else why=ENOTDIR; fi; else why=ENOENT; fi
  printf "supervisor: couldn't chdir to %s: %s\\n${NOT_SPAWNED}\\n" "$1" "$why" >&2; exit 127
}
shift; exec "$@"`

/** Words of the original for what setuid cannot do. */
function cannotBecome(): string | null {
  if (process.getuid!() !== 0) return "Can't drop privilege as nonroot user"
  try {
    accessSync(SETPRIV, constants.X_OK)
    return null
  } catch {
    return `${SETPRIV} (package util-linux) is missing`
  }
}

/** execvp, which setpriv uses, runs a script without `#!` by a shell; the kernel, and the original, refuse it. */
function kernelExecutes(file: string): boolean {
  const head = Buffer.alloc(4)
  try {
    const descriptor = openSync(file, 'r')
    try {
      readSync(descriptor, head, 0, 4, 0)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return true // not ours to read; the exec itself will tell
  }
  return head.toString('latin1') === '\x7fELF' || head.toString('latin1', 0, 2) === '#!'
}

function directoryProblem(directory: string): string | null {
  try {
    if (!statSync(directory).isDirectory()) return 'ENOTDIR'
    accessSync(directory, constants.X_OK)
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EACCES'
  }
}
