import type { ErrorCode } from '../errors.ts'
import type { Purpose, ThresholdSet } from '../inference/manifest.ts'
import type { Assessment, Mode, Verdict } from './types.ts'

export interface DegradedContext {
  readonly purpose: Purpose
  readonly mode: Mode
  readonly thresholds: ThresholdSet
  readonly totalMs: number
}

/**
 * The assessment of a photo that is let through without a score. It has no face and no crop; its weight is 1, as if there were no gate,
 * because that is what `onFailure: 'pass'` asks for.
 */
export function degradedAssessment(failure: ErrorCode, context: DegradedContext): Assessment {
  const { purpose, mode, totalMs } = context
  const { rejectBelow, acceptFrom } = context.thresholds
  const verdict: Verdict = {
    decision: 'accept',
    weight: 1,
    reasons: [],
    score: undefined,
    fast: undefined,
    full: undefined,
    escalation: 'not-needed',
    uncertain: true,
    degraded: true,
    failure,
    purpose,
    mode,
    thresholds: { rejectBelow, acceptFrom },
    measures: {},
    face: undefined,
    timings: { totalMs, queueMs: 0, decodeMs: 0, detectMs: 0, alignMs: 0, diffiqaRMs: 0, diffiqaMs: 0 },
    cached: false,
  }
  return { verdict, verdicts: [verdict], faces: [], aligned: [], photo: undefined }
}
