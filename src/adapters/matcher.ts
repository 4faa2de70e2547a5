import type { AlignedFace, Face } from '../face/types.ts'

export type SubjectId = string

/** How an SDK's scores are to be read. */
export interface ScoreScale {
  readonly direction: 'similarity' | 'distance'
  readonly min: number
  readonly max: number
  /** Mean score of comparisons of different people; down-weighting shrinks towards it. */
  readonly impostorMean: number
  /** The SDK's own default decision threshold. */
  readonly defaultThreshold: number
}

/** What a matcher gets: the probe in every shape SDKs want, each made once, when first asked for. */
export interface Probe {
  /** The bytes as they were uploaded. */
  readonly photo: Uint8Array
  readonly face: Face
  readonly aligned: AlignedFace
  /** The face with margin, cut out and encoded as JPEG. */
  jpeg(): Promise<Uint8Array>
  /** Upright RGB of the whole photo. */
  rgb(): Promise<{ readonly width: number; readonly height: number; readonly data: Uint8Array }>
  /** The uploaded bytes as base64. */
  base64(): string
}

/** The second side of a verification: an enrolled subject, or another photo. */
export type Reference = { readonly subject: SubjectId } | { readonly probe: Probe }

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface IdentifyOptions extends CallOptions {
  /** Most candidates to return. */
  readonly limit: number
}

export interface Candidate {
  readonly subject: SubjectId
  /** On the SDK's own scale. */
  readonly score: number
  /** Quality value of the enrolled photo, 0..1, when the matcher keeps it. */
  readonly referenceQuality?: number
  /** The SDK's own object, untouched. */
  readonly source: unknown
}

export interface Comparison {
  readonly score: number
  readonly referenceQuality?: number
  readonly source: unknown
}

export interface EnrolOptions extends CallOptions {
  /** Quality value of the photo, 0..1, for matchers that can keep it beside the template. */
  readonly quality?: number
}

export interface Enrolment {
  readonly subject: SubjectId
  readonly source: unknown
}

/** What a matcher can do that compares embeddings it makes itself: several photos of a person become one search, and it can be calibrated. */
export interface EmbeddingAccess {
  /** The embedding that the other methods would use for the probe's face, of any length. */
  describe(probe: Probe, options: CallOptions): Promise<Float32Array>
  /** Score of two of them, on the matcher's scale. */
  compare(a: Float32Array, b: Float32Array): number
  /** `identify()` with an embedding in place of a photo. Best first. */
  search(embedding: Float32Array, options: IdentifyOptions): Promise<Candidate[]>
}

/** What an adapter implements; every method but the name and scale is optional. */
export interface Matcher {
  /** Metric label. */
  readonly name: string
  readonly scale: ScoreScale
  /**
   * Name of the down-weighting that the package's manifest holds for this very network and scale; the adapters that come with the package
   * set it. @default none: an uncalibrated ramp, or what is given to `guard()`
   */
  readonly calibration?: string
  /** Which network makes the embeddings, where the adapter knows; a gate's calibration for another one is refused. */
  readonly modelId?: string
  /** Best first. */
  identify?(probe: Probe, options: IdentifyOptions): Promise<Candidate[]>
  verify?(probe: Probe, reference: Reference, options: CallOptions): Promise<Comparison>
  enrol?(subject: SubjectId, probe: Probe, options: EnrolOptions): Promise<Enrolment>
  remove?(subject: SubjectId, options: CallOptions): Promise<void>
  /** Unit-length or raw embeddings, one per face, in order. */
  embed?(faces: readonly AlignedFace[], options: CallOptions): Promise<Float32Array[]>
  readonly embeddings?: EmbeddingAccess
}

/** A matcher with a gallery of its own. */
export type CompleteMatcher = Matcher & Required<Pick<Matcher, 'identify' | 'verify' | 'enrol' | 'remove'>>
