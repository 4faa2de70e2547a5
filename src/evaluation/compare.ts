import { type Estimate, estimate, resamplePeople } from './bootstrap.ts'
import { discardOrder, type EdcCurve, edcCurve, failures, pairQuality, seededShuffle } from './edc.ts'
import { keptCurve, keptPauc, keptThresholds, rankImpostors } from './kept-threshold.ts'
import type { Comparisons, Pairs } from './pairs.ts'
import { pauc, utility } from './pauc.ts'
import { type Embeddings, type OperatingPoint, similarities, thresholdAtFmr } from './similarity.ts'

/** Fewer failing pairs than this do not allow a ranking. */
export const FAILING_TO_RANK = 30

export interface JudgeEmbeddings {
  readonly name: string
  readonly fmr: number
  readonly embeddings: Embeddings
  /** Of the same photos before they were degraded: the threshold is set on these. @default `embeddings` */
  readonly natural?: Embeddings
}

/** One quality score of every photo. */
export interface ScoreColumn {
  readonly name: string
  /** Higher is better; NaN where a photo has none. */
  readonly quality: Float64Array
  /** The same order on the scale that thresholds are set on. @default `quality` */
  readonly scale?: Float64Array
}

export interface CompareOptions {
  /** The r of pAUC(r) and U(r). */
  readonly limits: readonly number[]
  /** Bootstrap rounds. */
  readonly rounds: number
  readonly seed: string
  /**
   * `fixed`: one threshold per judge, from all impostor pairs; `kept`: set again from the impostor pairs that are kept, after each
   * hundredth that is discarded. @default 'fixed'
   */
  readonly threshold?: 'fixed' | 'kept'
}

/** A network's errors on the genuine pairs before anything is discarded. */
export interface JudgeResult extends OperatingPoint {
  readonly judge: string
  readonly fmr: number
  readonly fnmr: number
  readonly failing: number
  /** At least {@link FAILING_TO_RANK} pairs fail. */
  readonly rankable: boolean
  /** Per genuine pair, 1 where it fails. */
  readonly failed: Uint8Array
  readonly oracle: EdcCurve
}

/** One score on one judge, or on the mean of all (`judge` undefined); a number per limit. */
export interface ScoreResult {
  readonly score: string
  readonly judge: string | undefined
  readonly pauc: readonly Estimate[]
  readonly utility: readonly Estimate[]
  /** U minus that of the first score, drawn in pairs; undefined for the first itself. */
  readonly difference: readonly Estimate[] | undefined
  readonly curve: EdcCurve | undefined
  /** U of each bootstrap round, per limit: the same seed and people draw the same ones on another set. */
  readonly utilityRounds: readonly Float64Array[]
}

export interface Comparison {
  readonly judges: readonly JudgeResult[]
  /** Score by score, its judges in order and then their mean. */
  readonly results: readonly ScoreResult[]
}

/** pAUC or U by judge (the mean last), then by limit. */
type Cells = readonly (readonly number[])[]

interface Values {
  readonly pauc: Cells
  readonly utility: Cells
}

/**
 * Error-versus-discard of every score on every judge, with 95 % intervals from resampled people.
 * @throws DiffiqaError `invalid-option` when there are no impostor pairs
 */
export function compare(
  { genuine, impostors }: Comparisons,
  judges: readonly JudgeEmbeddings[],
  scores: readonly ScoreColumn[],
  { limits, rounds, seed, threshold = 'fixed' }: CompareOptions,
): Comparison {
  const shuffle = seededShuffle(genuine.first.length, `${seed} ties`)
  const orders = scores.map(({ quality }) => discardOrder(pairQuality(quality, genuine), shuffle))
  const examined = judges.map((judge) => {
    const base = threshold === 'fixed' ? (judge.natural ?? judge.embeddings) : judge.embeddings
    return examine(judge, genuine, thresholdAtFmr(base, impostors, judge.fmr))
  })
  const similarity = judges.map(({ embeddings }) => similarities(embeddings, genuine))
  // By judge, then by score.
  const kept =
    threshold === 'kept'
      ? judges.map(({ embeddings, fmr }) => {
          const ranked = rankImpostors(embeddings, { impostors })
          return scores.map(({ quality }, s) => keptThresholds(ranked, quality, genuine, orders[s] as Int32Array, fmr))
        })
      : undefined
  const area = (s: number, j: number, weight?: Float64Array): Float64Array => {
    const order = orders[s] as Int32Array
    const thresholds = kept?.[j]?.[s]
    return thresholds
      ? keptPauc(similarity[j] as Float64Array, order, thresholds, limits, weight)
      : pauc((examined[j] as (typeof examined)[number]).failed, order, limits, weight)
  }
  const curve = (s: number, j: number): EdcCurve => {
    const order = orders[s] as Int32Array
    const thresholds = kept?.[j]?.[s]
    return thresholds
      ? keptCurve(similarity[j] as Float64Array, order, thresholds)
      : edcCurve((examined[j] as (typeof examined)[number]).failed, order)
  }
  const oracles = examined.map(({ failed }) => oracleOrder(failed, shuffle))
  const evaluate = (weight?: Float64Array): Values[] => {
    const best = examined.map(({ failed }, j) => pauc(failed, oracles[j] as Int32Array, limits, weight))
    return scores.map((_, s) => {
      const areas = examined.map((_, j) => [...area(s, j, weight)])
      const useful = areas.map((row, j) => row.map((value, l) => utility(value, best[j]?.[l] as number)))
      return { pauc: withMean(areas), utility: withMean(useful) }
    })
  }
  const point = evaluate()
  const drawn: Values[][] = []
  for (const weight of resamplePeople(genuine, rounds, `${seed} people`)) drawn.push(evaluate(weight))

  const results = scores.flatMap(({ name }, s) =>
    [...examined, undefined].map((judge, j): ScoreResult => {
      const estimates = (of: (values: readonly Values[], l: number) => number): Estimate[] =>
        limits.map((_, l) =>
          estimate(
            of(point, l),
            drawn.map((values) => of(values, l)),
          ),
        )
      const u = (values: readonly Values[], score: number, l: number): number =>
        values[score]?.utility[j]?.[l] as number
      return {
        score: name,
        judge: judge?.judge,
        pauc: estimates((values, l) => values[s]?.pauc[j]?.[l] as number),
        utility: estimates((values, l) => u(values, s, l)),
        difference: s === 0 ? undefined : estimates((values, l) => u(values, s, l) - u(values, 0, l)),
        curve: judge && curve(s, j),
        utilityRounds: limits.map((_, l) => Float64Array.from(drawn, (values) => u(values, s, l))),
      }
    }),
  )
  const judged = examined.map((judge, j) => ({ ...judge, oracle: edcCurve(judge.failed, oracles[j] as Int32Array) }))
  return { judges: judged, results }
}

function examine(judge: JudgeEmbeddings, genuine: Pairs, point: OperatingPoint): Omit<JudgeResult, 'oracle'> {
  const failed = failures(similarities(judge.embeddings, genuine), point.threshold)
  const failing = failed.reduce((sum, value) => sum + value, 0)
  return {
    judge: judge.name,
    fmr: judge.fmr,
    ...point,
    fnmr: failing / failed.length,
    failing,
    rankable: failing >= FAILING_TO_RANK,
    failed,
  }
}

/** The failing pairs first: no score can do better. */
export function oracleOrder(failed: Uint8Array, shuffle: Int32Array): Int32Array {
  return discardOrder(
    Float64Array.from(failed, (value) => -value),
    shuffle,
  )
}

function withMean(rows: readonly (readonly number[])[]): Cells {
  const [first = []] = rows
  return [...rows, first.map((_, l) => rows.reduce((sum, row) => sum + (row[l] as number), 0) / rows.length)]
}
