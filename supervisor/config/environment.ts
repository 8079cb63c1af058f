/**
 * The grammar of `environment=`: `KEY="value",OTHER=plain`. Source: contract 1.8
 *
 * The released versions (≤ 4.3, "legacy") and the unreleased 4.4 ("POSIX") quote differently. Legacy decides whenever it
 * can read the text: a value that means something in the released versions means the same here, odd as it may be
 * (`A='"x"'` is `x`, `A=x"y z"` is `x"y`, `A="it\"s"` is `it\`). A text that legacy refuses has no meaning yet that anybody
 * could rely on, so there POSIX may read it (`A="say \"hi\" now"`). If neither can, the error is that of legacy.
 */
import { BadValue } from './config-error.ts'
import { type Dialect, ShellWordsError, shellTokens } from './shell-words.ts'

const legacy: Dialect = { posix: false, wordCharacters: /^[A-Za-z0-9_/.+\-():]$/, comments: true }
const posix: Dialect = {
  posix: true,
  wordCharacters: /^[A-Za-z0-9_/.+\-():\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]$/,
  comments: true,
}

const hint = `write environment=KEY="value",OTHER="value" with quotes around every value`

/**
 * `'A="x y",B=2'` → `{ A: 'x y', B: '2' }`; the last one of equal keys wins.
 * @throws BadValue `Unexpected end of key/value pairs in value '<text>'`, `No closing quotation`, `No escaped character`
 */
export function parseEnvironment(text: string): Readonly<Record<string, string>> {
  const pairs = readPairs(text, legacy) ?? readPairs(text, posix)
  if (pairs) return pairs
  throw legacyError(text)
}

/** One token of any kind, not only a comma, stands between the pairs. */
function readPairs(text: string, dialect: Dialect): Record<string, string> | null {
  const tokens = tokensOrNull(text, dialect)
  if (!tokens) return null
  const pairs: [string, string][] = []
  for (let at = 0; at < tokens.length; at += 4) {
    const [key, equals, value] = tokens.slice(at, at + 3)
    if (key === undefined || equals !== '=' || value === undefined) return null
    pairs.push([key, dialect.posix ? value : value.replace(/^['"]+|['"]+$/g, '')])
  }
  // fromEntries defines, and so takes a key `__proto__` for a name like any other
  return Object.fromEntries(pairs)
}

function tokensOrNull(text: string, dialect: Dialect): readonly string[] | null {
  try {
    return shellTokens(text, dialect)
  } catch (error) {
    if (error instanceof ShellWordsError) return null
    throw error
  }
}

function legacyError(text: string): BadValue {
  try {
    shellTokens(text, legacy)
  } catch (error) {
    if (error instanceof ShellWordsError) return new BadValue(error.message, hint)
  }
  return new BadValue(`Unexpected end of key/value pairs in value '${text}'`, hint)
}
