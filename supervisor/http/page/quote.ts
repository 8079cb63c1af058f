/**
 * `g:a b` → `g%3Aa%20b`: for URLs. Letters, digits, `_.-~` and `/` stay; so it is what clients of the original compare.
 * Source: contract 13.2
 */
export const quote = (text: string): string =>
  encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
