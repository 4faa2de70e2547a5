import type { Estimate } from '../../src/evaluation/bootstrap.ts'
import { estimate } from '../../src/evaluation/bootstrap.ts'
import { type Comparison, compare, type ScoreResult } from '../../src/evaluation/compare.ts'
import { crossPairs, takesPart } from '../../src/evaluation/cross-pairs.ts'
import { chooseDamage } from '../../src/evaluation/degraded-set.ts'
import { allPairs } from '../../src/evaluation/pairs.ts'
import type { ScoringManifest } from '../../src/inference/manifest.ts'
import { BENCHMARKS, type Benchmark } from './benchmarks.ts'
import { type Column, columns, escalated } from './columns.ts'
import type { Answer, Job } from './job.ts'
import { listPhotos, type Photo } from './photos.ts'
import type { LookPool } from './pool.ts'
import { rivalColumns } from './rivals.ts'

export const LIMITS = [0.05, 0.2, 0.3]
/** The limit that goals are about: its place in `LIMITS`. */
export const MAIN = 1
export const DEGRADE_SEED = 'diffiqa-crops-1'

export interface BenchmarkSettings {
  readonly data: string
  /** Folder of the rivals' scores. */
  readonly rivals: string
  readonly judges: readonly { readonly name: string; readonly fmr: number }[]
  readonly scoring: ScoringManifest
  readonly rounds: number
  readonly seed: string
  readonly people: number
  readonly paperDraws: number
}

export interface BenchmarkResult {
  readonly benchmark: Benchmark
  readonly photos: readonly Photo[]
  readonly answers: readonly Answer[]
  readonly columns: readonly Column[]
  readonly genuinePairs: number
  /** Share of the photos that the cascade looks at twice. */
  readonly lookedTwice: number
  readonly comparison: Comparison
}

export function jobOf(photo: Photo, set: Benchmark['set']): Job {
  const damage = chooseDamage(set, photo.name, DEGRADE_SEED)
  return { path: photo.path, name: photo.name, damage, with: { full: true, judges: true, baselines: true } }
}

/** All benchmarks, one after the other; a set that several use is looked at once. */
export async function runBenchmarks(pool: LookPool, settings: BenchmarkSettings): Promise<BenchmarkResult[]> {
  const { data, people } = settings
  const looked = new Map<string, { photos: Photo[]; answers: Answer[] }>()
  for (const { folder, set } of BENCHMARKS) {
    const key = `${folder} ${set}`
    if (looked.has(key)) continue
    const photos = await listPhotos(data, folder, people)
    const jobs = photos.map((photo) => jobOf(photo, set))
    looked.set(key, { photos, answers: await pool.look(key, jobs) })
  }
  const results: BenchmarkResult[] = []
  for (const benchmark of BENCHMARKS) {
    const { folder, set, cross } = benchmark
    const all = looked.get(`${folder} ${set}`) as { photos: Photo[]; answers: Answer[] }
    const natural = (looked.get(`${folder} natural`) as typeof all).answers
    const kept = all.photos.map(({ file }) => cross === undefined || takesPart(file, cross))
    const pick = <T>(items: readonly T[]): T[] => items.filter((_, k) => kept[k])
    const photos = pick(all.photos)
    const rivals = await rivalColumns(settings.rivals, data, benchmark, photos)
    process.stderr.write(`${benchmark.name}: comparing\n`)
    results.push(evaluate({ benchmark, photos, answers: pick(all.answers), natural: pick(natural), rivals }, settings))
  }
  return results
}

interface Looks extends Pick<BenchmarkResult, 'benchmark' | 'photos' | 'answers'> {
  readonly natural: readonly Answer[]
  readonly rivals: readonly Column[]
}

function evaluate(
  { benchmark, photos, answers, natural, rivals }: Looks,
  { judges, scoring, rounds, seed, paperDraws }: BenchmarkSettings,
): BenchmarkResult {
  const persons = photos.map(({ person }) => person)
  const files = photos.map(({ file }) => file)
  const comparisons = benchmark.cross ? crossPairs(files, persons, benchmark.cross) : allPairs(persons)
  const names = judges.map(({ name }) => name)
  const scores = [...columns(answers, names, scoring, seed, paperDraws), ...rivals]
  const judged = judges.map(({ name, fmr }, j) => ({
    name,
    fmr,
    embeddings: answers.map((answer) => answer?.embeddings?.[j]),
    natural: natural.map((answer) => answer?.embeddings?.[j]),
  }))
  const comparison = compare(comparisons, judged, scores, { limits: LIMITS, rounds, seed })
  const lookedTwice = escalated(answers, scoring, seed).filter(Boolean).length / answers.length
  const genuinePairs = comparisons.genuine.first.length
  return { benchmark, photos, answers, columns: scores, genuinePairs, lookedTwice, comparison }
}

/** The row of a score's mean over the judges. */
export function meanRow({ comparison }: BenchmarkResult, score: string): ScoreResult {
  const row = comparison.results.find((result) => result.score === score && result.judge === undefined)
  if (!row) throw new Error(`there is no score ${score}`)
  return row
}

/** Mean of U over benchmarks, and of a difference to another score, drawn in pairs. */
export function overall(results: readonly BenchmarkResult[], score: string, other?: string): Estimate {
  const rows = results.map((result) => meanRow(result, score))
  const others = other === undefined ? undefined : results.map((result) => meanRow(result, other))
  const mean = (of: (row: ScoreResult) => number): number => {
    const total = rows.reduce((sum, row, k) => sum + of(row) - (others ? of(others[k] as ScoreResult) : 0), 0)
    return total / rows.length
  }
  const rounds = rows[0]?.utilityRounds[MAIN]?.length ?? 0
  return estimate(
    mean((row) => (row.utility[MAIN] as Estimate).value),
    Array.from({ length: rounds }, (_, r) => mean((row) => row.utilityRounds[MAIN]?.[r] as number)),
  )
}
