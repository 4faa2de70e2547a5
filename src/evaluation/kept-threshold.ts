import { discardOrder, pairQuality } from './edc.ts'
import type { Comparisons, Pairs } from './pairs.ts'
import { type Embeddings, similarities } from './similarity.ts'

/** Thresholds are set again after each of so many equal shares is discarded. */
export const STEPS = 100

/** Impostor comparisons of found faces, the most similar first. */
export interface RankedImpostors {
  readonly similarity: Float64Array
  readonly first: Int32Array
  readonly second: Int32Array
}

/** All impostor comparisons at once: some 40 bytes each while they are ranked. */
export function rankImpostors(embeddings: Embeddings, { impostors }: Pick<Comparisons, 'impostors'>): RankedImpostors {
  const a: number[] = []
  const b: number[] = []
  impostors((i, j) => {
    if (!embeddings[i] || !embeddings[j]) return
    a.push(i)
    b.push(j)
  })
  const all: Pick<Pairs, 'first' | 'second'> = { first: Int32Array.from(a), second: Int32Array.from(b) }
  const unsorted = similarities(embeddings, all)
  const order = discardOrder(
    unsorted.map((value) => -value),
    Int32Array.from(a.keys()),
  )
  return {
    similarity: Float64Array.from(order, (k) => unsorted[k] as number),
    first: Int32Array.from(order, (k) => all.first[k] as number),
    second: Int32Array.from(order, (k) => all.second[k] as number),
  }
}

/**
 * The threshold at an FMR over what is kept, after each hundredth of the genuine pairs is discarded: whoever refuses photos refuses them
 * in impostor comparisons too.
 *
 * @param quality - per photo
 * @param order - the genuine pairs from the worst to the best
 * @returns per share 0, 1/100, … 99/100; the last one that could be set where no impostor comparison is left
 */
export function keptThresholds(
  { similarity, first, second }: RankedImpostors,
  quality: Float64Array,
  genuine: Pairs,
  order: Int32Array,
  fmr: number,
): Float64Array {
  const impostorQuality = pairQuality(quality, { first, second })
  const genuineQuality = pairQuality(quality, genuine)
  const thresholds = new Float64Array(STEPS)
  for (let step = 0; step < STEPS; step++) {
    const worstKept = order[Math.floor((step * order.length) / STEPS)] as number
    // At share 0 all are kept, those without a score too.
    const bar = step === 0 ? Number.NEGATIVE_INFINITY : (genuineQuality[worstKept] as number)
    thresholds[step] = thresholdAbove(similarity, impostorQuality, bar, fmr) ?? (thresholds[step - 1] as number)
  }
  return thresholds
}

function thresholdAbove(similarity: Float64Array, quality: Float64Array, bar: number, fmr: number): number | undefined {
  let count = 0
  for (const value of quality) if (value >= bar) count++
  if (count === 0) return undefined
  // The quantile 1 − fmr, linear between neighbours, counted from above.
  const position = (count - 1) * fmr
  const above = Math.floor(position)
  let seen = 0
  let high = Number.NaN
  for (let k = 0; k < similarity.length; k++) {
    if ((quality[k] as number) < bar) continue
    const value = similarity[k] as number
    if (seen === above) high = value
    if (seen === above + 1) return high + (value - high) * (position - above)
    seen++
  }
  return high
}

/**
 * Partial areas as `pauc()` has them, with the threshold of the share that is discarded.
 * @param similarity - per genuine pair; NaN fails
 * @param thresholds - of {@link keptThresholds}
 */
export function keptPauc(
  similarity: Float64Array,
  order: Int32Array,
  thresholds: Float64Array,
  limits: readonly number[],
  weight?: Float64Array,
): Float64Array {
  const times = (k: number): number => (weight ? (weight[order[k] as number] as number) : 1)
  const fails = (k: number, step: number): boolean =>
    !((similarity[order[k] as number] as number) >= (thresholds[step] as number))
  let total = 0
  for (let k = 0; k < order.length; k++) total += times(k)
  const areas = new Float64Array(limits.length)
  let base = Number.NaN
  let start = 0
  let step = -1
  let failing = 0
  for (let k = 0; k < order.length && start < Math.max(...limits) * total; k++) {
    const width = times(k)
    if (width === 0) continue
    const now = Math.min(STEPS - 1, Math.floor((start / total) * STEPS + 1e-9))
    if (now !== step) {
      step = now
      failing = 0
      for (let kept = k; kept < order.length; kept++) if (fails(kept, step)) failing += times(kept)
    }
    const fnmr = failing / (total - start)
    if (start === 0) base = fnmr
    const end = start + width
    limits.forEach((limit, l) => {
      areas[l] = (areas[l] as number) + fnmr * Math.max(0, Math.min(end / total, limit) - start / total)
    })
    if (fails(k, step)) failing -= width
    start = end
  }
  return areas.map((area, l) => area / ((limits[l] as number) * base))
}

/** The curve of {@link keptPauc}, one step per pair. */
export function keptCurve(similarity: Float64Array, order: Int32Array, thresholds: Float64Array) {
  const total = order.length
  const fnmr = new Float64Array(total)
  let step = -1
  let failing = 0
  for (let k = 0; k < total; k++) {
    const now = Math.min(STEPS - 1, Math.floor((k / total) * STEPS + 1e-9))
    const fails = (at: number): number =>
      (similarity[order[at] as number] as number) >= (thresholds[now] as number) ? 0 : 1
    if (now !== step) {
      step = now
      failing = 0
      for (let kept = k; kept < total; kept++) failing += fails(kept)
    }
    fnmr[k] = failing / (total - k)
    failing -= fails(k)
  }
  return { discarded: Float64Array.from({ length: total }, (_, k) => k / total), fnmr }
}
