/**
 * Listening sockets as bare descriptors, for children that accept on them: blocking, close-on-exec, known to no event loop.
 * Node's own servers cannot do that: they make the shared socket non-blocking, and a child's accept fails with EAGAIN.
 *
 * Errors are SystemErrors (`code`, `errno`, `syscall`) with the C library's words: `[Errno 98] Address already in use`.
 */
import { chmodSync, chownSync, closeSync, unlinkSync } from 'node:fs'
import koffi from 'koffi'
import { errnoName } from './native.ts'

export type ListeningAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface ListeningOptions {
  /** connections that may wait; the kernel caps it at net.core.somaxconn */
  readonly backlog: number
  /** of the file of a unix socket */
  readonly mode: number
  /** null: it belongs to us; −1 leaves the user or the group as it is */
  readonly owner: { readonly uid: number; readonly gid: number } | null
}

const c = koffi.load(null)
const addrinfo = koffi.struct({
  ai_flags: 'int',
  ai_family: 'int',
  ai_socktype: 'int',
  ai_protocol: 'int',
  ai_addrlen: 'uint32_t',
  ai_addr: 'void *',
  ai_canonname: 'void *',
  ai_next: 'void *',
})
const call = {
  socket: c.func('int socket(int domain, int type, int protocol)'),
  setsockopt: c.func('int setsockopt(int descriptor, int level, int option, const void *value, uint32_t length)'),
  bind: c.func('int bind(int descriptor, const void *address, uint32_t length)'),
  listen: c.func('int listen(int descriptor, int backlog)'),
  getaddrinfo: c.func('int getaddrinfo(const char *host, const char *service, const void *hints, _Out_ void **found)'),
  freeaddrinfo: c.func('void freeaddrinfo(void *found)'),
  strerror: c.func('const char *strerror(int errno)'),
  gai_strerror: c.func('const char *gai_strerror(int code)'),
}

// Linux, x64 and arm64
const AF_UNIX = 1
const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const EAI_SYSTEM = -11
/** bytes of `sun_path` without its NUL */
const LONGEST_PATH = 107
export const SOMAXCONN = 4096

/**
 * A descriptor that listens. A file in the way of a unix socket is unlinked first; nobody can connect before the file has
 * its mode and owner. A host name is looked up (IPv4 only) and we wait for the answer: names that are not in /etc/hosts
 * cost a question to the name server.
 * @throws SystemError EADDRINUSE, EACCES, ENOENT, EISDIR, ENAMETOOLONG, EPERM (chown); ENOTFOUND, EAI_AGAIN for names
 */
export function openListeningSocket(address: ListeningAddress, options: ListeningOptions): number {
  const unix = address.kind === 'unix'
  const target = unix ? unixAddress(address.path) : inetAddress(address.host, address.port)
  const descriptor = checked('socket', call.socket(unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
  try {
    if (unix) removeFile(address.path)
    else checked('setsockopt', call.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4))
    checked('bind', call.bind(descriptor, target, target.length))
    if (unix) dress(address.path, options)
    checked('listen', call.listen(descriptor, options.backlog))
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

export const closeListeningSocket: (descriptor: number) => void = closeSync

function removeFile(path: string): void {
  inOurWords(() => {
    try {
      unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  })
}

function dress(path: string, { mode, owner }: ListeningOptions): void {
  inOurWords(() => {
    if (owner) chownSync(path, owner.uid, owner.gid)
    chmodSync(path, mode)
  })
}

/** struct sockaddr_un */
function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.length > LONGEST_PATH) {
    throw problem('ENAMETOOLONG', 'bind', -(koffi.os.errno.ENAMETOOLONG as number), 'AF_UNIX path too long')
  }
  const address = Buffer.alloc(2 + bytes.length + 1)
  address.writeUInt16LE(AF_UNIX)
  bytes.copy(address, 2)
  return address
}

/** struct sockaddr_in: family in the order of the machine, port and address in that of the network */
function inetAddress(host: string, port: number): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(AF_INET)
  address.writeUInt16BE(port, 2)
  lookUp(host).copy(address, 4)
  return address
}

/** The four bytes of the first address of the name. */
function lookUp(host: string): Buffer {
  const hints = Buffer.alloc(koffi.sizeof(addrinfo))
  hints.writeInt32LE(AF_INET, koffi.offsetof(addrinfo, 'ai_family'))
  hints.writeInt32LE(SOCK_STREAM, koffi.offsetof(addrinfo, 'ai_socktype'))
  const found: unknown[] = [null]
  const failed: number = call.getaddrinfo(host, null, hints, found)
  if (failed === EAI_SYSTEM) throw systemProblem('getaddrinfo', koffi.errno())
  if (failed !== 0) throw problem(lookUpCodes[failed] ?? 'ENOTFOUND', 'getaddrinfo', failed, gaiText(failed))
  try {
    const { ai_addr } = koffi.decode(found[0], addrinfo) as { ai_addr: unknown }
    return Buffer.from(koffi.decode(ai_addr, koffi.array('uint8_t', 8)) as Uint8Array).subarray(4, 8)
  } finally {
    call.freeaddrinfo(found[0])
  }
}

/** getaddrinfo's numbers → the codes that Node's dns uses; others mean that there is no such name. */
const lookUpCodes: Readonly<Record<number, string>> = { [-3]: 'EAI_AGAIN', [-4]: 'EAI_FAIL', [-10]: 'EAI_MEMORY' }

const gaiText = (code: number): string => `[Errno ${code}] ${call.gai_strerror(code)}`

const problem = (code: string, syscall: string, errno: number, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(message), { code, syscall, errno })

/** `errno` as the system says it, positive; in the error it is negative, as everywhere in Node. */
const systemProblem = (syscall: string, errno: number): NodeJS.ErrnoException =>
  problem(errnoName(errno), syscall, -errno, `[Errno ${errno}] ${call.strerror(errno)}`)

function checked(syscall: string, result: number): number {
  if (result === -1) throw systemProblem(syscall, koffi.errno())
  return result
}

function inOurWords(work: () => void): void {
  try {
    work()
  } catch (error) {
    const { syscall, errno } = error as NodeJS.ErrnoException
    throw systemProblem(syscall ?? 'open', -(errno ?? 0))
  }
}
