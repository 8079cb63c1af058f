import { closeSync, fchownSync } from 'node:fs'
import { constants } from 'node:os'
import { children } from './children.ts'
import { clock } from './clock.ts'
import { files } from './files.ts'
import { openHost } from './host.ts'
import { getLimit, growPipe, pipe, RLIMIT_NOFILE, systemError } from './native.ts'
import { openOwnProcess } from './own-process.ts'
import { openPipeReader } from './pipe-reader.ts'
import { openPipeWriter } from './pipe-writer.ts'
import type { Pipes, System } from './system.ts'
import { users } from './users.ts'

/** What children leave of the descriptors, for those who connect, logs that rotate, and files that are read. */
const KEPT_FREE = 16

/** @throws SystemError EMFILE, ENFILE */
function createPipe(): readonly [number, number] {
  const ends = pipe()
  // the kernel takes the lowest numbers that are free: a high one means that hardly any are left
  const { soft } = getLimit(RLIMIT_NOFILE)
  if (Math.max(...ends) < soft - Math.min(KEPT_FREE, soft / 4)) return ends
  for (const end of ends) closeSync(end)
  throw systemError('pipe2', constants.errno.EMFILE)
}

const pipes: Pipes = {
  create: createPipe,
  close: closeSync,
  give: (descriptor, { uid, gid }) => fchownSync(descriptor, uid, gid),
  openReader: (descriptor, handlers) => openPipeReader(descriptor, handlers, growPipe),
  openWriter: openPipeWriter,
}

/** The machine that we run on. To be called once, first of all. */
export function openSystem(): System {
  const own = openOwnProcess()
  return { clock, users, host: openHost(own.environment), files, children, pipes, own }
}
