import type { Knots } from '../inference/manifest.ts'
import { quantile } from './quantile.ts'

interface Block {
  readonly x: number
  readonly y: number
  readonly weight: number
  readonly count: number
}

/** Neighbours whose y does not rise are pooled into their weighted means (pool adjacent violators). */
function pool(points: readonly Omit<Block, 'count'>[]): Block[] {
  const blocks: Block[] = []
  for (const point of points) {
    blocks.push({ ...point, count: 1 })
    for (;;) {
      const [a, b] = blocks.slice(-2)
      if (!a || !b || a.y < b.y) break
      const weight = a.weight + b.weight
      const mean = (of: 'x' | 'y'): number => (a[of] === b[of] ? a[of] : (a[of] * a.weight + b[of] * b.weight) / weight)
      blocks.splice(-2, 2, { x: mean('x'), y: mean('y'), weight, count: a.count + b.count })
    }
  }
  return blocks
}

/** The nearest non-decreasing sequence by weighted least squares. */
export function poolAdjacent(values: readonly number[], weights: readonly number[]): number[] {
  const blocks = pool(values.map((y, i) => ({ x: i, y, weight: weights[i] as number })))
  return blocks.flatMap(({ y, count }) => Array.from({ length: count }, () => y))
}

/** A probability is never said to be certain. */
const [LEAST, MOST] = [0.005, 0.995]

const round = (value: number): number => Math.round(value * 1e5) / 1e5
const clamp = (value: number): number => Math.min(MOST, Math.max(LEAST, value))

/**
 * A strictly rising map from a raw score to the mean outcome: whoever sorts by the value sorts by the raw score.
 *
 * Bins of equally many samples, their mean outcomes made monotone, straight lines between the middles of what was pooled (centered isotonic
 * regression: Oron and Flournoy, Statistics in Biopharmaceutical Research 2017). They run on to the ends of the data, and over as far again
 * halfway to 0 and 1.
 * @param outcome 0..1 per sample
 * @param bins at least 2
 */
export function fitKnots(raw: readonly number[], outcome: readonly number[], bins: number): Knots {
  const order = raw.map((_, i) => i).sort((a, b) => (raw[a] as number) - (raw[b] as number))
  const parts = Array.from({ length: bins }, (_, bin) => {
    const inside = order.slice(Math.floor((bin * order.length) / bins), Math.floor(((bin + 1) * order.length) / bins))
    const mean = (of: readonly number[]): number =>
      inside.reduce((sum, i) => sum + (of[i] as number), 0) / inside.length
    return { x: mean(raw), y: mean(outcome), weight: inside.length }
  })
  const blocks = pool(parts)
  const [first, last] = [blocks[0] as Block, blocks.at(-1) as Block]
  const sorted = order.map((i) => raw[i] as number)
  const low = Math.min(quantile(sorted, 0.002), first.x - 1e-3)
  const high = Math.max(quantile(sorted, 0.998), last.x + 1e-3)
  const slope = (a: Block, b: Block): number => (a.x < b.x ? (b.y - a.y) / (b.x - a.x) : 0)
  const lowest = clamp(first.y - slope(first, blocks[1] ?? first) * (first.x - low))
  const highest = clamp(last.y + slope(blocks.at(-2) ?? last, last) * (high - last.x))
  const points: Knots = [
    [2 * low - high, lowest / 2],
    [low, lowest],
    ...blocks.map(({ x, y }) => [x, clamp(y)] as const),
    [high, highest],
    [2 * high - low, (1 + highest) / 2],
  ]
  const knots: [number, number][] = []
  for (const point of points) {
    const [x, y] = [round(point[0]), round(point[1])]
    const [before, below] = knots.at(-1) ?? [Number.NEGATIVE_INFINITY, 0]
    // Ends that were cut off may be as high as their neighbours.
    if (x > before && y > below) knots.push([x, y])
  }
  return knots
}

/** Cumulative distribution of values in 0..1 as knots [upper bound, share]. */
export function distribution(values: readonly number[]): Knots {
  const sorted = [...values].sort((a, b) => a - b)
  const shares = Array.from({ length: 31 }, (_, i) => i / 30)
  const knots: [number, number][] = [[0, 0]]
  for (const [bound, share] of [...shares.map((share) => [quantile(sorted, share), share] as const), [1, 1] as const]) {
    const last = knots.at(-1) as [number, number]
    if (round(bound) > last[0]) knots.push([round(bound), round(share)])
    else last[1] = Math.max(last[1], round(share))
  }
  return knots
}
