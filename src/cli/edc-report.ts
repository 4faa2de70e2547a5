import type { Comparison } from '../evaluation/compare.ts'
import type { PhotoSet } from '../evaluation/degraded-set.ts'
import type { ProposalRow } from './edc-proposals.ts'

/** All that `express-diffiqa edc` found. */
export interface EdcReport {
  readonly folder: string
  readonly photos: number
  readonly people: number
  /** Photos in which no face was found. */
  readonly withoutFace: number
  readonly genuinePairs: number
  readonly foundOnly: boolean
  /** What was done to the photos. */
  readonly set: PhotoSet
  readonly threshold: 'fixed' | 'kept'
  readonly limits: readonly number[]
  readonly rounds: number
  readonly seed: string
  readonly modelVersion: string
  /** Hex SHA-256 of each judge's network, by its name. */
  readonly judgeFiles: Readonly<Record<string, string>>
  readonly comparison: Comparison
  readonly proposals: readonly ProposalRow[]
}

/** One JSON object, without the curves; what has no value is null. */
export function reportJson({ comparison, ...facts }: EdcReport): string {
  const judges = comparison.judges.map(({ failed, oracle, ...judge }) => judge)
  const results = comparison.results.map(({ curve, utilityRounds, judge, difference, ...result }) => ({
    ...result,
    judge: judge ?? 'mean',
    difference: difference ?? null,
  }))
  return `${JSON.stringify({ ...facts, judges, results })}\n`
}

const CURVE_POINTS = 200

/** CSV of the curves, at most 200 points each. */
export function curvesCsv({ comparison }: EdcReport): string {
  const curves = [
    ...comparison.results.map(({ score, judge, curve }) => ({ score, judge, curve })),
    ...comparison.judges.map(({ judge, oracle }) => ({ score: 'oracle', judge, curve: oracle })),
  ]
  const lines = curves.flatMap(({ score, judge, curve }) => {
    if (!curve || judge === undefined) return []
    const { discarded, fnmr } = curve
    const stride = Math.ceil(discarded.length / CURVE_POINTS)
    return [...discarded.keys()]
      .filter((k) => k % stride === 0)
      .map((k) => [quote(judge), quote(score), discarded[k]?.toFixed(6), fnmr[k]?.toFixed(6)].join(','))
  })
  return `${['judge,score,discarded,fnmr', ...lines].join('\n')}\n`
}

/** A CSV field; names come from the command line. */
export function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
