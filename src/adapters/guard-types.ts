import type { ErrorCode } from '../errors.ts'
import type { Photo } from '../face/types.ts'
import type { Mode, Verdict } from '../gate/types.ts'
import type { Knots } from '../inference/manifest.ts'
import type { CallOptions, Candidate, Comparison, Matcher, ScoreScale, SubjectId } from './matcher.ts'
import type { FaceQuality } from './probe.ts'

/** A photo to be assessed, or `req.faceQuality`, which was assessed already and is not scored twice. */
export type ProbeInput = Photo | Uint8Array | FaceQuality

/** The second side of a verification: somebody enrolled, or another photo, assessed like the first. */
export type GuardedReference = { readonly subject: SubjectId } | { readonly photo: ProbeInput }

export interface DownWeighting {
  /** Mean score of comparisons of different people, on the matcher's scale. @default that of the gate's calibration for this matcher, the manifest's for this network, else `scale.impostorMean` */
  readonly impostorMean?: number
  /**
   * Reliability r(q): knots of [quality value 0..1, weight], both rising, 0 < weight <= 1, the last weight 1.
   * @default that of the gate's calibration for this matcher, the manifest's for this network, else a ramp from 0.8 at `rejectBelow` to 1 at `acceptFrom`
   */
  readonly knots?: Knots
}

export interface GuardOptions {
  /**
   * `shadow` and `annotate` let every photo through and change no score.
   * @default the mode of the assessment, or of the gate
   */
  readonly mode?: Mode
  /** `false`: adjusted scores equal raw ones. @default {} */
  readonly downWeight?: DownWeighting | false
  /**
   * What counts as a match, on the matcher's scale: at or above it for similarities, below it for distances.
   * @default that of the gate's calibration for this matcher, else `scale.defaultThreshold`
   */
  readonly threshold?: number
  /** What a photo of several people means. @default 'one' (refused with `several-faces`) */
  readonly faces?: 'one' | 'largest'
}

export interface GuardedIdentifyOptions extends CallOptions {
  /** Most candidates to ask for. @default 5 */
  readonly limit?: number
}

export interface GuardedScore {
  /** As the matcher gave it. */
  readonly rawScore: number
  /** Drawn towards the mean impostor score; never better than `rawScore`. */
  readonly adjustedScore: number
  /** Share of the distance to the mean impostor score that is left, 0 < weight <= 1. */
  readonly weight: number
  /** Does the adjusted score pass the threshold? */
  readonly match: boolean
  /** The SDK's own object, untouched. */
  readonly source: unknown
}

export interface GuardedCandidate extends GuardedScore {
  readonly subject: SubjectId
}

export interface GuardedResult {
  readonly verdict: Verdict
  /**
   * In the matcher's order. Where the enrolled photos' qualities are known and differ, the adjusted scores may rank otherwise: decide by
   * `match`, not by position.
   */
  readonly candidates: readonly GuardedCandidate[]
  /** What the matcher answered, untouched. */
  readonly answer: readonly Candidate[]
}

/** What became of one frame of `identifyFrames()`. */
export interface GuardedFrame {
  /** Undefined for a frame that was refused before it had a score, such as `no-face`. */
  readonly verdict: Verdict | undefined
  /** Why it was refused. */
  readonly refusal: ErrorCode | undefined
  /** It is in the template, or it is the one that the matcher saw. */
  readonly used: boolean
}

export interface GuardedFramesResult extends GuardedResult {
  /** The verdict on the best frame. */
  readonly verdict: Verdict
  /** In the order in which they were given. */
  readonly frames: readonly GuardedFrame[]
  /** `pooled`: one search with the quality-weighted mean of their embeddings; `best-frame`: the matcher saw the best one only. */
  readonly method: 'pooled' | 'best-frame'
  /** (Σw)² / Σw²: how many equally good frames the search is worth; 1 for `best-frame`. */
  readonly effectiveCount: number
}

export interface GuardedComparison extends GuardedScore {
  readonly verdict: Verdict
  /** The verdict on the second photo, when there was one. */
  readonly referenceVerdict: Verdict | undefined
  readonly answer: Comparison
}

export interface GuardedEnrolment {
  readonly verdict: Verdict
  readonly subject: SubjectId
  readonly source: unknown
}

export interface GuardedEmbedding {
  readonly verdict: Verdict
  /** For pooling: the verdict's weight, 1 in shadow and annotate. */
  readonly weight: number
  readonly embedding: Float32Array
}

/**
 * All of them throw DiffiqaError `quality-rejected` (with reasons), whatever `gate.assess()` throws, `invalid-option` for an input that is not
 * bytes, `aborted`, and `matcher-invalid-answer`; errors of the matcher's SDK come through as they are. In none of the first four cases
 * was the matcher called.
 */
export interface GuardedMethods {
  identify(probe: ProbeInput, options?: GuardedIdentifyOptions): Promise<GuardedResult>
  /**
   * Identify one person by several photos of them, such as the frames of a video. Frames that are rejected or refused take no part; when none is
   * left, the refusal of the best one is thrown, with `details.frames`. A matcher with `embeddings` searches once, with the
   * mean of the unit-length embeddings weighted by quality; any other is asked with the best frame. Scores are down-weighted by the frames'
   * weighted mean quality. A frame more can raise a score: frames must be of one capture of one person.
   * @param frames 1 to 100.
   */
  identifyFrames(frames: readonly ProbeInput[], options?: GuardedIdentifyOptions): Promise<GuardedFramesResult>
  verify(probe: ProbeInput, reference: GuardedReference, options?: CallOptions): Promise<GuardedComparison>
  /** Judged by the stricter thresholds for enrolment, also when the photo was assessed as a probe before. */
  enrol(subject: SubjectId, photo: ProbeInput, options?: CallOptions): Promise<GuardedEnrolment>
  remove(subject: SubjectId, options?: CallOptions): Promise<void>
  embed(photo: ProbeInput, options?: CallOptions): Promise<GuardedEmbedding>
}

/** The guarded form of a matcher: the methods it has, optional where they are optional in its type. */
export type Guarded<M extends Matcher> = {
  readonly name: string
  readonly scale: ScoreScale
  /** What was wrapped. */
  readonly matcher: M
} & {
  [K in keyof M as K extends keyof GuardedMethods ? K : never]: K extends keyof GuardedMethods
    ? GuardedMethods[K]
    : never
} & {
  [K in keyof M as K extends 'identify' ? 'identifyFrames' : never]: GuardedMethods['identifyFrames']
}
