/**
 * bosun: what this instance is, and why. `bosun help` lists the commands.
 *
 * Exit status: that of the command; 2 wrong usage.
 */
import { commands, type Output } from './commands.ts'

const output: Output = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
}

function renderHelp(): string {
  const rows = Object.entries(commands).map(
    ([name, { usage, doc }]) => `  bosun ${name}${usage && ` ${usage}`}\n      ${doc}\n`,
  )
  return `usage: bosun COMMAND\n\n${rows.join('')}`
}

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  if (['help', '--help', '-h'].includes(name)) {
    output.out(renderHelp())
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name]! : undefined
  if (command !== undefined) return command.run(args, output)
  output.err(`bosun: ${name === '' ? 'what is to be done?' : `there is no command ${name}`}; bosun help lists them\n`)
  return 2
}

process.stdout.on('error', () => {}) // nobody listens any more
main(process.argv.slice(2)).then(status => {
  process.exitCode = status
})
