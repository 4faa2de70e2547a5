/** Terms of full DifFIQA; each is a cosine similarity to the embedding of the unchanged face (see docs/scoring.md). */
export type TermName = 'forward' | 'backward' | 'forward-mirror' | 'backward-mirror' | 'mirror'

export interface TermSimilarity {
  readonly term: TermName
  /** Diffusion timestep, 0-based index into the schedule of 1000; 0 for the mirror term. */
  readonly timestep: number
  /** Mean over the draws, -1..1. */
  readonly similarity: number
}

/** A calibrated quality score. */
export interface QualityScore {
  /** Probability that a genuine comparison of this probe passes at FMR 1e-3; 0..1. */
  readonly value: number
  /** One standard deviation on the same scale. */
  readonly sigma: number
  readonly method: 'diffiqa-r' | 'diffiqa' | 'combined'
  /** The uncalibrated number; only its order means something. */
  readonly raw: number
  readonly modelVersion: string
  /** Present for full DifFIQA. */
  readonly terms?: readonly TermSimilarity[]
}

/** Names follow ISO/IEC 29794-5:2025 where it has the measure. */
export type MeasureName =
  | 'sharpness'
  | 'luminance-mean'
  | 'illumination-uniformity'
  | 'over-exposure'
  | 'under-exposure'
  | 'dynamic-range'
  | 'compression-artifacts'
  | 'inter-eye-distance'
  | 'head-pose-yaw'
  | 'head-pose-pitch'
  | 'head-pose-roll'
  | 'face-margin'
  | 'alignment-residual'
  | 'eyes-open'
  | 'mouth-closed'
  | 'lower-face-occlusion'
  | 'upper-face-occlusion'

/** Measures that could be taken; a missing one was not assessed. */
export type Measures = Readonly<Partial<Record<MeasureName, number>>>

/** Closed set: also the label values of diffiqa_rejections_total. */
export type ReasonCode =
  | 'low_score'
  | 'blur'
  | 'too_small'
  | 'dark'
  | 'overexposed'
  | 'pose'
  | 'occlusion'
  | 'no_face'
  | 'several_faces'
  | 'unreadable'
  | 'unsupported'
  | 'too_large'

/** Why a face was refused or down-weighted, and what the person can do about it. */
export interface Reason {
  readonly code: ReasonCode
  readonly measure?: MeasureName | 'score'
  readonly value?: number
  readonly threshold?: number
  /** One sentence in plain words. */
  readonly advice: string
}
