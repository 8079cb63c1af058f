/** Disks that are full, gone, read-only or slow. Source: contract 4.4, 6.3, 6.4; design.md 3 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  canMount,
  expectAnswers,
  expectOtherComplete,
  hasFaultyDisk,
  labWithOther,
  MOUNT,
  onFaultyDisk,
  PROGRAMS,
  said,
  setFault,
  untilComplete,
} from '../support/faults.ts'
import { type Lab, until } from '../support/lab.ts'
import { wholeLife } from '../support/numbered-log.ts'

const withMount = test.skipIf(!canMount)
const withFaultyDisk = test.skipIf(!hasFaultyDisk)

/** A program whose log is on the disk that has the trouble. */
const onDisk = (arguments_: string, maxBytes = '0'): string => `[program:x]
command=${PROGRAMS}/numbers-its-lines ${arguments_}
stdout_logfile=%(here)s/disk/x.log
stdout_logfile_maxbytes=${maxBytes}
startretries=100
stopwaitsecs=50
`

/** The number in the last whole line. */
const lastNumber = (text: string): number => Number(/ (\d+) \S+\n[^\n]*$/.exec(text)?.[1] ?? 0)

/** At once, and for who has files open in it, too: nothing new can come into it while it is being emptied. */
function deleteDisk(lab: Lab): void {
  renameSync(lab.path('disk'), lab.path('deleted'))
  rmSync(lab.path('deleted'), { recursive: true })
}

const CANNOT_WRITE = /cannot write to log/
const LACKS = /ERRO log '.*\/disk\/x\.log' lacks [1-9]\d* bytes that could not be written$/

withMount('a full disk costs what does not fit, is told once, and forgotten when there is room', async () => {
  await using lab = labWithOther(onDisk('100 0.05'))
  mkdirSync(lab.path('disk'))
  // full soon, and with the ballast gone it is not full again for minutes
  const disk = 'mount -t tmpfs -o size=32m none disk && head -c 33488896 /dev/zero > disk/ballast && exec "$@"'
  await lab.start({ prefix: [...MOUNT, 'sh', '-c', disk, 'sh'] })
  const inside = `/proc/${lab.daemon!.pid}/root${lab.path('disk')}`
  await until('the disk is full', () => said(lab, CANNOT_WRITE).length > 0)
  await expectAnswers(lab)

  // it is not held up: it still does what it is told
  expect(lab.ctl('restart', 'x').stdout).toBe('x: stopped\nx: started\n')
  expect(said(lab, /SIGKILL/)).toEqual([])
  await until('its second life is on a full disk, too', () => said(lab, CANNOT_WRITE).length > 1)

  unlinkSync(`${inside}/ballast`)
  await until('it is over', () => said(lab, LACKS).length > 1)
  const before = lastNumber(readFileSync(`${inside}/x.log`, 'utf8'))
  await until('it is written again', () => lastNumber(readFileSync(`${inside}/x.log`, 'utf8')) > before)

  expect(await expectOtherComplete(lab)).toBeGreaterThan(100)
  const line = `ERRO cannot write to log '${lab.path('disk/x.log')}': ENOSPC; output is lost until that works again`
  expect(said(lab, CANNOT_WRITE)).toEqual([line, line])
  expect(said(lab, LACKS)).toHaveLength(2)
})

withMount('the activity log on a full disk stops nobody', async () => {
  await using lab = labWithOther('[supervisord]\nlogfile=%(here)s/disk/d.log\n[program:y]\ncommand=sleep 9999\n')
  mkdirSync(lab.path('disk'))
  const disk = 'mount -t tmpfs -o size=64k none disk && head -c 70000 /dev/zero > disk/ballast; exec "$@"'
  await lab.start({ prefix: [...MOUNT, 'sh', '-c', disk, 'sh'] })
  const inside = `/proc/${lab.daemon!.pid}/root${lab.path('disk')}`
  await lab.untilState('y', 'RUNNING')
  await expectAnswers(lab)
  expect(lab.ctl('restart', 'y').stdout).toBe('y: stopped\ny: started\n')
  expect(readFileSync(`${inside}/d.log`, 'utf8')).toBe('')

  unlinkSync(`${inside}/ballast`)
  expect(lab.ctl('stop', 'y').stdout).toBe('y: stopped\n')
  await until('it is written again', () =>
    / WARN stopped: y \(terminated by SIGTERM\)$/m.test(readFileSync(`${inside}/d.log`, 'utf8')),
  )
  await expectOtherComplete(lab)
})

test('a log whose directory is deleted is written on, told once, and made anew when there is a place for it', async () => {
  await using lab = labWithOther(onDisk('100 0.02', '20KB'))
  mkdirSync(lab.path('disk'))
  await lab.start()
  await until('it has rotated', () => existsSync(lab.path('disk/x.log.1')))
  deleteDisk(lab)
  await until('it cannot rotate', () => said(lab, /cannot rotate/).length > 0)
  await expectAnswers(lab)

  // a new life finds no place for its log, and tries again as after every failed start
  lab.ctl('stop', 'x')
  expect(lab.ctl('start', 'x').stdout).toBe('x: ERROR (spawn error)\n')
  mkdirSync(lab.path('disk'))
  await lab.untilState('x', 'RUNNING')
  await until('it has rotated', () => existsSync(lab.path('disk/x.log.1')))

  // reopened in vain: the old file is written on
  deleteDisk(lab)
  await until('it cannot rotate', () => said(lab, /cannot rotate/).length > 1)
  lab.daemon!.kill('SIGUSR2')
  await until('it could not be reopened', () => said(lab, /cannot reopen/).length > 0)
  mkdirSync(lab.path('disk'))
  lab.daemon!.kill('SIGUSR2')
  await until('it is written again', () => lastNumber(lab.read('disk/x.log')) > 0)

  await expectOtherComplete(lab)
  const path = lab.path('disk/x.log')
  // how often the start was tried in vain depends on when there was a place again
  const told = said(lab, /x\.log|spawnerr/)
  expect(told.filter((line, at) => !line.includes('spawnerr') || line !== told[at - 1])).toEqual([
    `ERRO cannot rotate log '${path}': ENOENT; it goes on growing`,
    `INFO spawnerr: unknown error making dispatchers for 'x': ENOENT`,
    `ERRO cannot rotate log '${path}': ENOENT; it goes on growing`,
    `ERRO cannot reopen log '${path}': ENOENT; the old file is written on`,
  ])
})

test('a log file that is deleted alone is written on, and made anew by the next rotation', async () => {
  await using lab = labWithOther(onDisk('100 0.02', '200KB'))
  mkdirSync(lab.path('disk'))
  await lab.start()
  await until('it is written', () => lab.read('disk/x.log').length > 1000)
  await until('it is deleted', () => {
    try {
      unlinkSync(lab.path('disk/x.log'))
      return true
    } catch {
      return false // between two files of a rotation
    }
  })
  await expectAnswers(lab)
  await until('it is there again', () => existsSync(lab.path('disk/x.log')))
  lab.ctl('stop', 'x')
  await expectOtherComplete(lab)
  // the last line of all may be the one with which it was rotated
  await until('it has its end', () => /^end \d+ \d+$/m.test(lab.read('disk/x.log.1') + lab.read('disk/x.log')))
  expect(said(lab, /ERRO/)).toEqual([])
})

withFaultyDisk('a disk that becomes read-only is told once, and written again when it can be', async () => {
  await using lab = labWithOther(`${onDisk('20 0.02')}[program:late]
command=${PROGRAMS}/numbers-its-lines
autostart=false
startretries=0
stdout_logfile=%(here)s/disk/late.log
`)
  await lab.start({ prefix: onFaultyDisk(lab) })
  await until('it is written', () => lab.read('kept/x.log').length > 1000)
  setFault(lab, 'errno 30')
  await until('it cannot be written', () => said(lab, CANNOT_WRITE).length > 0)
  await expectAnswers(lab)
  expect(lab.ctl('start', 'late').stdout).toBe('late: ERROR (spawn error)\n')

  setFault(lab, null)
  await until('it is over', () => said(lab, LACKS).length > 0)
  expect(lab.ctl('start', 'late').stdout).toBe('late: started\n')
  const before = lastNumber(lab.read('kept/x.log'))
  await until('it is written again', () => lastNumber(lab.read('kept/x.log')) > before)
  await expectOtherComplete(lab)
  expect(said(lab, /EROFS/)).toEqual([
    `ERRO cannot write to log '${lab.path('disk/x.log')}': EROFS; output is lost until that works again`,
    `INFO spawnerr: unknown error making dispatchers for 'late': EROFS`,
  ])
  expect(said(lab, LACKS)).toHaveLength(1)
})

withFaultyDisk(
  'a reload on a read-only disk starts everything again, without the logs that cannot be made',
  async () => {
    await using lab = labWithOther(`[supervisord]
logfile=%(here)s/disk/d.log
childlogdir=%(here)s/disk
pidfile=%(here)s/disk/d.pid
[program:x]
command=sleep 9999
`)
    await lab.start({ prefix: [...onFaultyDisk(lab), 'sh', '-c', 'exec "$@" > stdout', 'sh'] })
    const daemon = Number(lab.ctl('pid').stdout)
    await lab.untilState('x', 'RUNNING')
    const before = lab.ctl('pid', 'x').stdout
    setFault(lab, 'errno 30')
    process.kill(daemon, 'SIGHUP')
    await until('x is another one', () => {
      const { stdout } = lab.ctl('pid', 'x')
      return /^[1-9]\d*\n$/.test(stdout) && stdout !== before
    })
    await lab.untilState('x', 'RUNNING')
    await expectAnswers(lab)
    await expect
      .poll(() => lab.read('stdout').match(/(?<=CRIT )co?[ua].*$/gm))
      .toEqual([
        `cannot open log '${lab.path('disk/d.log')}': EROFS; nothing is logged there until it can be reopened`,
        `cannot make log files for 'other' in ${lab.path('disk')}: EROFS; its output is not kept`,
        `cannot make log files for 'x' in ${lab.path('disk')}: EROFS; its output is not kept`,
        `could not write pidfile ${lab.path('disk/d.pid')}`,
      ])

    setFault(lab, null)
    const logged = lab.read('kept/d.log').length
    process.kill(daemon, 'SIGUSR2')
    await lab.untilFile('stdout', /supervisord logreopen/)
    lab.ctl('stop', 'x')
    await until('it is written again', () =>
      / WARN stopped: x \(terminated by SIGTERM\)$/m.test(lab.read('kept/d.log').slice(logged)),
    )
    await expectOtherComplete(lab)
  },
)

withFaultyDisk('a slow disk delays nobody else and loses nothing, not even at the end of the daemon', async () => {
  const mostBytes = 4 << 20
  await using lab = labWithOther(onDisk('50 0.02', String(mostBytes)))
  const prefix = onFaultyDisk(lab)
  // rotated soon, and then not again for a while: with each old file that takes longer on such a disk
  const earlier = wholeLife(mostBytes - 200_000)
  lab.write('kept/x.log', earlier)
  await lab.start({ prefix })
  await until('it is written', () => statSync(lab.path('kept/x.log')).size > earlier.length + 1000)
  setFault(lab, 'delay 400')
  const toldOfIt = (): string[] => said(lab, /x\.log' is slow/)
  await until('it is known to be slow', () => toldOfIt().length > 0)
  // as slow as can be: who waited for it would not answer
  setFault(lab, 'hold')
  await expectAnswers(lab)
  setFault(lab, 'delay 400')
  // its next life writes after the one before, as slowly as that is
  expect(lab.ctl('restart', 'x').stdout).toBe('x: stopped\nx: started\n')
  await until('it is rotated', () => existsSync(lab.path('kept/x.log.1')))
  await expectAnswers(lab)
  await expectOtherComplete(lab)
  expect(await lab.stop()).toBe(0)
  const backups = readdirSync(lab.path('kept')).filter(name => name.startsWith('x.log.'))
  const oldestFirst = Array.from(backups, (_, n) => `x.log.${backups.length - n}`)
  const pieces = (): string => [...oldestFirst, 'x.log'].map(name => lab.read(`kept/${name}`)).join('')
  expect(await untilComplete('x.log', pieces)).toBeGreaterThan(earlier.split('\n').length + 1000)
  expect(said(lab, /ERRO/)).toEqual([])
  expect(toldOfIt().length).toBeLessThan(3)
})
