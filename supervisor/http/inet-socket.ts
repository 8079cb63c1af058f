import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import type { Server } from 'node:net'
import { alreadyListening, cannotOpen } from './server-error.ts'

export const BACKLOG = 1024

/** `''` and `*` are all interfaces. Names mean IPv4 addresses only. Source: contract 1.6 host:port */
const address = async (host: string): Promise<string> =>
  host === '' || host === '*' ? '0.0.0.0' : (await lookup(host, { family: 4 })).address

/** Binds and listens; Node sets SO_REUSEADDR. @throws ServerError */
export async function listenOnPort(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    server.listen({ host: await address(host), port, backlog: BACKLOG, exclusive: true })
    await once(server, 'listening')
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? alreadyListening() : cannotOpen(error)
  }
}
