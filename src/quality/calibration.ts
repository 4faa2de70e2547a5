import type { Knots, ScoringManifest } from '../inference/manifest.ts'
import type { QualityScore } from './types.ts'

/** Index of the last knot at or before x; −1 before the first. */
function segment(knots: Knots, x: number): number {
  let i = -1
  while (i + 1 < knots.length && (knots[i + 1] as readonly [number, number])[0] <= x) i++
  return i
}

/**
 * Read a monotone piecewise linear map: a raw score becomes a probability.
 * @param knots At least one, x ascending; constant before the first and after the last.
 */
export function applyKnots(knots: Knots, x: number): number {
  const i = segment(knots, x)
  const last = knots.length - 1
  const [x0, y0] = knots[Math.min(last, Math.max(0, i))] as readonly [number, number]
  if (i < 0 || i === last) return y0
  const [x1, y1] = knots[i + 1] as readonly [number, number]
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}

/** Slope of the map right of x; 0 outside the knots. */
export function slopeAt(knots: Knots, x: number): number {
  const i = segment(knots, x)
  if (i < 0 || i === knots.length - 1) return 0
  const [x0, y0] = knots[i] as readonly [number, number]
  const [x1, y1] = knots[i + 1] as readonly [number, number]
  return (y1 - y0) / (x1 - x0)
}

/**
 * Carry one standard deviation of a raw score to the value scale: half of what the map covers from x − σ to x + σ, which is slope · σ on
 * a straight piece and stays honest beside a flat one, where the slope at a point would claim certainty.
 */
export function sigmaAt(knots: Knots, x: number, sigma: number): number {
  return (applyKnots(knots, x + sigma) - applyKnots(knots, x - sigma)) / 2
}

/** What a raw score means. */
export function calibrate(knots: Knots, raw: number, sigma: number): Pick<QualityScore, 'value' | 'sigma' | 'raw'> {
  return { value: applyKnots(knots, raw), sigma: sigmaAt(knots, raw, sigma), raw }
}

/** Two independent estimates of the same value, each counted by how sure it is; the plain mean when both claim certainty. */
function inverseVariance(a: QualityScore, b: QualityScore): { value: number; sigma: number } {
  const [wa, wb] = [1 / a.sigma ** 2, 1 / b.sigma ** 2]
  if (!Number.isFinite(wa) || !Number.isFinite(wb)) {
    const value = wa === wb ? (a.value + b.value) / 2 : Number.isFinite(wb) ? a.value : b.value
    return { value, sigma: 0 }
  }
  return { value: (wa * a.value + wb * b.value) / (wa + wb), sigma: Math.sqrt(1 / (wa + wb)) }
}

/**
 * The cascade's final score of a face that got both looks.
 *
 * With the tuned preset: raw = c_r · DifFIQA(R)'s raw + c_f · full DifFIQA's raw, fitted and calibrated on validation people, because both
 * share some of their errors. The paper's preset has no fitted sum: there the values are weighted by inverse variance and `raw` is the
 * value.
 */
export function combine(
  fast: QualityScore,
  full: QualityScore,
  scoring: ScoringManifest,
  preset: 'tuned' | 'paper' = 'tuned',
): QualityScore {
  const common = {
    method: 'combined',
    modelVersion: full.modelVersion,
    ...(full.terms && { terms: full.terms }),
  } as const
  if (preset === 'paper') {
    const { value, sigma } = inverseVariance(fast, full)
    return { value, sigma, raw: value, ...common }
  }
  const { regressor, full: weight, knots, sigma } = scoring.cascade.combination
  return { ...calibrate(knots, regressor * fast.raw + weight * full.raw, sigma), ...common }
}
