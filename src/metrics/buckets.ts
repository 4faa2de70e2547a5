import type { Knots } from '../inference/manifest.ts'

const steps = (step: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.round((i + 1) * step * 100) / 100)

/** 0.05 … 0.95; a score is never above 1, which is what the bucket without a bound holds. */
export const SCORE_STEPS = steps(0.05, 19)
/** SDKs that give percentages put genuine people above 0.9. */
export const MATCH_SCORE_BOUNDS = [...steps(0.1, 9), 0.95]
export const FACES_BOUNDS = [0, 1, 2, 3, 5, 10, 20]
/** 0.25 s and 2 s are the objectives that alerts compare with. */
export const REQUEST_BOUNDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 10]
export const STAGE_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
export const WAIT_BOUNDS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2]
export const MATCHER_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** The steps and every threshold, so that the share of scores below a threshold can be read off exactly. */
export function scoreBounds(thresholds: readonly number[]): number[] {
  const inside = thresholds.filter((threshold) => threshold > 0 && threshold < 1)
  return [...new Set([...SCORE_STEPS, ...inside])].sort((a, b) => a - b)
}

/** Share of the calibration set at or below a score, linear between the knots. */
export function referenceShare(knots: Knots, score: number): number {
  const next = knots.findIndex(([x]) => x >= score)
  const [x1, y1] = knots[next] ?? [1, 1]
  const before = knots[next - 1]
  if (next < 0) return 1
  if (!before || x1 === score) return x1 === score ? y1 : 0
  const [x0, y0] = before
  return y0 + ((y1 - y0) * (score - x0)) / (x1 - x0)
}
