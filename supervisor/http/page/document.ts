import { type Html, type HtmlValue, html } from './html.ts'

/** What all pages show around their matter. */
export interface Frame {
  readonly title: string
  /** of the daemon: option identifier */
  readonly identifier: string
  readonly version: string
  readonly pid: number
  /** ms since the epoch */
  readonly now: number
  /** where changes come from, and the version of what is on the page; null: it does not change by itself */
  readonly events: { readonly address: string; readonly since: string } | null
  /** class of the body */
  readonly kind: string
}

/** Addresses are relative: a proxy may serve the page below a path of its own. */
export const renderDocument = (frame: Frame, header: HtmlValue, main: HtmlValue): Html => html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${frame.title}</title>
<link href="stylesheets/supervisor.css" rel="stylesheet">
<link href="images/icon.svg" rel="icon" type="image/svg+xml">
<script src="supervisor.js" defer></script>
</head>
<body class="${frame.kind}" data-now="${frame.now}"${
  frame.events !== null && html` data-events="${frame.events.address}" data-version="${frame.events.since}"`
}>
<header id="header">
${header}
</header>
<main>
${main}
</main>
<footer id="footer"><span>Supervisor ${frame.version}</span> <span>${frame.identifier}, pid ${frame.pid}</span></footer>
</body>
</html>
`

/** Reads as trouble, and looks like it. */
export const isTrouble = (message: string): boolean => /^(ERROR|unexpected|No such|Not done)/.test(message)

/** Where answers appear; the script fills it too. */
export const renderMessage = (message: string): Html =>
  html`<div class="status_msg${isTrouble(message) && html` trouble`}" role="status">${message}</div>`
