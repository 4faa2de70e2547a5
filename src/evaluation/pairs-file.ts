import { DiffiqaError } from '../errors.ts'
import { type Comparisons, numberPeople, pairsOf } from './pairs.ts'
import { photoName, readColumns } from './table-file.ts'

const SAME: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false }

/**
 * Comparisons from a CSV with the columns `first`, `second` (photos) and `same` (1 for the same person, 0 for two people).
 *
 * @param files - photos as `Person/file`
 * @param people - the person of each
 * @throws DiffiqaError `invalid-option` for a photo that is not there or a `same` that is neither
 */
export async function readPairs(
  path: string,
  folder: string,
  files: readonly string[],
  people: readonly string[],
): Promise<Comparisons> {
  const index = new Map(files.map((file, i) => [file, i]))
  const find = (written: string): number => {
    const photo = index.get(photoName(folder, written))
    if (photo === undefined)
      throw new DiffiqaError('invalid-option', `${path}: there is no photo ${written} in ${folder}`)
    return photo
  }
  const genuine: [number, number][] = []
  const impostor: [number, number][] = []
  for (const { first, second, same } of await readColumns(path, ['first', 'second', 'same'])) {
    const isSame = SAME[same.trim().toLowerCase()]
    if (isSame === undefined)
      throw new DiffiqaError('invalid-option', `${path}: \`same\` must be 1 or 0, not "${same}"`)
    ;(isSame ? genuine : impostor).push([find(first), find(second)])
  }
  return {
    genuine: pairsOf(
      genuine.map(([a]) => a),
      genuine.map(([, b]) => b),
      numberPeople(people),
    ),
    impostors: (visit) => {
      for (const [a, b] of impostor) visit(a, b)
    },
  }
}
