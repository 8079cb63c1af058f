/** `/static/portal.css`. Contrasts are those of WCAG AA or better, in light and in dark; a phone of 360 px first. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f3;
  --surface: #ffffff;
  --line: #dadad3;
  --text: #1d2023;
  --quiet: #5a6066;
  --link: #1a56b0;
  --ready: #17652f;
  --error: #ab1f17;
  --changing: #7d5200;
  --pressed: #ecece6;
  --on-link: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131518;
    --surface: #1b1e22;
    --line: #363b42;
    --text: #e5e7e9;
    --quiet: #a2a9b1;
    --link: #8fb8f7;
    --ready: #74cc8e;
    --error: #ff9088;
    --changing: #e3b65a;
    --pressed: #2a2f35;
    --on-link: #10151c;
  }
}
* { box-sizing: border-box; }
html { scrollbar-gutter: stable; }
body {
  max-width: 72rem;
  margin: 0 auto;
  padding: 0.75rem;
  background: var(--ground);
  color: var(--text);
  font: 0.9375rem/1.45 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
h1, h2, h3, p, ul, ol { margin: 0; }
ul, ol { padding: 0; list-style: none; }
h1 { font-size: 1.125rem; font-weight: 600; }
h1 a { color: inherit; }
h2 { margin-bottom: 0.5rem; font-size: 0.9375rem; font-weight: 600; color: var(--quiet); }
h3 { font-size: 1rem; font-weight: 600; }
.quiet { color: var(--quiet); font-weight: 400; }
em { font-style: normal; color: var(--quiet); }

header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; margin-bottom: 0.75rem; }
#summary { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
#live { flex: 1 0 auto; color: var(--quiet); text-align: right; }
#live.lost { color: var(--error); }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; }
#message { padding: 0.5rem 0.75rem; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); }
#message:empty { display: none; }
[hidden] { display: none; }

.ready, .crashed, .starting, .installing, .waiting, .stopped, .skipped, .unknown { white-space: nowrap; }
.ready { color: var(--ready); }
.crashed { color: var(--error); }
.starting, .installing, .waiting { color: var(--changing); }
.stopped, .skipped, .unknown { color: var(--quiet); }
.state::before { display: inline-block; width: 1.25em; }
.state.ready::before { content: "●"; content: "●" / ""; }
.state.crashed::before { content: "▲"; content: "▲" / ""; }
.state.starting::before, .state.installing::before, .state.waiting::before { content: "◐"; content: "◐" / ""; }
.state.stopped::before, .state.skipped::before { content: "○"; content: "○" / ""; }
.state.unknown::before { content: "?"; content: "?" / ""; }
.since:not(:empty)::before { content: "for "; }
span + .since:not(:empty)::before { content: "· "; content: "· " / ""; }
.since { white-space: nowrap; }

#problems { padding: 0.75rem; border: 1px solid var(--error); border-radius: 6px; background: var(--surface); }
#problems h2 { color: var(--error); }
#problems li + li { margin-top: 0.375rem; }

details > summary { cursor: pointer; }
details[open] > summary { margin-bottom: 0.5rem; }
#boot .crashed, #boot .starting, #exposure .crashed, #exposure .ready { white-space: normal; }
#boot ol { display: grid; gap: 0.125rem; max-height: 20rem; padding-left: 1rem; overflow: auto; }

#applications { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 0.75rem; }
.card { display: grid; grid-template: auto 1fr auto / minmax(0, 1fr) auto; gap: 0.25rem 0.75rem; padding: 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); }
.card p { grid-column: 1 / -1; }
.card .links { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem 0.875rem; min-height: 2rem; margin-top: 0.25rem; }
.card[data-state=crashed] { border-color: var(--error); }
.card[data-state=stopped] h3, .card[data-state=skipped] h3 { color: var(--quiet); }

button, .button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 2rem;
  padding: 0.1875rem 0.75rem;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--surface);
  color: var(--text);
  font: inherit;
  text-decoration: none;
  white-space: nowrap;
  cursor: pointer;
}
button:hover:enabled, .button:hover { border-color: var(--quiet); background: var(--pressed); }
.button.open { border-color: var(--link); background: var(--link); color: var(--on-link); }
.button.open:hover { filter: brightness(1.08); }
button:disabled { border-color: transparent; background: none; color: var(--quiet); opacity: 0.65; cursor: default; }
[aria-busy=true] button { cursor: progress; }

#programs { border: 1px solid var(--line); border-radius: 8px; background: var(--surface); }
#programs:empty, #applications:empty { display: none; }
.nothing { display: none; color: var(--quiet); }
ul:empty + .nothing { display: block; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.25rem 0.75rem; padding: 0.5rem 0.75rem; }
.row + .row { border-top: 1px solid var(--line); }
.row .name { font-weight: 600; }
.row p { grid-column: 1 / -1; color: var(--quiet); }
.row p:empty { display: none; }
.row form { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem; }
.row form a { padding: 0.1875rem 0.375rem; }
.row button { min-width: 5rem; }
.row[aria-busy=true] { background: var(--pressed); }

.ports { display: grid; gap: 0.5rem; margin: 0.5rem 0; }
.ports li { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); gap: 0 0.5rem; }
.ports li > :last-child { grid-column: 2; font-size: 0.875em; }
.share { display: block; padding: 0.75rem; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); user-select: all; }
footer { color: var(--quiet); }
pre {
  max-height: 80vh;
  margin: 0;
  padding: 0.75rem;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--surface);
  overflow: auto;
  white-space: pre-wrap;
}

@media (pointer: coarse), (max-width: 30rem) {
  button, .button { min-height: 2.75rem; }
  .row button { flex: 1 1 6rem; }
  .row form a, .card .links a:not(.button), #live a, footer a { padding-block: 0.625rem; }
  summary { padding-block: 0.5rem; }
}
@media (min-width: 48rem) {
  body { padding: 1rem 1.25rem; }
  .row { grid-template-columns: minmax(8rem, 14rem) 7rem minmax(0, 1fr) auto; align-items: center; }
  .row p, .row form { grid-column: auto; }
  .row p:empty { display: block; }
  .row form { flex-wrap: nowrap; }
}
`
