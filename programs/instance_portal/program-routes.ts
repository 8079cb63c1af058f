/** The programs, and what can be done with them. Source: contract 6.2; `/act` is what the forms of the page use */
import type { FastifyInstance } from 'fastify'
import type { ProcessInfo } from '../../supervisor/client/supervisor-api.ts'
import type { Message } from './documents.ts'
import { RefusedError } from './process-control.ts'
import { Refusal, type Surroundings } from './surroundings.ts'

/** The page is behind these, or would be gone without. Source: contract 6.2 */
const UNSTOPPABLE = ['instance_portal', 'caddy', 'tunnel_manager']

/** names of programs */
export const unstoppablePrograms = ({ settings }: Surroundings): ReadonlySet<string> =>
  new Set([...UNSTOPPABLE, ...settings.PORTAL_UNSTOPPABLE])

type Found = { readonly name: string; readonly namespec: string }

const done = { start: 'started', stop: 'stopped', restart: 'restarted' } as const

/** `keepAnswer` returns the id by which the page shows it. */
export function addProgramRoutes(
  server: FastifyInstance,
  surroundings: Surroundings,
  keepAnswer: (message: Message) => string,
): void {
  const { control, log } = surroundings
  const unstoppable = unstoppablePrograms(surroundings)

  const allPrograms = async (): Promise<readonly ProcessInfo[]> => {
    try {
      return await surroundings.supervisor.getAllProcessInfo()
    } catch {
      throw new Refusal(500, 'Failed to communicate with supervisor')
    }
  }

  server.get('/supervisor/processes', async () => {
    const infos = await allPrograms()
    const skipMarkers = surroundings.skipMarkers()
    const isHidden = ({ name }: ProcessInfo): boolean =>
      skipMarkers.has(name) || (name === 'jupyter' && surroundings.launchMode() !== 'args')
    return infos
      .filter(info => !isHidden(info))
      .map(({ name, group, statename: state, description, pid, start, now }) => ({
        ...{ name, group, state, description, pid, start, now },
        unstoppable: unstoppable.has(name),
      }))
  })

  /** By namespec, or by its name where no other process has it. */
  async function find(given: string): Promise<{ readonly name: string; readonly namespec: string }> {
    const infos = await allPrograms()
    const namespecOf = ({ group, name }: ProcessInfo): string => (group === name ? name : `${group}:${name}`)
    const exact = infos.find(info => namespecOf(info) === given)
    const named = infos.filter(({ name }) => name === given)
    const found = exact ?? (named.length === 1 ? named[0] : undefined)
    if (found === undefined) throw new Refusal(404, `no such process: ${given}`)
    return { name: found.name, namespec: namespecOf(found) }
  }

  const orders = {
    start: ({ namespec }: Found) => control.start(namespec),
    async stop({ name, namespec }: Found): Promise<void> {
      if (unstoppable.has(name)) throw new Refusal(403, `Process '${name}' cannot be stopped`)
      await control.stop(namespec)
    },
    restart: ({ namespec }: Found) => control.restart(namespec),
  }
  type Order = keyof typeof orders

  for (const action of ['start', 'stop', 'restart'] as const)
    server.post<{ Params: { name: string } }>(`/supervisor/process/:name/${action}`, async ({ params: { name } }) => {
      const found = await find(name).catch((error: Refusal) => {
        // as supervisord itself says it
        throw error.status === 404 && action !== 'restart' ? new Refusal(400, `BAD_NAME: ${name}`) : error
      })
      log.info(`${action} of ${found.namespec}, asked for by HTTP`)
      const done = orders[action](found)
      // of a restart nobody waits for the end
      if (action !== 'restart') await done
      else done.catch(error => log.error({ err: error }, `cannot restart ${found.namespec}`))
      return { status: 'ok', name, action }
    })

  server.post<{ Body: Readonly<Record<string, string>> | null }>('/act', async (request, reply) => {
    const { action = '', program = '' } = request.body ?? {}
    if (!Object.hasOwn(orders, action)) throw new Refusal(400, `no such action: ${action}`)
    const message = await act(action as Order, program)
    if (request.headers.accept === 'application/json') return message
    return reply.redirect(`./?answer=${keepAnswer(message)}`, 303)
  })

  async function act(action: Order, program: string): Promise<Message> {
    try {
      const found = await find(program)
      log.info(`${action} of ${found.namespec}, asked for by the page`)
      await orders[action](found)
      return { text: `${program}: ${done[action]}.`, trouble: false }
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof RefusedError)) throw error
      return { text: `${program}: not ${done[action]}. ${error.message}`, trouble: true }
    }
  }
}
