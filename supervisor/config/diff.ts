/**
 * Which groups a new configuration adds, changes or removes: what reread answers and update acts on.
 * Source: contract 10.1
 */
import { AUTO, type GroupConfig, type ListenerConfig, type ProcessConfig } from './config.ts'
import { listenerOptions, programOptions } from './program-options.ts'

export interface GroupChanges {
  /** in the order of the new configuration */
  readonly added: readonly string[]
  /** in the order of the new configuration */
  readonly changed: readonly string[]
  /** in the order of activation */
  readonly removed: readonly string[]
}

/** `active` in the order of activation. Of groups with equal names only the first counts, as for activation. */
export function compareGroups(active: readonly GroupConfig[], next: readonly GroupConfig[]): GroupChanges {
  const before = firstByName(active)
  const after = firstByName(next)
  return {
    added: [...after.keys()].filter(name => !before.has(name)),
    changed: [...after].flatMap(([name, group]) => {
      const old = before.get(name)
      return old && !sameGroup(old, group) ? [name] : []
    }),
    removed: [...before.keys()].filter(name => !after.has(name)),
  }
}

function firstByName(groups: readonly GroupConfig[]): ReadonlyMap<string, GroupConfig> {
  const byName = new Map<string, GroupConfig>()
  for (const group of groups) if (!byName.has(group.name)) byName.set(group.name, group)
  return byName
}

const sameGroup = (a: GroupConfig, b: GroupConfig): boolean =>
  a.priority === b.priority &&
  sameListener(a.listener, b.listener) &&
  a.processes.length === b.processes.length &&
  a.processes.every((process, index) => sameProcess(process, b.processes[index]!))

/** The order of events makes no difference. */
function sameListener(a: ListenerConfig | null, b: ListenerConfig | null): boolean {
  if (a === null || b === null) return a === b
  return countingListenerOptions.every(option =>
    option === 'events' ? same([...a.events].sort(), [...b.events].sort()) : same(a[option], b[option]),
  )
}

const countingListenerOptions = (Object.keys(listenerOptions) as (keyof typeof listenerOptions)[]).filter(
  option => listenerOptions[option].counts,
)

type Comparable = keyof ProcessConfig & keyof typeof programOptions

const countingOptions = (Object.keys(programOptions) as (keyof typeof programOptions)[]).filter(
  (option): option is Comparable => programOptions[option].counts,
)

/** Of a socket only the url counts. Equal values written otherwise (`15`, `TERM`) are no change: values are compared. */
const sameProcess = (a: ProcessConfig, b: ProcessConfig): boolean =>
  a.name === b.name &&
  a.socket?.url === b.socket?.url &&
  countingOptions.every(option => {
    const [before, after] = [a[option], b[option]]
    if (option === 'user') return a.user?.uid === b.user?.uid
    // an automatic name is decided later, so against a written one nothing can be told
    if (before === AUTO || after === AUTO) return true
    return same(before, after)
  })

/** Plain values, lists of them and records of them. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const before = Object.entries(a)
  return (
    before.length === Object.keys(b).length &&
    before.every(([key, value]) => Object.hasOwn(b, key) && Reflect.get(b, key) === value)
  )
}
