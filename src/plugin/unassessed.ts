import type { ErrorCode } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import type { Assessment, Mode, Verdict } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'

/** What a photo that could not be judged gets where nothing may be refused: accepted, unjudged, and marked so. */
export function unassessed(gate: Gate, failure: ErrorCode, purpose: Purpose, mode: Mode): Assessment {
  const { rejectBelow, acceptFrom } = gate.thresholds[purpose]
  const verdict: Verdict = {
    decision: 'accept',
    weight: 1,
    reasons: [],
    score: undefined,
    fast: undefined,
    full: undefined,
    escalation: 'not-needed',
    uncertain: false,
    degraded: true,
    failure,
    purpose,
    mode,
    thresholds: { rejectBelow, acceptFrom },
    measures: {},
    face: undefined,
    timings: { totalMs: 0, queueMs: 0, decodeMs: 0, detectMs: 0, alignMs: 0, diffiqaRMs: 0, diffiqaMs: 0 },
    cached: false,
  }
  return { verdict, verdicts: [verdict], faces: [], aligned: [], photo: undefined }
}
