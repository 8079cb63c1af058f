const byName: Readonly<Record<string, number>> = { '/dev/stdin': 0, '/dev/stdout': 1, '/dev/stderr': 2 }

/** `/dev/stdout`, `/dev/fd/1`, `/proc/self/fd/1` → 1: a path that means a descriptor of ours, whatever it leads to. */
export function ownDescriptor(path: string): number | null {
  const number = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path)?.[1]
  return number === undefined ? (byName[path] ?? null) : Number(number)
}
