/**
 * The page for people, on the daemon's own servers: what `/` and its neighbours answer. Source: contract 7.2, 7.6
 *
 * Pages carry no style and no script of their own and may load none from elsewhere; so nothing that a process writes can
 * become one.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Channel } from '../../daemon/api.ts'
import { wholeSeconds } from '../../rpc/description.ts'
import { resolveSpec } from '../../rpc/namespec.ts'
import { RpcFault } from '../../xmlrpc/faults.ts'
import { refuse, SERVER } from '../error-page.ts'
import { type ActionSurroundings, actions, faultText, perform } from './actions.ts'
import { isTrouble } from './document.ts'
import type { Html } from './html.ts'
import { icon } from './icon.ts'
import { inOrderOfNames, Live, type LiveSurroundings } from './live.ts'
import { readable } from './log-text.ts'
import { isForeign, mayAct, type Visitor } from './permission.ts'
import { processRow, tailAddress } from './process-row.ts'
import { renderQuestionPage } from './question-page.ts'
import { quote } from './quote.ts'
import { script } from './script.ts'
import { renderStatusPage } from './status-page.ts'
import { stylesheet } from './stylesheet.ts'
import { renderTailPage } from './tail-page.ts'

/** What the page needs of its neighbours; supervisord.ts supplies it. */
export interface PageSurroundings extends ActionSurroundings, LiveSurroundings {
  readonly clock: LiveSurroundings['clock']
}

export type PageHandler = (request: IncomingMessage, response: ServerResponse, visitor: Visitor) => void

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly visitor: Visitor
  /** of the query, and of a form over it */
  readonly form: URLSearchParams
}

// -- answering ---------------------------------------------------------------------------------------------------------

const notKept = [
  ...['Pragma', 'no-cache', 'Cache-Control', 'no-cache'],
  ...['Expires', 'Thu, 01 Jan 1970 00:00:00 GMT'],
] as const

const guarded = [
  'Content-Security-Policy',
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  ...['X-Content-Type-Options', 'nosniff', 'X-Frame-Options', 'DENY'],
  // not no-referrer: forms would come with `Origin: null`
  ...['Referrer-Policy', 'same-origin', 'Cross-Origin-Resource-Policy', 'same-origin'],
] as const

/** A body for HEAD is left out by node:http. */
function send(response: ServerResponse, status: number, type: string, body: string, headers: readonly string[]): void {
  response.writeHead(status, [
    ...['Server', SERVER, 'Content-Type', type, ...headers],
    ...['Content-Length', String(Buffer.byteLength(body))],
  ])
  response.end(body)
}

const sendPage = (response: ServerResponse, page: Html, status = 200): void =>
  send(response, status, 'text/html;charset=utf-8', page.text, [...notKept, ...guarded])

/** Asked for again with every page, sent again only when it has changed. */
function asset(type: string, body: string): (asked: Asked) => void {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
  return ({ request, response }) => {
    const headers = ['ETag', tag, 'Cache-Control', 'no-cache', 'X-Content-Type-Options', 'nosniff']
    if (request.headers['if-none-match'] === tag) {
      response.writeHead(304, ['Server', SERVER, ...headers])
      response.end()
    } else {
      send(response, 200, type, body, headers)
    }
  }
}

// -- what was asked ----------------------------------------------------------------------------------------------------

const LONGEST_FORM = 65_536

function addTo(form: URLSearchParams, body: string): URLSearchParams {
  for (const [name, value] of new URLSearchParams(body)) form.set(name, value)
  return form
}

/** The status with which a form is refused before it is read. */
function refusal({ headers }: IncomingMessage): number | null {
  const length = headers['content-length']
  if (length === undefined) return 411
  return Number(length) > LONGEST_FORM ? 413 : null
}

/** `done` is not called when the client goes before. */
function readForm(request: IncomingMessage, form: URLSearchParams, done: (form: URLSearchParams) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.once('end', () => done(addTo(form, Buffer.concat(chunks).toString())))
}

const LEAST_OF_LOG = 1024
/** Text in memory takes several times as much as the file. */
const MOST_OF_LOG = 4 * 1024 * 1024

/** At least 1024 bytes, also for what is no number. */
const limitOf = (form: URLSearchParams): number =>
  Math.min(Math.max(Math.trunc(Number(form.get('limit'))) || 0, LEAST_OF_LOG), MOST_OF_LOG)

const channelOf = (form: URLSearchParams): Channel => (form.get('channel') === 'stderr' ? 'stderr' : 'stdout')

/** `http://localhost:9001`; '' when the client did not say, or it is no such thing: the address is a relative one then. */
const ownAddress = ({ host = '' }: IncomingMessage['headers']): string =>
  /^[\w.:[\]-]+$/.test(host) ? `http://${host}` : '.'

export function openPages(surroundings: PageSurroundings): PageHandler {
  const { daemon, clock, rpc } = surroundings
  const token = randomBytes(18).toString('base64url')
  const live = new Live(surroundings, token, randomBytes(6).toString('base64url'))

  const frame = () => ({
    identifier: daemon.identifier,
    version: daemon.version,
    pid: daemon.pid,
    now: clock.wall(),
    token,
  })

  const fail = (error: unknown, response: ServerResponse): void => {
    daemon.log.error(`Web interface error: ${(error as Error).stack ?? String(error)}`)
    refuse(response, 500)
  }

  function answerAction(message: string, { request, response }: Asked): void {
    if (request.headers.accept === 'application/json') {
      const body = JSON.stringify({ message, trouble: isTrouble(message) })
      send(response, 200, 'application/json', body, [...notKept, ...guarded])
    } else if (request.method === 'POST') {
      // relative, so that it holds behind a proxy with a path or a scheme of its own
      refuse(response, 303, ['Location', `./?message=${quote(message)}`, ...notKept])
    } else {
      refuse(response, 301, ['Location', `${ownAddress(request.headers)}/?message=${quote(message)}`, ...notKept])
    }
  }

  function askBack(name: string, spec: string, { request, response }: Asked): void {
    const { label } = actions[name]!
    if (request.headers.accept === 'application/json') {
      const message = 'Not done: this page is older than the daemon. Load it again, please.'
      send(response, 403, 'application/json', JSON.stringify({ message, trouble: true }), [...notKept, ...guarded])
    } else {
      sendPage(response, renderQuestionPage({ ...frame(), action: name, label, spec }), 403)
    }
  }

  function act(name: string, asked: Asked): void {
    const { request, response, form, visitor } = asked
    const spec = form.get('processname') ?? ''
    const action = Object.hasOwn(actions, name) ? actions[name]! : null
    if (action === null || (action.needsProcess && spec === '')) refuse(response, 500)
    else if (!action.harmless && !mayAct(request, visitor, form.get('token'), token)) askBack(name, spec, asked)
    else {
      perform(action, spec, surroundings).then(
        message => answerAction(message, asked),
        error => fail(error, response),
      )
    }
  }

  function showStatus({ response, form }: Asked): void {
    const now = clock.wall()
    sendPage(
      response,
      renderStatusPage({
        ...frame(),
        now,
        events: { address: 'events', since: live.version },
        state: daemon.state,
        message: form.get('message') ?? '',
        rows: inOrderOfNames(daemon).map(process => processRow(process, wholeSeconds(now))),
      }),
    )
  }

  async function readTail(spec: string, channel: Channel, limit: number): Promise<string> {
    const method = channel === 'stdout' ? 'readProcessStdoutLog' : 'readProcessStderrLog'
    try {
      const text = await rpc.call(`supervisor.${method}`, [spec, -limit, 0], new AbortController().signal)
      return readable(String(text))
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error
      return error.name === 'NO_FILE' ? `No file for ${spec}` : `ERROR: ${faultText(error)}`
    }
  }

  async function showTail({ response, form }: Asked): Promise<void> {
    const spec = form.get('processname')
    const [channel, limit] = [channelOf(form), limitOf(form)]
    const since = live.version
    const process = spec === null ? null : (resolveSpec(daemon, spec)?.process ?? null)
    const text = spec === null ? 'No process name found' : await readTail(spec, channel, limit)
    const address = process && tailAddress(process.namespec, channel, limit).replace('tail.html', 'events')
    const row = process && processRow(process, wholeSeconds(clock.wall()))
    const events = address === null ? null : { address, since }
    sendPage(response, renderTailPage({ ...frame(), events, spec, row, channel, limit, text }))
  }

  function streamEvents({ request, response, form }: Asked): void {
    if (live.full || isForeign(request.headers)) {
      refuse(response, live.full ? 503 : 403)
    } else if (request.method === 'HEAD') {
      send(response, 200, 'text/event-stream;charset=utf-8', '', notKept)
    } else {
      const spec = form.get('processname')
      const log = spec === null ? null : { spec, channel: channelOf(form), limit: limitOf(form) }
      live.open(request, response, { since: form.get('since'), log })
    }
  }

  const showStatusOrAct = (asked: Asked): void => {
    const action = asked.form.get('action')
    // looking must not do anything
    if (action === null || asked.request.method === 'HEAD') showStatus(asked)
    else act(action, asked)
  }

  const routes: ReadonlyMap<
    string,
    { readonly post: boolean; readonly handle: (asked: Asked) => void | Promise<void> }
  > = new Map([
    ['/', { post: true, handle: showStatusOrAct }],
    ['/index.html', { post: true, handle: showStatusOrAct }],
    ['/tail.html', { post: true, handle: showTail }],
    ['/ok.html', { post: true, handle: ({ response }) => send(response, 200, 'text/plain', 'OK', []) }],
    ['/events', { post: false, handle: streamEvents }],
    ['/stylesheets/supervisor.css', { post: false, handle: asset('text/css;charset=utf-8', stylesheet) }],
    ['/supervisor.js', { post: false, handle: asset('text/javascript;charset=utf-8', script) }],
    ['/images/icon.svg', { post: false, handle: asset('image/svg+xml', icon) }],
  ])

  return (request, response, visitor) => {
    const [path, query] = splitUrl(request.url!)
    const { method } = request
    const route = routes.get(path)
    const posted = method === 'POST' && route?.post === true
    if (method !== 'GET' && method !== 'HEAD' && !posted) return refuse(response, 400)
    if (!route) return refuse(response, 404)
    const handle = async (form: URLSearchParams): Promise<void> => {
      try {
        await route.handle({ request, response, visitor, form })
      } catch (error) {
        fail(error, response)
      }
    }
    const form = new URLSearchParams(query)
    if (!posted) return void handle(form)
    const status = refusal(request)
    if (status === null) readForm(request, form, whole => void handle(whole))
    else refuse(response, status, ['Connection', 'close'])
  }
}

/** `/a%20b?c=d#e` → `["/a b", "c=d"]`. The path is decoded once, the query by whoever reads it. */
function splitUrl(url: string): readonly [path: string, query: string] {
  const [address = ''] = url.split('#', 1)
  const at = address.indexOf('?')
  const path = at < 0 ? address : address.slice(0, at)
  const query = at < 0 ? '' : address.slice(at + 1)
  try {
    return [decodeURIComponent(path), query]
  } catch {
    return [path, query]
  }
}
