/** `/stylesheets/supervisor.css`. Contrasts are those of WCAG AA or better, in light and in dark. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f3;
  --surface: #ffffff;
  --line: #dadad3;
  --text: #1d2023;
  --quiet: #5a6066;
  --link: #1a56b0;
  --running: #17652f;
  --error: #ab1f17;
  --changing: #7d5200;
  --pressed: #ecece6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131518;
    --surface: #1b1e22;
    --line: #363b42;
    --text: #e5e7e9;
    --quiet: #a2a9b1;
    --link: #8fb8f7;
    --running: #74cc8e;
    --error: #ff9088;
    --changing: #e3b65a;
    --pressed: #2a2f35;
  }
}
* { box-sizing: border-box; }
html { scrollbar-gutter: stable; }
body {
  display: flex;
  flex-direction: column;
  gap: 0.75rem;
  max-width: 76rem;
  min-height: 100vh;
  min-height: 100dvh;
  margin: 0 auto;
  padding: 0.75rem 1rem;
  background: var(--ground);
  color: var(--text);
  font: 0.9375rem/1.4 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }

#header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1.25rem; min-height: 2rem; }
#header p { margin: 0; }
h1 { margin: 0; font-size: 1.125rem; font-weight: 600; overflow-wrap: anywhere; }
h1 span { color: var(--quiet); font-weight: 400; }
h1 a { color: inherit; }
#summary { display: flex; flex-wrap: wrap; gap: 0 0.875rem; }
#live { flex: 1 0 auto; color: var(--quiet); text-align: right; }
#live.lost { color: var(--error); }
main { display: flex; flex: 1; flex-direction: column; gap: 0.375rem; min-height: 0; }
#footer { display: flex; justify-content: space-between; gap: 1rem; color: var(--quiet); font-size: 0.8125rem; }

button, summary, .button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 1.875rem;
  padding: 0.1875rem 0.625rem;
  border: 1px solid var(--line);
  border-radius: 5px;
  background: var(--surface);
  color: var(--text);
  font: inherit;
  text-decoration: none;
  white-space: nowrap;
  cursor: pointer;
}
button:hover:enabled, summary:hover, .button:hover { border-color: var(--quiet); background: var(--pressed); }
button:disabled { border-color: transparent; background: none; color: var(--quiet); opacity: 0.6; cursor: default; }
[aria-busy=true] button { cursor: progress; }

#buttons, #buttons form, #buttons nav { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
#buttons { position: sticky; z-index: 2; top: 0; padding-block: 0.375rem; background: var(--ground); }
#buttons nav { gap: 0.25rem 1.25rem; color: var(--quiet); }
[aria-current=true] { color: var(--text); font-weight: 600; text-decoration: none; }
details { position: relative; }
summary { list-style: none; }
summary::-webkit-details-marker { display: none; }
details[open] > button { position: absolute; top: 100%; left: 0; margin-top: 0.25rem; border-color: var(--error); color: var(--error); box-shadow: 0 2px 8px #0004; }
.status_msg { flex: 1 1 16rem; min-height: 1.4em; color: var(--text); overflow-wrap: anywhere; }
.status_msg.trouble { color: var(--error); }

table { width: 100%; border: 1px solid var(--line); border-radius: 6px; border-collapse: collapse; background: var(--surface); }
th, td { padding: 0.3125rem 0.625rem; text-align: left; overflow-wrap: anywhere; }
th { color: var(--quiet); font-size: 0.8125rem; font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
.status, .action { white-space: nowrap; }
.name a { color: inherit; font-weight: 600; }
.description { color: var(--quiet); }
.remark { color: var(--quiet); }
.remark::before { content: "· "; }
p.remark::before { content: none; }
tr[data-state=FATAL] .description, tr[data-state=BACKOFF] .description { color: var(--text); }
td.action form { display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem; }
td.action button { min-width: 4.75rem; }
td.action a, td.action .nothing { padding: 0.1875rem 0.25rem; }
.nothing { color: var(--quiet); opacity: 0.6; text-decoration: line-through; }
tbody tr[aria-busy=true] { background: var(--pressed); }
#nothing { margin: 0; color: var(--quiet); }
#nothing:empty { display: none; }

.statusrunning, .statuserror, .statuschanging, .statusnominal { white-space: nowrap; }
.statusrunning::before, .statuserror::before, .statuschanging::before, .statusnominal::before { display: inline-block; width: 1.25em; }
.statusrunning { color: var(--running); }
.statusrunning::before { content: "●"; content: "●" / ""; }
.statuserror { color: var(--error); }
.statuserror::before { content: "▲"; content: "▲" / ""; }
strong.statuserror { white-space: normal; }
.statuschanging, [data-state=STARTING] .statusnominal, [data-state=STOPPING] .statusnominal { color: var(--changing); }
.statuschanging::before, [data-state=STARTING] .statusnominal::before, [data-state=STOPPING] .statusnominal::before { content: "◐"; content: "◐" / ""; }
.statusnominal { color: var(--quiet); }
.statusnominal::before { content: "○"; content: "○" / ""; }

/* The name second, though it stands third in the text; what the keyboard visits follows the eye. */
@supports (grid-template-columns: subgrid) {
  @media (min-width: 60.0625rem) {
    table { display: grid; grid-template-columns: 6.75rem fit-content(18rem) minmax(12rem, 1fr) max-content; }
    thead, tbody, tr { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; }
    thead, tbody { reading-flow: normal; }
    tr { align-items: center; reading-flow: grid-columns; }
    th, td { grid-row: 1; }
    .status { grid-column: 1; }
    .name { grid-column: 2; }
    .description { grid-column: 3; }
    .action { grid-column: 4; }
  }
}

/* A card for each process where a row does not fit. */
@media (max-width: 60rem) {
  table, tbody { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: 1fr auto; gap: 0.25rem 0.75rem; padding: 0.625rem; reading-flow: grid-rows; }
  tbody tr:first-child { border-top: 0; }
  td { padding: 0; }
  td.name { grid-area: 1 / 1; }
  td.status { grid-area: 1 / 2; }
  td.description { grid-area: 2 / 1 / auto / -1; min-height: 1.4em; }
  td.action { grid-area: 3 / 1 / auto / -1; }
}
@media (pointer: coarse), (max-width: 30rem) {
  button, summary, .button { min-height: 2.5rem; padding-block: 0.4375rem; }
  td.action a, td.action .nothing { padding-block: 0.5625rem; }
}
@media (max-width: 30rem) {
  body { padding: 0.5rem; }
  .status_msg:empty { display: none; }
  td.action button { flex: 1 1 30%; }
}

#log {
  flex: 1;
  min-height: 12rem;
  margin: 0;
  padding: 0.625rem;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--surface);
  font: 0.8125rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow: auto;
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
.tail-page.live { height: 100vh; height: 100dvh; }
.question-page main { flex: none; gap: 0.75rem; }
.question-page p { margin: 0; }
`
