/**
 * The same answers in JSON, for a caller that says `Accept: application/json`: `{"result": …}`, or for a fault
 * `{"error": {"code": 10, "message": "BAD_NAME: x"}}`. A command that has just begun reads a thousand processes of it in a
 * fifth of the time of their XML. The call is XML either way, so that the original, which answers XML, understands it too.
 * Source: docs/performance.md
 */
import { type Renderable, RenderedValue, XmlRpcFault, XmlRpcSyntaxError, type XmlRpcValue } from './codec.ts'

export const JSON_TYPE = 'application/json'

/** @throws TypeError for what XML-RPC has no form for: NaN and the infinities */
export function renderJson(value: Renderable): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`cannot write ${value} in JSON`)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof RenderedValue) return value.text
  if (Array.isArray(value)) return `[${(value as readonly Renderable[]).map(renderJson).join()}]`
  return `{${Object.entries(value as { readonly [member: string]: Renderable })
    .map(([name, member]) => `${JSON.stringify(name)}:${renderJson(member)}`)
    .join()}}`
}

export const renderJsonResponse = (value: Renderable): string => `{"result":${renderJson(value)}}\n`

export const renderJsonFault = (code: number, text: string): string =>
  `${JSON.stringify({ error: { code, message: text } })}\n`

/** @throws XmlRpcFault when the answer is a fault, XmlRpcSyntaxError when it is no answer */
export function parseJsonResponse(document: Buffer): XmlRpcValue {
  let answer: { readonly result?: XmlRpcValue; readonly error?: { readonly code: number; readonly message: string } }
  try {
    answer = Object(JSON.parse(document.toString()))
  } catch {
    throw new XmlRpcSyntaxError('not JSON')
  }
  const { result, error } = answer
  if (result !== undefined) return result
  if (typeof error?.code !== 'number' || typeof error.message !== 'string') {
    throw new XmlRpcSyntaxError('neither a result nor an error')
  }
  throw new XmlRpcFault(error.code, error.message)
}
