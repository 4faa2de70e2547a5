import { type SeededRandom, seededRandom } from '../../src/evaluation/seeded-random.ts'

export interface FuzzRandom extends SeededRandom {
  /** Whole, 0 to below `end`. */
  below(end: number): number
  /** True in this share of the calls. */
  chance(share: number): boolean
  bytes(length: number): Buffer
  /** A 32-bit number of the kind that programs trip over. */
  odd(): number
}

const ODD = [
  0, 1, 2, 3, 7, 8, 12, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x1bcc, 0x7fffffff, 0x80000000,
  0xfffffffe, 0xffffffff,
]

export function fuzzRandom(seed: string): FuzzRandom {
  const random = seededRandom(seed)
  const below = (end: number): number => Math.floor(random.uniform() * end)
  const chance = (share: number): boolean => random.uniform() < share
  return {
    ...random,
    below,
    chance,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    odd: () => (chance(0.7) ? random.pick(ODD) : below(2 ** 32)),
  }
}
