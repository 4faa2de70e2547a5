import type { Knots } from '../inference/manifest.ts'
import { poolAdjacent } from './isotonic.ts'

/** Comparisons of different people. */
export interface ImpostorScores {
  /** On the matcher's scale. */
  readonly score: Float64Array
  /** Lower quality value of the two photos, 0..1. */
  readonly quality: Float64Array
}

export interface ReliabilityOptions {
  readonly direction: 'similarity' | 'distance'
  readonly impostorMean: number
  /** The matcher's decision threshold. */
  readonly threshold: number
  /** False match rate that no quality bin is to exceed at that threshold. */
  readonly fmr: number
  /** @default 8 */
  readonly bins?: number
  /** Smallest weight. @default 0.5 */
  readonly lowest?: number
}

/** A bin says something about a rate when ten impostors are expected beyond it. */
const EXPECTED = 10
/** Of the upper bound of each bin's impostor quantile. */
const CONFIDENCE = 0.9

/**
 * Reliability r(q) of docs/scoring.md: bins of equally many impostor comparisons by quality; τ_b = the score that the share `fmr` of a bin's impostors
 * reaches (its upper 90 % bound); r_b = min(1, (τ − μ₀)/(τ_b − μ₀)), made non-decreasing, straight lines between the bins' middles, r(1) = 1.
 * @returns undefined when there are too few comparisons for any bin to tell.
 */
export function fitReliability({ score, quality }: ImpostorScores, options: ReliabilityOptions): Knots | undefined {
  const { direction, impostorMean, threshold, fmr, bins = 8, lowest = 0.5 } = options
  const sign = direction === 'similarity' ? 1 : -1
  const distance = sign * (threshold - impostorMean)
  const order = Array.from(quality.keys()).sort((a, b) => (quality[a] as number) - (quality[b] as number))
  const found: { x: number; r: number; weight: number }[] = []
  for (let bin = 0; bin < bins; bin++) {
    const inside = order.slice(Math.floor((bin * order.length) / bins), Math.floor(((bin + 1) * order.length) / bins))
    if (!(fmr > 0) || inside.length < EXPECTED / fmr) continue
    const beyond = Float64Array.from(inside, (i) => sign * ((score[i] as number) - impostorMean)).sort()
    const x = inside.reduce((sum, i) => sum + (quality[i] as number), 0) / inside.length
    const bound = upperQuantile(beyond, fmr)
    found.push({ x, r: bound <= distance ? 1 : distance / bound, weight: inside.length })
  }
  if (found.length === 0) return undefined
  const smooth = poolAdjacent(
    found.map(({ r }) => r),
    found.map(({ weight }) => weight),
  )
  const knots: [number, number][] = []
  found.forEach(({ x }, i) => {
    const knot: [number, number] = [round(x), round(Math.min(1, Math.max(lowest, smooth[i] as number)))]
    if (knot[0] > (knots.at(-1)?.[0] ?? -1) && knot[0] < 1) knots.push(knot)
  })
  knots.push([1, 1])
  return knots.length > 1 ? knots : undefined
}

const round = (value: number): number => Math.round(value * 1e5) / 1e5

/** An upper confidence bound of the (1 − share) quantile, from order statistics: fewer than so many lie beyond it, nine times of ten. */
export function upperQuantile(ascending: Float64Array, share: number): number {
  const rank = Math.max(1, binomialQuantile(1 - CONFIDENCE, ascending.length, share))
  return ascending[ascending.length - rank] as number
}

/** The smallest k with P(X ≤ k) ≥ p for X of a binomial distribution; the normal approximation where many are expected. */
export function binomialQuantile(p: number, count: number, share: number): number {
  const mean = count * share
  const deviation = Math.sqrt(mean * (1 - share))
  // z of 0.1 is −1.2816; the only p that is asked for with many.
  if (mean > 500) return Math.max(0, Math.ceil(mean - 1.2815515655446 * deviation - 0.5))
  let term = (1 - share) ** count
  let sum = term
  let k = 0
  while (sum < p && k < count) {
    term *= ((count - k) / (k + 1)) * (share / (1 - share))
    sum += term
    k++
  }
  return k
}
