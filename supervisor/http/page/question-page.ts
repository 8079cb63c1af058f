/**
 * Asks before it acts, where the original acted at once: a link or a form of another site may stand behind the request.
 * Data in, HTML out.
 */
import { type Frame, renderDocument } from './document.ts'
import { type Html, html } from './html.ts'

export interface QuestionPage extends Omit<Frame, 'title' | 'kind' | 'events'> {
  readonly action: string
  /** `Restart`, as on its button */
  readonly label: string
  /** '' for actions on everything */
  readonly spec: string
  readonly token: string
}

export function renderQuestionPage(page: QuestionPage): Html {
  const { action, label, spec, token } = page
  const order = spec === '' ? label : `${label} ${spec}`
  return renderDocument(
    { ...page, title: `${order}?`, kind: 'question-page', events: null },
    html`<h1><a href="./">Supervisor</a> <span>${order}?</span></h1>`,
    html`<p>Not done yet: this request may have come from another site, so it needs your word.</p>
<form id="buttons" method="post" action="index.html"><input type="hidden" name="token" value="${token}">${
      spec !== '' && html`<input type="hidden" name="processname" value="${spec}">`
    }<button name="action" value="${action}">${order}</button> <a class="button" href="./">Back to the table</a></form>
<p class="remark">An address with an action in it acts at once only on the unix socket, or behind a username and password.</p>`,
  )
}
