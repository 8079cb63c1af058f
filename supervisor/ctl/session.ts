/** Runs command lines against one daemon after the other. */
import type { Client, ClientCredentials } from '../client/client.ts'
import { HttpStatusError } from '../client/client.ts'
import { splitBlanks, strip } from '../config/python-text.ts'
import type { Terminal } from '../system/terminal.ts'
import { type Command, type Context, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { type ExitStatus, exitStatus } from './exit-status.ts'
import { EndOfInputError, renderUnexpected } from './python-error.ts'
import { upcheck } from './upcheck.ts'

export interface SessionOptions {
  readonly url: string
  readonly credentials: ClientCredentials | null
  /** `-i`, or the shell */
  readonly interactive: boolean
  /** path of our own program, for messages about what nobody expected */
  readonly program: string
  readonly terminal: Terminal
  openClient(url: string, credentials: ClientCredentials | null): Client
  /** Something that a person could do about a problem; '' when there is nothing. For stderr. */
  hint(error: unknown, url: string): string
}

export interface Session {
  readonly client: Client
  /** `'leave'` after quit and exit. Never throws. */
  run(line: string): Promise<ExitStatus | 'leave'>
}

/** @throws ServerUrlError */
export function openSession(options: SessionOptions): Session {
  const { terminal, interactive } = options
  let { credentials } = options
  let client = options.openClient(options.url, credentials)

  const context: Context = {
    get url() {
      return client.url
    },
    get supervisor() {
      return client.supervisor
    },
    follow: (path, write) => client.follow(path, write),
    terminal,
    interactive,
    print: line => terminal.write(`${line}\n`),
    open: url => connect(url),
    async run(line) {
      const status = await run(line)
      return status === 'leave' ? exitStatus.OK : status
    },
  }

  function connect(url: string): void {
    const next = options.openClient(url, credentials)
    client.close()
    client = next
  }

  async function run(line: string): Promise<ExitStatus | 'leave'> {
    const parsed = parseLine(line)
    if (parsed === null) return exitStatus.OK
    const { name, rest } = parsed
    const command = Object.hasOwn(commands, name) ? commands[name]! : null
    if (!command) {
      context.print(`*** Unknown syntax: ${strip(line)}`)
      return exitStatus.ERROR
    }
    for (;;) {
      try {
        return await attempt(name, command, rest)
      } catch (error) {
        try {
          if (!(await authenticated(error))) return unexpected(error)
        } catch (noAnswer) {
          return unexpected(noAnswer)
        }
      }
    }
  }

  async function attempt(name: string, command: Command, rest: string): Promise<ExitStatus | 'leave'> {
    try {
      if (command.bare && rest !== '') throw new UsageError(`Error: ${name} accepts no arguments`)
      const unreachable = command.upcheck ? await upcheck(context) : null
      if (unreachable) {
        context.print(unreachable.text)
        help(unreachable)
        return command.unreachable ?? unreachable.status
      }
      return await command.run(context, splitBlanks(rest), rest)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      context.print(error.message)
      command.help.forEach(context.print)
      return error.status
    }
  }

  /** After a 401: whether there are other credentials to try. */
  async function authenticated(error: unknown): Promise<boolean> {
    if (!(error instanceof HttpStatusError) || error.status !== 401) return false
    context.print('Server requires authentication')
    if (!interactive) return false
    const username = await terminal.ask('Username:')
    const password = username === null ? null : await terminal.askSecret('Password:')
    if (username === null || password === null) throw new EndOfInputError('EOF when reading a line')
    context.print('')
    credentials = { username, password }
    connect(client.url)
    return true
  }

  function unexpected(error: unknown): ExitStatus {
    context.print(renderUnexpected(error, options.program))
    help(error)
    return exitStatus.ERROR
  }

  /** To people only: machines that read stderr find there what the original writes. */
  function help(problem: unknown): void {
    const hint = terminal.errorsAreSeen() ? options.hint(problem, client.url) : ''
    if (hint !== '') terminal.writeError(`${hint}\n`)
  }

  return {
    get client() {
      return client
    },
    run,
  }
}

/**
 * `" tail -f web "` → tail and `-f web`; `?` is help. A name ends where something other than a letter, a digit or `_`
 * stands, so `pid-1` is pid and `-1`. null for a blank line.
 */
export function parseLine(line: string): { name: string; rest: string } | null {
  const text = strip(line)
  if (text === '') return null
  if (text.startsWith('?')) return { name: 'help', rest: strip(text.slice(1)) }
  const name = /^\w*/.exec(text)![0]
  return { name: name === 'EOF' ? 'quit' : name, rest: strip(text.slice(name.length)) }
}
