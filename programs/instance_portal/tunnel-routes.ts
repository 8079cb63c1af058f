/** The tunnel manager, for browsers. Source: contract 6.2 "Tunnel routes" */
import type { FastifyInstance } from 'fastify'
import { Refusal, type Surroundings } from './surroundings.ts'
import type { TunnelAnswer } from './tunnels.ts'

type OfTarget = { readonly Params: { readonly '*': string } }

export function addTunnelRoutes(server: FastifyInstance, { tunnels }: Surroundings): void {
  server.get<{ Params: { port: string } }>('/get-direct-url/:port', async ({ params: { port } }) => {
    const { status, body } = await tunnels.ask('GET', `/get-direct-url/${encodeURIComponent(port)}`)
    if (status === 404) throw new Refusal(404, 'Direct URL unavailable')
    return passedOn({ status, body })
  })
  server.get<OfTarget>('/get-existing-quick-tunnel/*', async ({ params }, reply) => {
    const answer = await tunnels.ask('GET', `/get-quick-tunnel-if-exists/${encodeURIComponent(params['*'])}`)
    return reply.type('text/html; charset=utf-8').send(tunnelUrl(answer))
  })
  server.get<{ Params: { port: string } }>('/get-existing-named-tunnel/:port', async ({ params: { port } }, reply) => {
    const answer = await tunnels.ask('GET', `/get-named-tunnel/${encodeURIComponent(port)}`)
    return reply.type('text/html; charset=utf-8').send(tunnelUrl(answer))
  })
  server.get('/get-all-quick-tunnels', async () => passedOn(await tunnels.ask('GET', '/get-all-quick-tunnels')))
  server.get('/get-named-tunnels', async () => {
    const answer = await tunnels.ask('GET', '/get-named-tunnels')
    if (answer.body !== undefined && (answer.status === 404 || answer.status === 500))
      throw new Refusal(404, 'Tunnel config not found')
    return passedOn(answer)
  })
  server.post<OfTarget>('/start-quick-tunnel/*', async ({ params }) =>
    passedOn(await tunnels.ask('GET', `/get-quick-tunnel/${encodeURIComponent(params['*'])}`)),
  )
  server.post<OfTarget>('/stop-quick-tunnel/*', async ({ params }) =>
    passedOn(await tunnels.ask('POST', `/stop-quick-tunnel/${encodeURIComponent(params['*'])}`)),
  )
  server.post<OfTarget>('/refresh-quick-tunnel/*', async ({ params }) =>
    passedOn(await tunnels.ask('POST', `/refresh-quick-tunnel/${encodeURIComponent(params['*'])}`)),
  )
}

/** Source: contract 6.2 "Tunnel routes" */
function passedOn({ status, body }: TunnelAnswer): unknown {
  if (body === undefined) throw new Refusal(500, 'Error communicating with the API')
  if (status >= 400) throw new Refusal(status, 'Tunnel manager error')
  return body
}

function tunnelUrl(answer: TunnelAnswer): string {
  if (answer.status === 404) throw new Refusal(404, 'Tunnel not found')
  const { tunnel_url } = passedOn(answer) as { readonly tunnel_url?: unknown }
  // it is sent as HTML, and so must be none
  if (typeof tunnel_url !== 'string' || !/^https?:\/\/[\w.:[\]-]+[\w./-]*$/.test(tunnel_url))
    throw new Refusal(500, 'Unhandled error response from API')
  return tunnel_url
}
