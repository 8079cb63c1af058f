/**
 * A unix socket appears under its name only when it is ready: bound under another name, given its mode, then linked.
 * What stands at that name already is asked whether anybody listens. Source: contract 3.6, trap 37
 */
import { once } from 'node:events'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import type { FileStatus, Files, System } from '../system/system.ts'
import { BACKLOG } from './inet-socket.ts'
import { alreadyListening, cannotOpen, ServerError } from './server-error.ts'

export interface UnixSocketConfig {
  readonly file: string
  readonly chmod: number
  /** −1 leaves the user or the group as it is */
  readonly chown: { readonly uid: number; readonly gid: number }
}

/** bytes of `sun_path` without its NUL */
const LONGEST_PATH = 107
/** Somebody who accepts and then says nothing for so long is alive. */
const PROBE_MS = 5000
/** A stale socket is removed once; a second one means that somebody else is opening it, too. */
const ATTEMPTS = 3

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function unlinkIfPresent(files: Files, path: string): void {
  try {
    files.unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

const deadCodes = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET']

/** Does anybody accept connections there? Rejects when that cannot be told. */
const isAlive = (path: string, { clock }: System): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path)
    const answer = (alive: boolean): void => {
      cancel()
      socket.destroy()
      resolve(alive)
    }
    const cancel = clock.at(clock.monotonic() + PROBE_MS, () => answer(true))
    socket.once('connect', () => socket.write('GET / HTTP/1.1\r\n\r\n'))
    socket.once('data', () => answer(true))
    socket.once('end', () => answer(true))
    socket.on('error', error => {
      const code = codeOf(error) ?? ''
      // so many wait to be accepted that there is no more room
      if (code === 'EAGAIN' || deadCodes.includes(code)) {
        answer(code === 'EAGAIN')
      } else {
        cancel()
        reject(error)
      }
    })
  })

async function removeStale(path: string, before: FileStatus, system: System): Promise<void> {
  if (await isAlive(path, system)) throw alreadyListening()
  const now = system.files.status(path, { followLinks: false })
  if (now === null || now.inode !== before.inode) return
  system.own.writeError(`Unlinking stale socket ${path}\n`)
  try {
    unlinkIfPresent(system.files, path)
  } catch (error) {
    // The original tries again for ever.
    throw cannotOpen(error, `: cannot remove ${path}, a ${now.kind}; remove it, or name another file=`)
  }
}

/** File systems without hard links get the name by renaming, as long as nothing has it. */
function takeName(files: Files, temporary: string, file: string): boolean {
  try {
    files.link(temporary, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error
    if (files.status(file, { followLinks: false }) !== null) return false
    files.rename(temporary, file)
    return true
  }
}

async function bind(server: Server, temporary: string, { chmod }: UnixSocketConfig, files: Files): Promise<void> {
  if (Buffer.byteLength(temporary) > LONGEST_PATH) throw new Error('AF_UNIX path too long')
  // libuv would call it EACCES
  if (files.status(dirname(temporary)) === null) throw Object.assign(new Error(), { code: 'ENOENT', errno: -2 })
  unlinkIfPresent(files, temporary)
  server.listen({ path: temporary, backlog: BACKLOG })
  // Bound already, so that nobody meets it with another mode; a failure comes as an event.
  if (server.listening) files.chmod(temporary, chmod)
  await once(server, 'listening')
}

function giveTo({ uid, gid }: UnixSocketConfig['chown'], file: string, { files, host, users }: System): void {
  try {
    files.chown(file, uid, gid)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    const user = users.userById(host.uid())?.name ?? String(host.uid())
    throw new ServerError(
      `Not permitted to chown ${file} to uid/gid (${uid}, ${gid}); adjust "sockchown" value in config file or on command ` +
        `line to values that the current user (${user}) can successfully chown`,
    )
  }
}

/** Resolves once clients can connect. @throws ServerError */
export async function listenOnFile(server: Server, config: UnixSocketConfig, system: System): Promise<void> {
  const { files, host } = system
  const { file } = config
  const temporary = `${file}.${host.pid}`
  try {
    await bind(server, temporary, config, files)
    for (let attempt = 1; !takeName(files, temporary, file); attempt++) {
      if (attempt === ATTEMPTS) throw new Error(`${file} comes back whenever it is removed`)
      const present = files.status(file, { followLinks: false })
      if (present) await removeStale(file, present, system)
    }
    giveTo(config.chown, file, system)
  } catch (error) {
    throw cannotOpen(error)
  } finally {
    unlinkIfPresent(files, temporary)
  }
}
