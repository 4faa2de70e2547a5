import type { ScoringManifest, ThresholdSet } from '../inference/manifest.ts'
import type { QualityScore } from '../quality/types.ts'

/** Why the fast score alone does not settle the decision. */
export type Doubt = 'threshold' | 'refusal' | 'residual'

type CascadeCaps = Pick<ScoringManifest['cascade'], 'z' | 'hopelessBelow' | 'residualCap'>

/**
 * Is the fast score certain enough to decide on?
 *
 * `threshold`: a threshold lies within z·sigma of the value, so the decision might be the other one (never where z is 0: many values are the
 * same, and a threshold may be one of them); `refusal`: it would clearly be
 * refused, which is what people notice, and is not beyond hope (among such photos the second look also gains most); `residual`: the
 * landmarks fit the template worse than in the photos it was trained on, so its own sigma means little.
 * @param residual Of the crop's alignment, in crop pixels.
 * @returns the first doubt, or undefined when there is none.
 */
export function doubtAbout(
  fast: Pick<QualityScore, 'value' | 'sigma'>,
  residual: number,
  thresholds: Pick<ThresholdSet, 'rejectBelow' | 'acceptFrom'>,
  { z, hopelessBelow, residualCap }: CascadeCaps,
): Doubt | undefined {
  const reach = z * fast.sigma
  const near = (threshold: number): boolean => z > 0 && Math.abs(fast.value - threshold) <= reach
  if (near(thresholds.rejectBelow) || near(thresholds.acceptFrom)) return 'threshold'
  if (fast.value >= hopelessBelow && fast.value < thresholds.rejectBelow - fast.sigma / 2) return 'refusal'
  if (residual > residualCap) return 'residual'
  return undefined
}
