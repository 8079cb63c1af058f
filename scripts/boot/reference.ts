/** BOOT.md: what an image author has to know, with the table of steps. */
import { steps } from './steps.ts'

const INTRODUCTION = `# The boot

Generated from the table in steps.ts by \`npm run docs\`.

\`entrypoint.sh\` is the image's ENTRYPOINT, and what a platform's on-start line calls. It need not be process 1. Unless
BOOT_SCRIPT replaces it, \`boot_default.sh\` sources \`/etc/vast_boot.d/*.sh\` in the order of their names, all in one shell
function, and ends with the status of supervisord.

## A step of your own

A file such as \`/etc/vast_boot.d/50-my-app.sh\` runs between ours by its number. It is sourced: what it exports reaches the
steps after it and every program (\`/etc/environment\`, if its number is below 10), and so do its functions, directory, umask.
\`return\` ends the step. \`exit\`, also by \`set -e\`, ends it as well: the boot says so and goes on. It has no deadline.
\`boot_skip 'why'\` tells that there was nothing to do.

\`boot-step --report\` shows how the boot went; \`/run/bosun/boot.json\` and \`/var/log/portal/boot.log\` hold the same. At the
end, problems are on the container log, and then a line that begins with \`READY\`: supervisord answers, and the boot is done.

## Stopping

TERM, INT and QUIT end the instance in every phase: supervisord stops its programs in their order, whatever step or script is
busy gets TERM, steps that have not begun do not. What is left after BOSUN_STOP_SECONDS (8) is killed, programs before
supervisord. HUP and USR2 are passed to supervisord. \`supervisorctl shutdown\` ends the instance, \`supervisorctl reload\` does not.

## Differences from the original images

- Nothing is updated at first boot: neither the vendor's command line tool nor the portal. \`update-portal\` and
  \`venv-backup.sh\` are there and say that they do nothing.
- A page in place of BOOT_SCRIPT, HOTFIX_SCRIPT or PROVISIONING_SCRIPT (HTTP errors, HTML) is refused. A script without a first
  line, or with \`#!/bin/false\`, is run by bash. A HOTFIX_SCRIPT that cannot be had is that of the last time.
- A manifest that asks for more than \`version: 1\` is refused, and PROVISIONING_SCRIPT is not run after it; provisioning counts
  as failed, so that a version that can do it tries again.
- A repository of the workspace is found five directories deep.
- What the workspace misses is copied beside its place and renamed: an item is there whole or not at all.

## Flags

\`--no-user-keys --no-export-env --no-cert-gen --no-update-portal --no-update-vast --no-activate-pyenv --no-forward-compat
--sync-environment --sync-home --jupyter-override --no-force-jupyter --no-agent-banner\`; others are warned of and ignored.

## Steps
`

const duration = (seconds: number): string =>
  seconds === 0
    ? ''
    : seconds % 3600 === 0
      ? `${seconds / 3600} h`
      : seconds % 60 === 0
        ? `${seconds / 60} min`
        : `${seconds} s`

export const renderBootReference = (): string =>
  [
    INTRODUCTION,
    '| file | does | deadline |',
    '|---|---|---|',
    ...steps.map(({ file, doc, deadlineSeconds }) => `| \`${file}\` | ${doc} | ${duration(deadlineSeconds)} |`),
    '',
  ].join('\n')
