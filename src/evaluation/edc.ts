import type { Pairs } from './pairs.ts'
import { seededRandom } from './seeded-random.ts'

/** FNMR of what is kept after the worst pairs are discarded, one step per pair. */
export interface EdcCurve {
  /** Share of the genuine pairs that is discarded, 0 up to but not including 1, ascending. */
  readonly discarded: Float64Array
  /** FNMR of the kept pairs from that share on to the next. */
  readonly fnmr: Float64Array
}

/** A pair is as good as the worse of its two photos; a photo without a score (NaN) is worse than all others. */
export function pairQuality(
  quality: ArrayLike<number>,
  { first, second }: Pick<Pairs, 'first' | 'second'>,
): Float64Array {
  const of = (photo: number): number => {
    const value = quality[photo] as number
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value
  }
  return Float64Array.from(first, (photo, k) => Math.min(of(photo), of(second[k] as number)))
}

/** 1 for each pair that fails: below the threshold, or without a face (NaN). */
export function failures(similarity: Float64Array, threshold: number): Uint8Array {
  return Uint8Array.from(similarity, (value) => (value >= threshold ? 0 : 1))
}

/** The numbers 0 to `length` - 1 in an order that depends on the seed alone (Fisher-Yates). */
export function seededShuffle(length: number, seed: string): Int32Array {
  const random = seededRandom(seed)
  const order = Int32Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1))
    const moved = order[i] as number
    order[i] = order[j] as number
    order[j] = moved
  }
  return order
}

/**
 * Indices from the worst pair to the best.
 * @param shuffle - equally good ones keep their order in it
 */
export function discardOrder(quality: ArrayLike<number>, shuffle: Int32Array): Int32Array {
  const at = (k: number): number => quality[k] as number
  // Not a difference: that of two infinities is no number. Typed arrays sort stably.
  return shuffle.slice().sort((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0))
}

/** The error-versus-discard curve (Grother and Tabassi, 2007) of pairs in discard order. */
export function edcCurve(failed: Uint8Array, order: Int32Array): EdcCurve {
  const total = order.length
  const discarded = new Float64Array(total)
  const fnmr = new Float64Array(total)
  let failing = 0
  for (const value of failed) failing += value
  order.forEach((pair, k) => {
    discarded[k] = k / total
    fnmr[k] = failing / (total - k)
    failing -= failed[pair] as number
  })
  return { discarded, fnmr }
}
