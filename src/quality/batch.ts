import { DiffiqaError } from '../errors.ts'
import type { Tensor, TensorModel } from '../inference/tensor-model.ts'

/**
 * Crops in one call of a network. More would gain nothing on a processor, and a call cannot be interrupted: at eight, a cancelled task
 * gives its thread back within a fraction of a second.
 */
export const MAX_BATCH = 8

/** Asks whether the answer is still wanted. */
export type Cancelled = () => boolean

/** @throws DiffiqaError `aborted` when nobody waits any more. */
export function checkpoint(cancelled: Cancelled | undefined): void {
  if (cancelled?.()) throw new DiffiqaError('aborted')
}

/** Work on any number of items in calls of at most {@link MAX_BATCH}, or what the network prefers, asking `cancelled` before each. */
export async function inBatches<T, R>(
  { maxBatch = MAX_BATCH }: Pick<TensorModel, 'maxBatch'>,
  items: readonly T[],
  cancelled: Cancelled | undefined,
  call: (batch: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const results: R[] = []
  const size = Math.min(MAX_BATCH, maxBatch)
  for (let i = 0; i < items.length; i += size) {
    checkpoint(cancelled)
    results.push(...(await call(items.slice(i, i + size))))
  }
  return results
}

/**
 * One output of a network, made sure to have the expected number of finite numbers.
 * @param length Numbers per item.
 * @throws DiffiqaError `invalid-model-output`.
 */
export function takeOutput(
  outputs: Readonly<Record<string, Tensor>>,
  name: string,
  count: number,
  length: number,
): Float32Array {
  const data = outputs[name]?.data
  if (data?.length !== count * length)
    throw new DiffiqaError('invalid-model-output', `the output ${name} has not ${count} × ${length} numbers`)
  // A plain loop: this looks at millions of numbers.
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) throw new DiffiqaError('invalid-model-output', `the output ${name} is not finite`)
  }
  return data
}
