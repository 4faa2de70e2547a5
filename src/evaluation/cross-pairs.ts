import { type Comparisons, numberPeople, pairsOf } from './pairs.ts'

/** Two groups of photos by the patterns of their names. */
export interface CrossPattern {
  readonly first: string
  readonly second: string
}

/**
 * Does a file name fit a pattern, in which `*` stands for any number of characters and `?` for one?
 * @param file - `Person/file`; the pattern is about what follows the person
 */
export function fitsPattern(file: string, pattern: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(file.slice(file.indexOf('/') + 1))
}

/** Is the photo on either side of the comparisons? */
export function takesPart(file: string, { first, second }: CrossPattern): boolean {
  return fitsPattern(file, first) || fitsPattern(file, second)
}

/**
 * Every two photos of which one fits the first pattern and the other the second: frontal against profile, or, with the same pattern
 * twice, frontal against frontal.
 * @param files - photos as `Person/file`
 * @param people - the person of each
 */
export function crossPairs(files: readonly string[], people: readonly string[], pattern: CrossPattern): Comparisons {
  const numbers = numberPeople(people)
  const inFirst = files.map((file) => fitsPattern(file, pattern.first))
  const inSecond = files.map((file) => fitsPattern(file, pattern.second))
  const visitAll = (visit: (a: number, b: number) => void, same: boolean): void => {
    for (let i = 0; i < files.length; i++)
      for (let j = i + 1; j < files.length; j++)
        if ((numbers[i] === numbers[j]) === same && ((inFirst[i] && inSecond[j]) || (inFirst[j] && inSecond[i])))
          visit(i, j)
  }
  const first: number[] = []
  const second: number[] = []
  visitAll((a, b) => {
    first.push(a)
    second.push(b)
  }, true)
  return { genuine: pairsOf(first, second, numbers), impostors: (visit) => visitAll(visit, false) }
}
