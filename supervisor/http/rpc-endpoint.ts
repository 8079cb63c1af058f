/** `POST /RPC2`: a document in, a document out, in JSON for whoever accepts that. Source: contract 7.1, 7.4 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pythonRepr } from '../config/python-repr.ts'
import type { ActivityLog } from '../daemon/api.ts'
import type { RpcInterface } from '../rpc/dispatch.ts'
import {
  limits,
  parseCall,
  type Renderable,
  RenderedValue,
  renderFault,
  renderResponse,
  type WireForm,
  XmlRpcSyntaxError,
} from '../xmlrpc/codec.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import { JSON_TYPE, renderJsonFault, renderJsonResponse } from '../xmlrpc/json-form.ts'
import { refuse, SERVER } from './error-page.ts'

const CLOSE = ['Connection', 'close'] as const

/** What is quoted of a request in the log. */
const QUOTED = 2000

interface AnswerForm {
  readonly name: WireForm
  readonly contentType: string
  readonly renderResponse: (value: Renderable) => string
  readonly renderFault: (code: number, text: string) => string
}

const xml: AnswerForm = { name: 'xml', contentType: 'text/xml', renderResponse, renderFault }
const json: AnswerForm = {
  name: 'json',
  contentType: JSON_TYPE,
  renderResponse: renderJsonResponse,
  renderFault: renderJsonFault,
}

function send(response: ServerResponse, { contentType }: AnswerForm, document: Buffer | string): void {
  response.writeHead(200, [
    'Server',
    SERVER,
    'Content-Type',
    contentType,
    'Content-Length',
    String(Buffer.byteLength(document)),
  ])
  response.end(document)
}

function succeed(response: ServerResponse, form: AnswerForm, value: Renderable): void {
  const { renderResponse } = form
  send(response, form, value instanceof RenderedValue ? value.response(renderResponse) : renderResponse(value))
}

/** The whole body; not called when the client goes before. */
function readBody(request: IncomingMessage, whole: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.once('end', () => whole(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
}

/** bytes of a body above which it is counted */
const LARGE = 64 * 1024
/** bytes that all large bodies on their way may have brought so far: a few of the largest size */
const MOST_ON_THEIR_WAY = 4 * limits.callBytes

/** Reads large bodies, not too many at a time. */
class LargeBodies {
  readonly #log: ActivityLog
  #bytes = 0
  #told = false

  constructor(log: ActivityLog) {
    this.#log = log
  }

  /** One of the two is called at most; none when the client goes before. */
  read(request: IncomingMessage, whole: (body: Buffer) => void, tooMany: () => void): void {
    const chunks: Buffer[] = []
    let bytes = 0
    const release = (): void => {
      this.#bytes -= bytes
      bytes = 0
      chunks.length = 0
      if (this.#bytes === 0) this.#told = false
    }
    const take = (chunk: Buffer): void => {
      chunks.push(chunk)
      bytes += chunk.length
      this.#bytes += chunk.length
      if (this.#bytes <= MOST_ON_THEIR_WAY) return
      request.off('data', take).off('end', end)
      release()
      this.#tell()
      tooMany()
    }
    const end = (): void => {
      const body = Buffer.concat(chunks)
      release()
      whole(body)
    }
    request.on('data', take).once('end', end).once('close', release)
  }

  #tell(): void {
    if (this.#told) return
    this.#told = true
    this.#log.warn(`large requests have brought ${MOST_ON_THEIR_WAY} bytes and are not complete: some are refused`)
  }
}

const quote = (body: Buffer): string => pythonRepr(body.toString('utf8', 0, QUOTED)) + (body.length > QUOTED ? '…' : '')

/** Logs what went wrong, and answers it. */
function fail(error: unknown, log: ActivityLog, body: Buffer, response: ServerResponse, form: AnswerForm): void {
  if (error instanceof RpcFault) {
    send(response, form, form.renderFault(error.code, error.text))
  } else if (error instanceof XmlRpcSyntaxError) {
    const why = error.message === 'no method name' ? error.message : 'unmarshallable'
    log.error(`XML-RPC request data ${quote(body)} is invalid: ${why}`)
    refuse(response, 400)
  } else {
    const trace = (error as Error).stack ?? String(error)
    log.critical(`Handling XML-RPC request with data ${quote(body)} raised an unexpected exception: ${trace}`)
    refuse(response, 500)
  }
}

function answer(rpc: RpcInterface, log: ActivityLog, body: Buffer, response: ServerResponse, form: AnswerForm): void {
  try {
    const { method, params } = parseCall(body)
    let gone: AbortController | null = null
    const value = rpc.call(method, params, () => (gone ??= new AbortController()).signal, form.name)
    if (value instanceof Promise) {
      response.once('close', () => gone?.abort())
      value.then(late => succeed(response, form, late)).catch(error => fail(error, log, body, response, form))
    } else {
      succeed(response, form, value)
    }
  } catch (error) {
    fail(error, log, body, response, form)
  }
}

/** The status with which a request is refused before its body is read. */
function refusal({ method, headers }: IncomingMessage): number | null {
  const length = headers['content-length']
  if (method !== 'POST') return 400
  if (length === undefined) return 411
  if (Number(length) > limits.callBytes) return 413
  // The original waits for ever for a body of no bytes.
  return Number(length) === 0 ? 400 : null
}

export function rpcEndpoint(rpc: RpcInterface, log: ActivityLog) {
  const largeBodies = new LargeBodies(log)
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { headers } = request
    const status = refusal(request)
    const form = headers.accept?.includes(JSON_TYPE) ? json : xml
    const whole = (body: Buffer): void => answer(rpc, log, body, response, form)
    // what follows is not worth being read to its end
    const endless = status === 413 || headers['transfer-encoding'] !== undefined
    if (status !== null) refuse(response, status, endless ? CLOSE : [])
    else if (Number(headers['content-length']) <= LARGE) readBody(request, whole)
    else largeBodies.read(request, whole, () => refuse(response, 503, CLOSE))
  }
}
