import type { ScoringManifest, ThresholdSet } from '../inference/manifest.ts'
import type { QualityScore } from '../quality/types.ts'
import type { RecentScores } from './recent-scores.ts'

/** Why the fast score alone does not settle the decision. */
export type Doubt = 'acceptance' | 'residual'

/**
 * Is the fast score enough to decide on?
 *
 * `acceptance`: the photo would not be accepted, which is what people notice; `residual`: the landmarks fit the template worse than in the
 * photos it was trained on, so the score means little. The latter is looked at twice; of the former those whose score is among the lowest
 * of the traffic (recent-scores.ts). There the second look gains most on validation people; among photos that are accepted it gains
 * nothing, and a budget that goes to whoever comes first is spent on photos that need it less.
 * @param residual Of the crop's alignment, in crop pixels.
 * @returns the first doubt, or undefined when there is none.
 */
export function doubtAbout(
  { value }: Pick<QualityScore, 'value'>,
  residual: number,
  { acceptFrom }: Pick<ThresholdSet, 'acceptFrom'>,
  { residualCap }: Pick<ScoringManifest['cascade'], 'residualCap'>,
): Doubt | undefined {
  if (residual > residualCap) return 'residual'
  return value < acceptFrom ? 'acceptance' : undefined
}

/** Is the doubt worth a part of the budget, `share` of all faces? */
export function deservesSecondLook(
  doubt: Doubt | undefined,
  { raw }: Pick<QualityScore, 'raw'>,
  recent: RecentScores,
  share: number,
): boolean {
  return doubt === 'residual' || (doubt === 'acceptance' && recent.isLow(raw, share))
}
