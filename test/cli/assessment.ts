import type { AlignedFace, Face } from '../../src/face/types.ts'
import type { Assessment, Verdict } from '../../src/gate/types.ts'
import type { QualityScore } from '../../src/quality/types.ts'

const face: Face = {
  box: { x: 88.25, y: 168, width: 222, height: 288 },
  confidence: 0.93,
  landmarks: [
    { x: 150, y: 280 },
    { x: 250.5, y: 282 },
    { x: 200, y: 340 },
    { x: 160, y: 400 },
    { x: 240, y: 401 },
  ],
  interEyeDistance: 100.5,
  pose: { yaw: 2, pitch: -3, roll: 1 },
}

const fast: QualityScore = { value: 0.5, sigma: 0.125, raw: -1.5, method: 'diffiqa-r', modelVersion: 'm1' }

/** One face that DifFIQA(R) alone has judged. */
export const fastVerdict: Verdict = {
  decision: 'down-weight',
  weight: 0.9,
  reasons: [{ code: 'blur', measure: 'sharpness', value: 0.1, threshold: 0.2, advice: 'Hold still, please' }],
  score: fast,
  fast,
  full: undefined,
  uncertain: true,
  escalation: 'skipped-budget',
  degraded: false,
  purpose: 'probe',
  mode: 'enforce',
  thresholds: { rejectBelow: 0.25, acceptFrom: 0.75 },
  measures: { sharpness: 0.1, 'head-pose-yaw': 2 },
  face,
  timings: { totalMs: 12.5, queueMs: 1, decodeMs: 2, detectMs: 3, alignMs: 0.5, diffiqaRMs: 4, diffiqaMs: 0 },
  cached: false,
}

/** The same face with the full score. */
export const fullVerdict: Verdict = {
  ...fastVerdict,
  decision: 'accept',
  weight: 1,
  reasons: [],
  full: {
    value: 0.75,
    sigma: 0.0625,
    raw: 2.5,
    method: 'diffiqa',
    modelVersion: 'm1',
    terms: [
      { term: 'forward', timestep: 20, similarity: 0.875 },
      { term: 'mirror', timestep: 0, similarity: 0.5 },
    ],
  },
  score: { value: 0.8125, sigma: 0.03125, raw: 1.25, method: 'combined', modelVersion: 'm1' },
  escalation: 'confirmed',
}

/** A crop of one colour. */
export const crop: AlignedFace = {
  pixels: new Uint8Array(112 * 112 * 3).fill(90),
  transform: [1, 0, 0, 0, 1, 0],
  residual: 0,
  face,
}

/** A photo with these verdicts; at least one. */
export function assessment(...verdicts: readonly [Verdict, ...Verdict[]]): Assessment {
  return {
    verdict: verdicts[0],
    verdicts,
    faces: verdicts.map(() => face),
    aligned: verdicts.map(() => crop),
    photo: { width: 500, height: 700, format: 'jpeg' },
  }
}
