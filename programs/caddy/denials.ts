/** What is said to who may not come in. Source: contract 5.3 (6); issue 6 part 2 */
import { html } from '../common/html.ts'
import type { Decision } from './auth.ts'
import type { Answer } from './not-ready.ts'
import { renderPage } from './page.ts'

type Reason = Extract<Decision, { type: 'deny' }>['reason']

interface Denial {
  readonly status: 401 | 403 | 429
  readonly heading: string
  readonly sentence: string
}

const denials: Readonly<Record<Reason, Denial>> = {
  nothing: { status: 401, heading: 'Please log in', sentence: 'This needs the user name and password of the instance' },
  wrong: {
    status: 401,
    heading: 'That does not fit',
    sentence: 'User name, password or token is not that of this instance',
  },
  over: { status: 401, heading: 'Your session has ended', sentence: 'The session or link is no longer good' },
  foreign: { status: 403, heading: 'Not from there', sentence: 'A page of another site has asked for this' },
  blocked: {
    status: 429,
    heading: 'Too many wrong tries',
    sentence: 'There have been too many wrong tries from your address',
  },
}

/** @param waitMs until the next try is looked at */
export function renderDenial(reason: Reason, wantsPage: boolean, waitMs: number): Answer {
  const { status, heading, sentence } = denials[reason]
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' }
  if (status === 401) headers['WWW-Authenticate'] = 'Basic realm="restricted"'
  if (status === 429) headers['Retry-After'] = String(seconds)
  const again = status === 429 ? `; try again in ${seconds} s` : ''
  if (!wantsPage) {
    const hint = status === 401 ? '; send it as basic auth, or the token as "Authorization: Bearer …"' : ''
    headers['Content-Type'] = 'application/json'
    return { status, headers, body: `${JSON.stringify({ detail: `${sentence}${again}${hint}` })}\n` }
  }
  const page = renderPage({
    title: heading,
    mood: status === 401 ? 'calm' : 'bad',
    body: html`<h1>${heading}</h1>
<p>${sentence}${again}.</p>
<p class="faint">${
      status === 403
        ? 'Open the application at its own address.'
        : html`<a href="">Try again</a>, or open the instance by the link in the console where you rented it.`
    }</p>`,
  })
  return { status, headers: { ...page.headers, ...headers }, body: page.text }
}
