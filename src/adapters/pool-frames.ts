import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import { poolEmbeddings } from '../gate/pooling.ts'
import type { CallOptions, EmbeddingAccess, Probe } from './matcher.ts'

/** A frame that takes part. */
export interface PoolingFrame {
  readonly index: number
  readonly probe: Probe
  /** Calibrated value, 0..1. */
  readonly quality: number
}

export interface PooledFrames {
  /** Of the length that the frames' embeddings have on average: some matchers compare more than the direction. */
  readonly embedding: Float32Array
  /** Weighted mean of the frames' qualities, 0..1. */
  readonly quality: number
  /** How many equally good frames it is worth. */
  readonly effectiveCount: number
  /** Places of the frames that are in it. */
  readonly used: readonly number[]
}

/**
 * One embedding of several frames of one person, weighted by quality. A frame in which the matcher itself finds no face is left out.
 * @param gamma Exponent of the weight; 0 counts all frames alike.
 * @throws DiffiqaError `no-face` when the matcher finds a face in none, `invalid-embedding`; whatever the matcher's SDK throws.
 */
export async function poolFrames(
  embeddings: EmbeddingAccess,
  frames: readonly PoolingFrame[],
  gamma: number,
  options: CallOptions,
): Promise<PooledFrames> {
  const described: { readonly index: number; readonly embedding: Float32Array; readonly quality: number }[] = []
  let refusal: unknown
  for (const { index, probe, quality } of frames) {
    options.signal?.throwIfAborted()
    try {
      described.push({ index, quality, embedding: await embeddings.describe(probe, options) })
    } catch (error) {
      if (!isDiffiqaError(error) || error.code !== 'no-face') throw error
      refusal ??= error
    }
  }
  if (described.length === 0) throw refusal ?? new DiffiqaError('no-face')
  const { template, quality, effectiveCount } = poolEmbeddings(described, { gamma })
  const length = described.reduce((sum, { embedding }) => sum + Math.hypot(...embedding), 0) / described.length
  return {
    embedding: template.map((value) => value * length),
    quality,
    effectiveCount,
    used: described.map(({ index }) => index),
  }
}
