import type { ScoreColumn } from '../evaluation/compare.ts'
import { readScores } from '../evaluation/scores-file.ts'
import { seededRandom } from '../evaluation/seeded-random.ts'
import type { Verdict } from '../gate/types.ts'
import type { QualityScore } from '../quality/types.ts'
import type { EdcOptions } from './edc-options.ts'
import type { PersonPhoto } from './edc-photos.ts'

type ScoreOf = (verdict: Verdict) => QualityScore | undefined

/**
 * All scores that are compared, our own first and the random one last.
 * @param judges - names, for their norms
 * @throws DiffiqaError `invalid-option` of a CSV file
 */
export async function scoreColumns(
  photos: readonly PersonPhoto[],
  judges: readonly string[],
  options: EdcOptions,
): Promise<ScoreColumn[]> {
  const files = photos.map(({ file }) => file)
  const column = (name: string, of: (verdict: Verdict, photo: PersonPhoto) => number | undefined): ScoreColumn => ({
    name,
    quality: Float64Array.from(photos, (photo) => (photo.verdict && of(photo.verdict, photo)) ?? Number.NaN),
  })
  // Ranked before calibration, which is flat at both ends; thresholds are set on the calibrated scale.
  const own = (name: string, of: ScoreOf): ScoreColumn => ({
    ...column(name, (verdict) => of(verdict)?.raw),
    scale: column(name, (verdict) => of(verdict)?.value).quality,
  })
  const columns: ScoreColumn[] = []
  if (options.own) columns.push(own('diffiqa-r', (verdict) => verdict.fast))
  if (options.own && options.full)
    columns.push(
      own('diffiqa', (verdict) => verdict.full),
      own('combined', (verdict) => (verdict.score?.method === 'combined' ? verdict.score : undefined)),
    )
  for (const { name, path } of options.scores)
    columns.push({ name, quality: await readScores(path, options.folder, files) })
  if (options.baselines)
    columns.push(
      column('detector confidence', ({ face }) => face?.confidence),
      column('eye distance', ({ face }) => face?.interEyeDistance),
      ...judges.map((judge, j) =>
        column(`norm of ${judge}`, (_, { embeddings }) => embeddings[j] && Math.hypot(...embeddings[j])),
      ),
    )
  const random = seededRandom(`${options.seed} random score`)
  columns.push({ name: 'random', quality: Float64Array.from(photos, () => random.uniform()) })
  return columns
}
