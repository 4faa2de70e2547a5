import { createHash } from 'node:crypto'

/** A stream of numbers that depends on nothing but its seed. */
export interface SeededRandom {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Standard normal. */
  normal(): number
  /** One of the items. */
  pick<T>(items: readonly T[]): T
}

/** sfc32 (Chris Doty-Humphrey, PractRand; public domain), seeded by the SHA-256 of a text. */
export function seededRandom(seed: string): SeededRandom {
  const hash = createHash('sha256').update(seed).digest()
  let a = hash.readUInt32LE(0)
  let b = hash.readUInt32LE(4)
  let c = hash.readUInt32LE(8)
  let counter = 1
  const uniform = (): number => {
    const t = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 12; i++) uniform()
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (items) => items[Math.floor(uniform() * items.length)] as (typeof items)[number],
  }
}
