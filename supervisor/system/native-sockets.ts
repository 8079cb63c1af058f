/**
 * Writes that never wait, where node has none: datagrams on unix sockets, and streams whose flags we share with others
 * and so must not change. Constants are those of Linux on x64 and arm64.
 */
import koffi from 'koffi'
import { systemError } from './native.ts'

const c = koffi.load(null)
const call = {
  socket: c.func('int socket(int domain, int type, int protocol)'),
  connect: c.func('int connect(int descriptor, const void *address, uint32_t length)'),
  send: c.func('long send(int descriptor, const void *data, unsigned long length, int flags)'),
  poll: c.func('int poll(_Inout_ uint8_t *descriptors, unsigned long count, int milliseconds)'),
}

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const POLLOUT = 4

/** A datagram socket, close-on-exec. @throws SystemError EMFILE */
export function datagramSocket(): number {
  const descriptor: number = call.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (descriptor === -1) throw systemError('socket', koffi.errno())
  return descriptor
}

/** @throws SystemError ENOENT, ECONNREFUSED, EACCES, EPROTOTYPE when it is no datagram socket */
export function connectUnix(descriptor: number, path: string): void {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  address.write(path, 2)
  if (call.connect(descriptor, address, address.length) === -1) throw systemError('connect', koffi.errno())
}

/** Bytes taken; 0 when it would have to wait. @throws SystemError EPIPE, ECONNREFUSED, EMSGSIZE … */
export function sendNow(descriptor: number, data: Uint8Array): number {
  const taken = Number(call.send(descriptor, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL))
  if (taken !== -1) return taken
  const errno = koffi.errno()
  if (errno === koffi.os.errno.EAGAIN) return 0
  throw systemError('send', errno)
}

// struct pollfd: int fd; short events; short revents
const pollfd = Buffer.alloc(8)

/** Would a small write be taken at once (or fail at once)? */
export function isWritable(descriptor: number): boolean {
  pollfd.writeInt32LE(descriptor, 0)
  pollfd.writeInt16LE(POLLOUT, 4)
  pollfd.writeInt16LE(0, 6)
  return call.poll(pollfd, 1, 0) === 1
}
