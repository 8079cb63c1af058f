/** What the tab key offers. Pure. Source: contract 9.6 */
import type { Command } from './command.ts'
import { commands as table } from './commands.ts'

export interface Known {
  /** names and groups of all processes, in the order of `status` */
  readonly processes: readonly { readonly name: string; readonly group: string }[]
}

/** `"status te"` → `[["team:*", "team:m0"], "te"]`, each candidate with a blank after it. Colon, star and minus are letters. */
export function complete(
  text: string,
  { processes }: Known,
  commands: Readonly<Record<string, Command>> = table,
): readonly [candidates: readonly string[], word: string] {
  const [, before = '', word = ''] = /^(.*?)([\w:*-]*)$/s.exec(text)!
  return [candidatesFor(before.trimStart(), word).map(candidate => `${candidate} `), word]

  function candidatesFor(before: string, word: string): string[] {
    if (before === '' || before === '?') return matching(Object.keys(commands), word)
    const name = /^\w*/.exec(before)![0]
    switch (Object.hasOwn(commands, name) ? commands[name]!.completes : undefined) {
      case 'commands':
        return matching(Object.keys(commands), word)
      case 'groups':
        return matching(
          processes.map(process => process.group),
          word,
        )
      case 'processes':
        return matching(processes.flatMap(word.includes(':') ? longForms : shortForms), word)
      default:
        return []
    }
  }
}

const longForms = ({ group, name }: Known['processes'][number]) => [`${group}:*`, `${group}:${name}`]
const shortForms = ({ group, name }: Known['processes'][number]) =>
  group === name ? [name] : longForms({ group, name })

const matching = (candidates: readonly string[], word: string): string[] =>
  [...new Set(candidates)].filter(candidate => candidate.startsWith(word)).sort()
