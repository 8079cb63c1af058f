/**
 * The Instance Portal: routes, without listening. Whoever can reach it may look; to change something takes more (visitor.ts).
 * Paths and keys are those of contract 6.2; `/act`, `/events`, `/log`, `/open`, `/share` and `/application-statuses` are ours.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { addApplicationRoutes } from './application-routes.ts'
import type { Message } from './documents.ts'
import { addPageRoutes } from './page-routes.ts'
import { RefusedError } from './process-control.ts'
import { addProgramRoutes } from './program-routes.ts'
import { Refusal, type Surroundings, visitorFor } from './surroundings.ts'
import { addTunnelRoutes } from './tunnel-routes.ts'
import { isOwnHost, whyNot } from './visitor.ts'

const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // not no-referrer: forms would come with `Origin: null`
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** They are shown at once, or never. */
const MOST_ANSWERS = 32

export function app(surroundings: Surroundings): FastifyInstance {
  const { log, localToken } = surroundings
  const server = Fastify({ bodyLimit: 16_384, routerOptions: { maxParamLength: 2048 }, forceCloseConnections: true })
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  server.addHook('onRequest', async ({ headers }, reply) => {
    reply.headers(securityHeaders)
    if (!isOwnHost(headers.host)) throw new Refusal(403, 'this is only for the instance itself: call it as localhost')
  })
  server.addHook('preHandler', async request => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const given = (request.body as { readonly token?: string } | null | undefined)?.token
    const problem = whyNot(
      request.headers,
      visitorFor(request, surroundings),
      given ?? headerOf(request.headers['x-form-token']),
      localToken,
    )
    if (problem !== undefined) throw new Refusal(403, problem)
  })
  server.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => {
    const status = error instanceof Refusal ? error.status : error instanceof RefusedError ? 400 : error.statusCode
    if (status === undefined) log.error({ err: error }, 'cannot answer a request')
    reply.status(status ?? 500).send({ detail: status === undefined ? 'Internal Server Error' : error.message })
  })
  server.setNotFoundHandler((_request, reply) => reply.status(404).send({ detail: 'Not Found' }))

  const paths: Record<string, Record<string, object>> = {}
  server.addHook('onRoute', ({ url, method }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') (paths[url] ??= {})[each.toLowerCase()] = {}
  })
  server.get('/openapi.json', async () => ({
    openapi: '3.1.0',
    info: { title: 'Vast Instance Portal', version: '1.0.0' },
    paths,
  }))
  server.get('/health', async () => ({ status: 'ok' }))

  /** What became of an order, for the page that comes next in a browser without scripts. */
  const answers = new Map<string, Message>()
  let lastAnswer = 0
  function keepAnswer(message: Message): string {
    const id = String(++lastAnswer)
    answers.set(id, message)
    if (answers.size > MOST_ANSWERS) answers.delete(answers.keys().next().value!)
    return id
  }

  addPageRoutes(server, surroundings, id => answers.get(id))
  addApplicationRoutes(server, surroundings)
  addTunnelRoutes(server, surroundings)
  addProgramRoutes(server, surroundings, keepAnswer)
  return server
}

const headerOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
