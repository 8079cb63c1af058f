/** The page of `/`: every process, what can be done with it, and how the daemon is. Data in, HTML out. Source: contract 7.6 */
import type { SupervisorState } from '../../process/states.ts'
import { type Frame, renderDocument, renderMessage } from './document.ts'
import { type Html, html } from './html.ts'
import { type ProcessRow, renderProcessRow, renderTable } from './process-row.ts'

export interface StatusPage extends Omit<Frame, 'title' | 'kind'> {
  readonly state: SupervisorState
  /** what became of the latest action; '' for nothing */
  readonly message: string
  readonly rows: readonly ProcessRow[]
  readonly token: string
}

const endings: Readonly<Record<SupervisorState, string>> = {
  RUNNING: '',
  RESTARTING: 'supervisord restarts: everything is being stopped',
  SHUTDOWN: 'supervisord shuts down: everything is being stopped',
  FATAL: 'supervisord is in trouble',
}

/** `7 processes: 5 running, 1 failed, 1 not running` */
export function renderSummary(rows: readonly Pick<ProcessRow, 'state'>[], state: SupervisorState): Html {
  const count = (...states: readonly ProcessRow['state'][]): number =>
    rows.filter(row => states.includes(row.state)).length
  const running = count('RUNNING')
  const failed = count('FATAL', 'BACKOFF')
  const changing = count('STARTING', 'STOPPING')
  const parts = [
    [running, 'running', 'statusrunning'],
    [failed, 'failed', 'statuserror'],
    [changing, 'changing', 'statuschanging'],
    [rows.length - running - failed - changing, 'not running', 'statusnominal'],
  ] as const
  const told = parts.filter(([number]) => number > 0)
  return html`${endings[state] !== '' && html`<strong class="statuserror">${endings[state]}.</strong> `}${told.map(
    ([number, word, look]) => html`<span class="${look}">${number} ${word}</span> `,
  )}`
}

/** Asks back without a script: the button that acts comes out of another one. */
const forAll = (action: string, label: string, question: string): Html =>
  html`<details><summary>${label}</summary><button name="action" value="${action}">${question}</button></details>`

const renderToolbar = (token: string, message: string): Html => html`<div id="buttons">
<form method="get" action="index.html"><button name="action" value="refresh">Refresh</button></form>
<form method="post" action="index.html"><input type="hidden" name="token" value="${token}">${forAll(
  'restartall',
  'Restart All',
  'Restart every process',
)}${forAll('stopall', 'Stop All', 'Stop every process')}</form>
${renderMessage(message)}
</div>`

export function renderStatusPage(page: StatusPage): Html {
  const { rows, token, message, state, identifier } = page
  return renderDocument(
    { ...page, title: 'Supervisor Status', kind: 'status-page' },
    html`<h1>Supervisor${identifier !== 'supervisor' && html` <span>${identifier}</span>`}</h1>
<p id="summary">${renderSummary(rows, state)}</p>
<p id="live" role="status"></p>`,
    html`${renderToolbar(token, message)}
${renderTable(rows.map(row => renderProcessRow(row, token)))}
<p id="nothing">${rows.length === 0 && 'No programs to manage'}</p>`,
  )
}
