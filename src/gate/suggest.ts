/** Edit distance with swaps of neighbours (optimal string alignment): insert, delete, replace, swap cost 1 each. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j))
  const at = (i: number, j: number): number => rows[i]?.[j] as number
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1)
      ;(rows[i] as number[])[j] = least
    }
  return at(a.length, b.length)
}

/** The candidate that was probably meant: one it begins, or one at most a third of its letters away. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 2) return undefined
  const begun = candidates.filter((candidate) => candidate.startsWith(word))
  if (begun.length === 1) return begun[0]
  const [best] = candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((x, y) => x.edits - y.edits)
  return best?.candidate
}
