/**
 * The one native door: the C library through koffi. There is no fallback: if koffi cannot load, the import throws and the
 * daemon says so and ends (design.md 2). Constants and layouts are those of 64-bit Linux (x64, arm64).
 */
import koffi from 'koffi'

const c = koffi.load(null)

const passwd = koffi.struct('passwd', {
  pw_name: 'const char *',
  pw_passwd: 'const char *',
  pw_uid: 'uint32_t',
  pw_gid: 'uint32_t',
  pw_gecos: 'const char *',
  pw_dir: 'const char *',
  pw_shell: 'const char *',
})
const group = koffi.struct('group', {
  gr_name: 'const char *',
  gr_passwd: 'const char *',
  gr_gid: 'uint32_t',
  gr_mem: 'void *',
})

export interface Passwd {
  readonly pw_name: string
  readonly pw_uid: number
  readonly pw_gid: number
  readonly pw_dir: string
}

const call = {
  pipe2: c.func('int pipe2(_Out_ int *descriptors, int flags)'),
  read: c.func('intptr_t read(int descriptor, void *room, size_t size)'),
  write: c.func('intptr_t write(int descriptor, const void *data, size_t size)'),
  fcntl: c.func('int fcntl(int descriptor, int command, int argument)'),
  dup2: c.func('int dup2(int from, int to)'),
  close_range: c.func('int close_range(unsigned int first, unsigned int last, int flags)'),
  wait4: c.func('int wait4(int pid, _Out_ int *status, int options, void *usage)'),
  poll: c.func('int poll(void *polled, unsigned long count, int milliseconds)'),
  syscall: c.func('long syscall(long number, int first, unsigned int second)'),
  close: c.func('int close(int descriptor)'),
  getrlimit: c.func('int getrlimit(int resource, _Out_ uint64_t *limits)'),
  setrlimit: c.func('int setrlimit(int resource, const uint64_t *limits)'),
  setsid: c.func('int setsid()'),
  signal: c.func('intptr_t signal(int signal, intptr_t handler)'),
  posix_spawn: c.func(
    'int posix_spawn(_Out_ int *pid, const char *file, const void *actions, const void *attributes, const char **argv, const char **envp)',
  ),
  actions_init: c.func('int posix_spawn_file_actions_init(void *actions)'),
  actions_destroy: c.func('int posix_spawn_file_actions_destroy(void *actions)'),
  actions_dup2: c.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
  actions_chdir: c.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *directory)'),
  attributes_init: c.func('int posix_spawnattr_init(void *attributes)'),
  attributes_flags: c.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
  attributes_pgroup: c.func('int posix_spawnattr_setpgroup(void *attributes, int group)'),
  attributes_mask: c.func('int posix_spawnattr_setsigmask(void *attributes, const void *mask)'),
  getpwnam: c.func('getpwnam', koffi.pointer(passwd), ['const char *']),
  getpwuid: c.func('getpwuid', koffi.pointer(passwd), ['uint32_t']),
  getgrnam: c.func('getgrnam', koffi.pointer(group), ['const char *']),
  getgrgid: c.func('getgrgid', koffi.pointer(group), ['uint32_t']),
  getgrouplist: c.func(
    'int getgrouplist(const char *user, uint32_t group, _Out_ uint32_t *groups, _Inout_ int *count)',
  ),
}

// some numbers have two names, of which the first is the usual one: EAGAIN before EWOULDBLOCK
const errnoNames = new Map<number, string>()
for (const [name, number] of Object.entries(koffi.os.errno as Record<string, number>)) {
  if (!errnoNames.has(number)) errnoNames.set(number, name)
}

/** 2 → `ENOENT`; an unknown number as its digits. */
export const errnoName = (errno: number): string => errnoNames.get(errno) ?? String(errno)

/** An Error shaped like Node's own system errors: `code`, `errno` (negative), `syscall`. */
export function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = errnoName(errno)
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall })
}

function checked(syscall: string, result: number): number {
  if (result === -1) throw systemError(syscall, koffi.errno())
  return result
}

const O_CLOEXEC = 0o2000000
const descriptorPair = new Int32Array(2)

/** @throws SystemError EMFILE, ENFILE */
export function pipe(): readonly [number, number] {
  checked('pipe2', call.pipe2(descriptorPair, O_CLOEXEC))
  return [descriptorPair[0]!, descriptorPair[1]!]
}

/** Bytes that are there now, as far as there is room; 0 at the end; −1 when there are none, for a descriptor that does not wait. */
export const readNow = (descriptor: number, room: Uint8Array): number => call.read(descriptor, room, room.length)

/**
 * Bytes that were written. A third of what fs.writeSync costs, beside the system call itself.
 * @throws SystemError
 */
export const writeNow = (descriptor: number, data: Uint8Array): number =>
  checked('write', call.write(descriptor, data, data.length))

const F_SETPIPE_SZ = 1031
/** Returns the new capacity in bytes, or −1 when the kernel refuses (EPERM beyond pipe-user-pages-soft). */
export const growPipe = (descriptor: number, bytes: number): number => call.fcntl(descriptor, F_SETPIPE_SZ, bytes)

const F_DUPFD_CLOEXEC = 1030
/** A second descriptor (≥ 3, close-on-exec) of the same open file. @throws SystemError */
export const duplicate = (descriptor: number): number => checked('fcntl', call.fcntl(descriptor, F_DUPFD_CLOEXEC, 3))

const F_GETFL = 3
const F_SETFL = 4
const O_NONBLOCK = 0o4000
/** Changes the open file description: everybody who shares it is concerned. */
export const setNonBlocking = (descriptor: number): number =>
  call.fcntl(descriptor, F_SETFL, call.fcntl(descriptor, F_GETFL, 0) | O_NONBLOCK)

/** @throws SystemError */
export const replaceDescriptor = (from: number, to: number): number => checked('dup2', call.dup2(from, to))

const CLOSE_RANGE_CLOEXEC = 4
/** What we inherited beyond the standard three shall not reach children. */
export const closeOnExecFrom = (first: number): number => call.close_range(first, 0xffffffff, CLOSE_RANGE_CLOEXEC)

/** Gives freed memory back to the kernel. glibc only; others keep little. */
export const trimHeap: () => void = (() => {
  try {
    const trim = c.func('int malloc_trim(size_t pad)')
    return () => trim(0)
  } catch {
    return () => {}
  }
})()

const WNOHANG = 1
const waitStatus = new Int32Array(1)
/**
 * [pid, raw wait status] of a child that ended, any one for −1, or null when there is none now. For any one the kernel looks
 * at each child that we have: 30 µs for a thousand.
 */
export function waitFor(which: number): readonly [number, number] | null {
  const pid: number = call.wait4(which, waitStatus, WNOHANG, null)
  return pid > 0 ? [pid, waitStatus[0]!] : null
}

const SYS_pidfd_open = 434 // on every processor
const POLLIN = 1
/** struct pollfd: descriptor, then events and returned events, 16 bits each */
const polled = new Int32Array([0, POLLIN])
/** Stands still until the process has ended, that long at most; not at all where the kernel has no pidfd_open (before 5.3). */
export function awaitEnd(pid: number, milliseconds: number): void {
  const descriptor: number = call.syscall(SYS_pidfd_open, pid, 0)
  if (descriptor < 0) return
  polled[0] = descriptor
  call.poll(polled, 1, milliseconds)
  call.close(descriptor)
}

export const RLIMIT_NPROC = 6
export const RLIMIT_NOFILE = 7
const limits = new BigUint64Array(2)
const INFINITY = 0xffff_ffff_ffff_ffffn
const fromLimit = (limit: bigint): number => (limit === INFINITY ? Number.POSITIVE_INFINITY : Number(limit))
const toLimit = (limit: number): bigint => (limit === Number.POSITIVE_INFINITY ? INFINITY : BigInt(limit))

export function getLimit(resource: number): { soft: number; hard: number } {
  checked('getrlimit', call.getrlimit(resource, limits))
  return { soft: fromLimit(limits[0]!), hard: fromLimit(limits[1]!) }
}

/** @throws SystemError EPERM, EINVAL */
export function setLimit(resource: number, soft: number, hard: number): void {
  limits[0] = toLimit(soft)
  limits[1] = toLimit(hard)
  checked('setrlimit', call.setrlimit(resource, limits))
}

/** Leaves the terminal and the session of who started us. @throws SystemError EPERM for a group leader */
export const newSession = (): number => checked('setsid', call.setsid())

const SIG_IGN = 1
export const ignoreSignal = (signal: number): void => void call.signal(signal, SIG_IGN)

// posix_spawn: glibc's posix_spawnattr_t has 336 bytes, posix_spawn_file_actions_t 80, sigset_t 128; musl's are no larger
const POSIX_SPAWN_SETPGROUP = 0x02
const POSIX_SPAWN_SETSIGMASK = 0x08
const attributes = Buffer.alloc(512)
const actions = Buffer.alloc(256)
const spawnedPid = new Int32Array(1)
call.attributes_init(attributes)
call.attributes_pgroup(attributes, 0)
call.attributes_mask(attributes, Buffer.alloc(128))
call.attributes_flags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK)

export interface PosixSpawn {
  readonly file: string
  readonly argv: readonly string[]
  /** `NAME=value` */
  readonly environment: readonly string[]
  /** each ≥ 3, so that no copy overwrites the source of the next */
  readonly descriptors: readonly [number, number, number]
  readonly directory: string | null
}

/**
 * The pid of a child that leads its own process group in our session and has an empty signal mask; ignored signals stay
 * ignored. The negated errno when fork, chdir or exec failed: there is no child then.
 */
export function posixSpawn({ file, argv, environment, descriptors, directory }: PosixSpawn): number {
  call.actions_init(actions)
  try {
    for (let target = 0; target < 3; target++) call.actions_dup2(actions, descriptors[target]!, target)
    if (directory !== null) call.actions_chdir(actions, directory)
    const failed = call.posix_spawn(spawnedPid, file, actions, attributes, [...argv, null], [...environment, null])
    return failed === 0 ? spawnedPid[0]! : -failed
  } finally {
    call.actions_destroy(actions)
  }
}

const decodePasswd = (pointer: unknown): Passwd | null => (pointer ? koffi.decode(pointer, passwd) : null)
const decodeGroup = (pointer: unknown): { gr_name: string; gr_gid: number } | null =>
  pointer ? koffi.decode(pointer, group) : null

export const passwdByName = (name: string): Passwd | null => decodePasswd(call.getpwnam(name))
export const passwdById = (uid: number): Passwd | null => decodePasswd(call.getpwuid(uid))
export const groupByName = (name: string) => decodeGroup(call.getgrnam(name))
export const groupById = (gid: number) => decodeGroup(call.getgrgid(gid))

/** Primary group first. */
export function groupsOf(user: string, gid: number): readonly number[] {
  for (let room = 64; ; room *= 4) {
    const groups = new Uint32Array(room)
    const count = [room]
    if (call.getgrouplist(user, gid, groups, count) !== -1) return [...groups.subarray(0, count[0]!)]
    if (room > 65_536) throw systemError('getgrouplist', koffi.os.errno.EINVAL as number)
  }
}
