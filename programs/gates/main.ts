/**
 * `instance-gate NAME [ARG]`: exit status 0 when the program may start, 3 when it is to be skipped, 4 when that cannot be
 * told; 2 for a call that makes no sense. Launchers call it by way of ROOT/opt/supervisor-scripts/utils/gate.sh.
 */
import { writeSync } from 'node:fs'
import { askGate } from './ask-gate.ts'
import { type Gate, type GateName, gates } from './gates.ts'

const EXIT = { go: 0, skip: 3, error: 4 } as const
const USAGE_ERROR = 2

const table: Readonly<Record<string, Gate>> = gates

/** Not by process.stdout: that would leave the pipe of the program that is to start non-blocking. */
function print(descriptor: 1 | 2, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`)
  } catch {
    // nobody reads, and that changes no decision
  }
}

function renderUsage(): string {
  const rows = Object.entries(table).map(
    ([name, { argument, doc }]) => `  ${[name, argument].filter(Boolean).join(' ')}\n      ${doc}`,
  )
  return [
    'usage: instance-gate NAME [ARG]',
    'May the program PROC_NAME start? Exit status 0: yes. 3: no, skip it. 4: that cannot be told.',
    ...rows,
  ].join('\n')
}

main(process.argv.slice(2)).then(status => {
  process.exitCode = status
})

async function main(args: readonly string[]): Promise<number> {
  const [name = '', argument = ''] = args
  if (name === '--help' || name === '-h') {
    print(1, renderUsage())
    return 0
  }
  const gate = Object.hasOwn(table, name) ? table[name] : undefined
  const problem =
    gate === undefined
      ? `no gate is named ${name || '(nothing)'}`
      : gate.argument !== null && argument === ''
        ? `${name} needs ${gate.argument}`
        : args.length > (gate.argument === null ? 1 : 2)
          ? `too many arguments for ${name}`
          : undefined
  if (problem !== undefined) {
    print(2, `instance-gate: ${problem}; try instance-gate --help`)
    return USAGE_ERROR
  }
  const { verdict } = await askGate(name as GateName, argument, { env: process.env, say: line => print(1, line) })
  return EXIT[verdict]
}
