/**
 * What the page of `/` consists of: facts in, HTML out. Each part has an id, and can be sent anew by itself; without a script
 * all of it works by links and forms.
 */
import {
  type ApplicationStatus,
  describeApplications,
  describeProgram,
  type Facts,
} from '../common/application-rules.ts'
import type { Exposure } from '../common/exposure.ts'
import type { GatewayState } from '../common/gateway-state.ts'
import { type Html, type HtmlValue, html } from '../common/html.ts'
import { type Application, isProxied } from '../common/portal-config.ts'
import type { Problem } from '../common/problem.ts'
import { mappedPort, type Settings } from '../common/settings.ts'
import type { Program } from '../common/supervisor-watch.ts'
import { directUrl, isSameHost, type Place, type Tunnel, tunnelsOf } from './links.ts'
import type { Visitor } from './visitor.ts'

/** Where we listen: the application with this internal port is this page. */
export const OWN_PORT = 11111

export interface PageFacts {
  readonly facts: Facts
  readonly problems: readonly Problem[]
  readonly exposures: readonly Exposure[]
  readonly tunnels: readonly Tunnel[]
  readonly settings: Settings
  readonly publicAddress: string | undefined
  /** undefined: Caddy does not say what it serves */
  readonly gateway: GatewayState | undefined
  /** names of programs */
  readonly unstoppable: ReadonlySet<string>
  /** With how long things have lasted; without, that is left to the script, as all parts would change all the time. */
  readonly ticking: boolean
}

export interface Reader {
  readonly visitor: Visitor
  /** What forms carry; undefined: the visitor may only look. */
  readonly formToken: string | undefined
}

export interface Part {
  /** of the element that it is */
  readonly id: string
  readonly html: Html
}

/** What changes on the page. Members of a list come and go. */
export interface Parts {
  readonly singles: readonly Part[]
  readonly applications: readonly Part[]
  readonly programs: readonly Part[]
}

export function renderParts(page: PageFacts, reader: Reader): Parts {
  const { facts } = page
  const statuses = describeApplications(facts)
  const applications = facts.applications.map((application, index) =>
    renderApplication(application, statuses[index]!, page, reader),
  )
  return {
    singles: [
      renderSummary(statuses, facts),
      renderProblems(page.problems),
      renderBoot(page),
      renderExposure(page.exposures),
    ],
    applications,
    programs: (facts.programs ?? []).map(program => renderProgram(program, page, reader)),
  }
}

// -- the parts ---------------------------------------------------------------------------------------------------------

function renderSummary(statuses: readonly ApplicationStatus[], { programs }: Facts): Part {
  const ready = statuses.filter(({ state }) => state === 'ready').length
  const crashed = statuses.filter(({ state }) => state === 'crashed').length
  return {
    id: 'summary',
    html: html`<p id="summary">${
      statuses.length === 0
        ? html`<span>no applications</span>`
        : html`<span class="${ready === statuses.length && 'ready'}">${ready} of ${counted(statuses.length, 'application')} ready</span>`
    }${crashed > 0 && html` <span class="crashed">${crashed} crashed</span>`}${
      programs === undefined && html` <span class="crashed">supervisord does not answer</span>`
    }</p>`,
  }
}

const counted = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`

const renderProblems = (problems: readonly Problem[]): Part => ({
  id: 'problems',
  html: html`<section id="problems"${problems.length === 0 && html` hidden`} aria-labelledby="problems-title">
<h2 id="problems-title">${counted(problems.length, 'setting')} to mend</h2>
<ul>${problems.map(({ where, message, fix }) => html`<li><code>${where}</code> ${message}. <em>${withCode(capital(fix))}.</em></li>`)}</ul>
</section>`,
})

/** `run \`x\`` → run <code>x</code> */
const withCode = (text: string): HtmlValue =>
  text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece))

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function renderBoot(page: PageFacts): Part {
  const { boot, provisioning } = page.facts
  const steps = boot?.steps ?? []
  const failed = steps.filter(({ result }) => result === 'failed')
  const running = steps.find(({ result }) => result === 'running')
  const isOver = (boot === undefined || boot.phase === 'done') && provisioning !== 'running'
  const doing = provisioning === 'running' || boot?.phase === 'provisioning' ? 'Provisioning' : 'Booting'
  const headline = isOver
    ? provisioning === 'failed'
      ? 'Provisioning has failed'
      : failed.length > 0
        ? `${counted(failed.length, 'boot step')} failed`
        : `Booted in ${exactly(Math.max(0, ...steps.map(({ ended }) => ended ?? 0)) - (boot?.started ?? 0))}`
    : `${doing}${running ? `: ${running.message || running.file.replace(/\.sh$/, '')}` : ''}`
  const trouble = failed.length > 0 || provisioning === 'failed'
  const look = !isOver ? 'starting' : trouble ? 'crashed' : 'quiet'
  return {
    id: 'boot',
    html: html`<section id="boot"${boot === undefined && provisioning === undefined && html` hidden`} aria-label="Boot and provisioning">
<details${(trouble || !isOver) && html` open`}><summary><span class="${look}">${headline}</span>${
      !isOver && failed.length > 0 && html` <span class="crashed">${counted(failed.length, 'boot step')} failed</span>`
    }</summary>
<ol>${steps.map(
      ({ file, started, ended, result, message }) =>
        html`<li data-result="${result}"><span class="${results[result]}">${result}</span> <code>${file}</code>
${ended === null ? lasting({ since: started }, page) : html`<span class="quiet">${exactly(ended - started)}</span>`} ${message}</li>`,
    )}</ol>
${provisioning === 'failed' && html`<p>Its log is <a href="log?program=provisioning">provisioning.log</a>.</p>`}
</details></section>`,
  }
}

const results = { ok: 'ready', skipped: 'quiet', failed: 'crashed', running: 'starting' } as const

/** 1234 → `1.2 s` */
const exactly = (ms: number): string => (ms < 10_000 ? `${(Math.max(ms, 0) / 1000).toFixed(1)} s` : span(ms))

/** 12345 → `12 s`, 93784000 → `1 d 2 h`; the script says it the same way */
export function span(ms: number): string {
  const seconds = Math.floor(Math.max(ms, 0) / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (minutes === 0) return `${seconds} s`
  if (hours === 0) return `${minutes} min`
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `3 min`; the script keeps it true. Where something is due soon, that matters more. */
const lasting = (
  { since, retryAt }: Partial<Pick<ApplicationStatus, 'since' | 'retryAt'>>,
  { facts, ticking }: PageFacts,
): Html | false =>
  since !== undefined &&
  retryAt === undefined &&
  html` <span class="since quiet" data-since="${since}">${ticking && span(facts.now - since)}</span>`

/** Where the log is need not be said beside a link to it. */
const renderSentence = ({ sentence, retryAt }: Pick<ApplicationStatus, 'sentence' | 'retryAt'>): Html =>
  html`<span${retryAt !== undefined && html` data-retry-at="${retryAt}"`}>${capital(sentence.replace(/; see \S+$/, ''))}</span>`

function renderApplication(application: Application, status: ApplicationStatus, page: PageFacts, reader: Reader): Part {
  const { name, state, program } = status
  const id = `application-${encodeURIComponent(name)}`
  return {
    id,
    html: html`<li id="${id}" class="card" data-state="${state}">
<h3>${name}</h3> <span class="state ${state}">${state}</span>
<p>${renderSentence(status)}${lasting(status, page)}</p>
<div class="links">${renderLinks(application, state, page, reader)}${renderRepair(status, page, reader)}${
      program !== undefined && html` <a href="${logAddress(program)}" aria-label="Log of ${name}">Log</a>`
    }</div>
</li>`,
  }
}

/** What does not run can be started where that is seen. */
function renderRepair(
  { name, state, program }: ApplicationStatus,
  { facts }: PageFacts,
  { formToken }: Reader,
): HtmlValue {
  const found = facts.programs?.find(({ namespec }) => namespec === program)
  if (formToken === undefined || found === undefined || (state !== 'crashed' && state !== 'stopped')) return false
  const [action, label] = firstOrder(found.state)
  return html`<form method="post" action="act">${renderHidden(found.namespec, formToken)}${renderButton(
    action,
    label,
    name,
    orders[found.state].includes(action),
  )}</form> `
}

export const logAddress = (namespec: string): string => `log?program=${encodeURIComponent(namespec)}`

/** A link that needs a pass is made when somebody follows it: a pass lasts for minutes, a page for hours. */
export const openAddress = (name: string, tunnel?: string): string =>
  `open?application=${encodeURIComponent(name)}${tunnel === undefined ? '' : `&tunnel=${encodeURIComponent(tunnel)}`}`

function renderLinks(application: Application, state: string, page: PageFacts, { visitor }: Reader): HtmlValue {
  const { settings, facts, publicAddress, gateway } = page
  const { name, open_path: path, external_port: port } = application
  const { outside, trusted } = visitor
  const place: Place = { settings, applications: facts.applications, outside, publicAddress, scheme: gateway?.scheme }
  const direct = directUrl(application, place)
  const look = html` class="button${state === 'ready' && ' open'}"`
  const link = (href: string, label: string, title: string, style: HtmlValue = ''): Html =>
    html`<a${style} href="${href}" target="_blank" rel="noopener" aria-label="${label} ${name}" title="${title}">${label}</a> `
  const isThis = application.internal_port === OWN_PORT
  const isNear = direct !== undefined && isSameHost(direct, outside)
  return [
    isThis && html`<span class="quiet">This page</span> `,
    !isThis &&
      direct !== undefined &&
      link(!isNear && trusted ? openAddress(name) : `${direct}${path}`, 'Open', direct, look),
    !isThis && direct === undefined && html`<span class="quiet">${whyNoLink(port, page)}</span> `,
    tunnelsOf(application, place, page.tunnels).map(({ url }) =>
      link(trusted ? openAddress(name, url) : `${url}${path}`, 'Tunnel', url),
    ),
    !isThis && !isProxied(application) && html`<span class="quiet">without Caddy</span> `,
  ]
}

const whyNoLink = (port: number, { settings }: PageFacts): string =>
  mappedPort(settings, port) === undefined
    ? `Port ${port} is not published`
    : `Port ${port} is published as ${mappedPort(settings, port)}; the address of the instance is not known`

/** What supervisord would not refuse. Source: supervisor/process/states.ts */
const orders: Readonly<Record<Program['state'], readonly string[]>> = {
  STOPPED: ['start'],
  STARTING: ['stop', 'restart'],
  RUNNING: ['stop', 'restart'],
  BACKOFF: ['stop', 'restart'],
  STOPPING: [],
  EXITED: ['start'],
  FATAL: ['start'],
  UNKNOWN: [],
}

/** What supervisord would do next with a program in that state: stop and start again, or start. */
const firstOrder = (state: Program['state']): readonly [action: string, label: string] =>
  orders[state].includes('restart') ? ['restart', 'Restart'] : ['start', 'Start']

const renderButton = (action: string, label: string, of: string, isPossible: boolean, title = ''): Html =>
  html`<button name="action" value="${action}" aria-label="${label} ${of}"${
    title !== '' && html` title="${title}"`
  }${!isPossible && html` disabled`}>${label}</button>`

const renderHidden = (namespec: string, formToken: string): Html =>
  html`<input type="hidden" name="program" value="${namespec}"><input type="hidden" name="token" value="${formToken}">`

function renderProgram(program: Program, page: PageFacts, { formToken }: Reader): Part {
  const { namespec, name, state } = program
  const status = describeProgram(program, page.facts)
  const id = `program-${encodeURIComponent(namespec)}`
  const [first, label] = firstOrder(state)
  const isKept = page.unstoppable.has(name)
  const word = state.toLowerCase()
  return {
    id,
    html: html`<li id="${id}" class="row" data-state="${status.state}">
<span class="name">${namespec}</span> <span class="state ${status.state}">${word}</span>
<p>${status.sentence !== word && renderSentence(status)}${lasting(status, page)}</p>
<form method="post" action="act">${
      formToken !== undefined &&
      html`${renderHidden(namespec, formToken)}
${renderButton(first, label, `program ${namespec}`, orders[state].includes(first))}
${renderButton('stop', 'Stop', `program ${namespec}`, orders[state].includes('stop') && !isKept, isKept ? 'The page needs it: it can only be restarted' : '')}`
    } <a href="${logAddress(namespec)}" aria-label="Log of program ${namespec}">Log</a></form>
</li>`,
  }
}

function renderExposure(exposures: readonly Exposure[]): Part {
  const warnings = exposures.filter(({ verdict }) => verdict === 'warn')
  const unknown = exposures.filter(({ verdict }) => verdict === 'unknown')
  const rest = exposures.filter(({ verdict, reach }) => verdict === 'ok' && reach !== 'loopback')
  const local = exposures.filter(({ reach, verdict }) => verdict === 'ok' && reach === 'loopback')
  const told = [...warnings, ...unknown]
  const line = ({ protocol, address, port, owner, guard, fix, verdict }: Exposure): Html =>
    html`<li><span class="${verdict === 'ok' ? 'ready' : 'crashed'}">${port}/${protocol}</span>
<span>${capital(guard)}. ${fix !== '' && html`<em>${withCode(capital(fix))}.</em>`}</span> <span class="quiet">${owner}, at ${address}</span></li>`
  const headline =
    told.length === 0
      ? html`<span class="ready">Whatever can be reached asks for a login</span>`
      : html`<span class="crashed">${counted(warnings.length, 'port')} without a login${
          unknown.length > 0 && `, ${unknown.length} not known`
        }</span>`
  return {
    id: 'exposure',
    html: html`<section id="exposure" aria-labelledby="exposure-title"><h2 id="exposure-title">Who can come in</h2>
<p>${headline}</p>
${told.length > 0 && html`<ul class="ports">${told.map(line)}</ul>`}
<details><summary>${counted(rest.length, 'port')} with a login, ${local.length} within the instance</summary>
<ul class="ports">${[...rest, ...local].map(line)}</ul></details></section>`,
  }
}
