/**
 * The machine, as everything outside `system/` may see it. `openSystem()` in `real-system.ts` gives the real one,
 * `test/support/fake-system.ts` a fake; nothing else in `supervisor/` imports node:fs, node:child_process, koffi or timers.
 */

/** Undoes what was asked for; calling it twice does no harm. */
export type Cancel = () => void

export interface Clock {
  /** ms since the epoch: for people and for RPC structs */
  wall(): number
  /** ms: for deadlines; never steps back */
  monotonic(): number
  /** Calls `wake` once the monotonic clock has reached `deadline`. No timer runs while nothing is due. */
  at(deadline: number, wake: () => void): Cancel
  /** Does it in a later turn of the event loop, after pending input and output. */
  defer(work: () => void): void
}

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export interface UserGroup {
  readonly name: string
  readonly gid: number
}

/** The user database, through the C library (so LDAP and the like count). */
export interface Users {
  userByName(name: string): User | null
  userById(uid: number): User | null
  groupByName(name: string): UserGroup | null
  groupById(gid: number): UserGroup | null
  /** Primary group first, then every group that lists the user. */
  groupsOf(user: User): readonly number[]
}

/** Who and where this process is. */
export interface Host {
  readonly pid: number
  uid(): number
  readonly nodename: string
  cwd(): string
  /** `$TMPDIR`, `$TEMP`, `$TMP`, /tmp, /var/tmp, /usr/tmp, cwd: the first that can be written to. */
  temporaryDirectory(): string
  /** The environment of the daemon at its start. */
  readonly environment: Readonly<Record<string, string>>
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'character-device' | 'block-device' | 'fifo' | 'socket' | 'link'
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: number
  readonly device: number
  /** ms since the epoch */
  readonly modified: number
}

/** Errors of all calls are Node's SystemErrors: `code` is `ENOENT`, `EACCES` … */
export interface Files {
  read(path: string): Buffer
  /** At most `length` bytes from `offset`. */
  readRange(path: string, offset: number, length: number): Buffer
  /** null when there is no such file; follows links unless told not to. */
  status(path: string, options?: { followLinks: boolean }): FileStatus | null
  list(directory: string): readonly string[]
  write(path: string, data: string | Uint8Array, options?: { mode: number }): void
  unlink(path: string): void
  rename(from: string, to: string): void
  link(from: string, to: string): void
  chmod(path: string, mode: number): void
  chown(path: string, uid: number, gid: number): void
  /** May this process do it? Real, not effective ids (access(2)). */
  mayExecute(path: string): boolean
  /** Follows every link; throws when something is missing. */
  realPath(path: string): string
}

/** What became of a child. `status` is 0–255, or −1 when a signal ended it. */
export interface ChildExit {
  readonly pid: number
  readonly status: number
  readonly signal: number
  readonly coreDumped: boolean
}

export interface SpawnRequest {
  /** the file to execute, already looked up */
  readonly file: string
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** descriptors of ours that become 0, 1 and 2 */
  readonly descriptors: readonly [number, number, number]
  readonly directory: string | null
  readonly umask: number | null
  /** null: stay who we are */
  readonly user: User | null
}

export interface Children {
  /**
   * Starts a child in a process group of its own, in our session; every other descriptor is closed in it.
   * What fails after the fork of the original (user, directory, exec) is told by the child itself on its stderr, exit 127.
   * @throws SystemError with code EAGAIN, ENOMEM … when there can be no child
   */
  spawn(request: SpawnRequest): number
  /** Collects one that has ended, ours or adopted; null when there is none now. */
  reap(): ChildExit | null
  /** Stands still until this one has ended, `ms` at most, and collects it; for ends that are quicker than waking up for them. */
  reapSoon(pid: number, ms: number): ChildExit | null
  /** `pid` < 0 is a process group. @throws SystemError: ESRCH, EPERM */
  kill(pid: number, signal: number): void
}

/** The write end of a child's stdin. */
export interface PipeWriter {
  /** 'closed': the reader is gone. 'full': too much waits already, nothing was taken. */
  write(data: Uint8Array): 'written' | 'closed' | 'full'
  /** bytes that wait for the reader */
  readonly queued: number
  close(): void
}

export interface PipeReaderHandlers {
  /** true: the child waits for what we say to each piece, so nothing is left in the pipe to gather. */
  readonly isDialogue?: boolean
  /** A view of a shared buffer: valid during the call only. */
  data(chunk: Buffer): void
  /** Nothing more will come. Called once. */
  end(): void
}

/** The read end of a child's stdout or stderr. */
export interface PipeReader {
  /** At child exit: hands over what is in the pipe (at most one pipe full, a grandchild may go on writing), then closes. */
  drainAndClose(): void
  pause(): void
  resume(): void
}

export interface Pipes {
  /** A real pipe, close-on-exec: [read end, write end]. @throws SystemError EMFILE */
  create(): readonly [number, number]
  close(descriptor: number): void
  /** Lets that user open the pipe again by name (`/dev/stdout`). */
  give(descriptor: number, user: User): void
  /** Takes over the descriptor. */
  openReader(descriptor: number, handlers: PipeReaderHandlers): PipeReader
  /** Takes over the descriptor; `drained` is called when what had to wait has been written. */
  openWriter(descriptor: number, drained: () => void): PipeWriter
}

/** What the daemon does to the process that it is. */
export interface OwnProcess {
  /** as we were started, without our own internal variables */
  readonly environment: Readonly<Record<string, string>>
  /** in the process that is to run in the background: the descriptor on which its parent waits; else null */
  readonly background: number | null
  /** The limits that we inherited, or set; infinity is Infinity. */
  limit(name: 'NOFILE' | 'NPROC'): { soft: number; hard: number }
  /** @throws SystemError EPERM */
  setLimit(name: 'NOFILE' | 'NPROC', soft: number, hard: number): void
  /** All groups of the user, then gid, then uid; for good. @throws SystemError EPERM */
  becomeUser(user: User): void
  onSignal(signal: NodeJS.Signals, handler: () => void): Cancel
  writeOutput(text: string): void
  writeError(text: string): void
  /** Something was done that needed memory: what is not used any more is given back once nothing is done. */
  worked(): void
  /** Starts the same program in a session of its own; resolves with 0 once it is up, or with its exit status. */
  startInBackground(argv: readonly string[]): Promise<number>
  /** Leaves directory, umask and terminal behind. `problem`: why the directory could not be entered. */
  goToBackground(
    where: { readonly directory: string | null; readonly umask: number },
    parent: number,
  ): { readonly problem: string | null; tellParent(): void }
  exit(code: number): never
}

export interface System {
  readonly clock: Clock
  readonly users: Users
  readonly host: Host
  readonly files: Files
  readonly children: Children
  readonly pipes: Pipes
  readonly own: OwnProcess
}
