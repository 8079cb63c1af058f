/**
 * What each program more costs: the daemon with 10, 100, 1000 and 3000 programs, and the picture for docs/performance.md.
 * The programs are a few lines of C, so that what is measured is ours.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { buildProgram, DaemonRun } from './daemon-run.ts'

export interface Growth {
  readonly programs: number
  /** ms from the start of the daemon until the last program runs */
  readonly boot: number
  /** ms that `supervisorctl status` takes */
  readonly status: number
  /** MiB, private and dirty, idle */
  readonly memory: number
  /** µs of the daemon's CPU for a line of 100 bytes, each program writing two a second */
  readonly line: number
}

const SIZES = [10, 100, 1000, 3000]
const ROUNDS = 3
/** s of writing */
const WRITING = 5
const LINE = 100

/** Says its pid, and from SIGUSR1 on writes a line every half second. */
const PROGRAM = `#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
  char line[${LINE}]; sigset_t set; int signal_number;
  sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, 0);
  int fifo = open(words[1], O_WRONLY), length = sprintf(line, "%d\\n", getpid());
  if (write(fifo, line, length) != length) return 1;
  close(fifo); sigwait(&set, &signal_number);
  memset(line, 'x', ${LINE}); line[${LINE - 1}] = '\\n';
  for (usleep(getpid() % 500 * 1000); write(1, line, ${LINE}) == ${LINE}; usleep(500000));
  return 1;
}`

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

/** `commands`: where supervisord and supervisorctl are. */
export async function measureGrowth(commands: string): Promise<readonly Growth[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-growth-'))
  try {
    const program = buildProgram(PROGRAM, join(directory, 'program'))
    const rows: Growth[] = []
    for (const programs of SIZES) {
      const runs: Growth[] = []
      for (let round = 0; round < ROUNDS; round++) runs.push(await measureOnce(commands, program, programs))
      const middle = (key: keyof Growth): number => median(runs.map(run => run[key]))
      rows.push({
        programs,
        boot: middle('boot'),
        status: middle('status'),
        memory: middle('memory'),
        line: middle('line'),
      })
    }
    return rows
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function measureOnce(commands: string, command: string, programs: number): Promise<Growth> {
  await using run = await DaemonRun.start({ supervisord: join(commands, 'supervisord'), command, programs })
  const status = median(Array.from({ length: 5 }, () => askForStatus(commands, run.conf, programs)))
  await wait(2000)
  const memory = privateMemory(run.pid)
  for (const pid of run.pids) process.kill(pid, 'SIGUSR1')
  await wait(1000)
  const before = { cpu: run.cpu, lines: linesIn(run.directory) }
  await wait(WRITING * 1000)
  const line = (run.cpu - before.cpu) / (linesIn(run.directory) - before.lines)
  return { programs, boot: run.boot, status, memory, line }
}

function askForStatus(commands: string, conf: string, programs: number): number {
  const started = performance.now()
  const { stdout } = spawnSync(join(commands, 'supervisorctl'), ['-c', conf, 'status'], { encoding: 'utf8' })
  const took = performance.now() - started
  const running = stdout.split(' RUNNING ').length - 1
  if (running !== programs) throw new Error(`${running} of ${programs} programs are RUNNING`)
  return took
}

/** MiB */
const privateMemory = (pid: number): number =>
  Number(/^Private_Dirty: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1024

const linesIn = (directory: string): number =>
  readdirSync(directory)
    .filter(name => name.endsWith('.log'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size / LINE, 0)

/** Three digits: `0.97`, `44.2`, `1570` */
const short = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toPrecision(3))

export function renderTable(rows: readonly Growth[]): string {
  const lines = rows.map(({ programs, boot, status, memory, line }) =>
    [String(programs), ...[boot, status, memory, line].map(short)].map(cell => cell.padStart(10)).join(''),
  )
  return ['  programs   boot ms status ms memory MiB  µs/line', ...lines].join('\n')
}

interface Panel {
  readonly title: string
  readonly key: 'boot' | 'status' | 'memory' | 'line'
  readonly unit: string
  /** of the line to compare with: 1 is in proportion to the number of programs */
  readonly slope: 0 | 1
}

const panels: readonly Panel[] = [
  { title: 'start, all programs running', key: 'boot', unit: 'ms', slope: 1 },
  { title: 'supervisorctl status', key: 'status', unit: 'ms', slope: 1 },
  { title: 'private memory', key: 'memory', unit: 'MiB', slope: 1 },
  { title: 'CPU for a line of log', key: 'line', unit: 'µs', slope: 0 },
]

const WIDTH = 330
const HEIGHT = 200
const LEFT = 46
const TOP = 40
const BOTTOM = HEIGHT - 26

/** A panel for each figure, both axes logarithmic; dashed is a constant cost for each program or line. */
export function renderGrowth(rows: readonly Growth[]): string {
  const width = WIDTH * 2
  const height = HEIGHT * 2
  const drawn = panels.map((panel, at) => renderPanel(panel, rows, (at % 2) * WIDTH, Math.floor(at / 2) * HEIGHT))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" fill="#777">
${drawn.join('\n')}
</svg>
`
}

function renderPanel({ title, key, unit, slope }: Panel, rows: readonly Growth[], left: number, top: number): string {
  const values = rows.map(row => row[key])
  const last = rows.at(-1)!
  const guide = rows.map(({ programs }) => last[key] * (programs / last.programs) ** slope)
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(Math.ceil(Math.log10(Math.max(...values))), from + 1)
  const x = (programs: number): number =>
    LEFT + (Math.log10(programs / SIZES[0]!) / Math.log10(SIZES.at(-1)! / SIZES[0]!)) * (WIDTH - LEFT - 40)
  const y = (value: number): number => BOTTOM - ((Math.log10(value) - from) / (to - from)) * (BOTTOM - TOP)
  const line = (points: readonly number[], style: string): string =>
    `<polyline points="${rows.map(({ programs }, at) => `${x(programs).toFixed(1)},${y(points[at]!).toFixed(1)}`).join(' ')}" fill="none" ${style}/>`
  const text = (atX: number, atY: number, anchor: string, content: string): string =>
    `<text x="${atX.toFixed(1)}" y="${atY.toFixed(1)}" text-anchor="${anchor}">${content}</text>`
  const decades = Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n))
  return [
    `<g transform="translate(${left} ${top})">`,
    `<clipPath id="${key}"><path d="M${LEFT} ${TOP}H${WIDTH}V${BOTTOM}H${LEFT}z"/></clipPath>`,
    text(LEFT, TOP - 20, 'start', `${title}, ${unit}`),
    ...decades.map(
      value => `<path d="M${LEFT} ${y(value).toFixed(1)}H${WIDTH - 40}" stroke="#888" stroke-width="0.3"/>`,
    ),
    ...decades.map(value => text(LEFT - 6, y(value) + 4, 'end', String(Number(value.toPrecision(1))))),
    ...rows.map(({ programs }) => text(x(programs), BOTTOM + 16, 'middle', String(programs))),
    `<g clip-path="url(#${key})">${line(guide, 'stroke="#888" stroke-width="0.8" stroke-dasharray="3 3"')}</g>`,
    line(values, 'stroke="#3b7dd8" stroke-width="1.3"'),
    ...rows.map(
      ({ programs }, at) =>
        `<circle cx="${x(programs).toFixed(1)}" cy="${y(values[at]!).toFixed(1)}" r="2.2" fill="#3b7dd8"/>`,
    ),
    ...rows.map(({ programs }, at) =>
      text(x(programs) + (at === 0 ? 4 : 0), y(values[at]!) - 7, at === 0 ? 'start' : 'middle', short(values[at]!)),
    ),
    '</g>',
  ].join('\n')
}
