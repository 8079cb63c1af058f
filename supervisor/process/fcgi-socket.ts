/**
 * The listening sockets of `[fcgi-program:x]`: what the processes of a program have instead of a stdin, all of them the same.
 * A socket is opened for the first process that starts and closed when the last one has ended, whatever groups they are in.
 * The file of a unix socket stays behind, and is replaced at the next opening.
 *
 * Difference from the original: a socket that cannot be opened is a spawn error of the process (there: HTTP 500, or the end
 * of the daemon), and a program inside a `[group:x]` keeps its socket.
 * Source: contract 2.6, 2.8, 3.3 (step 6), 5.6, 6.2, 13 (44)
 */
import type { FcgiSocketConfig, ProcessConfig } from '../config/config.ts'
import type { User } from '../system/system.ts'

/** What it needs of the machine: `system/listening-socket.ts`. */
export interface ListeningSockets {
  /** A blocking, close-on-exec descriptor that listens. @throws SystemError, its message in the system's words */
  open(
    address: FcgiSocketConfig['address'],
    options: {
      readonly backlog: number
      readonly mode: number
      readonly owner: { readonly uid: number; readonly gid: number } | null
    },
  ): number
  close(descriptor: number): void
  /** waiting connections when nobody says how many */
  readonly defaultBacklog: number
}

/** A hold on an open socket. */
export interface SocketLease {
  /** what the child gets as its descriptor 0 */
  readonly descriptor: number
  /** The process has ended, or could not be spawned. Calling it twice does no harm. */
  release(): void
}

/** `Could not create FastCGI socket URL: [Errno 98] Address already in use (another program is listening there)` */
export class FcgiSocketError extends Error {
  readonly code: string | undefined

  constructor(url: string, cause: NodeJS.ErrnoException) {
    const hint = hints[cause.code ?? '']
    super(`Could not create FastCGI socket ${url}: ${cause.message}${hint ? ` (${hint})` : ''}`, { cause })
    this.name = 'FcgiSocketError'
    this.code = cause.code
  }
}

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program is listening there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOENT: 'the directory of the socket must exist',
  ENOTDIR: 'the directory of the socket must exist',
  EISDIR: 'a directory is in its place',
  EROFS: 'choose a directory that can be written to',
  EACCES: 'this user may not create it there',
  EPERM: 'this user may not give it to socket_owner',
  ENAMETOOLONG: 'a path of at most 107 bytes is needed',
  ENOTFOUND: 'socket= needs a host name that can be looked up, or an IPv4 address',
  EAI_AGAIN: 'the name server does not answer',
}

const DEFAULT_MODE = 0o700

interface OpenSocket {
  readonly descriptor: number
  holders: number
}

export class FcgiSockets {
  readonly #sockets: ListeningSockets
  readonly #log: { info(message: string): void }
  readonly #uid: () => number
  /** by url */
  readonly #open = new Map<string, OpenSocket>()

  /** @param uid who the daemon is: a socket is given to the program's user when that is somebody else */
  constructor(sockets: ListeningSockets, log: { info(message: string): void }, uid: () => number) {
    this.#sockets = sockets
    this.#log = log
    this.#uid = uid
  }

  /**
   * For a process about to be spawned; opens the socket when no other process has it.
   * @param user whom the program runs as: the owner of a unix socket unless `socket_owner` says otherwise
   * @throws FcgiSocketError; the daemon is as it was before
   */
  acquire(config: FcgiSocketConfig, user: User | null): SocketLease {
    const socket = this.#open.get(config.url) ?? this.#create(config, user)
    socket.holders++
    let held = true
    return {
      descriptor: socket.descriptor,
      release: () => {
        if (held && --socket.holders === 0) this.#close(config.url, socket)
        held = false
      },
    }
  }

  /**
   * Opens and closes each socket of these processes once, so that a bad one is known when its group is activated. One that
   * is in use already is left alone.
   * @throws FcgiSocketError of the first that fails
   */
  probe(processes: readonly Pick<ProcessConfig, 'socket' | 'user'>[]): void {
    const probed = new Set<string>()
    for (const { socket, user } of processes) {
      if (socket === null || probed.has(socket.url) || this.#open.has(socket.url)) continue
      probed.add(socket.url)
      this.acquire(socket, user).release()
    }
  }

  #create({ url, address, backlog, mode, owner }: FcgiSocketConfig, user: User | null): OpenSocket {
    this.#log.info(`Creating socket ${url}`)
    const usersOwn = user !== null && user.uid !== this.#uid() ? { uid: user.uid, gid: user.gid } : null
    try {
      const descriptor = this.#sockets.open(address, {
        backlog: backlog ?? this.#sockets.defaultBacklog,
        mode: mode ?? DEFAULT_MODE,
        owner: owner ?? usersOwn,
      })
      const socket = { descriptor, holders: 0 }
      this.#open.set(url, socket)
      return socket
    } catch (error) {
      throw new FcgiSocketError(url, error as NodeJS.ErrnoException)
    }
  }

  #close(url: string, socket: OpenSocket): void {
    this.#log.info(`Closing socket ${url}`)
    this.#open.delete(url)
    this.#sockets.close(socket.descriptor)
  }
}
