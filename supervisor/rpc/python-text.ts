import { pythonRepr } from '../config/python-repr.ts'
import type { XmlRpcValue } from '../xmlrpc/codec.ts'

const inside = (value: XmlRpcValue): string => (typeof value === 'string' ? pythonRepr(value) : pythonText(value))

/** `[1, true]` → `[1, True]`: what Python's str() makes of a value. Some faults show it. Source: contract 13.2 */
export function pythonText(value: XmlRpcValue): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return `[${value.map(inside).join(', ')}]`
  const members = Object.entries(value).map(([name, member]) => `${pythonRepr(name)}: ${inside(member)}`)
  return `{${members.join(', ')}}`
}
