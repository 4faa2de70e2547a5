import { DiffiqaError } from '../errors.ts'

export interface PoolingItem {
  /** Any length above 0; scaled to unit length before it is added. */
  readonly embedding: ArrayLike<number>
  /** Calibrated value, 0..1. */
  readonly quality: number
}

export interface PoolingOptions {
  /** Photos whose quality is not above are left out; use the policy's `rejectBelow`. @default 0 */
  readonly floor?: number
  /** Exponent of the weight: 0 counts all photos alike, more lets the best ones dominate. @default 1 */
  readonly gamma?: number
}

export interface PooledTemplate {
  /** Unit length. */
  readonly template: Float32Array
  /** Weighted mean of the qualities used, 0..1: the quality of the template in a comparison. */
  readonly quality: number
  /** (Σw)² / Σw²: how many equally good photos the template is worth. */
  readonly effectiveCount: number
  /** Photos that were above the floor. */
  readonly used: number
}

function norm(values: ArrayLike<number>): number {
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i] as number) ** 2
  return Math.sqrt(squares)
}

/** The length of an embedding, once it is known to be usable. */
function checkedNorm({ embedding, quality }: PoolingItem, width: number): number {
  if (embedding.length !== width || width === 0)
    throw new DiffiqaError('invalid-embedding', `An embedding has ${embedding.length} numbers, the first has ${width}`)
  if (!(quality >= 0 && quality <= 1))
    throw new DiffiqaError('invalid-embedding', 'The quality of an embedding must be a number from 0 to 1')
  const length = norm(embedding)
  if (!(length > 0 && Number.isFinite(length)))
    throw new DiffiqaError('invalid-embedding', 'An embedding is zero, or holds something that is no finite number')
  return length
}

/**
 * One template of several photos of one person: t = Σ wᵢ eᵢ / ‖Σ wᵢ eᵢ‖ with eᵢ of unit length and wᵢ = (qualityᵢ − floor)^gamma.
 * A better photo never counts less. Pool the frames of one recording first, then the recordings.
 * @throws DiffiqaError `invalid-embedding` for embeddings that do not fit together or cancel out, `quality-rejected` when no photo is above
 * the floor, `invalid-option`.
 */
export function poolEmbeddings(items: readonly PoolingItem[], options: PoolingOptions = {}): PooledTemplate {
  const { floor = 0, gamma = 1 } = options
  if (!(floor >= 0 && floor < 1)) throw new DiffiqaError('invalid-option', 'floor must be a number from 0 to below 1')
  if (!(gamma >= 0 && Number.isFinite(gamma))) throw new DiffiqaError('invalid-option', 'gamma must be 0 or more')
  const width = items[0]?.embedding.length ?? 0
  const sum = new Float64Array(width)
  let [weights, squares, qualities, used] = [0, 0, 0, 0]
  for (const item of items) {
    const length = checkedNorm(item, width)
    if (item.quality <= floor) continue
    const weight = (item.quality - floor) ** gamma
    for (let i = 0; i < width; i++) sum[i] = (sum[i] as number) + (weight * (item.embedding[i] as number)) / length
    weights += weight
    squares += weight ** 2
    qualities += weight * item.quality
    used++
  }
  if (used === 0 || weights === 0)
    throw new DiffiqaError('quality-rejected', 'None of the photos is good enough for a template')
  const length = norm(sum)
  if (!(length > 1e-9 * weights))
    throw new DiffiqaError('invalid-embedding', 'The embeddings cancel one another out: are they of one person?')
  return {
    template: Float32Array.from(sum, (value) => value / length),
    quality: qualities / weights,
    effectiveCount: weights ** 2 / squares,
    used,
  }
}
