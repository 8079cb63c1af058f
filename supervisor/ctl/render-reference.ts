/** CTL.md, out of the tables: commands.ts and exit-status.ts. */
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { exitStatus } from './exit-status.ts'

const statusMeanings: Readonly<Record<keyof typeof exitStatus, string>> = {
  OK: 'all is well; also: already started (`start`), not running (`stop`), already active (`add`)',
  ERROR: 'something went wrong',
  INVALID_ARGUMENTS: 'bad command line; `start` without a name, or of an unknown group',
  NO_NAMESPACE: 'the daemon has no `[rpcinterface:supervisor]`',
  CONNECTION_REFUSED: 'nothing listens at the serverurl',
  OTHER_API_VERSION: 'the daemon speaks another version of the interface',
  NOT_RUNNING: 'the socket does not exist; the program does not run, or did not come up',
  STATUS_NOT_RUNNING: '`status`: something listed is STOPPED, EXITED, FATAL or UNKNOWN',
  STATUS_UNKNOWN: '`status`: a name is unknown, or the daemon cannot be reached',
}

const completions: Readonly<Record<NonNullable<Command['completes']>, string>> = {
  processes: 'names of processes and groups',
  groups: 'names of groups',
  commands: 'names of commands',
}

/** The page `supervisor/ctl/CTL.md`. */
export function renderCtlReference(): string {
  const sections = Object.entries(commands)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, command]) => renderCommand(name, command))
  return `# supervisorctl

<!-- Written by npm run docs from commands.ts and exit-status.ts. -->

\`supervisorctl [options] [command [words]]\`: with a command it is run, without one a shell asks for commands. All words are
joined with blanks and split again, so \`supervisorctl "signal HUP" web\` works. \`web\` is a process, \`team:m0\` a process of
a group, \`team:*\` and \`team:\` are all of the group. Everything is printed to stdout, errors too; on stderr are errors of the
command line, of streams (\`tail -f\`), and hints to a person at a terminal.

## Exit status

Every problem overwrites the status of the one before. The shell always ends with 0.

| status | meaning |
|---|---|
${Object.entries(exitStatus)
  .map(([name, status]) => `| ${status} | ${statusMeanings[name as keyof typeof exitStatus]} |`)
  .join('\n')}

## Commands

${sections.join('\n\n')}
`
}

function renderCommand(name: string, { help, upcheck, bare, completes }: Command): string {
  const facts = [
    upcheck
      ? 'Looks first whether the daemon can be reached.'
      : 'Does not look first whether the daemon can be reached.',
    bare ? 'Takes no words.' : '',
    completes ? `The tab key offers ${completions[completes]}.` : '',
  ].filter(fact => fact !== '')
  return `### ${name}

\`\`\`
${help.join('\n').trimEnd()}
\`\`\`

${facts.join(' ')}`
}
