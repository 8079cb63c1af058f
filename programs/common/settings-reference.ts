/** SETTINGS.md, out of the table of settings. */
import type { SettingRow } from './settings-rows.ts'
import { settingSections } from './settings-table.ts'

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*')

function renderDefault({ default: value, defaults = {} }: SettingRow<unknown>): string {
  const others = Object.entries(defaults).map(([profile, other]) => `${profile}: \`${other}\``)
  return [value === '' ? '*unset*' : `\`${value}\``, ...others].join('; ')
}

const renderNames = (name: string, { aliases = [], secret }: SettingRow<unknown>): string =>
  [
    `\`${name}\`${secret ? ' 🔒' : ''}`,
    ...aliases.map(alias => `\`${alias.name}\` (${alias.profile}${alias.onlyThere ? ' only' : ''})`),
  ].join('<br>')

const section = (title: string, rows: Readonly<Record<string, SettingRow<unknown>>>): string => `## ${title}

| Variable | Default | Read by | Meaning |
|---|---|---|---|
${Object.entries(rows)
  .map(([name, row]) => `| ${renderNames(name, row)} | ${renderDefault(row)} | ${row.readBy} | ${escaped(row.doc)} |`)
  .join('\n')}`

export const renderSettingsReference = (): string => `# Settings of an instance

<!-- Made from settings-table.ts by \`npm run docs\`. -->

An instance is told what to do by variables. They come from the container's environment, from what the boot exports, from
\`/etc/environment\`, and from \`\${WORKSPACE}/.env\`; of these, the last one that has a variable counts. \`bosun explain\` tells
what counts, where it comes from, what is ignored, and what is wrong.

A default is what you would have to write to get it; \`$NAME\` in it is another setting. An empty variable is not set. A value
that makes no sense is told, and the default counts. \`*\` in a name stands for any text.

🔒 is a secret: it is never shown, not in logs either; nor is a variable that is not listed here and whose name ends like
\`_TOKEN\`, \`_PASSWORD\`, \`_SECRET\` or \`_KEY\`. \`/etc/environment\` holds secrets: root and the account \`user\` may read it, and
logins get it through PAM.

Names in a second line are those of other families of images. The first name counts before them, then come those of the
profile (\`BOSUN_PROFILE\`); those marked *only* count in their own profile alone.

\`/etc/environment\` is for bash and for PAM, which knows no escapes. We quote values so that both read the same. That cannot
be done for values with \`#\` or line ends, for those with an apostrophe together with \`"\`, \`$\`, a backtick or \`\\\`, and for
those of 8 KiB and more: bash has them right, and a login shell too, as it sources the file; a command that is run by
\`ssh HOST COMMAND\` has them wrong, or not at all.

${settingSections.map(({ title, rows }) => section(title, rows)).join('\n\n')}
`
