/** All that a process has started. Read from /proc: `ps` is not in every image, and parents may die before their children. */
import { readdirSync, readFileSync } from 'node:fs'

const DEAD = ['Z', 'X']

/** `pid (name) state parent …`; a name may hold anything, parentheses, too. */
function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return DEAD.includes(state!) ? undefined : Number(parent)
  } catch {
    return undefined
  }
}

/** The living, parents before children. */
export function descendantsOf(root: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [...(children.get(root) ?? [])]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

function tell(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, signal)
    } catch {}
}

const LOOK_EVERY_MS = 50

/**
 * SIGTERM to all that `root` has started, and SIGKILL to those of them that are still there after `graceMs`, and to what they
 * have started since. `root` itself is left alone.
 */
export async function endDescendants(root: number, graceMs: number): Promise<void> {
  const asked = descendantsOf(root)
  tell(asked, 'SIGTERM')
  // not our children, all of them: nobody tells us when they are gone
  const alive = (): readonly number[] => asked.filter(pid => parentOf(String(pid)) !== undefined)
  for (const end = Date.now() + graceMs; alive().length > 0 && Date.now() < end; )
    await new Promise(next => setTimeout(next, LOOK_EVERY_MS))
  tell([...alive().flatMap(pid => [pid, ...descendantsOf(pid)]), ...descendantsOf(root)], 'SIGKILL')
}
