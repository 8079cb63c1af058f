/** Samples of a soak: how much was gained, and the picture for docs/performance.md. */

export interface Sample {
  /** since the beginning */
  readonly seconds: number
  readonly privateMegabytes: number
  readonly descriptors: number
  readonly threads: number
  readonly cpuSeconds: number
  readonly lines: number
}

/**
 * What the second half gained, by the slope of Theil and Sen: the median of the slopes between all pairs of samples, which
 * neither a garbage collection nor a crowd of clients bends. The first half is for warming up.
 */
export function growthOf(samples: readonly Sample[], key: keyof Sample): number {
  const half = samples.slice(samples.length >> 1)
  const slopes = half.flatMap((a, at) => half.slice(at + 1).map(b => (b[key] - a[key]) / (b.seconds - a.seconds)))
  const slope = slopes.sort((a, b) => a - b)[slopes.length >> 1] ?? 0
  return slope * (half.at(-1)!.seconds - half[0]!.seconds)
}

const WIDTH = 720
const PANEL = 96
const LEFT = 150
const TOP = 14

interface Panel {
  readonly title: string
  readonly value: (sample: Sample, before: Sample) => number
  readonly digits: number
}

const panels: readonly Panel[] = [
  { title: 'private memory, MB', value: sample => sample.privateMegabytes, digits: 1 },
  { title: 'descriptors', value: sample => sample.descriptors, digits: 0 },
  {
    title: 'CPU, % of a core',
    value: (sample, before) => ((sample.cpuSeconds - before.cpuSeconds) / (sample.seconds - before.seconds)) * 100,
    digits: 0,
  },
  {
    title: 'lines per second',
    value: (sample, before) => (sample.lines - before.lines) / (sample.seconds - before.seconds),
    digits: 0,
  },
]

/** Panels below each other, each from 0 to its highest value. */
export function renderSoakCurve(samples: readonly Sample[]): string {
  const end = samples.at(-1)!.seconds
  const text = (x: number, y: number, anchor: string, content: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
  const drawn = panels.map(({ title, value, digits }, row) => {
    const values = samples.slice(1).map((sample, at) => value(sample, samples[at]!))
    const most = Math.max(...values, 1)
    const bottom = TOP + (row + 1) * PANEL - 20
    const height = PANEL - 34
    const points = values.map((each, at) => {
      const x = LEFT + (samples[at + 1]!.seconds / end) * (WIDTH - LEFT - 10)
      return `${x.toFixed(1)},${(bottom - (each / most) * height).toFixed(1)}`
    })
    return [
      `<path d="M${LEFT} ${bottom - height}V${bottom}H${WIDTH - 10}" fill="none" stroke="#888" stroke-width="0.7"/>`,
      `<polyline points="${points.join(' ')}" fill="none" stroke="#3b7dd8" stroke-width="1.3"/>`,
      text(LEFT - 44, bottom - height / 2 + 4, 'end', title),
      text(LEFT - 6, bottom - height + 8, 'end', most.toFixed(digits)),
      text(LEFT - 6, bottom, 'end', '0'),
    ].join('\n')
  })
  const height = TOP + panels.length * PANEL + 12
  const minutes = end >= 600 ? `${Math.round(end / 60)} min` : `${Math.round(end)} s`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11" fill="#777">
${drawn.join('\n')}
${text(LEFT, height - 10, 'middle', '0')}
${text(WIDTH - 10, height - 10, 'end', minutes)}
</svg>
`
}
