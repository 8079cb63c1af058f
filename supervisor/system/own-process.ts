/**
 * What the daemon does to the process that it is: limits, user, signals, standard streams, the background.
 * Source: contract 3.3, 3.4, 12
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, stat, writeFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { worked } from './idle-memory.ts'
import {
  closeOnExecFrom,
  getLimit,
  groupsOf,
  ignoreSignal,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  replaceDescriptor,
  setLimit,
} from './native.ts'
import type { OwnProcess } from './system.ts'

/** Node raises the soft limit of descriptors before any of our code runs; the launcher notes what it was. */
const SOFT_NOFILE = 'BOSUN_SOFT_NOFILE'
/** NODE_OPTIONS as our children get them; the launcher keeps them from us (scripts/dev/build.ts). */
const CALLERS_NODE_OPTIONS = 'BOSUN_CALLERS_NODE_OPTIONS'
/** Set in the process that goes to the background: the descriptor on which its parent waits for a word. */
const BACKGROUND = 'BOSUN_BACKGROUND'
/** The supervisor that runs us says so of our stdout, not of that of our children. */
const STDOUT_TEE = 'SUPERVISOR_STDOUT_TEE'

const resources = { NOFILE: RLIMIT_NOFILE, NPROC: RLIMIT_NPROC } as const

export function openOwnProcess(): OwnProcess {
  const { [SOFT_NOFILE]: softNofile, [BACKGROUND]: background, [STDOUT_TEE]: _, ...environment } = process.env
  delete process.env[SOFT_NOFILE]
  delete process.env[BACKGROUND]
  const inheritedSoft = { NOFILE: parseLimit(softNofile), NPROC: null }

  closeOnExecFrom(3)
  // what children inherit from the original, which is a Python program; Node ignores SIGPIPE itself
  ignoreSignal(constants.signals.SIGXFSZ)
  // the name that pgrep, pidof and killall look for; the command line stays as it is
  writeFileSync('/proc/self/comm', 'supervisord')

  // libuv makes its threads, which write logs on slow disks, when it needs one first, and aborts where no process may have
  // another thread: better now than in the middle of things
  stat('/', () => {})

  // signal handlers alone do not keep Node running, and there may be no server; it wakes up every 24 days
  setInterval(() => {}, 2 ** 31 - 1)

  return {
    environment: environment as Record<string, string>,
    background: background === undefined ? null : Number(background),

    limit(name) {
      const { soft, hard } = getLimit(resources[name])
      return { soft: inheritedSoft[name] ?? soft, hard }
    },
    setLimit(name, soft, hard) {
      setLimit(resources[name], soft, hard)
      inheritedSoft[name] = null
    },

    becomeUser({ name, uid, gid }) {
      process.setgroups!(groupsOf(name, gid) as number[])
      process.setgid!(gid)
      process.setuid!(uid)
    },

    onSignal(signal, handler) {
      process.on(signal, handler)
      return () => void process.off(signal, handler)
    },

    writeOutput: text => writeAll(1, text),
    writeError: text => writeAll(2, text),
    worked,

    startInBackground(argv) {
      return new Promise(resolve => {
        const child = spawn(process.execPath, [...process.execArgv, ...argv], {
          detached: true,
          stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
          env: {
            ...environment,
            NODE_OPTIONS: process.env.BOSUN_NODE_OPTIONS,
            [CALLERS_NODE_OPTIONS]: environment.NODE_OPTIONS ?? '',
            [BACKGROUND]: '3',
            ...(softNofile && { [SOFT_NOFILE]: softNofile }),
          },
        })
        const word = child.stdio[3] as NodeJS.ReadableStream
        word.once('data', () => resolve(0))
        child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
        child.once('error', () => resolve(1))
      })
    },

    goToBackground({ directory, umask }, parent) {
      let problem: string | null = null
      if (directory !== null) {
        try {
          process.chdir(directory)
        } catch (error) {
          problem = (error as Error).message
        }
      }
      const nowhere = openSync('/dev/null', 'r+')
      for (const standard of [0, 1, 2]) replaceDescriptor(nowhere, standard)
      closeSync(nowhere)
      process.umask(umask)
      return {
        problem,
        tellParent() {
          writeSync(parent, 'up')
          closeSync(parent)
        },
      }
    },

    exit: code => process.exit(code),
  }
}

function parseLimit(text: string | undefined): number | null {
  if (text === undefined || text === '') return null
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
}

/** Whoever reads our streams may have made them non-blocking; a few words are worth the wait. */
function writeAll(descriptor: number, text: string): void {
  const data = Buffer.from(text)
  for (let at = 0, tries = 0; at < data.length && tries < 1000; ) {
    try {
      at += writeSync(descriptor, data, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(pause, 0, 0, 1)
      tries++
    }
  }
}
const pause = new Int32Array(new SharedArrayBuffer(4))
