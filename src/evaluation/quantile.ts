/**
 * The value below which the share `q` of the sorted numbers lies, linear between neighbours (Hyndman and Fan's type 7, NumPy's default).
 * @param sorted - ascending, at least one
 * @param q - 0..1
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (position - below)
}
