import { accessSync, constants, statSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Host } from './system.ts'

const isWritableDirectory = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

export function openHost(environment: Readonly<Record<string, string>>): Host {
  return {
    pid: process.pid,
    uid: () => process.getuid!(),
    // node:os takes a millisecond to load, and supervisorctl does not ask
    get nodename() {
      return hostname()
    },
    cwd: () => process.cwd(),
    temporaryDirectory() {
      const { TMPDIR, TEMP, TMP } = environment
      const candidates = [TMPDIR, TEMP, TMP, '/tmp', '/var/tmp', '/usr/tmp']
      return candidates.find(path => path && isWritableDirectory(path)) ?? process.cwd()
    },
    environment,
  }
}
