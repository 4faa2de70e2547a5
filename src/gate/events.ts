import type { ErrorCode } from '../errors.ts'
import type { ModelName, PolicyName, Purpose, ThresholdSet } from '../inference/manifest.ts'
import type { ReasonCode } from '../quality/types.ts'
import type { Mode, Verdict } from './types.ts'

export type MatcherOperation = 'identify' | 'verify' | 'enrol' | 'remove'

/** Everything the gate tells about itself; also published on the diagnostics channel `express-diffiqa:<name>`. */
export interface GateEvents {
  /** One per judged face, at the end of an assessment; `group` as `AssessOptions` named it. */
  verdict: { readonly verdict: Verdict; readonly group?: string }
  /** A photo was refused before a face could be judged (no face, unreadable, …). */
  refusal: { readonly reason: ReasonCode; readonly code: ErrorCode; readonly purpose: Purpose; readonly mode: Mode }
  /** One per assessment, whatever came of it. */
  assessed: {
    readonly outcome: 'accept' | 'down-weight' | 'reject' | 'degraded' | 'shed' | 'error' | 'aborted'
    readonly totalMs: number
    readonly faces: number | undefined
    readonly purpose: Purpose
  }
  /** The gate's own failure. */
  failure: { readonly code: ErrorCode }
  /** Load turned away. */
  shed: { readonly reason: 'queue_full' | 'deadline' | 'draining' }
  /** Passed on without a score (onFailure: 'pass'). */
  degraded: { readonly code: ErrorCode; readonly purpose: Purpose }
  cache: { readonly result: 'hit' | 'miss'; readonly entries: number }
  /** A look-up in the scores that processes share; `skipped`: the store failed too often just now. */
  'shared-cache': { readonly result: 'hit' | 'miss' | 'timeout' | 'error' | 'skipped' }
  'worker-restart': { readonly reason: 'crash' | 'watchdog' | 'memory' }
  thresholds: { readonly policy: PolicyName | 'custom'; readonly thresholds: Readonly<Record<Purpose, ThresholdSet>> }
  'model-ready': { readonly model: ModelName; readonly loadMs: number }
  /** A matcher was put behind the gate. Emitted by `guard()`. */
  guarded: { readonly matcher: string; readonly operations: readonly MatcherOperation[] }
  /** The middleware refused a photo, so that whatever matcher comes after it never got it. */
  withheld: { readonly purpose: Purpose }
  /** A server that runs networks (`openInference()`) can be used from now on, or cannot any more. */
  'inference-server': {
    /** Host and port. */
    readonly server: string
    readonly usable: boolean
    /** Why it cannot be used. */
    readonly code: ErrorCode | undefined
  }
  /** A wrapped matcher was called, or kept from being called. Emitted by `guard()`. */
  matcher: {
    readonly matcher: string
    readonly operation: MatcherOperation
    readonly outcome: 'ok' | 'error' | 'aborted' | 'withheld'
    readonly durationMs: number
    /** Top candidate, as a share of the matcher's scale, 0..1. */
    readonly rawScore?: number
    readonly adjustedScore?: number
    readonly purpose: Purpose
  }
}

export type GateEventName = keyof GateEvents
export type GateListener<N extends GateEventName> = (event: GateEvents[N]) => void

/** Queue and worker state, read at scrape time. */
export interface GateStats {
  readonly queue: {
    readonly fast: { readonly depth: number; readonly capacity: number }
    readonly full: { readonly depth: number; readonly capacity: number }
  }
  readonly workers: { readonly busy: number; readonly idle: number; readonly starting: number }
  readonly cacheEntries: number
}
