import { DiffiqaError } from '../errors.ts'
import { photoName, readColumns } from './table-file.ts'

/**
 * Another method's scores from a CSV with the columns `file` and `score` (higher is better). Of several rows for a file the first
 * counts, which is the largest face in what `express-diffiqa score --csv` writes.
 *
 * @param files - photos as `Person/file`
 * @returns one score per photo, NaN where the file has none
 * @throws DiffiqaError `invalid-option` for a score that is no number, or when not one photo has a score
 */
export async function readScores(path: string, folder: string, files: readonly string[]): Promise<Float64Array> {
  const scores = new Map<string, number>()
  for (const { file, score } of await readColumns(path, ['file', 'score'])) {
    const value = score.trim() === '' ? Number.NaN : Number(score)
    if (score.trim() !== '' && !Number.isFinite(value))
      throw new DiffiqaError('invalid-option', `${path}: the score of ${file} is no number: ${score}`)
    const name = photoName(folder, file)
    if (!scores.has(name)) scores.set(name, value)
  }
  const found = Float64Array.from(files, (file) => scores.get(file) ?? Number.NaN)
  if (found.every(Number.isNaN))
    throw new DiffiqaError('invalid-option', `${path} has no score for any photo in ${folder}`)
  return found
}
