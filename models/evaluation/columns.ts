import type { ScoreColumn } from '../../src/evaluation/compare.ts'
import { seededShuffle } from '../../src/evaluation/edc.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { EscalationBudget } from '../../src/gate/budget.ts'
import { deservesSecondLook, doubtAbout } from '../../src/gate/cascade.ts'
import { RecentScores } from '../../src/gate/recent-scores.ts'
import type { ScoringManifest } from '../../src/inference/manifest.ts'
import { applyKnots, calibrate } from '../../src/quality/calibration.ts'
import type { Answer, Looked } from './job.ts'

export const FAST = 'DifFIQA(R)'
export const FULL = 'full DifFIQA, tuned'
export const CASCADE = 'cascade'
export const COMBINED = 'combined, every photo'

export interface Column extends ScoreColumn {
  /** `own`: of this package; `part`: the full score without some of its terms, or the fast one trained otherwise; `baseline`: anybody's; `rival`: a recipe trained beside. */
  readonly kind: 'own' | 'part' | 'baseline' | 'rival'
}

const values = (answers: readonly Answer[], of: (face: Looked) => number | undefined): Float64Array =>
  Float64Array.from(answers, (face) => (face && of(face)) ?? Number.NaN)

/** Value and sigma of DifFIQA(R) on the calibrated scale. */
export function fastScore({ fast }: Looked, { regressor }: ScoringManifest) {
  return calibrate(regressor.knots, fast.mean, fast.deviation * regressor.sigmaScale)
}

/** Raw full score, of those terms that `counts` lets through. */
function fullRaw(
  { features }: Looked,
  { tuned }: ScoringManifest,
  counts: (feature: string) => boolean = () => true,
): number | undefined {
  return (
    features &&
    tuned.terms.reduce(
      (sum, { feature, weight }, i) => (counts(feature) ? sum + weight * (features[i] as number) : sum),
      tuned.bias,
    )
  )
}

/** Value of the full score. */
export function fullValue(face: Looked, scoring: ScoringManifest): number | undefined {
  const raw = fullRaw(face, scoring)
  return raw === undefined ? undefined : applyKnots(scoring.tuned.knots, raw)
}

/** Photos that the server would look at twice if all came in a row of random order; never more than the budget's share, savings included. */
export function escalated(answers: readonly Answer[], scoring: ScoringManifest, seed: string): boolean[] {
  const { cascade, thresholds } = scoring
  const budget = new EscalationBudget(cascade.budget)
  const recent = new RecentScores(cascade.firstCut)
  const chosen = answers.map(() => false)
  let left = Math.round(cascade.budget * answers.length)
  for (const k of seededShuffle(answers.length, `${seed} arrival`)) {
    const face = answers[k]
    if (!face) continue
    budget.earn()
    recent.add(face.fast.mean)
    const fast = fastScore(face, scoring)
    const doubt = doubtAbout(fast, face.residual, thresholds.balanced.probe, cascade)
    if (!deservesSecondLook(doubt, fast, recent, budget.share) || left === 0 || !budget.take()) continue
    chosen[k] = true
    left--
  }
  return chosen
}

function combinedRaw(face: Looked, scoring: ScoringManifest): number | undefined {
  const { regressor, full: weight } = scoring.cascade.combination
  const raw = fullRaw(face, scoring)
  return raw === undefined ? undefined : regressor * face.fast.mean + weight * raw
}

function cascade(answers: readonly Answer[], scoring: ScoringManifest, twice: readonly boolean[]): Float64Array {
  return Float64Array.from(answers, (face, k) => {
    if (!face) return Number.NaN
    const raw = twice[k] ? combinedRaw(face, scoring) : undefined
    return raw === undefined ? fastScore(face, scoring).value : applyKnots(scoring.cascade.combination.knots, raw)
  })
}

/** All scores of a benchmark; DifFIQA(R) first, as the others are compared with it. */
export function columns(
  answers: readonly Answer[],
  judges: readonly string[],
  scoring: ScoringManifest,
  seed: string,
  paperDraws = 1,
): Column[] {
  const column = (kind: Column['kind'], name: string, of: (face: Looked) => number | undefined): Column => ({
    kind,
    name,
    quality: values(answers, of),
  })
  const twice = escalated(answers, scoring, seed)
  const parts: [string, RegExp][] = [
    ['full without the quality head', /^head/],
    ['full without E’s norm', /^log-norm/],
    ['full without forward', /^forward|-forward$/],
    ['full without backward', /^(backward|pixel-residual)/],
    ['full without mirror', /mirror$/],
    ['full without any diffusion', /^(forward|backward|pixel-residual)|-forward$/],
  ]
  const used = parts.filter(([, drop]) => scoring.tuned.terms.some(({ feature }) => drop.test(feature)))
  const random = seededRandom(`${seed} random score`)
  const all = [
    column('own', FAST, ({ fast }) => fast.mean),
    column('own', FULL, (face) => fullRaw(face, scoring)),
    column(
      'own',
      `full DifFIQA, paper (${paperDraws === 1 ? 'one draw' : `${paperDraws} draws`})`,
      ({ paper }) => paper,
    ),
    { kind: 'own' as const, name: CASCADE, quality: cascade(answers, scoring, twice) },
    column('own', COMBINED, (face) => combinedRaw(face, scoring)),
    ...used.map(([name, drop]) =>
      column('part', name, (face) => fullRaw(face, scoring, (feature) => !drop.test(feature))),
    ),
    { kind: 'baseline' as const, name: 'random', quality: Float64Array.from(answers, () => random.uniform()) },
    column('baseline', 'Laplacian variance', ({ image }) => image?.laplacian),
    column('baseline', 'mean gradient', ({ image }) => image?.gradient),
    column('baseline', 'contrast', ({ image }) => image?.contrast),
    column('baseline', 'inter-eye distance', ({ interEye }) => interEye),
    column('baseline', 'detector confidence', ({ confidence }) => confidence),
    column('baseline', 'mirror consistency', ({ mirror }) => mirror),
    column('baseline', 'norm of SFace (E)', ({ norm }) => norm),
    ...judges.map((name, j) =>
      column('baseline', `norm of ${name}`, ({ embeddings }) => embeddings?.[j] && Math.hypot(...embeddings[j])),
    ),
    column('baseline', 'qualityface', ({ peer }) => peer),
  ]
  return all.filter(({ quality }) => !quality.every(Number.isNaN))
}
