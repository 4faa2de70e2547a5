import type { ErrorCode } from '../errors.ts'
import type { AlignedFace, Face } from '../face/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import type { Measures, QualityScore, Reason } from '../quality/types.ts'

export type Decision = 'accept' | 'down-weight' | 'reject'
export type Mode = 'enforce' | 'shadow' | 'annotate'
export type OnFailure = 'reject' | 'pass'

/** What became of the second, slower look; `not-needed`: the fast score settles it, or others are lower and need the budget more. */
export type Escalation = 'not-needed' | 'confirmed' | 'overturned' | 'skipped-budget' | 'skipped-deadline' | 'failed'

/**
 * Milliseconds. Stages are service time; `queueMs` is waiting only. Stages but `diffiqaMs` are those of the whole photo; the measures
 * count to `alignMs`. A verdict from the cache has no stages.
 */
export interface Timings {
  readonly totalMs: number
  readonly queueMs: number
  /** Waiting of full DifFIQA, where it ran; not in `queueMs`. */
  readonly fullQueueMs?: number
  readonly decodeMs: number
  readonly detectMs: number
  readonly alignMs: number
  readonly diffiqaRMs: number
  readonly diffiqaMs: number
}

/** The gate's answer about one face. */
export interface Verdict {
  readonly decision: Decision
  /** 1 for accept, 0 for reject, between for down-weight. */
  readonly weight: number
  readonly reasons: readonly Reason[]
  /** The score the decision was made on; absent only when `degraded`. */
  readonly score: QualityScore | undefined
  /** Always the fast score. */
  readonly fast: QualityScore | undefined
  /** Full DifFIQA, when it ran. */
  readonly full: QualityScore | undefined
  readonly escalation: Escalation
  /** The face is not accepted on the fast score alone, or its landmarks are unlike the training photos'; whether full DifFIQA then ran is told by `escalation`. */
  readonly uncertain: boolean
  /** True when scoring failed and `onFailure: 'pass'` let the probe on, unjudged, with weight 1. */
  readonly degraded: boolean
  /** The error of a degraded verdict, or of an escalation that failed. */
  readonly failure?: ErrorCode
  readonly purpose: Purpose
  readonly mode: Mode
  readonly thresholds: { readonly rejectBelow: number; readonly acceptFrom: number }
  readonly measures: Measures
  /** Undefined where degraded, or where the scores come from another process (`cache.shared`) and no crops were asked for. */
  readonly face: Face | undefined
  readonly timings: Timings
  readonly cached: boolean
}

export interface AssessOptions {
  /** @default 'probe' */
  readonly purpose?: Purpose
  /** @default 'one' */
  readonly faces?: 'one' | 'largest' | 'all'
  /** @default the gate's mode */
  readonly mode?: Mode
  /** @default the gate's onFailure */
  readonly onFailure?: OnFailure
  /** Milliseconds for the whole assessment. @default the gate's deadlineMs */
  readonly deadlineMs?: number
  /** Most pixels of the photo, read from its header. @default the gate's maxPixels */
  readonly maxPixels?: number
  /** Always run full DifFIQA, whatever the fast score says. @default false */
  readonly full?: boolean
  readonly signal?: AbortSignal
  /** Faces a detector of the caller's found already (`fromHuman()`); detection is skipped. */
  readonly detected?: readonly Face[]
  /** For the metrics' label `group` (`createMetrics(gate, { groups })`), such as the device the photo comes from. */
  readonly group?: string
  /** Return the 112×112 crops too. @default false */
  readonly crops?: boolean
  /**
   * Tell of this assessment in the gate's events, and so in the metrics. False for trials of an operator's, which must not move the rates of
   * the service. @default true
   */
  readonly report?: boolean
}

/** One photo's assessment. */
export interface Assessment {
  /** Verdict on the face that counts: the only one, or the largest. */
  readonly verdict: Verdict
  /** One per face, largest first; same as `[verdict]` unless `faces: 'all'`. */
  readonly verdicts: readonly Verdict[]
  /** Every face that was found, largest first, small bystanders included; empty where `photo` is undefined. */
  readonly faces: readonly Face[]
  /** Crops in the order of `verdicts`, when asked for. */
  readonly aligned: readonly AlignedFace[]
  /** Upright size of the photo in pixels; undefined when `degraded`, and where another process looked at it (`cache.shared`). */
  readonly photo: { readonly width: number; readonly height: number; readonly format: string } | undefined
}
