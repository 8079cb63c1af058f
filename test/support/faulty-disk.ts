/**
 * A disk that has trouble when it is told to: a file system in user space of one directory, whose files are kept in another
 * one. For as long as a file named `fault` stands beside that, it says what becomes of everything that changes a file:
 *
 *     delay 200       takes so many ms
 *     hold            takes as long as it says so
 *     errno 30        fails (5 EIO, 28 ENOSPC, 30 EROFS)
 *
 *     unshare --mount -- node faulty-disk.ts KEPT MOUNTPOINT COMMAND…
 *
 * runs the command where the disk is mounted, passes SIGTERM on to it, and ends as it does. Speaks to the kernel itself
 * (fuse.h, protocol 7.31): nothing has to be installed, and root in a namespace of one's own is enough.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'

const [kept, mountpoint, command, ...args] = process.argv.slice(2) as [string, string, string, ...string[]]
const faultFile = resolve(kept, '../fault')

const ROOT = 1n
/** node id → name in the directory */
const names = new Map<bigint, string>([[ROOT, '.']])
let latestId = ROOT

const { ENOENT, ENOSYS } = constants.errno
const IN_HEADER = 40
const OUT_HEADER = 16
const MOST = 1 << 17

interface Request {
  readonly node: bigint
  /** without the header */
  readonly body: Buffer
}

const pathOf = (name: string): string => join(kept, name)
const nodePath = ({ node }: Request): string => pathOf(names.get(node)!)
/** NUL-terminated */
const textsAt = (body: Buffer, at: number): string[] => body.toString('utf8', at).split('\0')

const nothing = (): Buffer => Buffer.alloc(0)

function idOf(name: string): bigint {
  for (const [id, known] of names) if (known === name) return id
  names.set(++latestId, name)
  return latestId
}

/** struct fuse_attr */
function attributes(path: string): Buffer {
  const { ino, size, blocks, mtimeMs, mode, nlink } = fs.lstatSync(path)
  const out = Buffer.alloc(88)
  for (const [at, value] of [ino, size, blocks, 0, mtimeMs / 1000, 0].entries())
    out.writeBigUInt64LE(BigInt(Math.floor(value)), at * 8)
  out.writeUInt32LE(mode, 60)
  out.writeUInt32LE(nlink, 64)
  return out
}

/** struct fuse_attr_out: nothing is cached */
const attributesOut = (path: string): Buffer => Buffer.concat([Buffer.alloc(16), attributes(path)])

/** struct fuse_entry_out */
function entryOut(name: string): Buffer {
  const found = attributes(pathOf(name))
  const out = Buffer.alloc(40)
  out.writeBigUInt64LE(idOf(name))
  return Buffer.concat([out, found])
}

const DIRECT_IO = 1
/** struct fuse_open_out */
const openOut = (): Buffer => {
  const out = Buffer.alloc(16)
  out.writeUInt32LE(DIRECT_IO, 8)
  return out
}

function rename(body: Buffer, at: number): Buffer {
  const [from, to] = textsAt(body, at) as [string, string]
  fs.renameSync(pathOf(from), pathOf(to))
  const id = idOf(from)
  for (const [other, name] of names) if (name === to) names.delete(other)
  names.set(id, to)
  return nothing()
}

function unlink(body: Buffer): Buffer {
  fs.unlinkSync(pathOf(textsAt(body, 0)[0]!))
  return nothing()
}

function write(request: Request): Buffer {
  const size = request.body.readUInt32LE(16)
  const descriptor = fs.openSync(nodePath(request), 'r+')
  fs.writeSync(descriptor, request.body, 40, size, Number(request.body.readBigUInt64LE(8)))
  fs.closeSync(descriptor)
  const out = Buffer.alloc(8)
  out.writeUInt32LE(size)
  return out
}

const FATTR_SIZE = 8
/** of the flags of open(2): 0 is for reading */
const ACCESS_MODE = 3

interface Operation {
  /** Does it change a file? That is what has trouble. */
  readonly changes?: boolean | ((request: Request) => boolean)
  /** null: there is no answer */
  run(request: Request): Buffer | null
}

/** opcode → what is done; others are not implemented, which the kernel takes well */
const operations: Readonly<Record<number, Operation>> = {
  /* LOOKUP */ 1: { run: ({ body }) => entryOut(textsAt(body, 0)[0]!) },
  /* FORGET */ 2: { run: () => null },
  /* GETATTR */ 3: { run: request => attributesOut(nodePath(request)) },
  /* SETATTR */ 4: {
    changes: true,
    run(request) {
      const path = nodePath(request)
      if (request.body.readUInt32LE(0) & FATTR_SIZE) fs.truncateSync(path, Number(request.body.readBigUInt64LE(16)))
      return attributesOut(path)
    },
  },
  /* UNLINK */ 10: { changes: true, run: ({ body }) => unlink(body) },
  /* RENAME */ 12: { changes: true, run: ({ body }) => rename(body, 8) },
  /* OPEN */ 14: { changes: ({ body }) => (body.readUInt32LE(0) & ACCESS_MODE) !== 0, run: openOut },
  /* READ */ 15: {
    run(request) {
      const from = Number(request.body.readBigUInt64LE(8))
      return fs.readFileSync(nodePath(request)).subarray(from, from + request.body.readUInt32LE(16))
    },
  },
  /* WRITE */ 16: { changes: true, run: write },
  /* STATFS */ 17: { run: () => Buffer.alloc(80) },
  /* RELEASE */ 18: { run: nothing },
  /* FLUSH */ 25: { run: nothing },
  /* INIT */ 26: {
    run() {
      const out = Buffer.alloc(64)
      out.writeUInt32LE(7, 0)
      out.writeUInt32LE(31, 4)
      out.writeUInt32LE(MOST, 20)
      return out
    },
  },
  /* CREATE */ 35: {
    changes: true,
    run({ body }) {
      const name = textsAt(body, 16)[0]!
      fs.closeSync(fs.openSync(pathOf(name), 'a', body.readUInt32LE(4) & 0o777))
      return Buffer.concat([entryOut(name), openOut()])
    },
  },
  /* INTERRUPT */ 36: { run: () => null },
  /* BATCH_FORGET */ 42: { run: () => null },
  /* RENAME2 */ 45: { changes: true, run: ({ body }) => rename(body, 16) },
}

interface Fault {
  readonly delay: number
  readonly hold: boolean
  readonly errno: number
}

const noFault: Fault = { delay: 0, hold: false, errno: 0 }

function fault(): Fault {
  try {
    const [kind, value] = fs.readFileSync(faultFile, 'utf8').trim().split(' ')
    const of = (name: string): number => (kind === name ? Number(value) : 0)
    return { delay: of('delay'), hold: kind === 'hold', errno: of('errno') }
  } catch {
    return noFault // there is none, or it has just gone
  }
}

function later(ms: number, hold: boolean, work: () => void): void {
  setTimeout(() => (hold && fault().hold ? later(20, hold, work) : work()), ms)
}

function answerOf(operation: Operation, request: Request): Buffer | number | null {
  try {
    return operation.run(request)
  } catch (error) {
    return -((error as NodeJS.ErrnoException).errno ?? -ENOENT)
  }
}

function serve(device: number): void {
  const room = Buffer.alloc(MOST + 4096)
  const reply = (unique: bigint, answer: Buffer | number): void => {
    const data = typeof answer === 'number' ? Buffer.alloc(0) : answer
    const header = Buffer.alloc(OUT_HEADER)
    header.writeUInt32LE(OUT_HEADER + data.length, 0)
    header.writeInt32LE(typeof answer === 'number' ? -answer : 0, 4)
    header.writeBigUInt64LE(unique, 8)
    try {
      fs.writeSync(device, Buffer.concat([header, data]))
    } catch {
      // ENOENT: who asked has gone
    }
  }
  const next = (): void => {
    fs.read(device, room, 0, room.length, null, (error, length) => {
      if (error?.code === 'ENODEV') return // unmounted
      if (!error) {
        const unique = room.readBigUInt64LE(8)
        const request = { node: room.readBigUInt64LE(16), body: Buffer.from(room.subarray(IN_HEADER, length)) }
        const operation = operations[room.readUInt32LE(4)]
        const changes = typeof operation?.changes === 'function' ? operation.changes(request) : operation?.changes
        const { delay, hold, errno } = changes ? fault() : noFault
        const answer = !operation ? ENOSYS : errno || answerOf(operation, request)
        if (answer !== null) later(delay, hold, () => reply(unique, answer))
      }
      next()
    })
  }
  next()
}

const device = fs.openSync('/dev/fuse', 'r+')
serve(device)
const mount = ['-i', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other', 'faulty', mountpoint]
// not synchronously: it looks at the directory, and we are the ones to answer
const [mounted] = (await once(spawn('mount', mount, { stdio: ['ignore', 2, 2, device] }), 'exit')) as [number | null]
if (mounted !== 0) process.exit(125)
const child = spawn(command, args, { stdio: 'inherit' })
process.on('SIGTERM', () => child.kill('SIGTERM'))
const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
// a thread that still reads would keep us from ending
await once(spawn('umount', ['--lazy', mountpoint], { stdio: 'ignore' }), 'exit')
process.exit(code ?? 128 + constants.signals[signal!])
