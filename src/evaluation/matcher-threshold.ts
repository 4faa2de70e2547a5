/** Scores of different people, and which of them are better. */
export interface ImpostorThresholdOptions {
  readonly direction: 'similarity' | 'distance'
  /** Share of the scores that may pass, 0..1. */
  readonly fmr: number
}

/**
 * The mildest threshold that at most the share `fmr` of the scores passes: halfway between two different scores, since many matchers round,
 * and all scores that are equal are on one side of it. A similarity passes from the threshold on, a distance below it.
 * @param scores at least one
 */
export function mildestThreshold(scores: readonly number[], { direction, fmr }: ImpostorThresholdOptions): number {
  const sign = direction === 'similarity' ? 1 : -1
  const better = scores.map((score) => sign * score).sort((a, b) => a - b)
  const allowed = Math.min(better.length - 1, Math.floor(fmr * better.length))
  const best = better[better.length - 1 - allowed] as number
  const next = better.find((score) => score > best)
  const threshold = next === undefined ? best + Number.EPSILON * Math.max(1, Math.abs(best)) : best + (next - best) / 2
  return sign * (threshold > best ? threshold : (next ?? threshold))
}
