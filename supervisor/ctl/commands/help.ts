import type { Context } from '../command.ts'
import { commands } from '../commands.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'

const WIDTH = 80
const HEADING = 'default commands (type help <topic>):'

/** `help`, `help TOPIC`; that a topic is unknown is no failure. Source: contract 9.4, 9.5 */
export function help({ print }: Context, _: readonly string[], topic: string): ExitStatus {
  if (topic === '') {
    const names = Object.keys(commands).filter(name => name !== 'help')
    print(['', HEADING, '='.repeat(HEADING.length), ...renderColumns(names.sort(), WIDTH), ''].join('\n'))
  } else {
    const lines = Object.hasOwn(commands, topic) ? commands[topic]!.help : [`*** No help on ${topic}`]
    lines.forEach(print)
  }
  return exitStatus.OK
}

/** Words in as few lines as `width` allows, ordered downwards, every column two wider than its longest word. */
export function renderColumns(words: readonly string[], width: number): string[] {
  for (let rows = 1; ; rows++) {
    const columns: string[][] = []
    for (let at = 0; at < words.length; at += rows) columns.push(words.slice(at, at + rows))
    const widths = columns.map(column => Math.max(...column.map(word => word.length)))
    if (rows < words.length && widths.reduce((sum, next) => sum + next + 2, -2) > width) continue
    return columns[0]!.map((_, row) =>
      columns
        .filter(column => row < column.length)
        .map((column, at) => column[row]!.padEnd(widths[at]!))
        .join('  '),
    )
  }
}
