/** The header `Cookie`, as it came: what is not taken out of it stays as it is written. */

const nameOf = (pair: string): string => pair.split('=', 1)[0]!.trim()

/** Values of all cookies of exactly this name; there may be several, for other paths or domains. */
export const cookieValues = (header: string, name: string): readonly string[] =>
  header.split(';').flatMap(pair =>
    nameOf(pair) === name
      ? pair
          .slice(pair.indexOf('=') + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1')
      : [],
  )

/** The header without the cookies of this name. */
export const withoutCookie = (header: string, name: string): string =>
  header
    .split(';')
    .filter(pair => nameOf(pair) !== name)
    .join(';')
    .trim()
