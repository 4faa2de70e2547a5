import type { Knots } from '../inference/manifest.ts'
import { quantile } from './quantile.ts'

/** The nearest non-decreasing sequence by weighted least squares (pool adjacent violators). */
export function poolAdjacent(values: readonly number[], weights: readonly number[]): number[] {
  const blocks: { value: number; weight: number; count: number }[] = []
  values.forEach((value, i) => {
    blocks.push({ value, weight: weights[i] as number, count: 1 })
    for (;;) {
      const [before, last] = blocks.slice(-2)
      if (!before || !last || before.value <= last.value) break
      const weight = before.weight + last.weight
      const pooled = (before.value * before.weight + last.value * last.weight) / weight
      blocks.splice(-2, 2, { value: pooled, weight, count: before.count + last.count })
    }
  })
  return blocks.flatMap(({ value, count }) => Array.from({ length: count }, () => value))
}

/** A probability is never said to be certain. */
const [LEAST, MOST] = [0.005, 0.995]

const round = (value: number): number => Math.round(value * 1e5) / 1e5
const clamp = (value: number): number => Math.min(MOST, Math.max(LEAST, value))

/**
 * A monotone map from a raw score to the mean outcome: bins of equally many samples, their mean outcomes made monotone, straight lines between
 * the bins' middles, run on to the ends of the data.
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
  const x = parts.map((part) => part.x)
  const y = poolAdjacent(
    parts.map((part) => part.y),
    parts.map(({ weight }) => weight),
  )
  const sorted = order.map((i) => raw[i] as number)
  const [x0, x1, y0, y1] = [x[0], x[1], y[0], y[1]] as [number, number, number, number]
  const [xm, xn, ym, yn] = [x.at(-2), x.at(-1), y.at(-2), y.at(-1)] as [number, number, number, number]
  const low = Math.min(quantile(sorted, 0.002), x0 - 1e-3)
  const high = Math.max(quantile(sorted, 0.998), xn + 1e-3)
  const first = y0 - ((y1 - y0) / Math.max(x1 - x0, 1e-9)) * (x0 - low)
  const last = yn + ((yn - ym) / Math.max(xn - xm, 1e-9)) * (high - xn)
  const knots = [[low, first], ...x.map((at, i) => [at, y[i] as number]), [high, last]].map(
    ([at, value]) => [round(at as number), round(clamp(value as number))] as const,
  )
  // Equal neighbours carry nothing; sampling noise makes many.
  const rising = knots.filter((knot, i) => i === 0 || knot[0] > (knots[i - 1] as readonly [number, number])[0])
  return rising.filter(
    ([, value], i) =>
      i === 0 || i === rising.length - 1 || rising[i - 1]?.[1] !== value || rising[i + 1]?.[1] !== value,
  )
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
