import type { TensorModel } from '../inference/tensor-model.ts'
import { type Cancelled, inBatches, takeOutput } from './batch.ts'
import { CROP_LENGTH, rows, stack } from './tensor.ts'

/** One question to the denoiser. */
export interface NoisyCrop {
  readonly x: Float32Array
  /** Timestep the network is told. */
  readonly timestep: number
}

/**
 * D(x_t, t): the network's guess of the clean crop, clipped to −1..1. Crops of different timesteps share a batch.
 * @param denoiser Input `x` [N, 3, 112, 112] and `t` [N], output `x0`.
 * @throws DiffiqaError `aborted`, `invalid-model-output`.
 */
export function denoise(
  denoiser: TensorModel,
  crops: readonly NoisyCrop[],
  cancelled?: Cancelled,
): Promise<Float32Array[]> {
  return inBatches(denoiser, crops, cancelled, async (batch) => {
    const outputs = await denoiser.run({
      x: stack(batch.map(({ x }) => x)),
      t: { data: Float32Array.from(batch, ({ timestep }) => timestep), dims: [batch.length] },
    })
    const answer = takeOutput(outputs, 'x0', batch.length, CROP_LENGTH)
    const guess = new Float32Array(answer.length)
    for (let i = 0; i < guess.length; i++) guess[i] = Math.min(1, Math.max(-1, answer[i] as number))
    return rows(guess, CROP_LENGTH)
  })
}
