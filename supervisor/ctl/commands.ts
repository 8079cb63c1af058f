/**
 * THE command table: dispatch, help, completion and CTL.md are derived from it. Adding a command is adding a row.
 * Source: contract 9.3 (upcheck), 9.4, 9.5 (help; ⇥ there is a tab here)
 */
import type { Command, Context } from './command.ts'
import { add, remove, reread, update } from './commands/configuration.ts'
import { open, reload, shutdown } from './commands/daemon.ts'
import { avail, pid, version } from './commands/facts.ts'
import { fg } from './commands/fg.ts'
import { help } from './commands/help.ts'
import { clear, restart, signal, start, stop } from './commands/orders.ts'
import { status } from './commands/status.ts'
import { maintail, tail } from './commands/tail.ts'
import { exitStatus } from './exit-status.ts'

const leave = ({ print }: Context) => {
  print('')
  return 'leave' as const
}

export const commands: Readonly<Record<string, Command>> = {
  add: {
    help: ['add <name> [...]\tActivates any updates in config for process/group'],
    completes: 'groups',
    upcheck: false,
    run: add,
  },
  avail: {
    help: ['avail\t\t\tDisplay all configured processes'],
    bare: true,
    upcheck: false,
    run: avail,
  },
  clear: {
    help: [
      "clear <name>\t\tClear a process' log files.",
      "clear <name> <name>\tClear multiple process' log files",
      "clear all\t\tClear all process' log files",
    ],
    completes: 'processes',
    upcheck: true,
    run: clear,
  },
  exit: {
    help: ['exit\tExit the supervisor shell.'],
    upcheck: false,
    run: leave,
  },
  fg: {
    help: ['fg <process>\tConnect to a process in foreground mode', '\t\tCtrl-C to exit'],
    completes: 'processes',
    upcheck: true,
    run: fg,
  },
  help: {
    help: ['help\t\tPrint a list of available actions', 'help <action>\tPrint help for <action>'],
    completes: 'commands',
    upcheck: false,
    run: help,
  },
  maintail: {
    help: [
      'maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)',
      'maintail -100\tlast 100 *bytes* of supervisord main log file',
      'maintail\tlast 1600 *bytes* of supervisor main log file',
      '',
    ],
    upcheck: true,
    run: maintail,
  },
  open: {
    help: [
      'open <url>\tConnect to a remote supervisord process.',
      '\t\t(for UNIX domain socket, use unix:///socket/path)',
    ],
    upcheck: false,
    run: open,
  },
  pid: {
    help: [
      'pid\t\t\tGet the PID of supervisord.',
      'pid <name>\t\tGet the PID of a single child process by name.',
      'pid all\t\t\tGet the PID of every child process, one per line.',
    ],
    completes: 'processes',
    upcheck: true,
    run: pid,
  },
  quit: {
    help: ['quit\tExit the supervisor shell.'],
    upcheck: false,
    run: leave,
  },
  reload: {
    help: ['reload \t\tRestart the remote supervisord.'],
    bare: true,
    upcheck: false,
    run: reload,
  },
  remove: {
    help: ['remove <name> [...]\tRemoves process/group from active config'],
    completes: 'groups',
    upcheck: false,
    run: remove,
  },
  reread: {
    help: ["reread \t\t\tReload the daemon's configuration files without add/remove"],
    bare: true,
    upcheck: false,
    run: reread,
  },
  restart: {
    help: [
      'restart <name>\t\tRestart a process',
      'restart <gname>:*\tRestart all processes in a group',
      'restart <name> <name>\tRestart multiple processes or groups',
      'restart all\t\tRestart all processes',
      'Note: restart does not reread config files. For that, see reread and update.',
    ],
    completes: 'processes',
    upcheck: true,
    run: restart,
  },
  shutdown: {
    help: ['shutdown \tShut the remote supervisord down.'],
    bare: true,
    upcheck: false,
    run: shutdown,
  },
  signal: {
    help: [
      'signal <signal name> <name>\t\tSignal a process',
      'signal <signal name> <gname>:*\t\tSignal all processes in a group',
      'signal <signal name> <name> <name>\tSignal multiple processes or groups',
      'signal <signal name> all\t\tSignal all processes',
    ],
    completes: 'processes',
    upcheck: true,
    run: signal,
  },
  start: {
    help: [
      'start <name>\t\tStart a process',
      'start <gname>:*\t\tStart all processes in a group',
      'start <name> <name>\tStart multiple processes or groups',
      'start all\t\tStart all processes',
    ],
    completes: 'processes',
    upcheck: true,
    run: start,
  },
  status: {
    help: [
      'status <name>\t\tGet status for a single process',
      'status <gname>:*\tGet status for all processes in a group',
      'status <name> <name>\tGet status for multiple named processes',
      'status\t\t\tGet all process status info',
    ],
    completes: 'processes',
    upcheck: true,
    unreachable: exitStatus.STATUS_UNKNOWN,
    run: status,
  },
  stop: {
    help: [
      'stop <name>\t\tStop a process',
      'stop <gname>:*\t\tStop all processes in a group',
      'stop <name> <name>\tStop multiple processes or groups',
      'stop all\t\tStop all processes',
    ],
    completes: 'processes',
    upcheck: true,
    run: stop,
  },
  tail: {
    help: [
      'tail [-f] <name> [stdout|stderr] (default stdout)',
      'Ex:',
      'tail -f <name>\t\tContinuous tail of named process stdout',
      '\t\t\tCtrl-C to exit.',
      'tail -100 <name>\tlast 100 *bytes* of process stdout',
      'tail <name> stderr\tlast 1600 *bytes* of process stderr',
    ],
    completes: 'processes',
    upcheck: true,
    run: tail,
  },
  update: {
    help: [
      'update\t\t\tReload config and add/remove as necessary, and will restart affected programs',
      'update all\t\tReload config and add/remove as necessary, and will restart affected programs',
      'update <gname> [...]\tUpdate specific groups',
    ],
    completes: 'groups',
    upcheck: false,
    run: update,
  },
  version: {
    help: ['version\t\t\tShow the version of the remote supervisord process'],
    bare: true,
    upcheck: true,
    run: version,
  },
}
