/**
 * What reading the configuration yields: plain, resolved, immutable. Names are the user's spelling of the option.
 * Made by `readConfig` (read-config.ts) out of the option tables.
 */
import type { System } from '../system/system.ts'
import type { DaemonValues } from './daemon-options.ts'
import type { ProgramValues } from './program-options.ts'

/** What reading a configuration needs of the machine. */
export type Machine = Pick<System, 'files' | 'users' | 'host'>

/** `stdout_logfile=AUTO`: a generated name in childlogdir, decided when the group is activated. */
export const AUTO = Symbol('AUTO')
/** A path, nothing (`NONE`), or an automatic name. `''` is what the user wrote, and logs nothing. */
export type ChildLogfile = string | null | typeof AUTO

export type Autorestart = 'false' | 'unexpected' | 'true'
export type LogLevel = 'critical' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'blather'

/**
 * One process of a `[program:x]`, `[eventlistener:x]` or `[fcgi-program:x]` after expansion: the values of its section
 * (program-options.ts has the types and what they mean) and what they lead to.
 */
export interface ProcessConfig
  extends Omit<ProgramValues, 'process_name' | 'numprocs' | 'numprocs_start' | 'stdout_logfile' | 'stderr_logfile'> {
  /** `process_name`, expanded */
  readonly name: string
  readonly stdout_logfile: ChildLogfile
  /** null with `redirect_stderr` */
  readonly stderr_logfile: ChildLogfile
  /** `[supervisord] environment` with the program's own over it */
  readonly environment: Readonly<Record<string, string>>
  /** null: AUTO, computed from the servers */
  readonly serverurl: string | null
  /** only of a fcgi-program: the listening socket that becomes descriptor 0; all processes of the program share it */
  readonly socket: FcgiSocketConfig | null
}

export interface FcgiSocketConfig {
  /** as written: `tcp://localhost:9002`, `unix:///path`; equal urls of one program are one socket */
  readonly url: string
  readonly address:
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    | { readonly kind: 'unix'; readonly path: string }
  /** null: SOMAXCONN */
  readonly backlog: number | null
  readonly owner: { readonly uid: number; readonly gid: number } | null
  readonly mode: number | null
}

export interface ListenerConfig {
  /** event type names, upper case, as subscribed (abstract ones not resolved) */
  readonly events: readonly string[]
  readonly buffer_size: number
  readonly result_handler: string
}

export interface GroupConfig {
  readonly name: string
  readonly priority: number
  /** in the order of starting: program: (priority, name); group: as listed */
  readonly processes: readonly ProcessConfig[]
  /** null unless the group is an `[eventlistener:x]` pool */
  readonly listener: ListenerConfig | null
}

export interface Credentials {
  readonly username: string
  /** clear text or `{SHA}<40 hex>` */
  readonly password: string
}

export type ServerConfig = {
  /** section name: `unix_http_server`, `inet_http_server:two` */
  readonly section: string
  /** null: everybody may */
  readonly credentials: Credentials | null
} & (
  | {
      readonly kind: 'unix'
      readonly file: string
      readonly chmod: number
      readonly chown: { readonly uid: number; readonly gid: number }
    }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number }
)

/** `[supervisord]` with the command line over it; paths of the daemon's own files are absolute. Types: daemon-options.ts */
export interface DaemonConfig extends Omit<DaemonValues, 'childlogdir'> {
  readonly childlogdir: string
}

export interface Config {
  readonly daemon: DaemonConfig
  /** in the order of opening: inet sections, then unix sections */
  readonly servers: readonly ServerConfig[]
  /** names of the `[rpcinterface:x]` sections with the one factory there is: `['supervisor']`, or none */
  readonly rpcInterfaces: readonly string[]
  /** by (priority, name) */
  readonly groups: readonly GroupConfig[]
  /** to be logged once the log is open; source: contract 1.4, 1.7 */
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  /** the root file, as it was given or found */
  readonly file: string
}
