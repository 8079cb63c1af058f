import type { Daemon, Group, Process } from '../daemon/api.ts'

/**
 * `web` → the process web of the group web; `g:web` → that of the group g; `g:*` and `g:` → the group, process null.
 * null when there is no such thing. Source: contract 8.1
 */
export function resolveSpec(
  daemon: Daemon,
  spec: string,
): { readonly group: Group; readonly process: Process | null } | null {
  const colon = spec.indexOf(':')
  const group = daemon.group(colon < 0 ? spec : spec.slice(0, colon))
  if (!group) return null
  if (colon >= 0 && (colon === spec.length - 1 || spec.slice(colon) === ':*')) return { group, process: null }
  const process = group.process(colon < 0 ? spec : spec.slice(colon + 1))
  return process ? { group, process } : null
}
