/** Changes of one path, as the kernel tells them. */
import { existsSync, type FSWatcher, unwatchFile, watch, watchFile } from 'node:fs'
import { basename, dirname } from 'node:path'
import { linkChain } from './atomic-file.ts'

export type Close = () => void

/** Editors write in several steps: they are one change. */
const SETTLE_MS = 50
/** Where the kernel has no watch left to give. */
const LOOK_EVERY_MS = 2000

/**
 * Calls after the file at this path has appeared, disappeared, been replaced, or been written to, there or where its symbolic
 * links lead. May call without need. Where the kernel refuses (its limits on watches are shared by all containers of a host),
 * or where there is no directory yet, it looks every two seconds instead.
 */
export function watchPath(path: string, onChange: () => void): Close {
  let watchers: FSWatcher[] = []
  let settling: NodeJS.Timeout | undefined
  const settled = (): void => {
    settling = undefined
    arm() // first: what changes from here on is told, and what changed before is seen by whoever looks now
    onChange()
  }
  const touched = (): void => {
    settling ??= setTimeout(settled, SETTLE_MS)
  }
  const arm = (): void => {
    disarm()
    try {
      for (const { place, names } of placesOf(path)) {
        const watcher = watch(place, (_, name) => {
          if (name === null || names === 'any' || names.has(name)) touched()
        })
        watchers.push(watcher.on('error', touched))
      }
    } catch {
      watchFile(path, { interval: LOOK_EVERY_MS }, touched)
    }
  }
  const disarm = (): void => {
    unwatchFile(path, touched)
    for (const watcher of watchers) watcher.close()
    watchers = []
  }
  arm()
  return () => {
    clearTimeout(settling)
    disarm()
  }
}

interface Place {
  readonly place: string
  readonly names: ReadonlySet<string> | 'any'
}

/** Each directory that an entry could appear in; and the file itself, as a mount of its own is not told by its directory. */
function placesOf(path: string): readonly Place[] {
  const chain = linkChain(path)
  const directories = new Map<string, Set<string>>()
  for (const link of chain) {
    const names = directories.get(dirname(link)) ?? new Set()
    directories.set(dirname(link), names.add(basename(link)))
  }
  const places: Place[] = [...directories].map(([place, names]) => ({ place, names }))
  const target = chain.at(-1)!
  return existsSync(target) ? [...places, { place: target, names: 'any' }] : places
}
