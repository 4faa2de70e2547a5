import type { Comparison, ScoreColumn } from '../evaluation/compare.ts'
import { pairQuality } from '../evaluation/edc.ts'
import type { Pairs } from '../evaluation/pairs.ts'
import { fnmrAbove, thresholdForDiscard, thresholdForFnmr } from '../evaluation/propose.ts'

/** A threshold that does what was wanted; null where none can. */
export interface ProposalRow {
  readonly score: string
  readonly judge: string
  readonly wanted: { readonly discard: number } | { readonly fnmr: number }
  /** Refuse what scores below it. */
  readonly threshold: number | null
  /** Share of the photos that is then refused. */
  readonly refusedPhotos: number | null
  /** FNMR of the pairs of two accepted photos. */
  readonly fnmr: number | null
}

/** Thresholds of every score for the wanted shares of refused photos and the wanted FNMRs. */
export function proposals(
  genuine: Pairs,
  { judges }: Comparison,
  scores: readonly ScoreColumn[],
  wanted: { readonly discard: readonly number[]; readonly fnmr: readonly number[] },
): ProposalRow[] {
  return scores.flatMap(({ name: score, quality, scale = quality }) => {
    const pairs = pairQuality(scale, genuine)
    return judges.flatMap(({ judge, failed }): ProposalRow[] => {
      const row = (goal: ProposalRow['wanted'], threshold: number | undefined): ProposalRow => ({
        score,
        judge,
        wanted: goal,
        threshold: threshold ?? null,
        refusedPhotos: threshold === undefined ? null : refusedShare(scale, threshold),
        fnmr: threshold === undefined ? null : fnmrAbove(failed, pairs, threshold),
      })
      return [
        ...wanted.discard.map((discard) => row({ discard }, thresholdForDiscard(scale, discard))),
        ...wanted.fnmr.map((fnmr) => row({ fnmr }, thresholdForFnmr(failed, pairs, fnmr))),
      ]
    })
  })
}

function refusedShare(quality: Float64Array, threshold: number): number {
  return quality.filter((value) => !(value >= threshold)).length / quality.length
}
