import type { Daemon } from '../daemon/api.ts'
import type { Clock, Files } from '../system/system.ts'
import type { Renderable, XmlRpcValue } from '../xmlrpc/codec.ts'
import type { Method } from './method.ts'

/** What the interface needs of its neighbours; supervisord.ts supplies it. */
export interface RpcSurroundings {
  readonly daemon: Daemon
  readonly clock: Clock
  readonly files: Files
}

/** One call, as its handler sees it. */
export interface Call extends RpcSurroundings {
  readonly methods: ReadonlyMap<string, Method>
  /** The XML of every process, kept between calls. */
  allProcessInfo(): Renderable
  /** Calls another method: what `system.multicall` needs. */
  dispatch(method: string, params: readonly XmlRpcValue[]): Renderable | Promise<Renderable>
  /** The caller has gone: nobody waits any longer. */
  readonly abandoned: AbortSignal
}
