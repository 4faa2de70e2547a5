import { DiffiqaError } from '../errors.ts'
import type { Purpose, ScoringManifest, ThresholdSet } from '../inference/manifest.ts'
import { combine } from '../quality/calibration.ts'
import type { PresetName } from '../quality/diffiqa.ts'
import { reasonsFor } from '../quality/reasons.ts'
import type { QualityScore } from '../quality/types.ts'
import type { SecondLook } from './escalator.ts'
import type { Look, LookedFace } from './photo-scorer.ts'
import { judge } from './policy.ts'
import type { Escalation, Mode, Timings, Verdict } from './types.ts'

export interface VerdictContext {
  readonly scoring: ScoringManifest
  readonly preset: PresetName
  readonly thresholds: ThresholdSet
  readonly purpose: Purpose
  readonly mode: Mode
  readonly totalMs: number
}

/** Every number a decision rests on is looked at once more: NaN compares false with any threshold and would pass some of them. */
function checkScore(score: QualityScore): QualityScore {
  const { value, sigma, raw } = score
  if (value >= 0 && value <= 1 && sigma >= 0 && Number.isFinite(sigma) && Number.isFinite(raw)) return score
  throw new DiffiqaError('invalid-model-output', 'A score is no number from 0 to 1', {
    details: { method: score.method },
  })
}

/** The score to decide on, and what the second look did to the decision. */
function settle(
  fast: QualityScore,
  second: SecondLook | undefined,
  { scoring, preset, thresholds }: VerdictContext,
): { readonly score: QualityScore; readonly full: QualityScore | undefined; readonly escalation: Escalation } {
  if (!second) return { score: fast, full: undefined, escalation: 'not-needed' }
  if (!second.answer) return { score: fast, full: undefined, escalation: second.skipped }
  const full = checkScore(second.answer.full)
  const score = checkScore(combine(fast, full, scoring, preset))
  const same = judge(score.value, thresholds).decision === judge(fast.value, thresholds).decision
  return { score, full, escalation: same ? 'confirmed' : 'overturned' }
}

function timingsOf({ stages, queueMs }: Look, second: SecondLook | undefined, totalMs: number): Timings {
  return {
    totalMs,
    queueMs,
    ...(second?.answer && { fullQueueMs: second.queueMs }),
    ...stages,
    diffiqaMs: second?.answer ? second.serviceMs : 0,
  }
}

/**
 * The verdict on one face.
 * @param second Undefined when the fast score settled the matter.
 * @throws DiffiqaError `invalid-model-output`.
 */
export function makeVerdict(
  look: Look,
  face: LookedFace,
  uncertain: boolean,
  second: SecondLook | undefined,
  context: VerdictContext,
): Verdict {
  const { thresholds, purpose, mode, totalMs } = context
  const fast = checkScore(face.fast)
  const { score, full, escalation } = settle(fast, second, context)
  const { decision, weight } = judge(score.value, thresholds)
  const measures = { ...face.measures, ...second?.answer?.measures }
  const { rejectBelow, acceptFrom } = thresholds
  return {
    decision,
    weight,
    reasons: decision === 'accept' ? [] : reasonsFor(measures, score, { rejectBelow, acceptFrom }),
    score,
    fast,
    full,
    escalation,
    uncertain,
    degraded: false,
    ...(second && !second.answer && second.failure && { failure: second.failure }),
    purpose,
    mode,
    thresholds: { rejectBelow, acceptFrom },
    measures,
    face: face.aligned.face,
    timings: timingsOf(look, second, totalMs),
    cached: look.cached,
  }
}
