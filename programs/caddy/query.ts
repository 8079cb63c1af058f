/** A URL as it came, byte by byte: what is not taken out of it stays as it is written. */

/** `/a?b=1` → `['/a', 'b=1']` */
export function splitUri(uri: string): readonly [path: string, query: string] {
  const at = uri.indexOf('?')
  return at === -1 ? [uri, ''] : [uri.slice(0, at), uri.slice(at + 1)]
}

export const joinUri = (path: string, query: string): string => (query === '' ? path : `${path}?${query}`)

/** Both readings of a `+`: people paste secrets into URLs as they are. */
function readings(text: string): readonly string[] {
  try {
    return [decodeURIComponent(text), decodeURIComponent(text.replaceAll('+', ' '))]
  } catch {
    return [text]
  }
}

const isNamed = (part: string, name: string): boolean => readings(part.split('=', 1)[0]!).includes(name)
const valuesOf = (part: string): readonly string[] =>
  part.includes('=') ? readings(part.slice(part.indexOf('=') + 1)) : ['']

/** Values of a parameter, in all readings; `token=a%2Bb&x=1` → `['a+b', 'a+b']` */
export const queryValues = (query: string, name: string): readonly string[] =>
  query.split('&').flatMap(part => (isNamed(part, name) ? valuesOf(part) : []))

/** Without the parameters of this name that have such a value; others of the name stay. */
export const withoutValues = (query: string, name: string, isSuch: (value: string) => boolean): string =>
  query
    .split('&')
    .filter(part => !isNamed(part, name) || !valuesOf(part).some(isSuch))
    .join('&')
