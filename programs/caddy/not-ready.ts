/**
 * What is said in place of an application that does not answer: to people a page that knows why, and turns into the
 * application by itself; to programs 503. Source: contract 5.5, 13 (43); issue 6 part 3
 */
import type { ApplicationState, ApplicationStatus } from '../common/application-status.ts'
import { html } from '../common/html.ts'
import { type Problem, renderProblem } from '../common/problem.ts'
import { type Mood, renderPage } from './page.ts'

/** What is known of the application at this moment. */
export type Readiness = Pick<ApplicationStatus, 'state' | 'sentence' | 'since' | 'retryAt'>

export interface NotReady {
  readonly name: string
  readonly readiness: Readiness
  /** a browser wants to show it */
  readonly wantsPage: boolean
  /** comes through Cloudflare, which shows a page of its own instead of ours with a status of 5xx */
  readonly throughCloudflare: boolean
  /** of the portal, for people */
  readonly portalUrl: string | undefined
  /** what keeps it from being served as it should */
  readonly problems: readonly Problem[]
  /** ms since the epoch */
  readonly now: number
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const headings: Readonly<Record<ApplicationState, readonly [Mood, (name: string) => string]>> = {
  installing: ['busy', name => `${name} is being installed`],
  waiting: ['busy', name => `${name} is waiting`],
  starting: ['busy', name => `${name} is starting`],
  ready: ['good', name => `${name} is ready`],
  stopped: ['calm', name => `${name} is stopped`],
  skipped: ['calm', name => `${name} has not been started`],
  crashed: ['bad', name => `${name} has crashed`],
  unknown: ['calm', name => `${name} does not answer`],
}

/** What the page shows, and is told when it changes. */
export interface News {
  readonly state: ApplicationState
  readonly mood: Mood
  readonly heading: string
  readonly sentence: string
  readonly since: number | null
  readonly retryAt: number | null
}

export function newsOf(name: string, { state, sentence, since, retryAt }: Readiness): News {
  const [mood, heading] = headings[state]
  return {
    state,
    mood,
    heading: heading(name),
    sentence: asSentence(sentence),
    since: since ?? null,
    retryAt: retryAt ?? null,
  }
}

const asSentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`

/** Where the page is told; for programs, too: what it is told, once. */
export const READINESS_PATH = '/portal-readiness'

const LOOK_AGAIN_SECONDS = 5

/** The page follows what it is told; when it is told nothing, it looks for itself. */
const SCRIPT = `
'use strict'
const { dataset } = document.documentElement
const [heading, sentence, lasts] = ['heading', 'sentence', 'lasts'].map(id => document.getElementById(id))
const skew = Date.now() - lasts.dataset.now
let news = { since: +lasts.dataset.since || null, retryAt: null, sentence: sentence.textContent }
const minutes = ms => { const s = Math.max(0, Math.floor(ms / 1000)); return s < 60 ? s + ' s' : Math.floor(s / 60) + ' min ' + s % 60 + ' s' }
const tick = () => {
  const now = Date.now() - skew
  const left = Math.ceil((news.retryAt - now) / 1000)
  sentence.textContent = news.retryAt === null ? news.sentence
    : news.sentence.replace(/next try (in \\d+ s|now)/, left > 0 ? 'next try in ' + left + ' s' : 'next try now')
  lasts.textContent = news.since === null ? '' : 'For ' + minutes(now - news.since) + '.'
}
const show = next => {
  news = next
  dataset.mood = next.mood
  document.title = heading.textContent = next.heading
  tick()
}
const isThere = async () => {
  try {
    const { headers, status } = await fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' })
    return !headers.has('X-Portal-Placeholder') && status < 500
  } catch { return false }
}
let looking = false
const look = async wait => {
  if (looking) return
  for (looking = true; !await isThere(); wait = Math.min(wait * 2, 5000)) await new Promise(next => setTimeout(next, wait))
  location.reload()
}
const events = new EventSource('${READINESS_PATH}')
events.onmessage = ({ data }) => { show(JSON.parse(data)); if (news.state === 'ready') look(250) }
events.onerror = () => { if (events.readyState === EventSource.CLOSED) look(5000) }
setInterval(tick, 1000)
tick()
`

export function renderNotReady(what: NotReady): Answer {
  const { name, readiness, wantsPage, throughCloudflare } = what
  const news = newsOf(name, readiness)
  const headers = { 'X-Portal-Placeholder': 'true', 'Cache-Control': 'no-store' }
  if (!wantsPage) {
    const { state } = readiness
    return {
      status: 503,
      headers: { ...headers, 'Content-Type': 'application/json', 'Retry-After': String(retryAfter(what)) },
      body: `${JSON.stringify({ detail: news.sentence, application: name, state })}\n`,
    }
  }
  const page = renderPage({
    title: news.heading,
    mood: news.mood,
    script: SCRIPT,
    refresh: LOOK_AGAIN_SECONDS,
    body: html`<h1><span id="heading">${news.heading}</span></h1>
<div role="status">
<p id="sentence">${news.sentence}</p>
<p id="lasts" class="faint" data-now="${what.now}" data-since="${news.since}"></p>
</div>
${
  what.problems.length > 0 &&
  html`<p>The configuration of this instance needs attention:</p>
<ul>${what.problems.map(problem => html`<li>${renderProblem(problem)}</li>`)}</ul>`
}
<p class="faint">This page becomes the application as soon as that is ready.</p>
${what.portalUrl !== undefined && html`<p><a href="${what.portalUrl}">Instance Portal</a></p>`}`,
  })
  return {
    status: throughCloudflare ? 200 : 502,
    headers: { ...page.headers, ...headers },
    body: page.text,
  }
}

/** For programs that want to know before they ask for anything. */
export function renderReadiness(name: string, readiness: Readiness, now: number): Answer {
  const { state, sentence } = readiness
  const ready = state === 'ready'
  return {
    status: ready ? 200 : 503,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      ...(ready ? {} : { 'Retry-After': String(retryAfter({ readiness, now })) }),
    },
    body: `${JSON.stringify({ application: name, state, ready, detail: asSentence(sentence) })}\n`,
  }
}

/** Seconds */
const retryAfter = ({ readiness: { retryAt }, now }: Pick<NotReady, 'readiness' | 'now'>): number =>
  retryAt === undefined ? LOOK_AGAIN_SECONDS : Math.min(Math.max(Math.ceil((retryAt - now) / 1000), 1), 60)
