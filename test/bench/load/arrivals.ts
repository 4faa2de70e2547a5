import { seededRandom } from '../../../src/evaluation/seeded-random.ts'

export interface Arrival {
  /** Milliseconds since the beginning. */
  readonly at: number
  /** The fast score will not settle it. */
  readonly uncertain: boolean
}

/** A Poisson stream: people come independently of one another and of the service. The same seed gives the same stream. */
export function poissonArrivals(seed: string, perSecond: number, seconds: number, uncertain: number): Arrival[] {
  const random = seededRandom(seed)
  const arrivals: Arrival[] = []
  const gap = (): number => (-Math.log(1 - random.uniform()) * 1000) / perSecond
  for (let at = gap(); at < seconds * 1000; at += gap()) arrivals.push({ at, uncertain: random.uniform() < uncertain })
  return arrivals
}
