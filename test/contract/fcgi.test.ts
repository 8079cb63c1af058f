import { readlinkSync } from 'node:fs'
import { connect, type NetConnectOpts } from 'node:net'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openClient } from '../../supervisor/client/client.ts'
import { freePort, isOriginal, Lab } from '../support/lab.ts'

const server = resolve(import.meta.dirname, '../fixtures/programs/answers-with-its-pid')

/** Says something at this address; the pid that answers. */
function ask(address: NetConnectOpts, said = 'hello'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let text = ''
  connect(address)
    .setEncoding('utf8')
    .on('data', data => (text += data))
    .on('error', reject)
    .on('end', () =>
      text.endsWith(` ${said}`) ? resolve(Number.parseInt(text, 10)) : reject(new Error(`got ${text}`)),
    )
    .write(said)
  return promise
}

/** `socket:[4711]` */
const stdinOf = (pid: number): string => readlinkSync(`/proc/${pid}/fd/0`)

/** Opened and closed, in the order of the log: `Creating socket unix:///…/f.sock` → `Creating f.sock` */
const socketsOf = (lab: Lab): string[] =>
  [...lab.read('supervisord.log').matchAll(/(Creating|Closing) socket .*?([^/\n]+)$/gm)].map(
    ([, what, name]) => `${what} ${name}`,
  )

test('processes of an fcgi-program share one socket, which is there as long as one of them lives', async () => {
  await using lab = await new Lab(`
[fcgi-program:f]
command=${server}
socket=unix://{dir}/f.sock
numprocs=2
process_name=f%(process_num)d
`).start()
  const { supervisor } = openClient(`unix://${lab.path('s.sock')}`)
  const f = { path: lab.path('f.sock') }
  const pidOf = async (name: string) => (await supervisor.getProcessInfo(name)).pid
  const ready = async () => {
    await lab.untilState('f:f0', 'RUNNING')
    await lab.untilState('f:f1', 'RUNNING')
    return Promise.all(['f:f0', 'f:f1'].map(pidOf))
  }
  const [f0, f1] = await ready()
  await expect.poll(() => stdinOf(f0!)).toMatch(/^socket:/)
  await expect.poll(() => stdinOf(f1!)).toBe(stdinOf(f0!))
  expect([f0, f1]).toContain(await ask(f))

  // a crash of one is nobody's business but its own: the other answers, or who comes in its place
  process.kill(f0!, 'SIGKILL')
  const answers = await Promise.all([ask(f, 'a'), ask(f, 'b'), ask(f, 'c')])
  await lab.untilFile('supervisord.log', /exited: f0 \(terminated by SIGKILL; not expected\)/)
  const again = await ready()
  for (const pid of answers) expect([again[0], f1]).toContain(pid)
  await expect.poll(() => stdinOf(again[0]!)).toBe(stdinOf(f1!))

  await supervisor.stopProcess('f:f1')
  expect(await ask(f)).toBe(again[0])
  // the first two lines: when the group was activated, it was tried
  expect(socketsOf(lab)).toEqual(['Creating f.sock', 'Closing f.sock', 'Creating f.sock'])
  await supervisor.stopProcess('f:f0')
  await lab.untilFile('supervisord.log', /(Closing socket.*){2}/s)
  await expect.poll(() => ask(f).catch((error: Error) => error.message)).toContain('ECONNREFUSED')

  await supervisor.startProcess('f:f1')
  expect(await ask(f)).toBe(await pidOf('f:f1'))
  expect(socketsOf(lab).slice(3)).toEqual(['Closing f.sock', 'Creating f.sock'])
})

test('in a [group:x] an fcgi-program has its socket, and its neighbours have their stdin', async () => {
  const port = await freePort()
  await using lab = await new Lab(`
[fcgi-program:unix]
command=${server}
socket=unix://{dir}/f.sock
numprocs=2
process_name=unix%(process_num)d
[fcgi-program:tcp]
command=${server}
socket=tcp://127.0.0.1:${port}
[program:plain]
command=cat
[group:g]
programs=plain,unix,tcp
`).start()
  const { supervisor } = openClient(`unix://${lab.path('s.sock')}`)
  const kindOfStdin = async (name: string) => {
    if (!isOriginal) await lab.untilState(name, 'RUNNING')
    const { pid } = await supervisor.getProcessInfo(name)
    return pid && stdinOf(pid).split(':')[0]
  }
  await expect.poll(() => kindOfStdin('g:plain')).toBe('pipe')
  if (isOriginal) return // there they get a pipe, and these servers end at once
  await expect.poll(() => kindOfStdin('g:unix0')).toBe('socket')
  await expect.poll(() => kindOfStdin('g:tcp')).toBe('socket')
  await lab.untilState('g:unix1', 'RUNNING')

  const pids = new Map((await supervisor.getAllProcessInfo()).map(({ name, pid }) => [name, pid]))
  expect([pids.get('unix0'), pids.get('unix1')]).toContain(await ask({ path: lab.path('f.sock') }))
  expect(await ask({ host: '127.0.0.1', port })).toBe(pids.get('tcp'))
  await supervisor.stopProcess('g:unix0')
  expect(await ask({ path: lab.path('f.sock') })).toBe(pids.get('unix1'))
  expect(lab.ctl('restart', 'g:*').status).toBe(0)
  expect(await ask({ host: '127.0.0.1', port })).toBe((await supervisor.getProcessInfo('g:tcp')).pid)
})
