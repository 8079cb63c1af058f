/**
 * Supervisors side by side, and our targets against them.
 *
 *     npm run bench                    everything, about an hour on a quiet machine
 *     npm run bench -- --quick         under three minutes: the built commands, Python's supervisord, the floor in Node
 *     npm run bench -- --show a.json   the targets against samples taken earlier
 *     npm run bench -- --lines         what a line of log costs: ours and Python's, two of the targets
 *     npm run bench -- --growth        what each program more costs, up to 3000: docs/growth.svg
 *
 * What is measured and how stands in ../shared/bench (BENCH_DIR for another place); further arguments go to its bench.py.
 * Targets are ratios within one run: absolute numbers belong to a machine and a minute.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { installDebianPackages } from '../dev/debian.ts'
import { measureGrowth, renderGrowth, renderTable } from './growth.ts'
import { measureLines, type Samples } from './lines.ts'

type Peer = 'candidate' | 'python' | 'floor-node'

interface Result {
  readonly metrics: Samples
  readonly date: string
  readonly machine: string
}

/** At most (or, with `atLeast`, at least) this much of a peer's value, or this value itself. */
interface Bound {
  readonly times?: number
  readonly of?: Peer | 'node -e 0'
  readonly value?: number
}

interface Target {
  readonly title: string
  readonly metric: string
  readonly statistic?: 'p50' | 'p99' | 'max'
  readonly unit: string
  readonly atLeast?: true
  readonly bounds: readonly Bound[]
}

/** THE list of targets. Source: issue 4 */
const targets: readonly Target[] = [
  ...[1, 100, 1000].map(n => ({
    title: `boot, ${n} programs running`,
    metric: `boot.n${n}`,
    unit: 'ms',
    bounds: [
      { times: 1.5, of: 'floor-node' as const },
      { times: 0.15, of: 'python' as const },
    ],
  })),
  {
    title: 'kill → successor running, p50',
    metric: 'restart.latency',
    unit: 'ms',
    bounds: [{ times: 1.5, of: 'floor-node' }, { value: 5 }],
  },
  {
    title: 'kill → successor running, p99',
    metric: 'restart.latency',
    statistic: 'p99',
    unit: 'ms',
    bounds: [{ value: 20 }],
  },
  {
    title: 'status command, 10 programs',
    metric: 'control.n10.status',
    unit: 'ms',
    bounds: [
      { times: 1.3, of: 'node -e 0' },
      { times: 0.25, of: 'python' },
    ],
  },
  {
    title: 'status command, 1000 programs',
    metric: 'control.n1000.status',
    unit: 'ms',
    bounds: [
      { times: 1.3, of: 'node -e 0' },
      { times: 0.1, of: 'python' },
    ],
  },
  {
    title: 'getAllProcessInfo, 1000 programs',
    metric: 'rpc.n1000.getAllProcessInfo.keep.rate',
    unit: '/s',
    atLeast: true,
    bounds: [{ times: 100, of: 'python' }],
  },
  {
    title: 'getState, new connection',
    metric: 'rpc.n10.getState.new.rate',
    unit: '/s',
    atLeast: true,
    bounds: [{ times: 1, of: 'python' }],
  },
  {
    title: 'log with rotation, large writes: CPU',
    metric: 'flood.rotate.cpu',
    unit: 's/GB',
    bounds: [{ times: 1, of: 'python' }],
  },
  {
    title: 'log with rotation, large writes: throughput',
    metric: 'flood.rotate.arrived',
    unit: 'MB/s',
    atLeast: true,
    bounds: [{ times: 1, of: 'python' }],
  },
  { title: 'log lines lost', metric: 'flood.rotate.lost', statistic: 'max', unit: '', bounds: [{ value: 0 }] },
  { title: 'through stdout: CPU', metric: 'flood.pass.cpu', unit: 's/GB', bounds: [{ value: 0.01 }] },
  {
    title: 'log with rotation, a write for each line: CPU',
    metric: 'lines.flood.cpu',
    unit: 's/GB',
    bounds: [{ times: 0.4, of: 'python' }],
  },
  {
    title: 'log lines lost, or in another order',
    metric: 'lines.flood.wrong',
    statistic: 'max',
    unit: '',
    bounds: [{ value: 0 }],
  },
  {
    title: '1000 programs × 1 line/s: CPU',
    metric: 'lines.sparse.cpu',
    unit: '%',
    bounds: [{ times: 0.06, of: 'python' }],
  },
  { title: '  line visible in its log, p99', metric: 'lines.sparse.p99', unit: 'ms', bounds: [{ value: 10 }] },
  { title: '100 programs × 100 lines/s: CPU', metric: 'many.cpu', unit: '%', bounds: [{ times: 0.25, of: 'python' }] },
  { title: '  line visible in its log, p99', metric: 'many.watch.p99', unit: 'ms', bounds: [{ value: 10 }] },
  {
    title: 'private dirty memory, 10 programs',
    metric: 'foot.n10.Private_Dirty',
    unit: 'MiB',
    bounds: [
      { times: 1.15, of: 'floor-node' },
      { times: 0.55, of: 'python' },
    ],
  },
  {
    title: 'private dirty memory, 1000 programs',
    metric: 'foot.n1000.Private_Dirty',
    unit: 'MiB',
    bounds: [{ times: 1, of: 'python' }],
  },
  { title: 'idle context switches', metric: 'foot.n10.idle_switches', unit: '/s', bounds: [{ value: 0 }] },
  ...[100, 1000].map(n => ({
    title: `stop, ${n} programs`,
    metric: `stop.n${n}`,
    unit: 'ms',
    bounds: [
      { times: 2, of: 'floor-node' as const },
      { times: 0.1, of: 'python' as const },
    ],
  })),
  {
    title: 'crash storm of 50: starts',
    metric: 'storm.rate',
    unit: '/s',
    atLeast: true,
    bounds: [{ times: 10, of: 'python' }],
  },
  { title: '  status meanwhile, worst', metric: 'storm.status', statistic: 'max', unit: 'ms', bounds: [{ value: 50 }] },
  { title: 'zombies as PID 1', metric: 'orphans.zombies', statistic: 'max', unit: '', bounds: [{ value: 0 }] },
]

function quantile(samples: readonly number[], statistic: 'p50' | 'p99' | 'max'): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))]!
  if (statistic === 'max') return sorted.at(-1)!
  return statistic === 'p99' ? at(0.99) : (at(0.5) + sorted[Math.floor(sorted.length / 2)]!) / 2
}

/** Three digits: `0.971`, `44.2`, `1570` */
const show = (value: number | null): string =>
  value === null ? '·' : value === 0 ? '0' : value >= 100 ? String(Math.round(value)) : value.toPrecision(3)

/** Bare node, as the command itself would start it. */
function bareNode(): number {
  const samples = Array.from({ length: 20 }, () => {
    const begin = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    return performance.now() - begin
  })
  return quantile(samples, 'p50')
}

function judge({ metrics }: Pick<Result, 'metrics'>): number {
  const node = bareNode()
  const measured = (metric: string, peer: string, statistic: 'p50' | 'p99' | 'max'): number | null => {
    const samples = metrics[metric]?.[peer]
    return samples && samples.length > 0 ? quantile(samples, statistic) : null
  }
  const lines = [['', 'target', 'ours', 'python', 'floor-node', 'limit', '']]
  let missed = 0
  for (const { title, metric, statistic = 'p50', unit, atLeast, bounds } of targets) {
    const ours = measured(metric, 'candidate', statistic)
    if (ours === null) continue
    const limits = bounds.map(({ times = 1, of, value }) => {
      if (value !== undefined) return { value, text: show(value) }
      const base = of === 'node -e 0' ? node : measured(metric, of!, statistic)
      return base === null ? null : { value: base * times, text: `${times} × ${of} = ${show(base * times)}` }
    })
    const known = limits.filter(limit => limit !== null)
    const met = known.every(({ value }) => (atLeast ? ours >= value : ours <= value))
    const verdict = known.length === 0 ? '–' : met ? 'ok' : 'MISSED'
    if (verdict === 'MISSED') missed++
    lines.push([
      verdict,
      title,
      show(ours),
      show(measured(metric, 'python', statistic)),
      show(measured(metric, 'floor-node', statistic)),
      `${atLeast ? '≥' : '≤'} ${known.map(({ text }) => text).join(', ')}`,
      unit,
    ])
  }
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
  console.log(missed === 0 ? 'every target that was measured is met' : `${missed} targets missed`)
  return missed
}

/**
 * Who takes part in what when time is short: those that the targets name. A run of its own for each, since bench.py measures
 * everybody in everything.
 */
const quickRuns = [
  { only: 'boot,foot,control,stop', peers: 'candidate,python,floor-node' },
  { only: 'flood,many,storm', peers: 'candidate,python' },
  { only: 'restart,orphans', peers: 'candidate,floor-node' },
]

const root = resolve(import.meta.dirname, '../..')
const dist = resolve(root, 'dist')
const bench = resolve(root, process.env.BENCH_DIR ?? '../shared/bench')
const args = process.argv.slice(2)

/** Runs bench.py; ends with it when that fails. */
function run(json: string, options: readonly string[]): Result {
  const { status } = spawnSync('/usr/bin/python3', [join(bench, 'bench.py'), '--json', json, ...options], {
    stdio: 'inherit',
    env: {
      ...process.env,
      BENCH_SUPERVISORD: resolve(dist, 'supervisord'),
      BENCH_SUPERVISORCTL: resolve(dist, 'supervisorctl'),
      BENCH_NODE: process.execPath,
    },
  })
  if (status !== 0) process.exit(status ?? 1)
  return readResult(json)
}

const readResult = (json: string): Result => JSON.parse(readFileSync(json, 'utf8'))

/** The samples of several runs that have no measure in common. */
const together = (results: readonly Result[]): Result => ({
  ...results[0]!,
  metrics: Object.assign({}, ...results.map(({ metrics }) => metrics)),
})

const measureOurLines = (): Promise<Samples> =>
  measureLines({ candidate: resolve(dist, 'supervisord'), python: '/usr/bin/supervisord' })

async function measure(): Promise<Result> {
  if (!existsSync(join(bench, 'bench.py'))) {
    console.error(`no bench.py in ${bench}: set BENCH_DIR to the folder that has it`)
    process.exit(1)
  }
  installDebianPackages({ supervisor: '/usr/bin/supervisord' })
  const directory = mkdtempSync(join(tmpdir(), 'bosun-bench-'))
  const json = join(directory, 'samples.json')
  if (!args.includes('--quick') || args.includes('--only') || args.includes('--peers')) {
    const result = run(json, args.includes('--quick') ? args : ['--floors', ...args])
    console.log(`\nsamples: ${json}\n`)
    return args.length > 0 ? result : { ...result, metrics: { ...result.metrics, ...(await measureOurLines()) } }
  }
  const results = quickRuns.map(({ only, peers }, at) =>
    run(join(directory, `${at}.json`), ['--calm', '0.25', ...args, '--only', only, '--peers', peers]),
  )
  const result = together(results)
  writeFileSync(json, JSON.stringify(result))
  console.log(`\nsamples: ${json}\n`)
  return result
}

if (args.includes('--growth')) {
  const rows = await measureGrowth(dist)
  console.log(renderTable(rows))
  writeFileSync(resolve(root, 'docs/growth.svg'), renderGrowth(rows))
  process.exit(0)
}

if (args.includes('--lines')) {
  installDebianPackages({ supervisor: '/usr/bin/supervisord' })
  process.exit(judge({ metrics: await measureOurLines() }) > 0 ? 1 : 0)
}

const shown = args.includes('--show') ? args[args.indexOf('--show') + 1] : undefined
process.exit(judge(shown === undefined ? await measure() : readResult(shown)) > 0 ? 1 : 0)
