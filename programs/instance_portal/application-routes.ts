/** The applications, for programs. Source: contract 6.2; `/application-statuses` is ours */
import type { FastifyInstance } from 'fastify'
import { targetUrl } from '../common/application-url.ts'
import { isProxied } from '../common/portal-config.ts'
import { mappedPort } from '../common/settings.ts'
import { withPass } from './links.ts'
import { type Surroundings, visitorFor } from './surroundings.ts'

export function addApplicationRoutes(server: FastifyInstance, surroundings: Surroundings): void {
  const { settings, statuses } = surroundings
  server.get('/application-statuses', () => statuses.read())

  server.get('/get-applications', async request => {
    const { applications } = await surroundings.portalYaml()
    const { trusted } = visitorFor(request, surroundings)
    return Object.fromEntries(
      applications.map(application => {
        const { extra, name, hostname, external_port, internal_port, open_path } = application
        const pass = trusted && isProxied(application) ? surroundings.issuePass() : undefined
        const told = { hostname, external_port, internal_port, open_path: withPass(open_path, pass), name }
        const mapped_port = String(mappedPort(settings, external_port) ?? '')
        return [
          name,
          { ...told, ...extra, target_url: targetUrl(application, applications, settings.ENABLE_HTTPS), mapped_port },
        ]
      }),
    )
  })
}
