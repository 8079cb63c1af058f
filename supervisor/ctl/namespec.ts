/** `group:process`, the way people write it and read it. Source: contract 8.1, 9.4 */

export interface Namespec {
  readonly group: string
  /** null: the whole group */
  readonly process: string | null
}

/** `web` → web of web; `team:m0` → m0 of team; `team:*` and `team:` → all of team. Split at the first colon. */
export function parseNamespec(text: string): Namespec {
  const colon = text.indexOf(':')
  if (colon < 0) return { group: text, process: text }
  const process = text.slice(colon + 1)
  return { group: text.slice(0, colon), process: process === '' || process === '*' ? null : process }
}

/** `team:m0`; `web` alone when both names are equal. */
export const renderNamespec = (group: string, process: string): string =>
  group === process ? process : `${group}:${process}`
