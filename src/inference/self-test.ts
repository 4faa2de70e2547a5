import { DiffiqaError } from '../errors.ts'
import type { Manifest, ModelName } from './manifest.ts'

/**
 * Compares a network's answer to the synthetic tensor with the manifest's. An element may differ by tolerance × max(1, |expected|), but never by
 * more than `most`.
 *
 * @param answer - the first output for one synthetic tensor
 * @throws DiffiqaError `model-incompatible` (details.model)
 */
export function checkSelfTest(
  name: ModelName,
  answer: Float32Array,
  { values, tolerance }: SelfTest,
  most = Number.POSITIVE_INFINITY,
): void {
  for (const [index, expected] of values.entries()) {
    const actual = answer[index] ?? Number.NaN
    const allowed = Math.min(most, tolerance * Math.max(1, Math.abs(expected)))
    if (!(Math.abs(actual - expected) <= allowed)) {
      throw new DiffiqaError('model-incompatible', `The model "${name}" fails its self-test`, {
        details: { model: name, index, expected, actual },
      })
    }
  }
}

export type SelfTest = Manifest['selfTest'][ModelName]
