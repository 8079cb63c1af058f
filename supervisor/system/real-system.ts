import { closeSync, fchownSync } from 'node:fs'
import { children } from './children.ts'
import { clock } from './clock.ts'
import { files } from './files.ts'
import { openHost } from './host.ts'
import { growPipe, pipe } from './native.ts'
import { openOwnProcess } from './own-process.ts'
import { openPipeReader } from './pipe-reader.ts'
import { openPipeWriter } from './pipe-writer.ts'
import type { Pipes, System } from './system.ts'
import { users } from './users.ts'

const pipes: Pipes = {
  create: pipe,
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
