import type { Pairs } from './pairs.ts'
import { quantile } from './quantile.ts'
import { seededRandom } from './seeded-random.ts'

/** A number with its 95 % interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/**
 * Draws people, as many as there are and with replacement, and yields how often each pair then counts: pairs of one person are not
 * independent of one another. The same array is filled again each round.
 */
export function* resamplePeople({ person, people }: Pairs, rounds: number, seed: string): Generator<Float64Array> {
  const random = seededRandom(seed)
  const present = [...new Set(person)]
  const drawn = new Float64Array(people)
  const weight = new Float64Array(person.length)
  for (let round = 0; round < rounds; round++) {
    drawn.fill(0)
    for (let i = 0; i < present.length; i++) {
      const number = random.pick(present)
      drawn[number] = (drawn[number] as number) + 1
    }
    for (let k = 0; k < person.length; k++) weight[k] = drawn[person[k] as number] as number
    yield weight
  }
}

/** The percentile interval of what the rounds gave; rounds in which nothing failed (NaN) have no say. */
export function estimate(value: number, rounds: ArrayLike<number>): Estimate {
  const sorted = Float64Array.from(rounds)
    .filter((x) => !Number.isNaN(x))
    .sort()
  if (sorted.length === 0) return { value, low: Number.NaN, high: Number.NaN }
  return { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }
}
