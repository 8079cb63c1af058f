/** Ends a session before its time. Source: contract 14 (13) */
import { html } from '../common/html.ts'
import type { Answer } from './not-ready.ts'
import { renderPage } from './page.ts'

export const LOGOUT_PATH = '/portal-logout'

/** A link to this path ends nothing: other people's pages may have one. */
export function renderLogout(done: boolean): Answer {
  const heading = done ? 'You are logged out' : 'Log out?'
  const { text, headers } = renderPage({
    title: heading,
    mood: done ? 'good' : 'calm',
    body: html`<h1>${heading}</h1>
${
  done
    ? html`<p>This browser has no session of this instance any more. If you had typed the password, it may remember that until it is closed.</p>`
    : html`<p>This ends your session for all applications of this instance.</p>
<form method="post" action="${LOGOUT_PATH}"><button>Log out</button></form>`
}
<p class="faint"><a href="/">Back</a></p>`,
  })
  return { status: 200, headers, body: text }
}
