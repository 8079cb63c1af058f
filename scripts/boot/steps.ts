/** THE table of the steps of a boot, in their order. What an image adds between them stands in no table: the file name places it. */
import type { Step } from './step.ts'
import { capabilitiesManifest } from './steps/capabilities-manifest.ts'
import { configureCuda } from './steps/configure-cuda.ts'
import { askCpuThreadLimits, cpuThreadLimits } from './steps/cpu-thread-limits.ts'
import { hotfix } from './steps/hotfix.ts'
import { logDirs } from './steps/log-dirs.ts'
import { prepEnv } from './steps/prep-env.ts'
import { provisioningManifest } from './steps/provisioning-manifest.ts'
import { supervisorWait } from './steps/supervisor-wait.ts'
import { syncEnvironment } from './steps/sync-environment.ts'
import { syncHomeDirs } from './steps/sync-home-dirs.ts'
import { syncWorkspace } from './steps/sync-workspace.ts'
import { tlsCertGen } from './steps/tls-cert-gen.ts'
import { userGitSafeDirs } from './steps/user-git-safe-dirs.ts'
import { userPropagateSshKeys } from './steps/user-propagate-ssh-keys.ts'
import { userWriteBashrc } from './steps/user-write-bashrc.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

export const steps: readonly Step[] = [
  {
    name: 'configure-cuda',
    file: '05-configure-cuda.sh',
    doc: 'Chooses the CUDA toolkit that fits the driver. Only with an NVIDIA driver.',
    deadlineSeconds: 2 * MINUTE,
    run: configureCuda,
  },
  {
    name: 'prep-env',
    file: '10-prep-env.sh',
    doc: "Makes the workspace, edits Jupyter's entries of PORTAL_CONFIG, writes /etc/environment and sources it.",
    deadlineSeconds: 30,
    run: prepEnv,
  },
  {
    name: 'log-dirs',
    file: '11-log-dirs.sh',
    doc: 'Makes /var/log/portal, and the logs of programs that do not run as root.',
    deadlineSeconds: 30,
    run: logDirs,
  },
  {
    name: 'cpu-thread-limits',
    file: '12-cpu-thread-limits.sh',
    doc: 'Caps the thread pools of libraries where the container may have few processes.',
    deadlineSeconds: 30,
    run: cpuThreadLimits,
    ask: askCpuThreadLimits,
  },
  {
    name: 'hotfix',
    file: '15-hotfix.sh',
    doc: 'Fetches HOTFIX_SCRIPT and runs it, at every boot.',
    deadlineSeconds: HOUR,
    run: hotfix,
  },
  {
    name: 'first-boot',
    file: '25-first-boot.sh',
    doc: 'Sources first_boot/*.sh, once in the life of the container.',
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'update-vast',
    file: 'first_boot/05-update-vast.sh',
    doc: "Leaves the vendor's command line tool as the image has it, and says so.",
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'update-instance-portal',
    file: 'first_boot/10-update-instance-portal.sh',
    doc: 'Leaves the portal as the image has it, and says so.',
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'sync-home-dirs',
    file: '35-sync-home-dirs.sh',
    doc: 'Moves homes to the workspace. Only with --sync-home.',
    deadlineSeconds: HOUR,
    run: syncHomeDirs,
  },
  {
    name: 'sync-workspace',
    file: '36-sync-workspace.sh',
    doc: 'Copies what the workspace misses of /opt/workspace-internal.',
    deadlineSeconds: HOUR,
    run: syncWorkspace,
  },
  {
    name: 'sync-environment',
    file: '37-sync-environment.sh',
    doc: 'Moves Python environments to the workspace. Only with --sync-environment.',
    deadlineSeconds: HOUR,
    run: syncEnvironment,
  },
  {
    name: 'user-write-bashrc',
    file: '45-user-write-bashrc.sh',
    doc: 'Sets up login shells, once.',
    deadlineSeconds: 10,
    run: userWriteBashrc,
  },
  {
    name: 'user-propagate-ssh-keys',
    file: '46-user-propagate-ssh-keys.sh',
    doc: "Gives root's authorized keys to the other accounts.",
    deadlineSeconds: 30,
    run: userPropagateSshKeys,
  },
  {
    name: 'user-git-safe-dirs',
    file: '47-user-git-safe-dirs.sh',
    doc: 'Lets root and `user` work in the repositories of the workspace. Beside the boot.',
    deadlineSeconds: MINUTE,
    run: userGitSafeDirs,
  },
  {
    name: 'venv-backup',
    file: '48-venv-backup.sh',
    doc: 'Nothing: lists of packages are no longer made at boot.',
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'tls-cert-gen',
    file: '55-tls-cert-gen.sh',
    doc: 'Has a certificate signed for the instance, or signs one itself. Not with --no-cert-gen.',
    deadlineSeconds: MINUTE,
    run: tlsCertGen,
  },
  {
    name: 'supervisor-launch',
    file: '65-supervisor-launch.sh',
    doc: 'Creates /.provisioning and starts supervisord.',
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'instance-test',
    file: '70-instance-test.sh',
    doc: 'Starts the tests of the image, with INSTANCE_TEST=true.',
    deadlineSeconds: 0,
    run: null,
  },
  {
    name: 'provisioning-manifest',
    file: '75-provisioning-manifest.sh',
    doc: 'Runs PROVISIONING_SCRIPT, until it has succeeded once.',
    deadlineSeconds: 24 * HOUR,
    run: provisioningManifest,
  },
  {
    name: 'capabilities-manifest',
    file: '80-capabilities-manifest.sh',
    doc: 'Writes down what software agents find here.',
    deadlineSeconds: MINUTE,
    run: capabilitiesManifest,
  },
  {
    name: 'supervisor-wait',
    file: '95-supervisor-wait.sh',
    doc: 'Removes /.provisioning, says READY, waits for the end of supervisord.',
    deadlineSeconds: MINUTE,
    run: supervisorWait,
  },
]

/** For `boot-step --list`. */
export function renderSteps(): string {
  const width = Math.max(...steps.map(({ file }) => file.length))
  return steps.map(({ file, doc }) => `${file.padEnd(width)}  ${doc}\n`).join('')
}
