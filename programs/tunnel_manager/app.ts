/**
 * The API of contract 7.1, for the portal and for scripts on the instance. It listens on loopback and asks for no password,
 * so it answers nobody that a browser brings along: a page elsewhere could otherwise publish ports of the instance.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { schemeOf } from '../common/application-url.ts'
import type { Application } from '../common/portal-config.ts'
import type { NamedTunnel } from './named-tunnel.ts'
import type { QuickTunnels } from './quick-tunnel.ts'
import { parseTarget, TargetError } from './target.ts'

export interface Surroundings {
  /** undefined: off, for the reason of `quickOff` */
  readonly quick: QuickTunnels | undefined
  readonly quickOff: string
  /** undefined without CF_TUNNEL_TOKEN or without cloudflared */
  readonly named: NamedTunnel | undefined
  /** as portal.yaml has them now */
  readonly applications: () => readonly Application[]
  readonly httpsEnabled: () => boolean
  /** VAST_TCP_PORT_<port> */
  readonly publicPort: (port: number) => number | undefined
  readonly publicAddress: { get(): string | undefined; set(address: string): void }
}

/** What a client reads: `{"detail": …}`. Source: contract 7.1 */
class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

export function app(surroundings: Surroundings): FastifyInstance {
  const { named, publicAddress } = surroundings
  const server = Fastify({ bodyLimit: 1024, routerOptions: { maxParamLength: 2048 } })

  const quick = (): QuickTunnels => {
    if (surroundings.quick === undefined) throw new Refusal(500, surroundings.quickOff)
    return surroundings.quick
  }
  const target = (text: string): string =>
    parseTarget(
      text,
      surroundings.applications().map(({ hostname }) => hostname),
    ).url
  const applicationOf = (port: number): Application | undefined =>
    surroundings.applications().find(({ external_port }) => external_port === port)

  server.addHook('onRequest', async ({ headers }) => {
    if (headers.host !== undefined && !LOOPBACK_HOST.test(headers.host))
      throw new Refusal(403, 'this API is for the instance itself: call it as localhost')
    if (headers.origin !== undefined || /^(cross|same)-site$/.test(String(headers['sec-fetch-site'] ?? '')))
      throw new Refusal(403, 'this API is not for web pages: use the Instance Portal')
  })
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status =
      error instanceof Refusal ? error.status : error instanceof TargetError ? 400 : (error.statusCode ?? 500)
    reply.status(status).send({ detail: error.message })
  })
  server.setNotFoundHandler((_request, reply) => reply.status(404).send({ detail: 'Not Found' }))

  server.put<{ Params: { ip: string } }>('/set-public-ip/:ip', async ({ params: { ip } }) => {
    if (!IPV4.test(ip)) throw new Refusal(500, 'Invalid IPv4 address')
    publicAddress.set(ip)
    return { status: 'success', ip }
  })

  server.get<{ Params: { port: string } }>('/get-direct-url/:port', async ({ params: { port } }) => {
    const mapped = surroundings.publicPort(Number(port))
    if (mapped === undefined) throw new Refusal(404, `port ${port} has no mapping (VAST_TCP_PORT_${port} is not set)`)
    const address = publicAddress.get()
    if (address === undefined)
      throw new Refusal(404, 'the public address is not known: neither PUBLIC_IPADDR nor a visit has told it')
    const application = applicationOf(Number(port))
    const https = surroundings.httpsEnabled()
    const scheme =
      application === undefined ? (https ? 'https' : 'http') : schemeOf(application, surroundings.applications(), https)
    return { result: `${scheme}://${address}:${mapped}` }
  })

  type OfTarget = { Params: { '*': string } }
  server.get<OfTarget>('/get-quick-tunnel/*', async ({ params }) => ({
    tunnel_url: await quick().open(target(params['*'])),
  }))
  server.get<OfTarget>('/get-quick-tunnel-if-exists/*', async ({ params }) => {
    const url = quick().find(target(params['*']))
    if (url === undefined) throw new Refusal(404, 'Quick tunnel not found')
    return { tunnel_url: url }
  })
  server.get('/get-all-quick-tunnels', async () => surroundings.quick?.list() ?? [])
  server.post<OfTarget>('/stop-quick-tunnel/*', async ({ params }) => {
    if (!(await quick().stop(target(params['*'])))) throw new Refusal(404, 'Quick tunnel not found')
    return { message: 'Quick tunnel stopped successfully' }
  })
  server.post<OfTarget>('/refresh-quick-tunnel/*', async ({ params }) => {
    const url = target(params['*'])
    await quick().stop(url)
    return { tunnel_url: await quick().open(url) }
  })

  const routes = async () => {
    if (named === undefined) throw new Refusal(404, 'there is no named tunnel: CF_TUNNEL_TOKEN is not set')
    try {
      return await named.routes()
    } catch (error) {
      throw new Refusal(404, `the named tunnel does not answer: ${(error as Error).message}`)
    }
  }
  server.get('/get-named-tunnels', routes)
  server.get<{ Params: { port: string } }>('/get-named-tunnel/:port', async ({ params: { port } }) => {
    const found = (await routes()).find(route => route.targetUrl.endsWith(`:${port}`))
    if (found === undefined) throw new Refusal(404, `no route of the named tunnel leads to port ${port}`)
    return { tunnel_url: found.tunnelUrl }
  })
  return server
}
