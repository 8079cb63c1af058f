/**
 * THE method table: everything that XML-RPC offers. Names, numbers of parameters and result types are promises to clients;
 * `system.listMethods`, `methodHelp`, `methodSignature` and RPC.md are made from it. Source: contract 8.2, 8.7
 */
import { type Method, method } from './method.ts'
import * as supervisor from './supervisor.ts'
import * as system from './system.ts'

const spec = { name: 'name', type: 'string', doc: 'Process, as `name` or `group:name`' } as const
const specOrGroup = { name: 'name', type: 'string', doc: 'Process, as `name` or `group:name`, or `group:*`' } as const
const groupName = { name: 'name', type: 'string', doc: 'Group' } as const
const wait = { type: 'boolean', default: true } as const
const waitForStart = { ...wait, name: 'wait', doc: 'Answer only when it is RUNNING, or has failed' } as const
const waitForStop = { ...wait, name: 'wait', doc: 'Answer only when it has stopped' } as const
const signal = { name: 'signal', type: 'text', doc: 'Signal, as `HUP`, `SIGHUP` or `1`' } as const
const offset = { name: 'offset', type: 'int', doc: 'First byte; a negative one counts from the end' } as const
const length = { name: 'length', type: 'int', doc: 'How many bytes; 0 is all that follow' } as const
const lastBytes = { name: 'length', type: 'int', doc: 'How many bytes at most' } as const

const yes = ['boolean', 'True, or a fault'] as const
const results = ['array', 'A struct of name, group, status, description per process it applied to'] as const
const bytes = ['string', 'The part of the log, as text'] as const
const triple = ['array', '[text, size of the log, whether there was more than asked for]'] as const

const getAPIVersion = method({
  doc: 'Tell the version of this interface; it is not that of the daemon.',
  params: [],
  returns: ['string', 'Always 3.0'],
  run: () => supervisor.API_VERSION,
})

const readLog = method({
  doc: 'Read a part of the activity log.',
  params: [offset, length],
  returns: bytes,
  run: supervisor.readLog,
})

const readProcessStdoutLog = method({
  doc: 'Read a part of what a process wrote to its stdout.',
  params: [spec, offset, length],
  returns: bytes,
  run: supervisor.readProcessLog('stdout'),
})

const tailProcessStdoutLog = method({
  doc: 'Read the end of what a process wrote to its stdout, beyond an offset that was reached before.',
  params: [spec, offset, lastBytes],
  returns: triple,
  run: supervisor.tailProcessLog('stdout'),
})

const clearProcessLogs = method({
  doc: 'Empty both logs of a process that runs.',
  params: [spec],
  returns: yes,
  run: supervisor.clearProcessLogs,
})

/** Methods that changed their name keep the old one; supervisorctl still calls `getVersion`. */
const oldNameOf = (name: string, row: Method): Method => ({ ...row, doc: `${row.doc} (Old name of ${name}.)` })

export const methods: Readonly<Record<string, Method>> = {
  'supervisor.getAPIVersion': getAPIVersion,
  'supervisor.getVersion': oldNameOf('getAPIVersion', getAPIVersion),
  'supervisor.getSupervisorVersion': method({
    doc: 'Tell the version of the daemon.',
    params: [],
    returns: ['string', 'The release of supervisord whose behaviour this is'],
    run: ({ daemon }) => daemon.version,
  }),
  'supervisor.getIdentification': method({
    doc: 'Tell the identifier of this daemon: option identifier of [supervisord].',
    params: [],
    returns: ['string', 'The identifier'],
    run: ({ daemon }) => daemon.identifier,
  }),
  'supervisor.getState': method({
    doc: 'Tell the state of the daemon.',
    params: [],
    returns: ['struct', 'statecode and statename'],
    run: supervisor.getState,
  }),
  'supervisor.getPID': method({
    doc: 'Tell the process id of the daemon.',
    params: [],
    returns: ['int', 'The process id'],
    run: ({ daemon }) => daemon.pid,
  }),
  'supervisor.readLog': readLog,
  'supervisor.readMainLog': oldNameOf('readLog', readLog),
  'supervisor.clearLog': method({
    doc: 'Start the activity log anew.',
    params: [],
    returns: yes,
    run: supervisor.clearLog,
  }),
  'supervisor.shutdown': method({
    doc: 'Stop all processes, then the daemon.',
    params: [],
    returns: ['boolean', 'True, before anything is stopped'],
    run: supervisor.shutdown,
  }),
  'supervisor.restart': method({
    doc: 'Stop all processes, then start over with the configuration read anew.',
    params: [],
    returns: ['boolean', 'True, before anything is stopped'],
    run: supervisor.restart,
  }),
  'supervisor.reloadConfig': method({
    doc: 'Read the configuration anew and tell what differs from the groups that are active; nothing is started or stopped.',
    params: [],
    returns: ['array', '[[added, changed, removed]], each an array of group names'],
    run: supervisor.reloadConfig,
  }),
  'supervisor.addProcessGroup': method({
    doc: 'Activate a group of the configuration that was read last.',
    params: [groupName],
    returns: yes,
    run: supervisor.addProcessGroup,
  }),
  'supervisor.removeProcessGroup': method({
    doc: 'Forget a group that has been stopped.',
    params: [groupName],
    returns: yes,
    run: supervisor.removeProcessGroup,
  }),
  'supervisor.startProcess': method({
    doc: 'Start a process.',
    params: [specOrGroup, waitForStart],
    returns: yes,
    run: supervisor.startProcess,
  }),
  'supervisor.startProcessGroup': method({
    doc: 'Start all processes of a group that do not run, by priority.',
    params: [groupName, waitForStart],
    returns: results,
    run: supervisor.startProcessGroup,
  }),
  'supervisor.startAllProcesses': method({
    doc: 'Start all processes that do not run, by priority.',
    params: [waitForStart],
    returns: results,
    run: supervisor.startAllProcesses,
  }),
  'supervisor.stopProcess': method({
    doc: 'Stop a process.',
    params: [specOrGroup, waitForStop],
    returns: yes,
    run: supervisor.stopProcess,
  }),
  'supervisor.stopProcessGroup': method({
    doc: 'Stop all processes of a group that run, by priority.',
    params: [groupName, waitForStop],
    returns: results,
    run: supervisor.stopProcessGroup,
  }),
  'supervisor.stopAllProcesses': method({
    doc: 'Stop all processes that run, by priority.',
    params: [waitForStop],
    returns: results,
    run: supervisor.stopAllProcesses,
  }),
  'supervisor.signalProcess': method({
    doc: 'Send a signal to a process.',
    params: [specOrGroup, signal],
    returns: yes,
    run: supervisor.signalProcess,
  }),
  'supervisor.signalProcessGroup': method({
    doc: 'Send a signal to all processes of a group that run.',
    params: [groupName, signal],
    returns: results,
    run: supervisor.signalProcessGroup,
  }),
  'supervisor.signalAllProcesses': method({
    doc: 'Send a signal to all processes that run.',
    params: [signal],
    returns: results,
    run: supervisor.signalAllProcesses,
  }),
  'supervisor.getProcessInfo': method({
    doc: 'Tell about a process.',
    params: [spec],
    returns: ['struct', 'name, group, state, pid and more'],
    run: supervisor.getProcessInfo,
  }),
  'supervisor.getAllProcessInfo': method({
    doc: 'Tell about all processes.',
    params: [],
    returns: ['array', 'A struct as of getProcessInfo per process, by group and name'],
    run: supervisor.getAllProcessInfo,
  }),
  'supervisor.getAllConfigInfo': method({
    doc: 'Tell the configuration of all processes, as it was read last.',
    params: [],
    returns: ['array', 'A struct of options per process, by name'],
    run: supervisor.getAllConfigInfo,
  }),
  'supervisor.readProcessStdoutLog': readProcessStdoutLog,
  'supervisor.readProcessLog': oldNameOf('readProcessStdoutLog', readProcessStdoutLog),
  'supervisor.readProcessStderrLog': method({
    doc: 'Read a part of what a process wrote to its stderr.',
    params: [spec, offset, length],
    returns: bytes,
    run: supervisor.readProcessLog('stderr'),
  }),
  'supervisor.tailProcessStdoutLog': tailProcessStdoutLog,
  'supervisor.tailProcessLog': oldNameOf('tailProcessStdoutLog', tailProcessStdoutLog),
  'supervisor.tailProcessStderrLog': method({
    doc: 'Read the end of what a process wrote to its stderr, beyond an offset that was reached before.',
    params: [spec, offset, lastBytes],
    returns: triple,
    run: supervisor.tailProcessLog('stderr'),
  }),
  'supervisor.clearProcessLogs': clearProcessLogs,
  'supervisor.clearProcessLog': oldNameOf('clearProcessLogs', clearProcessLogs),
  'supervisor.clearAllProcessLogs': method({
    doc: 'Empty the logs of all processes that run.',
    params: [],
    returns: ['array', 'A struct of name, group, status, description per process'],
    run: supervisor.clearAllProcessLogs,
  }),
  'supervisor.sendProcessStdin': method({
    doc: 'Write text to the stdin of a process, as UTF-8.',
    params: [spec, { name: 'chars', type: 'chars', doc: 'The text' }],
    returns: yes,
    run: supervisor.sendProcessStdin,
  }),
  'supervisor.sendRemoteCommEvent': method({
    doc: 'Send a REMOTE_COMMUNICATION event to all listeners that subscribed to it.',
    params: [
      { name: 'type', type: 'text', doc: 'First line of the payload' },
      { name: 'data', type: 'text', doc: 'Rest of the payload' },
    ],
    returns: ['boolean', 'Always True'],
    duringShutdown: true,
    run: supervisor.sendRemoteCommEvent,
  }),
  'system.listMethods': method({
    doc: 'List the names of all methods.',
    params: [],
    returns: ['array', 'Names, sorted'],
    duringShutdown: true,
    run: system.listMethods,
  }),
  'system.methodHelp': method({
    doc: 'Tell what a method does.',
    params: [{ name: 'name', type: 'string', doc: 'Method, as `supervisor.getPID`' }],
    returns: ['string', 'A text like this one'],
    duringShutdown: true,
    run: system.methodHelp,
  }),
  'system.methodSignature': method({
    doc: 'Tell the types of a method.',
    params: [{ name: 'name', type: 'string', doc: 'Method, as `supervisor.getPID`' }],
    returns: ['array', 'Type of the result, then those of the parameters'],
    duringShutdown: true,
    run: system.methodSignature,
  }),
  'system.multicall': method({
    doc: 'Call several methods, one after another.',
    params: [{ name: 'calls', type: 'array', doc: 'Structs of methodName and params; a multicall is not among them' }],
    returns: ['array', 'Per call its result as it is, or a struct of faultCode and faultString'],
    duringShutdown: true,
    run: system.multicall,
  }),
}
