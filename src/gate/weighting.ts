import { DiffiqaError } from '../errors.ts'
import type { Knots } from '../inference/manifest.ts'
import { applyKnots } from '../quality/calibration.ts'

export interface ShrinkageScale {
  readonly direction: 'similarity' | 'distance'
  /** Mean score of comparisons of different people, on the matcher's own scale. */
  readonly impostorMean: number
}

/**
 * Reliability r(q), 0 < r <= 1: how much of a score's distance to the mean impostor score is left at quality q.
 * @param knots [quality value, r], both rising, r above 0; constant outside. r(1) = 1 whatever the last knot says.
 * @param quality Calibrated value, 0..1.
 */
export function reliability(knots: Knots, quality: number): number {
  if (!(quality >= 0))
    throw new DiffiqaError('scoring-failed', `A quality must be a number from 0 to 1, not ${quality}`)
  return quality >= 1 ? 1 : Math.min(1, applyKnots(knots, quality))
}

/**
 * The quality of a comparison: the worse of the two photos decides; the probe's alone where the other is unknown.
 * @param probe Calibrated value, 0..1.
 * @param reference Calibrated value of the enrolled photo, where the matcher keeps it.
 */
export function pairQuality(probe: number, reference?: number): number {
  return reference === undefined ? probe : Math.min(probe, reference)
}

/**
 * Draw a score towards the mean impostor score: Kelley's regressed true score (1927), one-sided. Similarity: r for r <= m, else
 * m + w·(r − m); distance: r for r >= m, else m − w·(m − r).
 *
 * Rising in the raw score, never better than it, never rising when the weight falls: at an unchanged threshold there can only be fewer
 * false matches. The price is some missed genuine ones.
 * @param raw On the matcher's own scale.
 * @param weight Of `reliability()`, above 0 and at most 1.
 * @throws DiffiqaError `matcher-invalid-answer` when the score is no finite number.
 */
export function adjustScore(raw: number, weight: number, { direction, impostorMean }: ShrinkageScale): number {
  if (!Number.isFinite(raw))
    throw new DiffiqaError('matcher-invalid-answer', 'The matcher gave a score that is no number')
  const worse = direction === 'similarity' ? raw <= impostorMean : raw >= impostorMean
  if (worse || weight === 1) return raw
  const shrunk = impostorMean + weight * (raw - impostorMean)
  // Rounding could make the sum a hair better than the raw score.
  return direction === 'similarity' ? Math.min(raw, shrunk) : Math.max(raw, shrunk)
}
