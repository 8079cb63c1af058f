/**
 * Text into words by the rules of a POSIX shell's quoting, and nothing else of a shell: no variables, globs or operators.
 * One lexer serves `command=` and both grammars of `environment=`. Source: contract 1.8
 */

/** `No closing quotation` or `No escaped character` */
export class ShellWordsError extends Error {
  override readonly name = 'ShellWordsError'
}

export interface Dialect {
  /** true: quotes and backslashes vanish as in a shell; false: quotes stay in the token and must delimit it, no escapes */
  readonly posix: boolean
  /** what makes up words; null: everything that is no blank, quote or backslash. Other characters are tokens of their own. */
  readonly wordCharacters: RegExp | null
  /** does `#` drop the rest of its line? */
  readonly comments: boolean
}

const commandLine: Dialect = { posix: true, wordCharacters: null, comments: false }

const isShellBlank = (character: string): boolean =>
  character === ' ' || character === '\t' || character === '\n' || character === '\r'
const isQuote = (character: string): boolean => character === "'" || character === '"'

/**
 * `echo "a b" c\ d` → `['echo', 'a b', 'c d']`
 * @throws ShellWordsError
 */
export const splitShellWords = (command: string): readonly string[] => shellTokens(command, commandLine)

/** @throws ShellWordsError */
export function shellTokens(text: string, { posix, wordCharacters, comments }: Dialect): string[] {
  const tokens: string[] = []
  const characters = [...text]
  let at = 0

  /** `at` is on the opening quote; afterwards behind the closing one. Returns what is between, escapes resolved if posix. */
  const quoted = (): string => {
    const quote = characters[at++]!
    let inside = ''
    for (;;) {
      const character = characters[at++]
      if (character === undefined) throw new ShellWordsError('No closing quotation')
      if (character === quote) return inside
      if (posix && quote === '"' && character === '\\') {
        const next = characters[at++]
        if (next === undefined) throw new ShellWordsError('No escaped character')
        inside += next === '"' || next === '\\' ? next : `\\${next}`
      } else inside += character
    }
  }

  const skipLine = (): void => {
    while (at < characters.length && characters[at] !== '\n') at++
  }

  const isWord = (character: string): boolean => wordCharacters === null || wordCharacters.test(character)

  /** The rest of a token that began with a word character or, in posix, with a quote. */
  const word = (): string => {
    let token = ''
    while (at < characters.length) {
      const character = characters[at]!
      if (isShellBlank(character)) break
      if (comments && character === '#') {
        skipLine()
        // only in posix a comment ends the word; otherwise it goes on in the next line
        if (posix) break
        at++
      } else if (posix && isQuote(character)) token += quoted()
      else if (posix && character === '\\') {
        const next = characters[at + 1]
        if (next === undefined) throw new ShellWordsError('No escaped character')
        token += next
        at += 2
      } else if (isQuote(character) || isWord(character)) {
        token += character
        at++
      } else break
    }
    return token
  }

  while (at < characters.length) {
    const character = characters[at]!
    if (isShellBlank(character)) at++
    else if (comments && character === '#') skipLine()
    else if (isQuote(character) && !posix) tokens.push(character + quoted() + character)
    else if (isQuote(character) || (posix && character === '\\') || isWord(character)) tokens.push(word())
    else {
      tokens.push(character)
      at++
    }
  }
  return tokens
}
