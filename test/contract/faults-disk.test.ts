/** Disks that are full, gone, read-only or slow. Source: contract 4.4, 6.3, 6.4; design.md 3 */
import { existsSync, mkdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import {
  ask,
  completeLines,
  expectAnswers,
  expectOtherComplete,
  labWithOther,
  PROGRAMS,
  said,
} from '../support/faults.ts'
import { until } from '../support/lab.ts'
import { inNamespaces, works } from '../support/proc.ts'

const MOUNT = inNamespaces('--mount')
const canMount = works([...MOUNT, 'mount', '-t', 'tmpfs', 'none', '/mnt'])

const FAULTY_DISK = resolve(import.meta.dirname, '../support/faulty-disk.ts')
const faultyDisk = (kept: string, mountpoint: string): string[] => [
  ...MOUNT,
  ...[process.execPath, FAULTY_DISK, kept, mountpoint],
]
const hasFaultyDisk = works([...faultyDisk('/tmp', '/mnt'), 'true'])

/** A program whose log is on the disk that has the trouble. */
const onDisk = (arguments_: string, maxBytes = '0'): string => `[program:x]
command=${PROGRAMS}/numbers-its-lines ${arguments_}
stdout_logfile=%(here)s/disk/x.log
stdout_logfile_maxbytes=${maxBytes}
`

/** The number in the last whole line. */
const lastNumber = (text: string): number => Number(/ (\d+) \S+\n[^\n]*$/.exec(text)?.[1] ?? 0)

const CANNOT_WRITE = /cannot write to log/
const LACKS = /ERRO log '.*\/disk\/x\.log' lacks [1-9]\d* bytes that could not be written$/

test.skipIf(!canMount)(
  'a full disk costs what does not fit, is told once, and forgotten when there is room',
  async () => {
    await using lab = labWithOther(onDisk('100 0.05'))
    mkdirSync(lab.path('disk'))
    const disk = 'mount -t tmpfs -o size=1m none disk && head -c 900000 /dev/zero > disk/ballast && exec "$@"'
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
  },
)

test.skipIf(!canMount)('the activity log on a full disk stops nobody', async () => {
  await using lab = labWithOther('[supervisord]\nlogfile=%(here)s/disk/d.log\n[program:y]\ncommand=sleep 99\n')
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
  expect(readFileSync(`${inside}/d.log`, 'utf8')).toMatch(/ WARN stopped: y \(terminated by SIGTERM\)$/m)
  await expectOtherComplete(lab)
})

test('a log whose directory is deleted is written on, told once, and made anew when there is a place for it', async () => {
  await using lab = labWithOther(onDisk('100 0.02', '20KB'))
  mkdirSync(lab.path('disk'))
  await lab.start()
  await until('it has rotated', () => existsSync(lab.path('disk/x.log.1')))
  rmSync(lab.path('disk'), { recursive: true })
  await until('it cannot rotate', () => said(lab, /cannot rotate/).length > 0)
  await expectAnswers(lab)

  // a new life finds no place for its log, and tries again as after every failed start
  lab.ctl('stop', 'x')
  expect(lab.ctl('start', 'x').stdout).toBe('x: ERROR (spawn error)\n')
  mkdirSync(lab.path('disk'))
  await lab.untilState('x', 'RUNNING')
  await until('it has rotated', () => existsSync(lab.path('disk/x.log.1')))

  // reopened in vain: the old file is written on
  rmSync(lab.path('disk'), { recursive: true })
  await until('it cannot rotate', () => said(lab, /cannot rotate/).length > 1)
  lab.daemon!.kill('SIGUSR2')
  await until('it could not be reopened', () => said(lab, /cannot reopen/).length > 0)
  mkdirSync(lab.path('disk'))
  lab.daemon!.kill('SIGUSR2')
  await until('it is written again', () => lastNumber(lab.read('disk/x.log')) > 0)

  await expectOtherComplete(lab)
  const path = lab.path('disk/x.log')
  expect(said(lab, /x\.log|spawnerr/)).toEqual([
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
  unlinkSync(lab.path('disk/x.log'))
  await expectAnswers(lab)
  await until('it is there again', () => existsSync(lab.path('disk/x.log')))
  await lab.ctl('stop', 'x')
  await expectOtherComplete(lab)
  expect(lab.read('disk/x.log')).toMatch(/^end \d+ \d+$/m)
  expect(said(lab, /ERRO/)).toEqual([])
})

test.skipIf(!hasFaultyDisk)(
  'a disk that becomes read-only is told once, and written again when it can be',
  async () => {
    await using lab = labWithOther(`${onDisk('20 0.02')}[program:late]
command=${PROGRAMS}/numbers-its-lines
autostart=false
startretries=0
stdout_logfile=%(here)s/disk/late.log
`)
    mkdirSync(lab.path('disk'))
    mkdirSync(lab.path('kept'))
    await lab.start({ prefix: faultyDisk(lab.path('kept'), lab.path('disk')) })
    await until('it is written', () => lab.read('kept/x.log').length > 1000)
    lab.write('fault', 'errno 30')
    await until('it cannot be written', () => said(lab, CANNOT_WRITE).length > 0)
    await expectAnswers(lab)
    expect(lab.ctl('start', 'late').stdout).toBe('late: ERROR (spawn error)\n')

    rmSync(lab.path('fault'))
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
  },
)

test.skipIf(!hasFaultyDisk)(
  'a slow disk delays nobody else and loses nothing, not even at the end of the daemon',
  async () => {
    await using lab = labWithOther(onDisk('100 0.02'))
    mkdirSync(lab.path('disk'))
    mkdirSync(lab.path('kept'))
    await lab.start({ prefix: faultyDisk(lab.path('kept'), lab.path('disk')) })
    await until('it is written', () => lab.read('kept/x.log').length > 1000)
    lab.write('fault', 'delay 400')
    await until('it is known to be slow', () => said(lab, /slow/).length > 0)
    await expectAnswers(lab)
    await expectAnswers(lab)
    await expectOtherComplete(lab)
    await ask(lab, ({ supervisor }) => supervisor.getProcessInfo('x'))
    expect(await lab.stop()).toBe(0)
    expect(completeLines(lab.read('kept/x.log'))).toBeGreaterThan(1000)
    expect(said(lab, /ERRO/)).toEqual([])
    expect(said(lab, /slow/)).toHaveLength(1)
  },
)
