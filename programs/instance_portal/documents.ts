/** Whole pages. Their addresses are relative: somebody may serve them below a path of his own. */
import { type Html, type HtmlValue, html } from '../common/html.ts'
import type { LogTail } from './log-tail.ts'
import { type PageFacts, type Reader, renderParts } from './parts.ts'

interface Frame {
  readonly title: string
  /** ms since the epoch */
  readonly now: number
  /** Changes come by `events`. */
  readonly live: boolean
}

const renderDocument = ({ title, now, live }: Frame, header: HtmlValue, main: HtmlValue): Html => html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link href="static/portal.css" rel="stylesheet">
<link href="static/icon.svg" rel="icon" type="image/svg+xml">
<script src="static/portal.js" defer></script>
</head>
<body data-now="${now}"${live && html` data-live`}>
<header>
${header}
</header>
<main>
${main}
</main>
</body>
</html>
`

export interface Message {
  readonly text: string
  readonly trouble: boolean
}

export function renderPage(page: PageFacts, reader: Reader, message: Message | undefined): Html {
  const { facts, settings } = page
  const { singles, applications, programs } = renderParts(page, reader)
  const [summary, problems, boot, exposure] = singles.map(part => part.html)
  const label = settings.CONTAINER_ID || settings.VAST_CONTAINERLABEL
  const mayShare = reader.visitor.trusted && settings.ENABLE_AUTH
  return renderDocument(
    { title: 'Instance Portal', now: facts.now, live: true },
    html`<h1>Instance Portal${label !== '' && html` <span class="quiet">${label}</span>`}</h1>
${summary}
<p id="live" role="status"><a href="./">Refresh</a></p>`,
    html`<p id="message" role="status"${message?.trouble === true && html` class="crashed"`}>${message?.text}</p>
${problems}
${boot}
<section aria-labelledby="applications-title"><h2 id="applications-title">Applications</h2>
<ul id="applications">${applications.map(part => part.html)}</ul>
<p class="nothing">There are none yet. They come from PORTAL_CONFIG, or by <code>portal add</code>.</p></section>
<section aria-labelledby="programs-title"><h2 id="programs-title">Programs</h2>
${
  reader.formToken === undefined &&
  html`<p class="quiet">You may look, but not touch: this page was not opened through the login of the instance. There is <code>supervisorctl</code>.</p>`
}
<ul id="programs">${programs.map(part => part.html)}</ul>
<p class="nothing">There are none to be seen.</p></section>
${exposure}
<footer>${mayShare && html`<a href="share">Open on another device</a>`}</footer>`,
  )
}

export interface LogPage {
  /** of the program */
  readonly name: string
  readonly path: string
  readonly log: LogTail | undefined
  /** Of the run before: a launcher puts it aside at each start, so that of a crash is there. Source: contract 3.4 */
  readonly before: LogTail | undefined
  /** ms since the epoch */
  readonly now: number
}

/** What is shorter hardly tells why the run before has ended. */
const SHORT = 2000

export function renderLogPage({ name, path, log, before, now }: LogPage): Html {
  const headline = ({ cut }: LogTail, of: string): Html => html`${cut ? 'The end of' : 'All of'} <code>${of}</code>`
  return renderDocument(
    { title: `Log of ${name}`, now, live: false },
    html`<h1><a href="./">Instance Portal</a> <span class="quiet">${name}</span></h1>
<p id="live"><a href="">Refresh</a></p>`,
    html`${
      before !== undefined &&
      html`<details${(log?.text.length ?? 0) < SHORT && html` open`}><summary>The run before: ${headline(before, `${path}.old`)}</summary>
<pre tabindex="0">${before.text}</pre></details>`
    }
${
  log === undefined
    ? html`<p>There is no log yet at <code>${path}</code>.</p>`
    : html`<p class="quiet">${headline(log, path)}</p>
<pre id="log" tabindex="0">${log.text}</pre>`
}`,
  )
}

export function renderSharePage(url: string | undefined, minutes: number, now: number): Html {
  return renderDocument(
    { title: 'Open on another device', now, live: false },
    html`<h1><a href="./">Instance Portal</a> <span class="quiet">another device</span></h1>`,
    url === undefined
      ? html`<p>The public address of the instance is not known, or port 1111 is not published.</p>`
      : html`<p>This link lets in whoever follows it first, within the next ${minutes} minutes:</p>
<p><code class="share">${url}</code></p>
<p class="quiet">It is for your own devices. For a new one, load this page again.</p>`,
  )
}
