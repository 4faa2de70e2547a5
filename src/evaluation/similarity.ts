import { DiffiqaError } from '../errors.ts'
import type { Impostors, Pairs } from './pairs.ts'

/** One embedding per photo, of any length; undefined where no face was found. */
export type Embeddings = readonly (ArrayLike<number> | undefined)[]

type UnitRows = readonly (Float64Array | undefined)[]

function unitRows(embeddings: Embeddings): UnitRows {
  return embeddings.map((row) => {
    if (!row) return undefined
    const unit = Float64Array.from(row)
    const norm = Math.max(Math.hypot(...unit), 1e-12)
    return unit.map((x) => x / norm)
  })
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Cosine of every pair; NaN where one of the two has no face. */
export function similarities(embeddings: Embeddings, { first, second }: Pick<Pairs, 'first' | 'second'>): Float64Array {
  const rows = unitRows(embeddings)
  return Float64Array.from(first, (photo, k) => {
    const [a, b] = [rows[photo], rows[second[k] as number]]
    return a && b ? dot(a, b) : Number.NaN
  })
}

/** Where a network decides. */
export interface OperatingPoint {
  /** Cosine from which two photos pass as the same person. */
  readonly threshold: number
  /** Impostor comparisons of found faces that it rests on. */
  readonly impostors: number
}

/**
 * The cosine that the share `fmr` of all impostor comparisons reaches, interpolated as `quantile()` does. Comparisons without a face do
 * not count. Only the highest share of the cosines is in memory.
 * @throws DiffiqaError `invalid-option` when there is nothing to compare
 */
export function thresholdAtFmr(embeddings: Embeddings, impostors: Impostors, fmr: number): OperatingPoint {
  const rows = unitRows(embeddings)
  let count = 0
  impostors((i, j) => {
    if (rows[i] && rows[j]) count++
  })
  if (count === 0) throw new DiffiqaError('invalid-option', 'There are no impostor pairs to set a threshold with')
  const position = (count - 1) * (1 - fmr)
  const below = Math.floor(position)
  const highest = new Highest(count - below)
  impostors((i, j) => {
    const [a, b] = [rows[i], rows[j]]
    if (a && b) highest.add(dot(a, b))
  })
  const [low, high] = highest.lowestTwo()
  return { threshold: low + (high - low) * (position - below), impostors: count }
}

/** Remembers the highest numbers it was given. */
class Highest {
  readonly #size: number
  readonly #buffer: Float64Array
  #used = 0
  #floor = Number.NEGATIVE_INFINITY

  constructor(size: number) {
    this.#size = size
    this.#buffer = new Float64Array(2 * size + 1024)
  }

  add(value: number): void {
    if (value <= this.#floor) return
    if (this.#used === this.#buffer.length) this.#prune()
    this.#buffer[this.#used++] = value
  }

  /** The two lowest of the kept ones, ascending; the same twice when one is kept. */
  lowestTwo(): [number, number] {
    this.#prune()
    return [this.#buffer[0] as number, this.#buffer[Math.min(1, this.#used - 1)] as number]
  }

  #prune(): void {
    const used = this.#buffer.subarray(0, this.#used).sort()
    const kept = Math.min(this.#size, this.#used)
    used.copyWithin(0, this.#used - kept)
    this.#used = kept
    if (kept === this.#size) this.#floor = this.#buffer[0] as number
  }
}
