/** Median and spread of one measurement, milliseconds unless said otherwise. */
export interface Figure {
  readonly name: string
  readonly unit: 'ms' | 'µs' | 'photos/s' | 'MB' | 'kB' | '%' | 'series'
  readonly median: number
  readonly p99: number
  readonly min: number
  readonly runs: number
  /** Median over the median of this run's reference; absent where that means nothing. */
  readonly ratio?: number
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number

export function figure(name: string, values: readonly number[], unit: Figure['unit'] = 'ms'): Figure {
  const sorted = [...values].sort((a, b) => a - b)
  return { name, unit, median: at(sorted, 0.5), p99: at(sorted, 0.99), min: at(sorted, 0), runs: sorted.length }
}

/** Time an operation `runs` times after a warm-up. */
export async function time(name: string, runs: number, operation: () => unknown): Promise<Figure> {
  for (let i = 0; i < Math.min(3, runs); i++) await operation()
  const values: number[] = []
  for (let i = 0; i < runs; i++) {
    const begun = performance.now()
    await operation()
    values.push(performance.now() - begun)
  }
  return figure(name, values)
}
