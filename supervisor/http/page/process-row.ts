/** One process in the table of the page: what is known of it, what can be done with it, and its HTML. */
import type { Channel, Process } from '../../daemon/api.ts'
import type { ProcessState } from '../../process/states.ts'
import { describe, wholeSeconds } from '../../rpc/description.ts'
import { type Html, html } from './html.ts'
import { quote } from './quote.ts'

export interface ProcessRow {
  readonly spec: string
  readonly state: ProcessState
  /** as in `getProcessInfo` */
  readonly description: string
  /** seconds since the epoch, while RUNNING: the end of `description` grows by itself */
  readonly since: number | null
  /** what state and description leave open; '' for nothing */
  readonly remark: string
  /** the log that may tell why it failed */
  readonly evidence: Channel | null
  /** those that are written to a file */
  readonly logs: readonly Channel[]
  /** There is a child, so its logs are open and can be cleared. */
  readonly alive: boolean
}

const channels: readonly Channel[] = ['stdout', 'stderr']

function remarkOn({ state, exitstatus, config }: Process): string {
  switch (state) {
    case 'BACKOFF':
      return 'will be tried again'
    case 'FATAL':
      return 'will not be tried again'
    case 'EXITED':
      if (exitstatus === null || config.exitcodes.includes(exitstatus)) return ''
      return exitstatus < 0 ? 'ended by a signal' : `exit status ${exitstatus}`
    default:
      return ''
  }
}

const failed = (process: Process): boolean =>
  process.state === 'FATAL' || process.state === 'BACKOFF' || remarkOn(process) !== ''

/** `now` in seconds since the epoch. */
export function processRow(process: Process, now: number): ProcessRow {
  const logs = channels.filter(channel => process.readableLog(channel, 'bytes') !== '')
  return {
    spec: process.namespec,
    state: process.state,
    description: describe(process, now),
    since: process.state === 'RUNNING' ? wholeSeconds(process.startedAt) : null,
    remark: remarkOn(process),
    // with redirect_stderr there is stdout alone
    evidence: failed(process) ? (logs.at(-1) ?? null) : null,
    logs,
    alive: process.pid !== 0,
  }
}

/** The classes are the original's: pages are also read by programs. Source: contract 7.6 */
const classes: Readonly<Record<ProcessState, string>> = {
  STOPPED: 'statusnominal',
  STARTING: 'statusnominal',
  RUNNING: 'statusrunning',
  BACKOFF: 'statuserror',
  STOPPING: 'statusnominal',
  EXITED: 'statusnominal',
  FATAL: 'statuserror',
  UNKNOWN: 'statusnominal',
}

/** What the supervisor would not refuse. */
const orders: Readonly<Record<ProcessState, readonly string[]>> = {
  STOPPED: ['start'],
  STARTING: ['stop'],
  RUNNING: ['restart', 'stop'],
  BACKOFF: ['stop'],
  STOPPING: [],
  EXITED: ['start'],
  FATAL: ['start'],
  UNKNOWN: [],
}

export const tailAddress = (spec: string, channel: Channel = 'stdout', limit?: number): string =>
  `tail.html?processname=${quote(spec)}${channel === 'stdout' ? '' : `&channel=${channel}`}` +
  (limit === undefined ? '' : `&limit=${limit}`)

/** Buttons are switched off rather than left out: nothing moves under the pointer when a state changes. */
const button = (action: string, label: string, spec: string, possible: boolean, title = ''): Html =>
  html`<button name="action" value="${action}" aria-label="${label} ${spec}"${
    title !== '' && html` title="${title}"`
  }${!possible && html` disabled`}>${label}</button>`

const logLink = ({ spec, logs }: ProcessRow, channel: Channel): Html =>
  logs.includes(channel)
    ? html`<a href="${tailAddress(spec, channel)}" aria-label="${channel} of ${spec}">${channel}</a>`
    : html`<span class="nothing" title="${channel} is not written to a file">${channel}</span>`

function renderActions(row: ProcessRow, token: string): Html {
  const { spec, state, logs, alive } = row
  const possible = orders[state]
  const [first, label] = possible.includes('restart')
    ? (['restart', 'Restart'] as const)
    : (['start', 'Start'] as const)
  const clearable = alive && logs.length > 0
  const whyNot = clearable ? '' : 'Logs are cleared while the process runs'
  return html`<form method="post" action="index.html">
<input type="hidden" name="processname" value="${spec}">
<input type="hidden" name="token" value="${token}">
${button(first, label, spec, possible.includes(first))}
${button('stop', 'Stop', spec, possible.includes('stop'))}
${button('clearlog', 'Clear Log', spec, clearable, whyNot)}
${logLink(row, 'stdout')}
${logLink(row, 'stderr')}
</form>`
}

function renderDescription({ spec, description, since, remark, evidence }: ProcessRow): Html {
  const ticking = since !== null && html` data-since="${since}"`
  return html`<span${ticking}>${description}</span>
${remark !== '' && html`<span class="remark">${remark}</span>`}
${evidence !== null && html`<a href="${tailAddress(spec, evidence)}">See ${evidence}</a>`}`
}

/**
 * The cells stand in the order that readers of the original's page expect; the stylesheet puts the name second. Roles are
 * said because the stylesheet takes away those of the elements.
 */
export const renderProcessRow = (row: ProcessRow, token: string): Html =>
  html`<tr id="process-${row.spec}" role="row" data-state="${row.state}">
<td role="cell" class="status"><span class="${classes[row.state]}">${row.state.toLowerCase()}</span></td>
<td role="cell" class="description">${renderDescription(row)}</td>
<td role="rowheader" class="name"><a href="${tailAddress(row.spec)}">${row.spec}</a></td>
<td role="cell" class="action">${renderActions(row, token)}</td>
</tr>
`

const columns = ['State', 'Description', 'Name', 'Action']

/** `rows` are lines of HTML. */
export const renderTable = (rows: readonly Html[]): Html => html`<table role="table">
<thead role="rowgroup">
<tr role="row">${columns.map(
  name =>
    html`<th role="columnheader" scope="col" class="${name === 'State' ? 'status' : name.toLowerCase()}">${name}</th>`,
)}</tr>
</thead>
<tbody role="rowgroup">
${rows}</tbody>
</table>`
