/** Genuine comparisons, by indices of photos. */
export interface Pairs {
  readonly first: Int32Array
  readonly second: Int32Array
  /** Number of the person of each pair, 0 to `people` - 1. */
  readonly person: Int32Array
  readonly people: number
}

/** Calls back with the photos of every impostor comparison. */
export type Impostors = (visit: (first: number, second: number) => void) => void

/** What is compared with what. */
export interface Comparisons {
  readonly genuine: Pairs
  readonly impostors: Impostors
}

/** Every two photos are compared: genuine where the person is the same, impostor otherwise. */
export function allPairs(people: readonly string[]): Comparisons {
  const numbers = numberPeople(people)
  const first: number[] = []
  const second: number[] = []
  const visitAll = (visit: (first: number, second: number) => void, same: boolean): void => {
    for (let i = 0; i < numbers.length; i++)
      for (let j = i + 1; j < numbers.length; j++) if ((numbers[i] === numbers[j]) === same) visit(i, j)
  }
  visitAll((i, j) => {
    first.push(i)
    second.push(j)
  }, true)
  return { genuine: pairsOf(first, second, numbers), impostors: (visit) => visitAll(visit, false) }
}

/** Genuine pairs from their indices; a pair belongs to the person of its first photo. */
export function pairsOf(first: readonly number[], second: readonly number[], numbers: Int32Array): Pairs {
  const person = Int32Array.from(first, (photo) => numbers[photo] as number)
  let people = 0
  for (const number of numbers) people = Math.max(people, number + 1)
  return { first: Int32Array.from(first), second: Int32Array.from(second), person, people }
}

/** Each photo's person as a number, in the order of their first photos. */
export function numberPeople(people: readonly string[]): Int32Array {
  const known = new Map<string, number>()
  return Int32Array.from(people, (name) => {
    const number = known.get(name) ?? known.size
    known.set(name, number)
    return number
  })
}

/** The pairs for which `keep` answers true, called with the photos of each. */
export function filterPairs(pairs: Pairs, keep: (first: number, second: number) => boolean): Pairs {
  const kept = [...pairs.first.keys()].filter((k) => keep(pairs.first[k] as number, pairs.second[k] as number))
  const take = (numbers: Int32Array): Int32Array => Int32Array.from(kept, (k) => numbers[k] as number)
  return { ...pairs, first: take(pairs.first), second: take(pairs.second), person: take(pairs.person) }
}
