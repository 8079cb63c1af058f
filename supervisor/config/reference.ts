/** OPTIONS.md, out of the option tables. */
import {
  ctlOptions,
  daemonFlags,
  daemonOptions,
  includeOptions,
  inetServerOptions,
  unixServerOptions,
} from './daemon-options.ts'
import { type ProgramRow, REQUIRED, type Row, type Table } from './option-row.ts'
import { notForListeners } from './program-defaults.ts'
import { fcgiOptions, groupOptions, listenerOptions, programOptions } from './program-options.ts'

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

function renderDefault({ default: value }: Row): string {
  if (value === REQUIRED) return '*required*'
  if (value === null) return '*unset*'
  if (typeof value === 'object') return `as \`${value.sameAs}\``
  return value === '' ? '*empty*' : `\`${value}\``
}

const scopeNames = {
  environment: '`ENV_*`',
  here: '`here`',
  program: 'names of the program',
  process: 'all names',
} as const

function renderExpansion({ scope, expandedTwice }: Row & Partial<ProgramRow>): string {
  return expandedTwice ? `${scopeNames[scope]}, twice` : scopeNames[scope]
}

const renderFlag = ({ flag }: Row): string =>
  flag ? `\`${flag.short === null ? `--${flag.long}` : `-${flag.short}`}\`` : ''

const options = (table: Table): string => `| Option | Default | Expands | Meaning |
|---|---|---|---|
${Object.entries(table)
  .map(([option, row]) => `| \`${option}\` | ${renderDefault(row)} | ${renderExpansion(row)} | ${escaped(row.doc)} |`)
  .join('\n')}`

const optionsWithFlags = (table: Table): string => `| Option | Flag | Default | Expands | Meaning |
|---|---|---|---|---|
${Object.entries(table)
  .map(
    ([option, row]) =>
      `| \`${option}\` | ${renderFlag(row)} | ${renderDefault(row)} | ${renderExpansion(row)} | ${escaped(row.doc)} |`,
  )
  .join('\n')}`

const flags = Object.values(daemonFlags)
  .map(({ short, long, doc }) => `| ${short === null ? '' : `\`-${short}\``} | \`--${long}\` | ${escaped(doc)} |`)
  .join('\n')

export const renderOptionsReference = (): string => `# Options

<!-- Made from program-options.ts and daemon-options.ts by \`npm run docs\`. -->

A default is what you would have to write to get it. Unknown options and sections are ignored.

Values may contain \`%(name)s\`. \`ENV_*\` is every environment variable of the daemon and, below \`[supervisord]\`, of its
\`environment\`; \`here\` is the directory of the file; names of the program are these, \`program_name\`, \`group_name\` and
\`host_node_name\`; all names are those, \`process_num\`, \`numprocs\`, and \`ENV_*\` of the program's own \`environment\`. A percent
sign is written \`%%\`, in options that are expanded twice \`%%%%\`.

## [program:x]

${options(programOptions)}

## [program-defaults]

Any option of \`[program:x]\`: it counts in every \`[program:x]\`, \`[eventlistener:x]\` and \`[fcgi-program:x]\` that does not
have it itself, and is expanded for each of them; an \`environment\` is taken as a whole. Listeners do not inherit
${notForListeners.map(option => `\`${option}\``).join(' and ')}. What is no such option is told once and has no effect.

## [eventlistener:x]

The options of a program, except \`redirect_stderr=true\`, and these. The priority of its group is \`-1\` by default.

${options(listenerOptions)}

## [fcgi-program:x]

The options of a program, and these. \`socket\` may contain \`program_name\`, too.

${options(fcgiOptions)}

## [group:x]

${options(groupOptions)}

## [supervisord]

A flag of the command line beats the file.

${optionsWithFlags(daemonOptions)}

Flags that are no options:

| Short | Long | Meaning |
|---|---|---|
${flags}

## [unix_http_server], [unix_http_server:name]

${options(unixServerOptions)}

## [inet_http_server], [inet_http_server:name]

${options(inetServerOptions)}

## [supervisorctl]

A flag of the command line beats the file.

${optionsWithFlags(ctlOptions)}

## [include]

Only in the main file; included files may hold any section but this one. \`%(here)s\` is the directory of the file it is written in.

${options(includeOptions)}
`
