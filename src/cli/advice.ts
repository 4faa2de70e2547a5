import type { PrometheusSample } from './prometheus-client.ts'

/** Share of what was counted at or below a value. */
export interface CumulativeStep {
  readonly upTo: number
  /** 0..1. */
  readonly share: number
  /** Prometheus estimates between its scrapes: rounded. */
  readonly count: number
}

export interface Advice {
  /** Judged faces. */
  readonly judged: number
  /** Photos refused without a score (no face, unreadable, …): no threshold changes that. */
  readonly refusedAnyway: number
  readonly rejectBelow: number | undefined
  readonly acceptFrom: number | undefined
  /** What `rejectBelow` at `upTo` would have rejected, but for scores that are exactly there. */
  readonly scores: readonly CumulativeStep[]
  /** Best candidates' scores as the matcher gave them, 0..1 on its scale, and after down-weighting. */
  readonly rawScores: readonly CumulativeStep[]
  readonly adjustedScores: readonly CumulativeStep[]
}

export interface Answers {
  /** By `le`. */
  readonly scores: readonly PrometheusSample[]
  readonly rejections: readonly PrometheusSample[]
  /** Of them those with a verdict. */
  readonly rejects: readonly PrometheusSample[]
  /** By `bound`. */
  readonly thresholds: readonly PrometheusSample[]
  /** By `le` and `kind`. */
  readonly matches: readonly PrometheusSample[]
}

/** What the answers of Prometheus mean. */
export function adviceFrom({ scores, rejections, rejects, thresholds, matches }: Answers): Advice {
  const bound = (name: string) => thresholds.find(({ labels }) => labels.bound === name)?.value
  const kind = (name: string) => cumulative(matches.filter(({ labels }) => labels.kind === name))
  const total = (samples: readonly PrometheusSample[]) => samples.reduce((sum, { value }) => sum + value, 0)
  return {
    judged: countOf(scores),
    refusedAnyway: Math.max(0, Math.round(total(rejections) - total(rejects))),
    rejectBelow: bound('reject_below'),
    acceptFrom: bound('accept_from'),
    scores: cumulative(scores),
    rawScores: kind('raw'),
    adjustedScores: kind('adjusted'),
  }
}

const boundOf = ({ labels }: PrometheusSample): number =>
  labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)

/** In the bucket without a bound is everything. */
const countOf = (buckets: readonly PrometheusSample[]): number =>
  Math.round(buckets.find((bucket) => boundOf(bucket) === Number.POSITIVE_INFINITY)?.value ?? 0)

/**
 * Buckets of a histogram in their order; nothing when nothing was counted. A threshold's bound that only some instances have, or only since
 * the last release, lacks the photos of the others: it is left out when it holds less than the bound below it.
 */
function cumulative(buckets: readonly PrometheusSample[]): CumulativeStep[] {
  const total = buckets.find((bucket) => boundOf(bucket) === Number.POSITIVE_INFINITY)?.value ?? 0
  if (!(total > 0)) return []
  let below = 0
  return buckets
    .filter((bucket) => Number.isFinite(boundOf(bucket)))
    .toSorted((a, b) => boundOf(a) - boundOf(b))
    .filter(({ value }) => {
      if (value < below) return false
      below = value
      return true
    })
    .map((bucket) => ({
      upTo: boundOf(bucket),
      share: Math.min(1, Math.max(0, bucket.value / total)),
      count: Math.round(bucket.value),
    }))
}
