/**
 * A machine for whoever reads configurations: files in memory, three users, no effects. Directories are those that files
 * are in, and those named. Reads through links and permissions are not modelled.
 */
import { posix } from 'node:path'
import type { Machine } from '../../supervisor/config/config.ts'
import type { FileStatus, User, UserGroup } from '../../supervisor/system/system.ts'

export interface FakeMachineOptions {
  /** content by absolute path, or relative to /home/lab */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  /** besides those of the files, /tmp, /dev and /home/lab */
  readonly directories?: readonly string[]
  /** paths that exist, and cannot be read */
  readonly unreadable?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly uid?: number
}

const users: readonly User[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root' },
  { name: 'lab', uid: 1000, gid: 1000, home: '/home/lab' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent' },
]
const groups: readonly UserGroup[] = [
  { name: 'root', gid: 0 },
  { name: 'lab', gid: 1000 },
  { name: 'nogroup', gid: 65534 },
]

const cwd = '/home/lab'

const systemError = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })

/** Its paths end where `/` begins. */
function* ancestors(path: string): Generator<string> {
  for (let at = posix.dirname(path); ; at = posix.dirname(at)) {
    yield at
    if (at === '/') return
  }
}

export function fakeMachine(options: FakeMachineOptions = {}): Machine {
  const absolute = (path: string): string => posix.resolve(cwd, path)
  const contents = new Map(
    Object.entries(options.files ?? {}).map(([path, content]) => [absolute(path), Buffer.from(content)]),
  )
  const unreadable = new Set(options.unreadable?.map(absolute))
  const directories = new Set(['/', '/tmp', '/dev', '/root', '/home', cwd, ...(options.directories ?? [])])
  for (const path of [...contents.keys(), ...unreadable, ...directories]) {
    for (const directory of ancestors(path)) directories.add(directory)
  }
  const uid = options.uid ?? 0

  const status = (path: string): FileStatus | null => {
    const place = absolute(path)
    const kind = directories.has(place) ? 'directory' : contents.has(place) || unreadable.has(place) ? 'file' : null
    if (kind === null) return null
    const size = contents.get(place)?.length ?? 0
    return { kind, size, mode: 0o644, uid: 0, gid: 0, inode: 1, device: 1, modified: 0 }
  }
  const never = (): never => {
    throw new Error('cannot change anything: reading a configuration has no effects')
  }

  return {
    host: {
      pid: 1,
      uid: () => uid,
      nodename: 'fakenode',
      cwd: () => cwd,
      temporaryDirectory: () => '/tmp',
      environment: options.environment ?? { HOME: '/root', COLOUR: 'green' },
    },
    users: {
      userByName: name => users.find(user => user.name === name) ?? null,
      userById: id => users.find(user => user.uid === id) ?? null,
      groupByName: name => groups.find(group => group.name === name) ?? null,
      groupById: id => groups.find(group => group.gid === id) ?? null,
      groupsOf: user => [user.gid],
    },
    files: {
      read: path => {
        const content = contents.get(absolute(path))
        if (content) return content
        if (directories.has(absolute(path))) throw systemError('EISDIR', path)
        throw systemError(unreadable.has(absolute(path)) ? 'EACCES' : 'ENOENT', path)
      },
      readRange: (path, offset, length) =>
        contents.get(absolute(path))?.subarray(offset, offset + length) ?? Buffer.alloc(0),
      status,
      list: directory => {
        const place = absolute(directory)
        if (!directories.has(place)) throw systemError('ENOENT', directory)
        const entries = [...contents.keys(), ...unreadable, ...directories].filter(
          path => path !== '/' && posix.dirname(path) === place,
        )
        return [...new Set(entries.map(path => posix.basename(path)))]
      },
      mayExecute: path => status(path)?.kind === 'file',
      realPath: absolute,
      write: never,
      unlink: never,
      rename: never,
      link: never,
      chmod: never,
      chown: never,
    },
  }
}
