import type { Box, HeadPose, Landmarks } from '../face/types.ts'
import type { Assessment, Decision, Timings, Verdict } from '../gate/types.ts'
import type { Purpose, ThresholdSet } from '../inference/manifest.ts'
import { isoQuality } from '../quality/ofiq.ts'
import type { Measures, QualityScore, Reason, TermSimilarity } from '../quality/types.ts'

/** One method's answer: calibrated 0..1, its standard deviation on that scale, and the number before calibration. */
export interface ScoreRecord {
  readonly value: number
  readonly sigma: number
  readonly raw: number
  readonly terms?: readonly TermSimilarity[]
}

/** One face of one file: a line of `score --json`. Fields without an answer are null; all but `timings` is the same in every run. */
export interface FaceRecord {
  readonly file: string
  /** 0-based; the largest face of a photo comes first. */
  readonly face: number
  /** How many faces of the photo have a record. */
  readonly faces: number
  /** ISO/IEC 29794-1 style integer 0..100 of `score`. */
  readonly quality: number | null
  /** The calibrated value that the decision rests on. */
  readonly score: number | null
  readonly sigma: number | null
  readonly method: QualityScore['method'] | null
  readonly decision: Decision
  /** 1 for accept, 0 for reject, between for down-weight. */
  readonly weight: number
  readonly reasons: readonly Reason[]
  /** DifFIQA(R) alone does not settle the decision: a gate runs full DifFIQA if the score is among the lowest of its traffic. */
  readonly wouldEscalate: boolean
  readonly diffiqaR: ScoreRecord | null
  /** With `--full`. */
  readonly diffiqa: ScoreRecord | null
  /** With `--full`. */
  readonly combined: ScoreRecord | null
  readonly box: Box | null
  /** Eye on the image's left, eye on its right, nose tip, mouth corner left, right; pixels of the upright photo. */
  readonly landmarks: Landmarks | null
  /** Of the detector, 0..1. */
  readonly confidence: number | null
  /** Pixels of the upright photo. */
  readonly interEyeDistance: number | null
  readonly pose: HeadPose | null
  readonly measures: Measures
  readonly photo: Assessment['photo'] | null
  readonly purpose: Purpose
  readonly thresholds: Pick<ThresholdSet, 'rejectBelow' | 'acceptFrom'>
  readonly modelVersion: string
  /** With `--crops`: the file that the 112×112 crop went to. */
  readonly crop?: string
  readonly timings: Timings
}

export interface FaceRecordContext {
  readonly file: string
  readonly modelVersion: string
  /** Paths of the written crops, by face. */
  readonly crops?: readonly string[]
}

/** One record per judged face of an assessment, largest face first. */
export function faceRecords(assessment: Assessment, context: FaceRecordContext): FaceRecord[] {
  return assessment.verdicts.map((verdict, face) => faceRecord(assessment, verdict, face, context))
}

function faceRecord(assessment: Assessment, verdict: Verdict, index: number, context: FaceRecordContext): FaceRecord {
  const { score, face } = verdict
  const crop = context.crops?.[index]
  return {
    file: context.file,
    face: index,
    faces: assessment.verdicts.length,
    quality: score ? isoQuality(score.value) : null,
    score: score?.value ?? null,
    sigma: score?.sigma ?? null,
    method: score?.method ?? null,
    decision: verdict.decision,
    weight: verdict.weight,
    reasons: verdict.reasons,
    wouldEscalate: verdict.uncertain,
    diffiqaR: scoreRecord(verdict.fast),
    diffiqa: scoreRecord(verdict.full),
    combined: score?.method === 'combined' ? scoreRecord(score) : null,
    box: face?.box ?? null,
    landmarks: face?.landmarks ?? null,
    confidence: face?.confidence ?? null,
    interEyeDistance: face?.interEyeDistance ?? null,
    pose: face?.pose ?? null,
    measures: verdict.measures,
    photo: assessment.photo ?? null,
    purpose: verdict.purpose,
    thresholds: { rejectBelow: verdict.thresholds.rejectBelow, acceptFrom: verdict.thresholds.acceptFrom },
    modelVersion: score?.modelVersion ?? context.modelVersion,
    ...(crop === undefined ? {} : { crop }),
    timings: verdict.timings,
  }
}

function scoreRecord(score: QualityScore | undefined): ScoreRecord | null {
  if (!score) return null
  const { value, sigma, raw, terms } = score
  return { value, sigma, raw, ...(terms && { terms }) }
}
