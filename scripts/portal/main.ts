/**
 * portal: the applications in /etc/portal.yaml, for provisioning scripts and people.
 *
 *     portal add NAME --external-port N --internal-port M [--path /] [--hostname localhost] [--program P]
 *     portal add HOST:EXTERNAL:INTERNAL:PATH:NAME [--program P]
 *     portal remove NAME
 *     portal list [--json]
 *     portal check
 *
 * Caddy and the gates follow within a second. Exit status: 0 done, or there was nothing to do; 1 not done, or check has found
 * something; 2 wrong usage.
 */
import { runPortal } from './portal-command.ts'

process.stdout.on('error', () => {}) // nobody listens any more
runPortal(process.argv.slice(2), process.env, {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
}).then(status => {
  process.exitCode = status
})
