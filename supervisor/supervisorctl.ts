/** supervisorctl: argv → one command, or the shell. The one place where its effects are wired in. Source: contract 9.1 */
import { openClient } from './client/client.ts'
import { parseCtlCommandLine, renderCtlUsage } from './config/command-line.ts'
import type { Machine } from './config/config.ts'
import { ConfigError, renderConfigError } from './config/config-error.ts'
import { checkConfigFile, searchConfigFile } from './config/find-config.ts'
import { readCtlConfig } from './config/read-ctl-config.ts'
import { exitStatus } from './ctl/exit-status.ts'
import { renderHint } from './ctl/hints.ts'
import { renderUnexpected } from './ctl/python-error.ts'
import { openSession } from './ctl/session.ts'
import { historyFile, runShell } from './ctl/shell.ts'
import { files } from './system/files.ts'
import { openHost } from './system/host.ts'
import { openPasswdFile } from './system/passwd-file.ts'
import { openTerminal, type Terminal } from './system/terminal.ts'

const program = process.argv[1]!
const terminal = openTerminal()
main(process.argv.slice(2), terminal).then(
  status => terminal.exit(status),
  error => {
    terminal.write(`${renderUnexpected(error, program)}\n`)
    terminal.exit(exitStatus.ERROR)
  },
)

/** → the exit status. */
async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const machine: Machine = {
    files,
    users: openPasswdFile(files),
    host: openHost(process.env as Record<string, string>),
  }
  try {
    const commandLine = parseCtlCommandLine(argv, machine)
    if (commandLine.kind === 'help') {
      terminal.write(renderCtlUsage(program))
      return exitStatus.OK
    }
    const { words, flags, configuration } = commandLine
    if (configuration !== null) checkConfigFile(configuration, machine)
    const file = configuration ?? searchConfigFile(program, machine)
    const config = readCtlConfig(file, flags, machine)
    const { serverurl: url, username, password, prompt, history_file } = config
    const session = openSession({
      url,
      credentials: username === null ? null : { username, password: password ?? '' },
      interactive: commandLine.interactive || words.length === 0,
      program,
      terminal,
      openClient,
      hint: (problem, url) => renderHint(problem, url, { flag: flags.has('serverurl'), file }),
    })
    if (words.length > 0) {
      const status = await session.run(words.join(' '))
      return status === 'leave' ? exitStatus.OK : status
    }
    await runShell(session, {
      prompt,
      terminal,
      historyFile: history_file === null ? null : historyFile(history_file, files),
    })
    return exitStatus.OK
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const place = renderConfigError(error)
    terminal.writeError(`Error: ${error.message}\nFor help, use ${program} -h\n${place && `${place}\n`}`)
    // what no parser could read is the one error of the file that the original does not catch
    const unreadable = error.line !== null && error.section === null
    return unreadable ? exitStatus.ERROR : exitStatus.INVALID_ARGUMENTS
  }
}
