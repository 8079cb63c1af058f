/** What /proc says about a process, and what this machine allows tests to do. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended
  }
}

export const childrenOf = (pid: number): number[] =>
  read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

/** `R`, `S`, `T`, `Z` …; `` when there is no such process */
export const stateOf = (pid: number): string => read(`/proc/${pid}/stat`).split(') ')[1]?.[0] ?? ''

export const tasksOf = (pid: number): readonly string[] => readdirSync(`/proc/${pid}/task`)

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** bytes that it alone has in memory */
export const privateMemoryOf = (pid: number): number =>
  [...read(`/proc/${pid}/smaps_rollup`).matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce(
    (sum, [, kilobytes]) => sum + Number(kilobytes) * 1024,
    0,
  )

/** s of CPU time that it has used, in all its threads */
export function cpuTimeOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** How often any of its threads has waited for something: one that sleeps does not count on. */
export const wakeupsOf = (pid: number): number =>
  tasksOf(pid).reduce((sum, task) => {
    const waits = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(`/proc/${pid}/task/${task}/status`))
    return sum + Number(waits?.[1] ?? 0)
  }, 0)

/** A command line that gives the rest namespaces of its own, `--mount` or `--pid --fork --mount-proc` for instance. */
export const inNamespaces = (...kinds: readonly string[]): string[] => [
  'unshare',
  ...(process.getuid!() === 0 ? [] : ['--map-root-user']),
  ...kinds,
  '--',
]

/** Can this machine run it? */
export const works = (command: readonly string[]): boolean =>
  spawnSync(command[0]!, command.slice(1), { stdio: 'ignore' }).status === 0
