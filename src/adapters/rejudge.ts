import { judge } from '../gate/policy.ts'
import type { Decision, Verdict } from '../gate/types.ts'
import type { Purpose, ThresholdSet } from '../inference/manifest.ts'
import { reasonsFor } from '../quality/reasons.ts'

const STRICTNESS: Readonly<Record<Decision, number>> = { accept: 0, 'down-weight': 1, reject: 2 }

/**
 * The verdict for another purpose, from the score there is: a photo that was assessed as a probe and is now to be enrolled has to pass the
 * thresholds for enrolment. Never milder than the verdict it is made of.
 */
export function rejudge(verdict: Verdict, purpose: Purpose, thresholds: ThresholdSet): Verdict {
  const { score, measures } = verdict
  if (verdict.purpose === purpose || !score) return verdict
  const { decision, weight } = judge(score.value, thresholds)
  if (STRICTNESS[decision] < STRICTNESS[verdict.decision]) return verdict
  const { rejectBelow, acceptFrom } = thresholds
  return {
    ...verdict,
    purpose,
    decision,
    weight,
    reasons: reasonsFor(measures, score, thresholds),
    thresholds: { rejectBelow, acceptFrom },
  }
}
