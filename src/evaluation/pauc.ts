/**
 * Partial areas under the error-versus-discard curve, as shares of what a useless score has:
 * pAUC(r) = ∫₀ʳ FNMR(d) dd / (r · FNMR(0)). 1 = no use, lower is better; NaN where nothing fails.
 *
 * @param order - the pairs from the worst to the best
 * @param limits - each r, above 0 up to 1
 * @param weight - how often each pair counts. @default once
 * @returns one number per limit
 */
export function pauc(
  failed: Uint8Array,
  order: Int32Array,
  limits: readonly number[],
  weight?: Float64Array,
): Float64Array {
  let total = 0
  let failing = 0
  for (const pair of order) {
    const times = weight ? (weight[pair] as number) : 1
    total += times
    failing += times * (failed[pair] as number)
  }
  const base = failing / total
  const last = Math.max(...limits) * total
  const areas = new Float64Array(limits.length)
  let start = 0
  for (const pair of order) {
    if (start >= last) break
    const times = weight ? (weight[pair] as number) : 1
    if (times === 0) continue
    const fnmr = failing / (total - start)
    const end = start + times
    limits.forEach((limit, i) => {
      areas[i] = (areas[i] as number) + fnmr * Math.max(0, Math.min(end / total, limit) - start / total)
    })
    failing -= times * (failed[pair] as number)
    start = end
  }
  return areas.map((area, i) => area / ((limits[i] as number) * base))
}

/**
 * U = (1 − pAUC) / (1 − pAUC of the oracle): 0 = as good as random, 1 = the failing pairs are discarded first.
 * @param best - pAUC of the oracle on the same pairs; NaN is answered where even that discards nothing useful
 */
export function utility(value: number, best: number): number {
  return best < 1 ? (1 - value) / (1 - best) : Number.NaN
}
