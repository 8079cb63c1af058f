/**
 * Pages of the gateway's own: what people see instead of an application. They bring all that they need, as nothing can be
 * fetched, and work without a script. Source: contract 5.5; contract/aidock-and-codechips.md D.2 (S11, S12)
 */
import { createHash } from 'node:crypto'
import { type Html, html, Html as Raw } from '../common/html.ts'

export interface Page {
  readonly title: string
  readonly body: Html
  /** says in a colour how it stands */
  readonly mood: Mood
  /** runs at the end of the page; no data gets into it */
  readonly script?: string
  /** seconds after which a browser without scripts looks again */
  readonly refresh?: number
}

/** `busy`: it will be well by itself */
export type Mood = 'busy' | 'good' | 'bad' | 'calm'

const STYLE = `
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1d2129; --faint: #5c6470; --line: #dfe2e7; --hue: #5c6470 }
@media (prefers-color-scheme: dark) { :root { --back: #14161a; --card: #1d2026; --text: #e8eaee; --faint: #a0a7b3; --line: #31353d; --hue: #a0a7b3 } }
[data-mood=busy] { --hue: #2563c9 } [data-mood=good] { --hue: #1a7f45 } [data-mood=bad] { --hue: #c02c35 }
@media (prefers-color-scheme: dark) { [data-mood=busy] { --hue: #7fb0ff } [data-mood=good] { --hue: #66d396 } [data-mood=bad] { --hue: #ff8b8b } }
* { box-sizing: border-box; margin: 0 }
body { min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 34rem; padding: 1.75rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-top: 3px solid var(--hue); border-radius: .5rem; overflow-wrap: anywhere }
h1 { display: flex; align-items: center; gap: .75rem; font-size: 1.3rem; line-height: 1.3 }
h1::before { content: ""; flex: none; width: .8rem; height: .8rem; border-radius: 50%; background: var(--hue) }
[data-mood=busy] h1::before { background: none; border: 2px solid var(--hue); border-right-color: transparent; animation: turn 1.2s linear infinite }
@keyframes turn { to { transform: rotate(1turn) } }
@media (prefers-reduced-motion: reduce) { h1::before { animation: none !important; border-right-color: var(--hue) !important } }
p, ul, form { margin-top: .9rem } ul { padding-left: 1.2rem } .faint { color: var(--faint); font-size: .9rem }
a { color: inherit } code { font: .9em ui-monospace, monospace }
button { padding: .5rem 1rem; font: inherit; font-weight: 600; color: var(--card); background: var(--text); border: 0; border-radius: .35rem; cursor: pointer }
button:focus-visible, a:focus-visible { outline: 2px solid var(--hue); outline-offset: 2px }
`

export interface Rendered {
  readonly text: string
  /** what goes with it */
  readonly headers: Readonly<Record<string, string>>
}

export function renderPage({ title, body, mood, script, refresh }: Page): Rendered {
  const page = html`<!doctype html>
<html lang="en" data-mood="${mood}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Raw(STYLE)}</style>
${refresh !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
</head>
<body>
<main>
${body}
</main>
${script !== undefined && html`<script>${new Raw(script)}</script>`}
</body>
</html>
`
  return {
    text: page.text,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policy(script),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    },
  }
}

const policy = (script: string | undefined): string =>
  [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    ...(script === undefined ? ["frame-ancestors 'none'"] : [`script-src '${hashOf(script)}'`, "connect-src 'self'"]),
  ].join('; ')

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
