/**
 * What a line of log costs, ours and Python's supervisord in turns: one program that writes as quick as it can, a write(2) for
 * each line, into a rotated log; and a thousand that say something once a second. Source: issue 4
 */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  watch,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { buildProgram, DaemonRun } from './daemon-run.ts'

/** Metric → supervisor → a sample for each repetition. */
export type Samples = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>

const ROUNDS = 3
const LINE = 100
const FLOOD_LINES = 2_000_000
const SPARSE_PROGRAMS = 1000
/** s */
const SPARSE_TIME = 15
/** Logs that are looked at for when a line comes. */
const WATCHED = 20

/** From SIGUSR1 on writes numbered lines, or one a second with the time of its write, begun at a moment of its own. */
const PROGRAM = `#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static void say(const char *fifo, const char *text) {
  int descriptor = open(fifo, O_WRONLY);
  if (write(descriptor, text, strlen(text)) < 0) _exit(1);
  close(descriptor);
}
int main(int count, char **words) {
  long lines = atol(words[1]); char line[${LINE + 1}], pid[20]; sigset_t set; int signal_number;
  sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, 0);
  sprintf(pid, "%d\\n", getpid()); say(words[2], pid); sigwait(&set, &signal_number);
  memset(line, 'x', ${LINE}); line[${LINE - 1}] = '\\n';
  if (lines == 0) usleep(getpid() * 7919L % 1000 * 1000);
  for (long n = 0; lines == 0 || n < lines; n++) {
    struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
    line[sprintf(line, "%015lld", lines ? n : t.tv_sec * 1000000LL + t.tv_nsec / 1000)] = ' ';
    if (write(1, line, ${LINE}) != ${LINE}) return 1;
    if (lines == 0) sleep(1);
  }
  say(words[2], "end\\n");
  for (;;) pause();
}`

/** `supervisors`: name → path. */
export async function measureLines(supervisors: Readonly<Record<string, string>>): Promise<Samples> {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-bench-'))
  const samples: Record<string, Record<string, number[]>> = {}
  try {
    const program = buildProgram(PROGRAM, join(directory, 'program'))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, supervisord] of Object.entries(supervisors)) {
        const measured = { ...(await flood(supervisord, program)), ...(await sparse(supervisord, program)) }
        for (const [metric, value] of Object.entries(measured)) ((samples[metric] ??= {})[name] ??= []).push(value)
      }
    }
    return samples
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function flood(supervisord: string, program: string): Promise<Record<string, number>> {
  await using run = await DaemonRun.start({
    supervisord,
    command: `${program} ${FLOOD_LINES}`,
    programs: 1,
    options: ['stdout_logfile_maxbytes=50MB', 'stdout_logfile_backups=10'],
  })
  await wait(1000)
  const before = run.cpu
  process.kill(run.pids[0]!, 'SIGUSR1')
  await run.until(2)
  while (lastNumber(run) !== FLOOD_LINES - 1) await wait(20)
  const seconds = (run.cpu - before) / 1e6
  return { 'lines.flood.cpu': seconds / ((FLOOD_LINES * LINE) / 1e9), 'lines.flood.wrong': wrongLines(run) }
}

const numberOf = (line: string): number => Number(line.slice(0, 15))

/** Of the newest log, which may have been begun a moment ago and be empty. */
function lastNumber(run: DaemonRun): number {
  const descriptor = openSync(run.log(0), 'r')
  try {
    const line = Buffer.alloc(LINE)
    const read = readSync(descriptor, line, 0, LINE, Math.max(0, fstatSync(descriptor).size - LINE))
    return read < LINE ? -1 : numberOf(line.toString('latin1'))
  } finally {
    closeSync(descriptor)
  }
}

/** Lines of all generations together that do not stand where they should, and those that are missing. */
function wrongLines(run: DaemonRun): number {
  const generation = (name: string): number => Number(name.split('.')[2] ?? 0)
  const files = readdirSync(run.directory).filter(name => name.startsWith('p0.log'))
  let [expected, wrong] = [0, 0]
  for (const file of files.sort((a, b) => generation(b) - generation(a))) {
    for (const line of readFileSync(join(run.directory, file), 'latin1').split('\n').slice(0, -1)) {
      if (line.length !== LINE - 1 || numberOf(line) !== expected) wrong++
      expected++
    }
  }
  return wrong + Math.abs(FLOOD_LINES - expected)
}

async function sparse(supervisord: string, program: string): Promise<Record<string, number>> {
  await using run = await DaemonRun.start({ supervisord, command: `${program} 0`, programs: SPARSE_PROGRAMS })
  await wait(2000)
  for (const pid of run.pids) process.kill(pid, 'SIGUSR1')
  await wait(2000)
  const latencies: number[] = []
  const watchers = Array.from({ length: WATCHED }, (_, n) => watchLines(run.log(n), latencies))
  const before = run.cpu
  const since = performance.now()
  await wait(SPARSE_TIME * 1000)
  const cpu = (run.cpu - before) / 1000 / (performance.now() - since)
  for (const watcher of watchers) watcher.close()
  latencies.sort((a, b) => a - b)
  return { 'lines.sparse.cpu': cpu * 100, 'lines.sparse.p99': latencies[Math.floor(latencies.length * 0.99)]! }
}

/** ms from the moment before a line was written until it could be read. */
function watchLines(path: string, latencies: number[]): { close(): void } {
  const descriptor = openSync(path, 'r')
  const room = Buffer.alloc(64 * LINE)
  const take = (): number => readSync(descriptor, room, 0, room.length, null)
  while (take() > 0) {}
  const watcher = watch(path, () => {
    const now = Number(process.hrtime.bigint() / 1000n)
    for (let read = take(), at = 0; at < read; at += LINE) {
      latencies.push((now - numberOf(room.toString('latin1', at, at + LINE))) / 1000)
    }
  })
  return watcher.once('close', () => closeSync(descriptor))
}
