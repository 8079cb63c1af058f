/**
 * A machine that has run out of something, whose clock is set, or whose children stand still.
 * Source: contract 4.4, 4.5, 5.5; design.md 3
 */
import { spawnSync } from 'node:child_process'
import { chownSync, closeSync, constants, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import {
  ask,
  expectAnswers,
  expectOtherComplete,
  hasFaultyDisk,
  labWithOther,
  onFaultyDisk,
  PROGRAMS,
  said,
  setFault,
} from '../support/faults.ts'
import { SUPERVISORD, until } from '../support/lab.ts'
import { works } from '../support/proc.ts'

const MANY = `[program:many]
command=sleep 9999
process_name=%(process_num)02d
numprocs=30
autostart=false
startretries=1
stdout_logfile=NONE
stderr_logfile=NONE
`

/** How many of `many` run. */
const running = async (lab: Parameters<typeof ask>[0]): Promise<number> => {
  const all = await ask(lab, ({ supervisor }) => supervisor.getAllProcessInfo())
  return all.filter(({ group, statename }) => group === 'many' && statename === 'RUNNING').length
}

test('out of descriptors, what cannot be started says so, and everything else goes on', async () => {
  await using lab = labWithOther(`[supervisord]\nminfds=64\n${MANY}`)
  await lab.start({ prefix: ['prlimit', '--nofile=64:64'] })
  expect(lab.ctl('start', 'many:*').stdout).toMatch(/^many:29: ERROR \(spawn error\)$/m)
  await expectAnswers(lab)
  // some are kept for those who connect
  await Promise.all(Array.from({ length: 8 }, () => expectAnswers(lab)))
  const had = await running(lab)
  expect(had).toBeGreaterThan(4)
  expect(had).toBeLessThan(25)

  lab.ctl('stop', 'many:*')
  expect(lab.ctl('start', 'many:29').stdout).toBe('many:29: started\n')
  await expectOtherComplete(lab)
  const refused = said(lab, /too many open files/)
  expect(new Set(refused)).toContain("INFO spawnerr: too many open files to spawn '29'")
  expect(refused.length).toBeLessThanOrEqual(2 * (30 - had))
  expect(said(lab, /ERRO|CRIT (?!Server|Supervisor)/)).toEqual([])
})

/** Nobody else is this user, so that its processes can be counted; not even who runs these tests at the same time. */
const NOBODY_ELSE = 1_000_000 + process.pid
const asNobodyElse = ['setpriv', `--reuid=${NOBODY_ELSE}`, `--regid=${NOBODY_ELSE}`, '--clear-groups']
const canBeNobodyElse = works([...asNobodyElse, SUPERVISORD, '--version'])

test.skipIf(!canBeNobodyElse)('out of processes, what cannot be started says so, and is tried again', async () => {
  await using lab = labWithOther(`[supervisord]\nminprocs=20\n${MANY}`)
  chownSync(lab.directory, NOBODY_ELSE, NOBODY_ELSE)
  await lab.start({ prefix: [...asNobodyElse, 'prlimit', '--nproc=20'] })
  expect(lab.ctl('start', 'many:*').stdout).toMatch(/^many:29: ERROR \(spawn error\)$/m)
  await expectAnswers(lab)
  const had = await running(lab)
  expect(had).toBeGreaterThan(4)
  expect(had).toBeLessThan(20)

  lab.ctl('stop', 'many:*')
  expect(lab.ctl('start', 'many:29').stdout).toBe('many:29: started\n')
  await expectOtherComplete(lab)
  const refused = said(lab, /Too many processes/)
  expect(new Set(refused)).toContain("INFO spawnerr: Too many processes in process table to spawn '29'")
  expect(refused.length).toBeLessThanOrEqual(2 * (30 - had))
  expect(said(lab, /ERRO|CRIT (?!Server)/)).toEqual([])
})

test.skipIf(!canBeNobodyElse || !hasFaultyDisk)(
  'out of processes, a disk that becomes slow needs no new thread',
  async () => {
    await using lab = labWithOther(`[supervisord]
minprocs=20
[program:x]
command=${PROGRAMS}/numbers-its-lines 20 0.02
stdout_logfile=%(here)s/disk/x.log
${MANY}`)
    const prefix = [...onFaultyDisk(lab), ...asNobodyElse, 'prlimit', '--nproc=20']
    for (const place of ['.', 'disk', 'kept']) chownSync(lab.path(place), NOBODY_ELSE, NOBODY_ELSE)
    await lab.start({ prefix })
    lab.ctl('start', 'many:*')
    setFault(lab, 'delay 300')
    await until('it is known to be slow', () => said(lab, /slow/).length > 0)
    await expectAnswers(lab)
    await expectOtherComplete(lab)
  },
)

test('a stdout that nobody reads holds up neither the daemon nor the program that is logged there', async () => {
  // says no more than what it is told, and the file tells how far it has come
  await using lab = labWithOther(`[program:x]
command=tee %(here)s/read
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stdout_events_enabled=true
`)
  spawnSync('mkfifo', [lab.path('stdout')])
  // both ends: so it can be opened, and nothing is read
  const stdout = openSync(lab.path('stdout'), constants.O_RDWR | constants.O_NONBLOCK)
  await lab.start({ prefix: ['sh', '-c', 'exec "$@" > stdout', 'sh'] })
  await lab.untilState('x', 'RUNNING')
  const line = "ERRO log '/dev/stdout' takes no more for now; output is lost until it does"
  let told = 0
  const tell = async (text: string): Promise<void> => {
    await ask(lab, ({ supervisor }) => supervisor.sendProcessStdin('x', text))
    told += text.length
  }
  // more than what may wait for a reader
  for (let n = 0; n < 8; n++) await tell('x'.repeat(1 << 20))
  await until('it is stuck', () => said(lab, /takes no more/).length > 0)
  await expectAnswers(lab)
  await until('the program goes on', () => statSync(lab.path('read')).size === told)

  const room = Buffer.alloc(1 << 20)
  let text = ''
  const readAll = (): void => {
    text = ''
    for (;;) {
      try {
        text += room.toString('latin1', 0, readSync(stdout, room))
      } catch {
        return
      }
    }
  }
  await until('it is over', async () => {
    readAll()
    await tell('more\n')
    return said(lab, /lacks \d+ bytes/).length > 0
  })
  await tell('the end\n')
  await until('it is written again', () => {
    readAll()
    return text.endsWith('the end\n')
  })
  expect(lab.ctl('stop', 'x').stdout).toBe('x: stopped\n')
  await expectOtherComplete(lab)
  expect(said(lab, /takes no more/)).toEqual([line])
  expect(said(lab, /lacks/)).toHaveLength(1)
  closeSync(stdout)
})

test('a child that stands still is stopped by SIGKILL, and what it does not read holds up nobody', async () => {
  await using lab = labWithOther('[program:x]\ncommand=cat\nstopwaitsecs=1\nstartsecs=0\n')
  await lab.start()
  const pid = Number(lab.ctl('pid', 'x').stdout)
  process.kill(pid, 'SIGSTOP')
  for (let n = 0; n < 5; n++) await ask(lab, ({ supervisor }) => supervisor.sendProcessStdin('x', 'x'.repeat(1 << 20)))
  expect(lab.ctl('status', 'x').stdout).toMatch(/RUNNING/)
  await expectAnswers(lab)

  // going on it has missed nothing
  process.kill(pid, 'SIGCONT')
  const size = async (): Promise<number> =>
    (await ask(lab, client => client.supervisor.tailProcessStdoutLog('x', 0, 0)))[1]
  await until('it has read everything', async () => (await size()) >= 5 << 20)

  process.kill(pid, 'SIGSTOP')
  expect(lab.ctl('stop', 'x').stdout).toBe('x: stopped\n')
  expect(lab.ctl('start', 'x').stdout).toBe('x: started\n')
  await expectOtherComplete(lab)
  expect(said(lab, /SIGKILL/)).toEqual([
    `WARN killing 'x' (${pid}) with SIGKILL`,
    'WARN stopped: x (terminated by SIGKILL)',
  ])
})

test('a clock that is set back or forward changes no deadline, only what is told of the time', {
  timeout: 300_000,
}, async () => {
  await using lab = labWithOther(`[program:late]
command=sleep 9999
autostart=false
[program:ignores]
command=sh -c "trap : TERM; echo up > %(here)s/ignores; while :; do sleep 0.1; done"
stopwaitsecs=1
startsecs=0
[program:fails]
command=/bin/false
startsecs=60
startretries=1
autostart=false
[eventlistener:ticks]
command=${PROGRAMS}/counts-its-events
events=TICK_60
stderr_logfile=%(here)s/ticks.log
`)
  const set = (hours: number): void => writeFileSync(lab.path('clock'), String(hours * 3_600_000))
  set(0)
  const began = performance.now()
  const shift = `--require=${resolve(import.meta.dirname, '../fixtures/shifted-clock.cjs')}`
  await lab.start({ env: { ...process.env, BOSUN_NODE_OPTIONS: shift, SHIFTED_CLOCK: lab.path('clock') } })
  await lab.untilState('other', 'RUNNING')
  /** ms */
  const took = (...words: string[]): number => {
    const started = performance.now()
    expect(lab.ctl(...words).status).toBe(0)
    return performance.now() - started
  }
  const everything = async (): Promise<void> => {
    expect(took('start', 'late')).toBeGreaterThan(1000)
    await lab.untilFile('ignores', /up/)
    expect(took('stop', 'late', 'ignores')).toBeGreaterThan(1000)
    rmSync(lab.path('ignores'))
    lab.ctl('start', 'ignores')
    lab.ctl('start', 'fails')
    await lab.untilState('fails', 'FATAL')
    await expectAnswers(lab)
  }

  set(-1)
  expect(lab.ctl('status', 'other').stdout).toMatch(/uptime 0:00:00\n$/)
  // nothing of it would end within the hour, were it by that clock
  await everything()

  set(49)
  expect(lab.ctl('status', 'other').stdout).toMatch(/uptime 2 days, 1:\d\d:\d\d\n$/)
  await everything()

  set(0)
  await expectOtherComplete(lab)
  // one for each time that it was set, at most, and one for each minute that ended meanwhile
  const minutes = Math.ceil((performance.now() - began) / 60_000)
  expect(lab.read('ticks.log').split('\n').length - 1).toBeLessThanOrEqual(3 + minutes)
  expect(said(lab, /ERRO|CRIT (?!Server|Supervisor)/)).toEqual([])
})
