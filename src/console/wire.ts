import type { Box, HeadPose, Landmarks } from '../face/types.ts'
import type { Assessment, Decision, Escalation, Mode, Timings } from '../gate/types.ts'
import type { PolicyName, Purpose, ThresholdSet } from '../inference/manifest.ts'
import type { Explanation, PresetName } from '../quality/diffiqa.ts'
import type { Measures, QualityScore, Reason, TermSimilarity } from '../quality/types.ts'

/** Answer of `GET api/settings`. */
export interface SettingsAnswer {
  readonly modelVersion: string
  readonly preset: PresetName
  readonly mode: Mode
  readonly policy: PolicyName | 'custom'
  /** Those in force. */
  readonly thresholds: Readonly<Record<Purpose, ThresholdSet>>
  /** Those of the named policies. */
  readonly policies: Readonly<Record<PolicyName, Readonly<Record<Purpose, ThresholdSet>>>>
  readonly maxBytes: number
}

/** One judged face. */
export interface FaceAnswer {
  readonly decision: Decision
  readonly weight: number
  readonly reasons: readonly Reason[]
  readonly score: QualityScore
  /** DifFIQA(R) alone. */
  readonly fast: QualityScore
  /** Full DifFIQA, where it ran. */
  readonly full: QualityScore | null
  readonly escalation: Escalation
  readonly uncertain: boolean
  readonly measures: Measures
  readonly box: Box
  readonly landmarks: Landmarks
  readonly pose: HeadPose
  readonly interEyeDistance: number
  readonly confidence: number
  readonly timings: Timings
  /** The 112 × 112 crop: interleaved RGB bytes in base64. */
  readonly crop: string
}

/** Answer of `POST api/assess`. */
export interface AssessAnswer {
  readonly purpose: Purpose
  readonly photo: { readonly width: number; readonly height: number; readonly format: string }
  /** Largest first. */
  readonly faces: readonly FaceAnswer[]
  /** Faces too small to be judged. */
  readonly bystanders: readonly Box[]
}

/** One comparison of full DifFIQA; pictures are 112 × 112 interleaved RGB bytes in base64. */
export interface VersionAnswer extends TermSimilarity {
  readonly pixels: string
  readonly noisy?: string
  readonly counts: boolean
}

/** Answer of `POST api/explain`. */
export interface ExplainAnswer {
  readonly score: QualityScore
  readonly versions: readonly VersionAnswer[]
}

/** What became of the service's requests in one stretch of time. */
export interface RateBucket {
  accept: number
  downWeight: number
  /** Rejected faces and refused photos. */
  reject: number
  /** Errors, load turned away, clients that left, photos passed on without a score. */
  other: number
}

/** Answer of `GET api/rate`. */
export interface RateAnswer {
  readonly bucketSeconds: number
  /** Oldest first; the last one is not over yet. */
  readonly buckets: readonly RateBucket[]
  readonly policy: SettingsAnswer['policy']
  readonly thresholds: SettingsAnswer['thresholds']
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** @param assessment Made with `faces: 'all'`, `crops: true` and `onFailure: 'reject'`, so that every verdict has a face and a score. */
export function assessAnswer(assessment: Assessment, purpose: Purpose): AssessAnswer {
  const { verdicts, faces, aligned, photo } = assessment
  const judged = new Set(verdicts.map(({ face }) => face))
  return {
    purpose,
    photo: photo as AssessAnswer['photo'],
    faces: verdicts.flatMap((verdict, i): FaceAnswer[] => {
      const { face, score, fast, full, decision, weight, reasons, escalation, uncertain, measures, timings } = verdict
      const crop = aligned[i]
      if (!face || !score || !fast || !crop) return []
      const { box, landmarks, pose, interEyeDistance, confidence } = face
      const where = { box, landmarks, pose, interEyeDistance, confidence, crop: base64(crop.pixels) }
      const what = { decision, weight, reasons, score, fast, full: full ?? null, escalation, uncertain }
      return [{ ...what, measures, ...where, timings }]
    }),
    bystanders: faces.filter((face) => !judged.has(face)).map(({ box }) => box),
  }
}

export function explainAnswer({ score, versions }: Explanation): ExplainAnswer {
  return {
    score,
    versions: versions.map(({ pixels, noisy, ...version }) => ({
      ...version,
      pixels: base64(pixels),
      ...(noisy && { noisy: base64(noisy) }),
    })),
  }
}
