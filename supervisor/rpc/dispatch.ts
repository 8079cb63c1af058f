import type { ActivityLog } from '../daemon/api.ts'
import type { Renderable, WireForm, XmlRpcValue } from '../xmlrpc/codec.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import { wholeSeconds } from './description.ts'
import { type Method, takes } from './method.ts'
import { methods } from './methods.ts'
import { ProcessListing } from './process-info.ts'
import type { Call, RpcSurroundings } from './surroundings.ts'

export interface RpcInterface {
  /**
   * Calls a method; what waits is a promise, which stays open for ever once `abandoned` is aborted. As a function it is
   * called only if something waits, which few calls do. `form` is that of the answer.
   * @throws RpcFault, also as a rejection
   */
  call(
    method: string,
    params: readonly XmlRpcValue[],
    abandoned: AbortSignal | (() => AbortSignal),
    form?: WireForm,
  ): Renderable | Promise<Renderable>
}

/** Without `[rpcinterface:supervisor]` only `system.*` is there. Source: contract 2.9 */
const available = (namespaces: readonly string[]): ReadonlyMap<string, Method> =>
  new Map(
    Object.entries(methods).filter(([name]) => [...namespaces, 'system'].includes(name.slice(0, name.indexOf('.')))),
  )

/** The call and its outcome at level trace. Source: contract 6.2 */
function traced(
  log: ActivityLog,
  name: string,
  run: () => Renderable | Promise<Renderable>,
): Renderable | Promise<Renderable> {
  const succeeded = (value: Renderable): Renderable => {
    log.trace(() => `XML-RPC method ${name}() returned successfully`)
    return value
  }
  const failed = (error: unknown): never => {
    if (error instanceof RpcFault)
      log.trace(() => `XML-RPC method ${name}() returned fault: [${error.code}] ${error.text}`)
    throw error
  }
  log.trace(() => `XML-RPC method called: ${name}()`)
  try {
    const value = run()
    return value instanceof Promise ? value.then(succeeded, failed) : succeeded(value)
  } catch (error) {
    return failed(error)
  }
}

/** `namespaces` are the names of the `[rpcinterface:x]` sections, usually `supervisor` alone. */
export function openRpcInterface(namespaces: readonly string[], surroundings: RpcSurroundings): RpcInterface {
  const { daemon, clock, files } = surroundings
  const known = available(namespaces)
  const listings = { xml: new ProcessListing(daemon, 'xml'), json: new ProcessListing(daemon, 'json') }

  const dispatch = (name: string, params: readonly XmlRpcValue[], call: Call): Renderable | Promise<Renderable> => {
    const method = known.get(name)
    if (!method) throw new RpcFault('UNKNOWN_METHOD')
    if (!takes(method, params.length)) throw new RpcFault('INCORRECT_PARAMETERS')
    if (method.refusedInShutdown && daemon.state !== 'RUNNING') throw new RpcFault('SHUTDOWN_STATE')
    return method.invoke(call, params)
  }

  return {
    call(name, params, abandoned, form = 'xml') {
      const call: Call = {
        daemon,
        clock,
        files,
        methods: known,
        allProcessInfo: () => listings[form].at(wholeSeconds(clock.wall())),
        dispatch: (method, values) => dispatch(method, values, call),
        get abandoned() {
          return typeof abandoned === 'function' ? abandoned() : abandoned
        },
      }
      return traced(daemon.log, name, () => dispatch(name, params, call))
    },
  }
}
