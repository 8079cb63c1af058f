/** What login shells need to look like the instance; written once. Source: contract 2.4 (45) */
import { existsSync, readFileSync } from 'node:fs'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { readAccounts } from '../accounts.ts'
import { quoteForShell } from '../shell-output.ts'
import { failed, ok, type StepOutcome, type StepTools, skipped } from '../step.ts'

const BEGIN = '### Entrypoint setup ###'
const END = '### End entrypoint setup ###'

export interface LoginShell {
  readonly workspace: string
  /** without --no-export-env */
  readonly exportEnvironment: boolean
  /** without --no-activate-pyenv */
  readonly activatePython: boolean
}

/** Lines for a .bashrc. */
export const renderBashrc = ({ workspace, exportEnvironment, activatePython }: LoginShell): string =>
  [
    '',
    BEGIN,
    `[[ -n $WORKSPACE ]] || WORKSPACE=${quoteForShell(workspace)}`,
    ...(exportEnvironment
      ? ['set -a', '. /etc/environment', '[[ -f $WORKSPACE/.env ]] && . "$WORKSPACE/.env"', 'set +a']
      : []),
    'cd "$WORKSPACE"',
    '[[ -s /opt/nvm/nvm.sh ]] && . /opt/nvm/nvm.sh',
    ...(activatePython
      ? [
          'if [[ -z $CONDA_SHLVL || $CONDA_SHLVL == 0 ]]; then',
          '    _venv=/venv/main; [[ -z $ACTIVE_VENV ]] || _venv=/venv/$ACTIVE_VENV',
          '    [[ -f $_venv/bin/activate ]] && . "$_venv/bin/activate"',
          'fi',
        ]
      : []),
    // for people only: output of a shell that is none breaks scp and rsync
    'if [[ $- == *i* && -e /.provisioning ]]; then',
    "    printf '\\033[31m>>>\\033[0m %s\\n' 'This instance is still being provisioned; see /var/log/portal/provisioning.log'",
    'fi',
    END,
    '',
  ].join('\n')

export function userWriteBashrc({ env }: StepTools): StepOutcome {
  const homes = readAccounts().filter(({ name, home }) => (name === 'root' || name === 'user') && existsSync(home))
  const root = homes.find(({ name }) => name === 'root')
  if (root === undefined) return failed('root has no home directory')
  if (readText(`${root.home}/.bashrc`).includes(BEGIN)) return skipped('written by an earlier boot')
  const block = renderBashrc({
    workspace: readSettings(env).settings.WORKSPACE,
    exportEnvironment: env.export_env !== 'false',
    activatePython: env.activate_python_environment !== 'false',
  })
  // root's is the mark of all: it comes last
  for (const { home, uid, gid } of [...homes].sort((a, b) => b.uid - a.uid)) {
    const path = `${home}/.bashrc`
    writeFileAtomically(path, readText(path) + block, { keepMode: true, mode: 0o644, uid, gid })
  }
  return ok(`.bashrc of ${homes.map(({ name }) => name).join(', ')}`)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
