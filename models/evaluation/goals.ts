import type { Estimate } from '../../src/evaluation/bootstrap.ts'
import { chooseDamage } from '../../src/evaluation/degraded-set.ts'
import type { ScoringManifest } from '../../src/inference/manifest.ts'
import { CASCADE, type Column, FAST, FULL, fastScore, fullValue } from './columns.ts'
import { interval, percent, three } from './format.ts'
import { calibrationError, goodNorm, passRates } from './outcomes.ts'
import { type BenchmarkResult, DEGRADE_SEED, MAIN, meanRow, overall } from './run-benchmarks.ts'

export interface Goal {
  readonly what: string
  readonly goal: string
  readonly found: string
  /** Undefined where the data do not allow a judgement. */
  readonly met: boolean | undefined
}

const signed = (estimate: Estimate): string => `${estimate.value >= 0 ? '+' : ''}${interval(estimate)}`

const baselines = (results: readonly BenchmarkResult[]): string[] =>
  everywhere(results, ({ kind, name }) => kind === 'baseline' && name !== 'random')

const rivals = (results: readonly BenchmarkResult[]): string[] => everywhere(results, ({ kind }) => kind === 'rival')

/** Scores that all of the benchmarks have. */
function everywhere(results: readonly BenchmarkResult[], wanted: (column: Column) => boolean): string[] {
  const names = (results[0]?.columns ?? []).filter(wanted)
  return names
    .map(({ name }) => name)
    .filter((name) => results.every(({ columns }) => columns.some((c) => c.name === name)))
}

function best(names: readonly string[], worth: (name: string) => number): string {
  return names.reduce((a, b) => (worth(b) > worth(a) ? b : a))
}

/** The goals that benchmarks decide. */
export function benchmarkGoals(results: readonly BenchmarkResult[]): Goal[] {
  const counted = results.filter(({ benchmark }) => benchmark.overall)
  const bestOverall = best(baselines(counted), (name) => overall(counted, name).value)
  const fast = overall(counted, FAST, bestOverall)
  const full = overall(counted, FULL, FAST)
  const cascade = overall(counted, CASCADE, FAST)
  return [
    {
      what: `${FAST}, overall, against the best baseline (${bestOverall})`,
      goal: '+.05, interval above 0',
      found: signed(fast),
      met: fast.value >= 0.05 && fast.low > 0,
    },
    ...results.map((result): Goal => {
      const name = best(baselines([result]), (score) => (meanRow(result, score).utility[MAIN] as Estimate).value)
      const difference = overall([result], FAST, name)
      const rankable = result.comparison.judges.every((judge) => judge.rankable)
      return {
        what: `${FAST} on ${result.benchmark.name}, against its best baseline (${name})`,
        goal: result.benchmark.overall ? 'above it' : 'not worse',
        found: signed(difference),
        met: rankable ? (result.benchmark.overall ? difference.value > 0 : difference.high >= 0) : undefined,
      }
    }),
    ...rivals(counted).map((name): Goal => {
      const difference = overall(counted, FAST, name)
      const found = signed(difference)
      return { what: `${FAST}, overall, against the ${name}`, goal: 'above it', found, met: difference.value > 0 }
    }),
    { what: `${FULL}, overall, against ${FAST}`, goal: '+.02', found: signed(full), met: full.value >= 0.02 },
    {
      what: `${CASCADE} overall, against ${FAST}`,
      goal: 'above it, interval above 0',
      found: signed(cascade),
      met: cascade.low > 0,
    },
  ]
}

/** Calibration and the default threshold, on the LFW sets. */
export function valueGoals(results: readonly BenchmarkResult[], scoring: ScoringManifest): Goal[] {
  const find = (name: string): BenchmarkResult =>
    results.find(({ benchmark }) => benchmark.name === name) as BenchmarkResult
  const natural = find('lfw-natural')
  const reject = scoring.thresholds.balanced.probe.rejectBelow
  const good = goodNorm(natural.answers)
  const points = ['lfw-mixed', 'lfw-hard'].map((name) => {
    const { photos, answers, comparison } = find(name)
    const probes = photos.map((photo, k) => ({ photo, answer: answers[k] }))
    const rates = passRates(
      probes,
      natural,
      good,
      comparison.judges.map(({ threshold }) => threshold),
    )
    return { name, photos, answers, rates }
  })
  const mean = (rates: readonly number[]): number => rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const errors = [
    [FAST, (face: NonNullable<BenchmarkResult['answers'][number]>) => fastScore(face, scoring).value],
    [FULL, (face: NonNullable<BenchmarkResult['answers'][number]>) => fullValue(face, scoring)],
  ] as const
  const [mixed] = points
  const calibration = errors.map(([name, value]): Goal => {
    const pairs = (mixed?.answers ?? []).flatMap((answer, k) => {
      const [rate, own] = [mixed?.rates[k], answer && value(answer)]
      return rate && own !== undefined ? [{ value: own, outcome: mean(rate) }] : []
    })
    const error = calibrationError(pairs)
    return {
      what: `calibration error of ${name} on lfw-mixed`,
      goal: 'at most .05',
      found: three(error),
      met: error <= 0.05,
    }
  })
  const refused = (answer: BenchmarkResult['answers'][number]): boolean =>
    !answer || fastScore(answer, scoring).value < reject
  const naturalShare = natural.answers.filter(refused).length / natural.answers.length
  const severe = points.flatMap(({ photos, answers, rates, name }) =>
    photos.flatMap((photo, k) => {
      const level = damageLevel(photo.name, name)
      const rate = rates[k]
      const lost = !answers[k] || (rate !== undefined && rate.filter((r) => r < 0.5).length >= 2)
      return level >= 4 && lost ? [answers[k]] : []
    }),
  )
  const severeShare = severe.filter(refused).length / severe.length
  return [
    ...calibration,
    {
      what: `the balanced probe threshold (${reject}) refuses of lfw-natural`,
      goal: 'at most 5 %',
      found: percent(naturalShare),
      met: naturalShare <= 0.05,
    },
    {
      what: `… and of ${severe.length} photos degraded at level 4 or 5 for which two of three judges fail or no face is found`,
      goal: 'at least 80 %',
      found: percent(severeShare),
      met: severe.length > 0 ? severeShare >= 0.8 : undefined,
    },
  ]
}

function damageLevel(name: string, benchmark: string): number {
  return chooseDamage(benchmark === 'lfw-hard' ? 'hard' : 'mixed', name, DEGRADE_SEED)?.level ?? 0
}
