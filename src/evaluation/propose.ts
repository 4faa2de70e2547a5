import { discardOrder } from './edc.ts'

/**
 * The highest threshold that refuses at most the wanted share of photos.
 * @param quality - per photo; NaN (no score) is always refused, and counts as such
 * @param share - 0 up to but not including 1
 * @returns undefined when the photos without a score already are more than that
 */
export function thresholdForDiscard(quality: Float64Array, share: number): number | undefined {
  const filled = quality.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value)).sort()
  const threshold = filled[Math.floor(share * filled.length)]
  return threshold === Number.NEGATIVE_INFINITY ? undefined : threshold
}

/** FNMR of the pairs that reach a threshold. */
export function fnmrAbove(failed: Uint8Array, quality: Float64Array, threshold: number): number {
  let kept = 0
  let failing = 0
  quality.forEach((value, k) => {
    if (value < threshold) return
    kept++
    failing += failed[k] as number
  })
  return failing / kept
}

/**
 * The lowest threshold whose kept pairs have at most the wanted FNMR.
 * @param quality - per pair; -Infinity where a photo has no score
 * @returns undefined when no threshold reaches it
 */
export function thresholdForFnmr(failed: Uint8Array, quality: Float64Array, wanted: number): number | undefined {
  const order = discardOrder(quality, Int32Array.from(quality.keys()))
  let failing = 0
  for (const value of failed) failing += value
  let previous = Number.NEGATIVE_INFINITY
  for (const [k, pair] of order.entries()) {
    const threshold = quality[pair] as number
    const fnmr = failing / (order.length - k)
    // Equal ones are refused or kept together.
    if (threshold > previous && fnmr <= wanted) return threshold
    previous = threshold
    failing -= failed[pair] as number
  }
  return undefined
}
