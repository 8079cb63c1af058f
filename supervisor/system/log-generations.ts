import { lstatSync, renameSync, unlinkSync } from 'node:fs'
import { codeOf } from './log-backlog.ts'

/**
 * What an earlier life has logged makes room for the next one: `x` becomes `x.old` and the files that rotation has made of
 * it, `x.1` …, become `x.old.1` …; so rotation and lives never want the same name. One earlier life is kept, and one that
 * logged nothing takes nobody's place. Returns why it could not be done; null when all is well.
 */
export function setAside(path: string, backups: number): string | null {
  const suffixes = ['', ...Array.from({ length: Math.max(0, backups) }, (_, n) => `.${n + 1}`)]
  try {
    const logged = suffixes.map(suffix => lstatSync(path + suffix, { throwIfNoEntry: false }))
    // behind a link, or in a device, it is not ours to move
    if (logged[0] && !logged[0].isFile()) return null
    if (!logged.some(stats => stats && stats.size > 0)) return null
    for (const [n, suffix] of suffixes.entries()) {
      if (logged[n]) renameSync(path + suffix, `${path}.old${suffix}`)
      else unlinkIfPresent(`${path}.old${suffix}`)
    }
    return null
  } catch (error) {
    return codeOf(error)
  }
}

function unlinkIfPresent(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
