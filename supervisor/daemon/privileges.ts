/**
 * Who the daemon is and how much it may open, decided once, before its log is open. Source: contract 3.3 steps 2 and 3
 */
import type { DaemonConfig } from '../config/config.ts'
import type { ActivityLog } from '../daemon/api.ts'
import type { OwnProcess, User } from '../system/system.ts'

/** Told on stderr as a usage error. */
export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError'
}

const AS_ROOT =
  'Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  ' +
  'If you intend to run as root, you can set user=root in the config file to avoid this message.'

/**
 * Where it is not `required`, at a reload, we go on as who we are.
 * @throws PrivilegeError; SystemError when the machine refuses it
 */
export function claimUser(user: User | null, uid: number, own: OwnProcess, log: ActivityLog, required: boolean): void {
  if (!user) {
    if (uid === 0) log.critical(AS_ROOT)
    return
  }
  try {
    if (user.uid !== uid) become(user, uid, own)
    log.info(`Set uid to user ${user.uid} succeeded`)
  } catch (error) {
    if (required) throw error
    log.critical(`${(error as Error).message}; going on as the user with uid ${uid}`)
  }
}

function become(user: User, uid: number, own: OwnProcess): void {
  if (uid !== 0) throw new PrivilegeError("Can't drop privilege as nonroot user")
  own.becomeUser(user)
}

const limits = [
  {
    name: 'NOFILE',
    option: 'minfds',
    refusal: (wanted: number) =>
      `The minimum number of file descriptors required to run this process is ${wanted} as per the "minfds" ` +
      `command-line argument or config file setting. The current environment will only allow you to open ${wanted} file ` +
      'descriptors.  Either raise the number of usable file descriptors in your environment (see README.rst) or lower ' +
      'the minfds setting in the config file to allow the process to start.',
  },
  {
    name: 'NPROC',
    option: 'minprocs',
    refusal: (wanted: number) =>
      `The minimum number of available processes required to run this program is ${wanted} as per the "minprocs" ` +
      `command-line argument or config file setting. The current environment will only allow you to open ${wanted} ` +
      'processes.  Either raise the number of usable processes in your environment (see README.rst) or lower the ' +
      'minprocs setting in the config file to allow the program to start.',
  },
] as const

/** Raises soft limits that are too low, hard ones too where we may; others stay as they were inherited. @throws PrivilegeError */
export function claimLimits(config: DaemonConfig, own: OwnProcess, log: ActivityLog): void {
  for (const { name, option, refusal } of limits) {
    const wanted = config[option]
    const { soft, hard } = own.limit(name)
    if (soft >= wanted) {
      // Node has raised it, and children would inherit that
      if (name === 'NOFILE') own.setLimit(name, soft, hard)
      continue
    }
    try {
      own.setLimit(name, wanted, Math.max(hard, wanted))
    } catch {
      throw new PrivilegeError(refusal(wanted))
    }
    log.info(`Increased RLIMIT_${name} limit to ${wanted}`)
  }
}
