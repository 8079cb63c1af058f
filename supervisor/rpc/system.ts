/** Handlers of the `system.*` methods; methods.ts has the table. Source: contract 8.7 */
import type { Renderable, XmlRpcValue } from '../xmlrpc/codec.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import { helpOf, type Method, signatureOf } from './method.ts'
import type { Call } from './surroundings.ts'

function findMethod({ methods }: Call, name: string): Method {
  const method = methods.get(name)
  if (!method) throw new RpcFault('SIGNATURE_UNSUPPORTED')
  return method
}

export const listMethods = ({ methods }: Call): Renderable => [...methods.keys()].sort()
export const methodHelp = (call: Call, name: string): Renderable => helpOf(findMethod(call, name))
export const methodSignature = (call: Call, name: string): Renderable => signatureOf(findMethod(call, name))

/** One of `[{methodName, params}]`; `params` may be left out. */
function answerOne(call: Call, request: XmlRpcValue): Renderable | Promise<Renderable> {
  if (typeof request !== 'object' || request === null) throw new RpcFault('INCORRECT_PARAMETERS')
  const { methodName, params = [] } = request as { readonly [member: string]: XmlRpcValue }
  if (methodName === undefined) throw new RpcFault('INCORRECT_PARAMETERS', 'No methodName')
  if (methodName === 'system.multicall')
    throw new RpcFault('INCORRECT_PARAMETERS', 'Recursive system.multicall forbidden')
  if (typeof methodName !== 'string' || !Array.isArray(params)) throw new RpcFault('INCORRECT_PARAMETERS')
  return call.dispatch(methodName, params)
}

function faultStruct(error: unknown): Renderable {
  const fault =
    error instanceof RpcFault
      ? error
      : new RpcFault('FAILED', `<class '${(error as Error).name}'>:${(error as Error).message}`)
  return { faultCode: fault.code, faultString: fault.text }
}

/** Strictly one after another; results are bare, not wrapped in arrays (trap 5). What nobody waits for is not done. */
export async function multicall(call: Call, requests: readonly XmlRpcValue[]): Promise<Renderable> {
  const results: Renderable[] = []
  for (const request of requests) {
    if (call.abandoned.aborted) break
    try {
      const answer = answerOne(call, request)
      results.push(answer instanceof Promise ? await answer : answer)
    } catch (error) {
      results.push(faultStruct(error))
    }
  }
  return results
}
