/**
 * Where logs end up. Whatever happens to a target, `write` neither throws nor waits for a reader: a full disk or a
 * consumer that is stuck costs the bytes it cannot take, which are counted and told once.
 *
 * Regular files are written synchronously, which is twice as cheap as anything else (research/node-feasibility.md 2); one
 * that turns out slow is written in the background until it has become quick again. Everything else (terminals, pipes,
 * sockets, devices) is written without waiting, through a bounded queue. Source: contract 6.3, 6.4; design.md 3
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { duplicate } from './native.ts'
import { isWritable, sendNow } from './native-sockets.ts'
import { ownDescriptor } from './own-descriptors.ts'

/** `code` is that of the SystemError; EAGAIN means that the other side does not read. */
export type LogTrouble =
  | { readonly type: 'losing' | 'cannotRotate' | 'cannotReopen'; readonly path: string; readonly code: string }
  /** It can be written to again, or has been closed; so much is missing. */
  | { readonly type: 'lost'; readonly path: string; readonly bytes: number }

export interface LogFileOptions {
  readonly path: string
  /** Rotate once it has this size; ≤ 0: never. Only regular files rotate. */
  readonly maxBytes: number
  /** ≤ 0: no old file is kept, the log starts over */
  readonly backups: number
  /** Never write in the background: a line is in the file when `write` returns. Default: false */
  readonly synchronous?: boolean
}

export interface LogFileHooks {
  trouble(trouble: LogTrouble): void
  /** false: much is waiting to be written, the source had better pause; true: it may go on. */
  flow?(ready: boolean): void
}

export interface LogFile {
  readonly path: string
  /** The chunk may be reused when this returns. */
  write(chunk: Uint8Array): void
  /** Goes on in a new file if the path leads to another one by now. Trouble with it leaves everything as it is. */
  reopen(): void
  /**
   * Empties it: a regular file is unlinked and made anew, behind a symbolic link it is truncated.
   * 'kept': it is no regular file, nothing was done.
   * @throws SystemError
   */
  clear(): 'cleared' | 'kept'
  /** What still waits is written in the background, unless the other side is stuck. */
  close(): void
}

export interface LogFiles {
  /** @throws SystemError: EISDIR, EACCES, ENOENT … */
  open(options: LogFileOptions, hooks: LogFileHooks): LogFile
  /** Makes an empty file that only its owner may read. false: the name is taken. @throws SystemError */
  createNew(path: string): boolean
}

/** What reads of the original yield at most, hence by how much its files exceed maxBytes at most. */
const PIECE = 128 * 1024
/** ms: a write to a regular file that takes longer is done in the background from then on */
const SLOW = 50
/** ms: the other side of a pipe has taken nothing for so long: it is stuck */
const STUCK = 1_000
/** ms between two attempts to write to it */
const LONGEST_RETRY = 250
/** bytes that may wait: the source pauses above the first, goes on below the second; beyond the third they are lost */
const HIGH_WATER = 2 << 20
const LOW_WATER = 1 << 20
const MOST_QUEUED = 4 << 20

const OPEN_LOG = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY
const OPEN_STREAM = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
// with a reading end of our own a fifo can be opened, and written to as far as it goes, while nobody reads it
const OPEN_FIFO = constants.O_RDWR | constants.O_NONBLOCK
const NULL_DEVICE = (1 << 8) | 3

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

/** Bytes that could not be written: told when it begins, and how many when it is over. */
class Losses {
  #bytes = 0
  #latest = 0
  readonly #path: string
  readonly #hooks: LogFileHooks

  constructor(path: string, hooks: LogFileHooks) {
    this.#path = path
    this.#hooks = hooks
  }

  add(bytes: number, code: string): void {
    const first = this.#bytes === 0
    this.#bytes += bytes
    this.#latest = performance.now()
    if (first && bytes > 0) this.#hooks.trouble({ type: 'losing', path: this.#path, code })
  }

  /** A whole chunk was written. On a disk that is all but full small ones still succeed now and then. */
  written(): void {
    if (this.#bytes > 0 && performance.now() - this.#latest > 1_000) this.tell()
  }

  tell(): void {
    const bytes = this.#bytes
    this.#bytes = 0
    if (bytes > 0) this.#hooks.trouble({ type: 'lost', path: this.#path, bytes })
  }
}

/** Copies of chunks that wait, and what their number means for the source. */
class Backlog {
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #shut = false
  readonly #flow: (ready: boolean) => void

  constructor(hooks: LogFileHooks) {
    this.#flow = ready => hooks.flow?.(ready)
  }

  get first(): Uint8Array | undefined {
    return this.#chunks[0]
  }

  /** false: there is no room for it. */
  add(chunk: Uint8Array): boolean {
    if (this.#bytes + chunk.length > MOST_QUEUED) return false
    this.#chunks.push(Uint8Array.from(chunk))
    this.#bytes += chunk.length
    if (!this.#shut && this.#bytes > HIGH_WATER) this.#setShut(true)
    return true
  }

  /** So much of the first chunk is done. */
  taken(bytes: number): void {
    const first = this.#chunks[0]!
    this.#bytes -= bytes
    if (bytes < first.length) this.#chunks[0] = first.subarray(bytes)
    else this.#chunks.shift()
    if (this.#bytes < LOW_WATER) this.letFlow()
  }

  letFlow(): void {
    if (this.#shut) this.#setShut(false)
  }

  /** Returns how much it was. */
  drop(): number {
    const bytes = this.#bytes
    this.#chunks.length = 0
    this.#bytes = 0
    this.letFlow()
    return bytes
  }

  #setShut(shut: boolean): void {
    this.#shut = shut
    this.#flow(!shut)
  }
}

interface Target {
  write(chunk: Uint8Array): void
  close(): void
}

/** The null device: takes everything and costs nothing. */
const nowhere: Target = { write() {}, close() {} }

class RegularFile implements Target {
  #descriptor: number
  #size: number
  /** bytes: the size at which it is rotated next */
  #rotateAt = Number.POSITIVE_INFINITY
  #toldAboutRotation = false
  #slow = false
  #writing = false
  #closing = false
  readonly #backlog: Backlog
  readonly #options: LogFileOptions
  readonly #hooks: LogFileHooks
  readonly #losses: Losses

  constructor(descriptor: number, rotates: boolean, options: LogFileOptions, hooks: LogFileHooks, losses: Losses) {
    this.#descriptor = descriptor
    this.#options = options
    this.#hooks = hooks
    this.#losses = losses
    this.#backlog = new Backlog(hooks)
    this.#size = fstatSync(descriptor).size
    if (rotates && options.maxBytes > 0) this.#rotateAt = options.maxBytes
  }

  write(chunk: Uint8Array): void {
    if (this.#slow) {
      this.#writeLater(chunk)
      return
    }
    const started = performance.now()
    if (this.#size + chunk.length < this.#rotateAt) this.#writeNow(chunk)
    else for (let at = 0; at < chunk.length; at += PIECE) this.#writeNow(chunk.subarray(at, at + PIECE))
    this.#slow = performance.now() - started > SLOW && !this.#options.synchronous
  }

  get mode(): number {
    return fstatSync(this.#descriptor).mode & 0o777
  }

  truncate(): void {
    ftruncateSync(this.#descriptor, 0)
    this.#size = 0
  }

  close(): void {
    this.#closing = true
    if (!this.#writing) this.#closeNow()
  }

  #writeNow(chunk: Uint8Array): void {
    let done = 0
    try {
      // libuv goes on after EINTR by itself
      while (done < chunk.length) done += writeSync(this.#descriptor, chunk, done, chunk.length - done)
      this.#losses.written()
    } catch (error) {
      this.#losses.add(chunk.length - done, codeOf(error))
    }
    this.#grown(done)
  }

  #writeLater(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE)
      if (!this.#backlog.add(piece)) this.#losses.add(piece.length, 'EAGAIN')
    }
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const chunk = this.#backlog.first
    this.#writing = chunk !== undefined
    if (!chunk) {
      if (this.#closing) this.#closeNow()
      return
    }
    const started = performance.now()
    write(this.#descriptor, chunk, 0, chunk.length, null, (error, done) => {
      this.#backlog.taken(error ? chunk.length : done)
      if (error) this.#losses.add(chunk.length, codeOf(error))
      else if (done === chunk.length) this.#losses.written()
      if (!error) this.#grown(done)
      if (!this.#backlog.first) this.#slow = performance.now() - started > SLOW
      this.#writeNext()
    })
  }

  #grown(bytes: number): void {
    this.#size += bytes
    if (this.#size >= this.#rotateAt) this.#rotate()
  }

  /** Whatever fails, the log goes on in the file that is open; the next attempt comes when it has grown by maxBytes. */
  #rotate(): void {
    const { path, maxBytes, backups } = this.#options
    let problem = backups > 0 ? shiftBackups(path, backups) : null
    try {
      const next = openSync(path, backups > 0 ? OPEN_LOG : OPEN_LOG | constants.O_TRUNC, this.mode)
      closeQuietly(this.#descriptor)
      this.#descriptor = next
      this.#size = fstatSync(next).size
    } catch (error) {
      problem ??= codeOf(error)
    }
    this.#rotateAt = this.#size < maxBytes ? maxBytes : this.#size + maxBytes
    if (problem && !this.#toldAboutRotation) this.#hooks.trouble({ type: 'cannotRotate', path, code: problem })
    this.#toldAboutRotation = problem !== null
  }

  #closeNow(): void {
    closeQuietly(this.#descriptor)
    this.#losses.tell()
  }
}

function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // network file systems tell late write errors here; the descriptor is gone all the same
  }
}

/** `x.2` → `x.3`, `x.1` → `x.2`, `x` → `x.1`. Goes on after a failure; returns the code of the first one. */
function shiftBackups(path: string, backups: number): string | null {
  let problem: string | null = null
  for (let n = backups - 1; n >= 0; n--) {
    try {
      renameSync(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') problem ??= codeOf(error)
    }
  }
  return problem
}

/** Writes what fits without waiting: bytes taken; 0 or SystemError EAGAIN when nothing fits. */
type Put = (descriptor: number, data: Uint8Array) => number

const putNonBlocking: Put = (descriptor, data) => writeSync(descriptor, data)
/** The flags of a description that we share with others stay as they are: what is writable takes this much at once. */
const putShared: Put = (descriptor, data) =>
  isWritable(descriptor) ? writeSync(descriptor, data.subarray(0, 4096)) : 0

class Stream implements Target {
  readonly #descriptor: number
  readonly #put: Put
  readonly #losses: Losses
  readonly #backlog: Backlog
  #retryDelay = 1
  #latestProgress = 0
  #retrying = false
  #closing = false

  constructor(descriptor: number, put: Put, hooks: LogFileHooks, losses: Losses) {
    this.#descriptor = descriptor
    this.#put = put
    this.#losses = losses
    this.#backlog = new Backlog(hooks)
  }

  write(chunk: Uint8Array): void {
    const done = this.#backlog.first ? 0 : this.#take(chunk)
    if (done === chunk.length) return
    const rest = chunk.subarray(done)
    if (this.#isStuck() || !this.#backlog.add(rest)) this.#losses.add(rest.length, 'EAGAIN')
    if (this.#backlog.first && !this.#retrying) {
      this.#latestProgress = performance.now()
      this.#retryDelay = 1
      this.#retryLater()
    }
  }

  close(): void {
    this.#closing = true
    if (!this.#retrying) this.#closeNow()
  }

  #isStuck(): boolean {
    return this.#retrying && performance.now() - this.#latestProgress > STUCK
  }

  /** How much of it is done with: written, or lost for a reason other than that it would have to wait. */
  #take(data: Uint8Array): number {
    let done = 0
    try {
      while (done < data.length) {
        const taken = this.#put(this.#descriptor, data.subarray(done))
        if (taken === 0) return done
        done += taken
      }
      this.#losses.written()
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return done
      this.#losses.add(data.length - done, codeOf(error))
    }
    return data.length
  }

  #retryLater(): void {
    this.#retrying = true
    setTimeout(() => this.#retry(), this.#retryDelay)
  }

  #retry(): void {
    for (let first = this.#backlog.first; first; first = this.#backlog.first) {
      const done = this.#take(first)
      if (done > 0) this.#progressed(done)
      if (done < first.length) break
    }
    if (this.#isStuck()) {
      this.#backlog.letFlow()
      if (this.#closing) this.#losses.add(this.#backlog.drop(), 'EAGAIN')
    }
    this.#retrying = false
    if (this.#backlog.first) {
      this.#retryLater()
      this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY)
    } else if (this.#closing) this.#closeNow()
  }

  #progressed(bytes: number): void {
    this.#backlog.taken(bytes)
    this.#latestProgress = performance.now()
    this.#retryDelay = 1
  }

  #closeNow(): void {
    closeQuietly(this.#descriptor)
    this.#losses.tell()
  }
}

const isNullDevice = (stats: Stats): boolean => stats.isCharacterDevice() && stats.rdev === NULL_DEVICE

/** `/var/log/x.log`, a link to `/dev/stdout`, means our descriptor, too. */
function ownDescriptorBehind(path: string): number | null {
  let place = path
  for (let links = 0; links < 8; links++) {
    const own = ownDescriptor(place)
    if (own !== null) return own
    try {
      place = resolve(dirname(place), readlinkSync(place))
    } catch {
      return null
    }
  }
  return null
}

/** Where possible through an open file description of our own: O_NONBLOCK on a shared one would break who shares it. */
function openOwn(descriptor: number, options: LogFileOptions, hooks: LogFileHooks, losses: Losses): Target {
  const stats = fstatSync(descriptor)
  if (isNullDevice(stats)) return nowhere
  // a second description would have an offset of its own, and both would overwrite each other
  if (stats.isFile()) return new RegularFile(duplicate(descriptor), false, options, hooks, losses)
  if (stats.isSocket()) return new Stream(duplicate(descriptor), sendNow, hooks, losses)
  try {
    return new Stream(openSync(`/proc/self/fd/${descriptor}`, OPEN_STREAM), putNonBlocking, hooks, losses)
  } catch {
    // EACCES: it belongs to the user that we were before
    return new Stream(duplicate(descriptor), putShared, hooks, losses)
  }
}

function openTarget(options: LogFileOptions, hooks: LogFileHooks, losses: Losses, mode: number): Target {
  const { path } = options
  const own = ownDescriptorBehind(path)
  if (own !== null) return openOwn(own, options, hooks, losses)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats || stats.isFile() || stats.isDirectory())
    return new RegularFile(openSync(path, OPEN_LOG, mode), true, options, hooks, losses)
  if (isNullDevice(stats)) return nowhere
  return new Stream(openSync(path, stats.isFIFO() ? OPEN_FIFO : OPEN_STREAM), putNonBlocking, hooks, losses)
}

function open(options: LogFileOptions, hooks: LogFileHooks): LogFile {
  const { path } = options
  const losses = new Losses(path, hooks)
  let target = openTarget(options, hooks, losses, 0o666)

  const replace = () => {
    // a log that only its owner may read stays so
    const next = openTarget(options, hooks, losses, target instanceof RegularFile ? target.mode : 0o666)
    target.close()
    target = next
  }

  return {
    path,
    write: chunk => target.write(chunk),
    reopen() {
      if (ownDescriptorBehind(path) !== null) return
      try {
        replace()
      } catch (error) {
        hooks.trouble({ type: 'cannotReopen', path, code: codeOf(error) })
      }
    },
    clear() {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      if (stats?.isSymbolicLink() && target instanceof RegularFile && ownDescriptorBehind(path) === null) {
        target.truncate()
        return 'cleared'
      }
      if (ownDescriptorBehind(path) !== null || (stats && !stats.isFile())) return 'kept'
      if (stats) unlinkSync(path)
      replace()
      return 'cleared'
    },
    close() {
      target.close()
      target = nowhere
    },
  }
}

function createNew(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

export const logFiles: LogFiles = { open, createNew }
