/**
 * Every socket of this instance that waits for somebody: who owns it, and from where it can be reached. What /proc says as
 * text is parsed by pure functions; `readListeningSockets` alone reads. Source: proc(5), net/ipv4/tcp_ipv4.c of Linux
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

export type Protocol = 'tcp' | 'udp'

export interface BoundSocket {
  readonly protocol: Protocol
  /** `127.0.0.1`, `::`; an IPv4 address within IPv6 is written as IPv4 */
  readonly address: string
  readonly port: number
  readonly inode: number
}

export interface SocketOwner {
  readonly pid: number
  /** as the kernel calls it, at most 15 characters: `caddy`, `node` */
  readonly name: string
  /** namespec of the program of supervisord that started it; undefined when none did */
  readonly program: string | undefined
}

export interface ListeningSocket extends Omit<BoundSocket, 'inode'> {
  /** undefined: the kernel's, or of an account whose processes we may not look at */
  readonly owner: SocketOwner | undefined
}

const LISTEN = '0A'
/** of a UDP socket that is not connected, and so takes from anybody */
const UNCONNECTED = '07'

/**
 * `/proc/net/tcp`, `tcp6`, `udp`, `udp6`: the sockets in it that wait for somebody.
 *
 *     sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 *      0: 0100007F:2B67 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31861 1 …
 */
export function parseSocketTable(text: string, protocol: Protocol): readonly BoundSocket[] {
  const waiting = protocol === 'tcp' ? LISTEN : UNCONNECTED
  return text.split('\n').flatMap(line => {
    const fields = line.trim().split(/\s+/)
    const local = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(fields[1] ?? '')
    if (fields[3] !== waiting || local === null) return []
    const [, address, port] = local
    return [{ protocol, address: readAddress(address!), port: Number.parseInt(port!, 16), inode: Number(fields[9]) }]
  })
}

/** Words of 32 bits as they lie in memory: `0100007F` → `127.0.0.1`. All machines that we run on are little-endian. */
function readAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  const isMapped = bytes.length === 16 && bytes.subarray(0, 12).equals(V4_IN_V6)
  if (bytes.length === 4 || isMapped) return [...bytes.subarray(-4)].join('.')
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

const V4_IN_V6 = Buffer.from('00000000000000000000ffff', 'hex')

export const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

/** Reachable at whatever address the instance has. */
export const isEveryAddress = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** `socket:[31861]` → 31861; undefined for any other link of /proc/PID/fd. */
export function parseSocketLink(link: string): number | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1]
  return inode === undefined ? undefined : Number(inode)
}

/** `/proc/PID/stat`: the name may hold anything, brackets included. */
export function parseStat(text: string): { readonly name: string; readonly parent: number } | undefined {
  const found = /^\d+ \((.*)\) \S (\d+) /s.exec(text)
  return found ? { name: found[1]!, parent: Number(found[2]) } : undefined
}

const tables = [
  ['tcp', 'tcp'],
  ['tcp6', 'tcp'],
  ['udp', 'udp'],
  ['udp6', 'udp'],
] as const

const MOST_GENERATIONS = 64

/**
 * `supervised`: pid → namespec, of supervisord's children; what they have started counts as theirs. Without rights over
 * the processes of other accounts their sockets are there, without owners.
 */
export function readListeningSockets(
  supervised: ReadonlyMap<number, string>,
  proc = '/proc',
): readonly ListeningSocket[] {
  const sockets = tables.flatMap(([file, protocol]) => parseSocketTable(read(join(proc, 'net', file)), protocol))
  const pids = findOwners(new Set(sockets.map(({ inode }) => inode)), proc)
  const described = new Map<number, SocketOwner | undefined>()
  const ownerOf = (pid: number): SocketOwner | undefined => {
    if (!described.has(pid)) described.set(pid, describeOwner(pid, supervised, proc))
    return described.get(pid)
  }
  return sockets.map(({ inode, ...socket }) => {
    const pid = pids.get(inode)
    return { ...socket, owner: pid === undefined ? undefined : ownerOf(pid) }
  })
}

/** inode → the first process that has it open: the others have it from there. */
function findOwners(wanted: Set<number>, proc: string): ReadonlyMap<number, number> {
  const owners = new Map<number, number>()
  const pids = list(proc).filter(name => /^\d+$/.test(name))
  for (const pid of pids.map(Number).sort((a, b) => a - b)) {
    for (const fd of list(join(proc, String(pid), 'fd'))) {
      const inode = parseSocketLink(readLink(join(proc, String(pid), 'fd', fd)))
      if (inode === undefined || !wanted.delete(inode)) continue
      owners.set(inode, pid)
      if (wanted.size === 0) return owners
    }
  }
  return owners
}

function describeOwner(pid: number, supervised: ReadonlyMap<number, string>, proc: string): SocketOwner | undefined {
  const stat = parseStat(read(join(proc, String(pid), 'stat')))
  if (stat === undefined) return undefined
  let program = supervised.get(pid)
  let { parent } = stat
  for (let hop = 0; program === undefined && parent > 1 && hop < MOST_GENERATIONS; hop++) {
    program = supervised.get(parent)
    parent = parseStat(read(join(proc, String(parent), 'stat')))?.parent ?? 0
  }
  return { pid, name: stat.name, program }
}

// Processes end while we look at them; those of others we may not look at.

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
