/** What people see: the page, its changes, logs, and links. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Facts, logOf } from '../common/application-rules.ts'
import type { Exposure } from '../common/exposure.ts'
import type { Html } from '../common/html.ts'
import { type Application, isProxied } from '../common/portal-config.ts'
import type { Problem } from '../common/problem.ts'
import { LINK_SECONDS } from '../common/sessions.ts'
import { type Message, renderLogPage, renderPage, renderSharePage } from './documents.ts'
import { icon } from './icon.ts'
import { addressSeen, directUrl, type Place, PORTAL_PORT, tunnelsOf, withPass } from './links.ts'
import { LivePage } from './live.ts'
import { readLogTail } from './log-tail.ts'
import { type PageFacts, type Reader, renderParts } from './parts.ts'
import { unstoppablePrograms } from './program-routes.ts'
import { script } from './script.ts'
import { stylesheet } from './stylesheet.ts'
import { Refusal, type Surroundings, visitorFor } from './surroundings.ts'
import { formToken, isForeign, type Visitor } from './visitor.ts'

type Asked = {
  readonly Querystring: Readonly<Record<'token' | 'answer' | 'program' | 'application' | 'tunnel', string | undefined>>
}

/** Processes and files are looked through for the page at most that often. */
const EXPOSURE_FRESH_MS = 15_000
/** Its log is there, and supervisord knows nothing of it. */
const PROVISIONING = 'provisioning'
/** How long a browser waits for the tunnel manager. */
const TUNNELS_MS = 300

function readerFor(request: FastifyRequest, surroundings: Surroundings): Reader {
  const visitor = visitorFor(request, surroundings)
  return { visitor, formToken: visitor.trusted ? formToken(surroundings.localToken) : undefined }
}

/** `answerOf`: what became of an order, by the id in the address. */
export function addPageRoutes(
  server: FastifyInstance,
  surroundings: Surroundings,
  answerOf: (id: string) => Message | undefined,
): void {
  const { settings, statuses, tunnels } = surroundings
  const unstoppable = unstoppablePrograms(surroundings)
  let exposures: readonly Exposure[] = []
  let exposed = Number.NEGATIVE_INFINITY
  function freshExposure(): readonly Exposure[] {
    if (performance.now() - exposed > EXPOSURE_FRESH_MS) {
      exposures = surroundings.exposure()
      exposed = performance.now()
    }
    return exposures
  }

  function pageFacts(ticking: boolean): PageFacts {
    const facts = statuses.facts()
    const gateway = surroundings.gateway.current()
    const problems = unique([...facts.problems, ...(gateway?.problems ?? []), ...surroundings.problems])
    const exposures = freshExposure()
    const publicAddress = surroundings.publicAddress()
    const known = { facts, problems, exposures, tunnels: tunnels.known(), gateway, publicAddress }
    return { ...known, settings, unstoppable, ticking }
  }

  const live = new LivePage({
    follow: changed => {
      const ends = [statuses.follow(changed), surroundings.gateway.follow(changed)]
      return () => {
        for (const end of ends) end()
      }
    },
    lookAround: () => tunnels.refresh(),
    render: reader => {
      const page = pageFacts(false)
      return { now: page.facts.now, parts: renderParts(page, reader) }
    },
  })
  server.addHook('preClose', async () => live.close())

  /** While somebody looks they are fresh. */
  async function freshFacts(): Promise<Facts> {
    if (!live.followed) await statuses.read()
    return statuses.facts()
  }

  const placeOf = ({ outside }: Pick<Visitor, 'outside'>): Place => ({
    settings,
    applications: statuses.facts().applications,
    outside,
    publicAddress: surroundings.publicAddress(),
    scheme: surroundings.gateway.current()?.scheme,
  })

  const sendPage = (reply: FastifyReply, page: Html): FastifyReply =>
    reply.type('text/html; charset=utf-8').send(page.text)

  server.get<Asked>('/', async (request, reply) => {
    if (request.query.token !== undefined) return reply.redirect('./', 302)
    const reader = readerFor(request, surroundings)
    tellAddress(reader.visitor)
    await Promise.all([freshFacts(), Promise.race([tunnels.refresh(), delay(TUNNELS_MS)])])
    return sendPage(reply, renderPage(pageFacts(true), reader, answerOf(request.query.answer ?? '')))
  })

  server.get('/events', (request, reply) => {
    const { headers } = request
    if (isForeign(headers, visitorFor(request, surroundings)))
      throw new Refusal(403, 'the request comes from another site')
    if (live.full) return reply.status(503).send({ detail: 'too many pages are open' })
    reply.hijack()
    live.open(reply.raw, readerFor(request, surroundings))
  })

  const asset = (path: string, type: string, body: string): void => {
    server.get(path, async (_request, reply) => reply.type(type).header('Cache-Control', 'no-cache').send(body))
  }
  asset('/static/portal.css', 'text/css; charset=utf-8', stylesheet)
  asset('/static/portal.js', 'text/javascript; charset=utf-8', script)
  asset('/static/icon.svg', 'image/svg+xml', icon)
  // where a browser looks by itself, beside an answer that is no page
  asset('/favicon.ico', 'image/svg+xml', icon)

  server.get<Asked>('/log', async ({ query: { program = '' } }, reply) => {
    const { programs = [], now } = await freshFacts()
    const found = programs.find(({ namespec }) => namespec === program)
    if (found === undefined && program !== PROVISIONING) throw new Refusal(404, `no such program: ${program}`)
    const path = logOf(found ?? { name: PROVISIONING, logfile: '' })
    const [log, before] = [path, `${path}.old`].map(each => readLogTail(each))
    return sendPage(reply, renderLogPage({ name: program, path, log, before, now }))
  })

  server.get<Asked>('/open', async (request, reply) => {
    const visitor = visitorFor(request, surroundings)
    const { applications } = await freshFacts()
    const application = applications.find(({ name }) => name === request.query.application)
    if (application === undefined) throw new Refusal(404, `no such application: ${request.query.application}`)
    const place = placeOf(visitor)
    const { tunnel } = request.query
    const direct = directUrl(application, place)
    const link =
      tunnel === undefined
        ? direct && { url: direct, throughLogin: isProxied(application) }
        : tunnelsOf(application, place, tunnels.known()).find(({ url }) => url === tunnel)
    if (!link) throw new Refusal(404, `nothing leads to ${application.name} from there`)
    const pass = visitor.trusted && link.throughLogin ? surroundings.issuePass() : platformPass(application, visitor)
    return reply
      .header('Referrer-Policy', 'no-referrer')
      .redirect(`${link.url}${withPass(application.open_path, pass)}`, 302)
  })

  /** The platform's own Jupyter knows nothing of our sessions. Source: contract 2.5, 6.2 */
  const platformPass = ({ external_port, internal_port }: Application, visitor: Visitor) =>
    visitor.trusted && external_port === 8080 && internal_port === 8080 && surroundings.launchMode() === 'jupyter'
      ? encodeURIComponent(settings.JUPYTER_TOKEN || settings.OPEN_BUTTON_TOKEN) || undefined
      : undefined

  server.get('/share', async (request, reply) => {
    const { outside, trusted } = visitorFor(request, surroundings)
    if (!trusted) throw new Refusal(403, 'this page was not opened through the login of the instance')
    const { applications, now } = await freshFacts()
    const portal = applications.find(({ external_port }) => external_port === PORTAL_PORT)
    const place = placeOf({ outside })
    const url = portal && directUrl(portal, place)
    const link = url && `${url}${withPass('/', surroundings.issuePass())}`
    return sendPage(reply, renderSharePage(link, LINK_SECONDS / 60, now))
  })

  /** An address in front of somebody is one that leads here. Source: contract 6.2, trap 48 */
  function tellAddress({ outside }: Visitor): void {
    const seen = addressSeen(outside, settings)
    if (seen !== undefined && /^[\d.]+$/.test(seen) && seen !== surroundings.publicAddress())
      void tunnels.ask('PUT', `/set-public-ip/${seen}`)
  }
}

/** Who reads the same file says the same. */
const unique = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map(problem => [`${problem.where} ${problem.message}`, problem])).values(),
]

const delay = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms).unref())
