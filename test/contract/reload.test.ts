/** What a reload meets that the start did not: orders in between, another user, no place for a socket. Source: contract 3.3, 12 */
import { mkdirSync, renameSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { said } from '../support/faults.ts'
import { freePort, isOriginal, Lab, SUPERVISORD, until } from '../support/lab.ts'
import { privateMemoryOf, works } from '../support/proc.ts'

const X = '[program:x]\ncommand=sh -c "echo $SUPERVISOR_SERVER_URL; exec sleep 9999"\nstdout_logfile=%(here)s/x.log\n'

/** The configuration with something else in it. */
const rewrite = (lab: Lab, from: string | RegExp, to: string): string =>
  lab.write('supervisord.conf', lab.read('supervisord.conf').replace(from, to))

const spawned = (lab: Lab): number => said(lab, /spawned: 'x'/).length

/** Reloads, and waits until `x` has been started once more. */
async function reload(lab: Lab): Promise<void> {
  await until('x is started', () => spawned(lab) > 0)
  const before = spawned(lab)
  lab.daemon!.kill('SIGHUP')
  await until('x is started again', () => spawned(lab) > before)
}

/** `supervisorctl status x` over that address. */
const statusAt = (lab: Lab, address: string): string => lab.ctl('-s', address, 'status', 'x').stdout

test.skipIf(isOriginal)('SIGTERM between two runs ends the daemon, and nothing is started for it', async () => {
  await using lab = await new Lab(X).start()
  await lab.untilState('x', 'RUNNING')
  // a socket that somebody accepts on and then says nothing: the daemon waits to hear whether anybody lives there
  const visitors: Socket[] = []
  const silent = createServer({ pauseOnConnect: true }, socket => void visitors.push(socket))
  await new Promise<void>(resolve => silent.listen(lab.path('other.sock'), resolve))
  rewrite(lab, 's.sock', 'other.sock')

  lab.daemon!.kill('SIGHUP')
  await until('the daemon asks', () => visitors.length > 0)
  const ended = lab.stop()
  await until('the signal has come', () => said(lab, /received SIGTERM/).length > 0)
  // with its question unread that is a reset: nobody lives there
  for (const visitor of visitors) visitor.destroy()
  expect(await ended).toBe(0)
  expect(spawned(lab)).toBe(1)
  silent.close()
})

const NOBODY = 65_534
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']

test.skipIf(isOriginal || !works([...asNobody, SUPERVISORD, '--version']))(
  'a user that we cannot become is told at reload, and the daemon goes on as who it is',
  async () => {
    await using lab = new Lab(X)
    lab.run('chown', '-R', String(NOBODY), lab.directory)
    await lab.start({ prefix: asNobody })
    rewrite(lab, '[supervisord]', '[supervisord]\nuser=root')
    await reload(lab)
    await lab.untilState('x', 'RUNNING')
    expect(said(lab, /CRIT (?!Server)/)).toEqual([
      "CRIT Can't drop privilege as nonroot user; going on as the user with uid 65534",
    ])
  },
)

test.skipIf(isOriginal)(
  'no place for the socket at reload: everything starts again, and the next reload finds one',
  async () => {
    await using lab = new Lab(X)
    mkdirSync(lab.path('run'))
    rewrite(lab, /s\.sock/g, 'run/s.sock')
    // Lab.start looks for s.sock
    lab.run('ln', '-s', 'run/s.sock', 's.sock')
    await lab.start()
    renameSync(lab.path('run'), lab.path('gone'))
    await reload(lab)
    expect(said(lab, /CRIT (?!Server|Supervisor)/)).toEqual([
      'CRIT [unix_http_server] is closed until a reload can open it: Cannot open an HTTP server: socket.error reported errno.ENOENT (2)',
    ])
    await expect.poll(() => lab.ctl('status', 'x').status).toBe(4)

    mkdirSync(lab.path('run'))
    await reload(lab)
    await lab.untilState('x', 'RUNNING')
  },
)

test.skipIf(isOriginal)('an address that is taken at reload: clients find the daemon where it was', async () => {
  const [port, taken] = [await freePort(), await freePort()]
  await using lab = await new Lab(`${X}[inet_http_server]\nport=127.0.0.1:${port}\n`).start()
  const somebody = createServer()
  await new Promise<void>(resolve => somebody.listen(taken, '127.0.0.1', resolve))
  rewrite(lab, String(port), String(taken))
  rewrite(lab, 'file=%(here)s/s.sock', 'file=%(here)s/none/s.sock')
  await lab.untilFile('x.log', /\n/)
  await reload(lab)
  expect(said(lab, /CRIT (?!Server|Supervisor)/)).toEqual([
    `CRIT [inet_http_server] stays at 127.0.0.1:${port}: Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.`,
    `CRIT [unix_http_server] stays at ${lab.path('s.sock')}: Cannot open an HTTP server: socket.error reported errno.ENOENT (2)`,
  ])
  await expect.poll(() => statusAt(lab, `http://127.0.0.1:${port}`)).toMatch(/RUNNING|STARTING/)
  await expect.poll(() => statusAt(lab, `unix://${lab.path('s.sock')}`)).toMatch(/RUNNING|STARTING/)
  // children are told where the daemon is, not where it was to be
  await expect.poll(() => lab.read('x.log')).toBe(`unix://${lab.path('s.sock')}\n`.repeat(2))

  // and once it is free, the daemon moves there
  somebody.close()
  await reload(lab)
  await until('it listens there', () => statusAt(lab, `http://127.0.0.1:${taken}`).includes('RUNNING'))
  await expect.poll(() => statusAt(lab, `unix://${lab.path('s.sock')}`)).toMatch(/RUNNING|STARTING/)
})

/** KiB of each process, so that they can be seen among what else a daemon holds */
const WEIGHT = 20

test.skipIf(isOriginal)('groups that update has removed are forgotten', async () => {
  await using lab = await new Lab('').start()
  const conf = `[program:many]
command=sleep 9999
autostart=false
numprocs=200
process_name=%(process_num)d
stdout_logfile=NONE
stderr_logfile=NONE
environment=A="%(process_num)d${'x'.repeat(WEIGHT * 1024)}"
`
  const client = openClient(`unix://${lab.path('s.sock')}`)
  /** bytes: what is held after so many updates that bring the group and take it away again */
  const heldAfter = async (rounds: number): Promise<number> => {
    for (let round = 0; round < rounds; round++) {
      lab.write('conf.d/many.conf', conf)
      await client.supervisor.reloadConfig()
      await client.supervisor.addProcessGroup('many')
      lab.write('conf.d/many.conf', '')
      await client.supervisor.reloadConfig()
      await client.supervisor.removeProcessGroup('many')
    }
    return privateMemoryOf(lab.daemon!.pid!)
  }
  const before = await heldAfter(10)
  expect((await heldAfter(20)) - before).toBeLessThan(10 * 200 * WEIGHT * 1024)
  client.close()
})
