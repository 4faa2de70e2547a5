import { DiffiqaError } from '../errors.ts'
import type { TensorModel } from '../inference/tensor-model.ts'
import { type Cancelled, inBatches, takeOutput } from './batch.ts'
import { rows, stack } from './tensor.ts'

/** What E says of one crop. */
export interface Embedded {
  /** Not normalised to unit length. */
  readonly embedding: Float32Array
  /** The quality head's answer, about −3..3; higher is better. */
  readonly head: number
}

/**
 * E: embeddings of crops and what the quality head behind it says.
 * @param embedder Input `data` [N, 3, 112, 112] RGB in 0..255, outputs `fc1` [N, width] and `head` [N, 1].
 * @param crops 3 × 112 × 112 each, −1..1; noisy ones may reach beyond.
 * @throws DiffiqaError `aborted`, `invalid-model-output`.
 */
export function embed(
  embedder: TensorModel,
  crops: readonly Float32Array[],
  cancelled?: Cancelled,
): Promise<Embedded[]> {
  return inBatches(embedder, crops, cancelled, async (batch) => {
    const { data, dims } = stack(batch)
    for (let i = 0; i < data.length; i++) data[i] = ((data[i] as number) + 1) * 127.5
    const outputs = await embedder.run({ data: { data, dims } })
    const width = (outputs.fc1?.data.length ?? 0) / batch.length
    if (!Number.isInteger(width) || width === 0)
      throw new DiffiqaError('invalid-model-output', 'the embedder answered without embeddings')
    const heads = takeOutput(outputs, 'head', batch.length, 1)
    return rows(takeOutput(outputs, 'fc1', batch.length, width), width).map((embedding, i) => ({
      embedding,
      head: heads[i] as number,
    }))
  })
}
