/** The page of `/tail.html`: the end of one log, and the process that writes it. Data in, HTML out. Source: contract 7.6 */
import type { Channel } from '../../daemon/api.ts'
import { type Frame, renderDocument, renderMessage } from './document.ts'
import { type Html, html } from './html.ts'
import { type ProcessRow, renderProcessRow, renderTable, tailAddress } from './process-row.ts'
import { quote } from './quote.ts'

export interface TailPage extends Omit<Frame, 'title' | 'kind'> {
  /** as asked for; null when nothing was */
  readonly spec: string | null
  /** null when there is no such process */
  readonly row: ProcessRow | null
  readonly channel: Channel
  /** bytes */
  readonly limit: number
  /** the end of the log, or why there is none */
  readonly text: string
  readonly token: string
}

const limits: readonly (readonly [bytes: number, label: string])[] = [
  [1024, '1 KB'],
  [16_384, '16 KB'],
  [262_144, '256 KB'],
]

const choice = (label: string, address: string, chosen: boolean): Html =>
  html`<a href="${address}"${chosen && html` aria-current="true"`}>${label}</a> `

const renderChoices = (spec: string, { logs }: ProcessRow, channel: Channel, limit: number): Html =>
  html`<nav aria-label="Log"><span>${logs.map(each =>
    choice(each, tailAddress(spec, each, limit), each === channel),
  )}</span><span>last ${limits.map(([bytes, label]) =>
    choice(label, tailAddress(spec, channel, bytes), bytes === limit),
  )}</span><span><a href="logtail/${quote(spec)}/${channel}">Plain text, as it grows</a></span></nav>`

export function renderTailPage(page: TailPage): Html {
  const { spec, row, channel, limit, text, token } = page
  return renderDocument(
    { ...page, title: `Supervisor tail of process ${spec ?? 'None'}`, kind: 'tail-page' },
    html`<h1><a href="./">Supervisor</a> <span>${spec ?? ''}</span></h1>
<p id="live" role="status"></p>`,
    html`${row !== null && renderTable([renderProcessRow(row, token)])}
<div id="buttons">
${row !== null && renderChoices(row.spec, row, channel, limit)}
${renderMessage('')}
${spec !== null && html`<a class="button" href="${tailAddress(spec, channel, limit)}">Refresh</a>`}
</div>
<pre id="log" tabindex="0" role="region" aria-label="${channel} of ${spec ?? 'nothing'}">
${text}</pre>`,
  )
}
