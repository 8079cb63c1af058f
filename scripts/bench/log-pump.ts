/**
 * What the log pump costs: children that write 100-byte lines or 64 KB blocks through pipe-reader into a rotated log.
 * `node scripts/bench/log-pump.ts [directory] [MB per run]`; prints MB/s and CPU s/GB of this process, medians of five.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logFiles } from '../../supervisor/system/log-file.ts'
import { pipe } from '../../supervisor/system/native.ts'
import { openPipeReader } from '../../supervisor/system/pipe-reader.ts'

const [parent = tmpdir(), megabytes = '500'] = process.argv.slice(2)
const TOTAL = Number(megabytes) * 1e6
const directory = mkdtempSync(join(parent, 'log-pump-'))

// a writer in C where there is a compiler: what writes slower than we read measures itself
const writer = join(directory, 'writer')
const source = `#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int c, char **v) { long n = atol(v[1]), k = atol(v[2]); char *b = malloc(k); memset(b, 'x', k); b[k - 1] = 10;
for (; n > 0; n -= k) for (long o = 0; o < k;) { long w = write(1, b + o, k - o); if (w < 0) return 1; o += w; } return 0; }`
if (spawnSync('cc', ['-O2', '-x', 'c', '-', '-o', writer], { input: source }).status !== 0) throw new Error('needs cc')

interface Measured {
  readonly perSecond: number
  readonly cpuPerGigabyte: number
}

async function measure(children: number, blockSize: number): Promise<Measured> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const ends = Array.from({ length: children }, (_, n) => {
    const log = logFiles.open(
      { path: join(directory, `${n}.log`), maxBytes: 50 << 20, backups: 1 },
      {
        trouble: trouble => console.error(trouble),
        flow: ready => (ready ? reader.resume() : reader.pause()),
      },
    )
    const [read, write] = pipe()
    const child = spawn(writer, [String(TOTAL / children), String(blockSize)], { stdio: ['ignore', write, 'inherit'] })
    closeSync(write)
    let done = () => {}
    const reader = openPipeReader(read, {
      data: chunk => log.write(chunk),
      end() {
        log.close()
        done()
      },
    })
    child.on('exit', () => reader.drainAndClose())
    return new Promise<void>(resolve => {
      done = resolve
    })
  })
  await Promise.all(ends)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: TOTAL / 1e6 / seconds, cpuPerGigabyte: (user + system) / 1e6 / (TOTAL / 1e9) }
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

try {
  for (const [children, blockSize] of [
    [1, 100],
    [50, 100],
    [1, 65_536],
    [50, 65_536],
  ] as const) {
    const runs: Measured[] = []
    for (let n = 0; n < 5; n++) runs.push(await measure(children, blockSize))
    const rate = median(runs.map(run => run.perSecond)).toFixed(0)
    const cost = median(runs.map(run => run.cpuPerGigabyte)).toFixed(2)
    console.log(`${children} x ${blockSize} B writes: ${rate} MB/s, ${cost} CPU s/GB`)
  }
  console.log(`RSS ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`)
} finally {
  rmSync(directory, { recursive: true })
}
