import { DiffiqaError } from '../errors.ts'
import type { Manifest, ModelName } from './manifest.ts'

/**
 * Compares a network's answer to the synthetic tensor with the manifest's. An element may differ by tolerance × max(1, |expected|).
 *
 * @param answer - the first output for one synthetic tensor
 * @throws DiffiqaError `model-incompatible` (details.model)
 */
export function checkSelfTest(name: ModelName, answer: Float32Array, { values, tolerance }: SelfTest): void {
  for (const [index, expected] of values.entries()) {
    const actual = answer[index] ?? Number.NaN
    if (!(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)))) {
      throw new DiffiqaError('model-incompatible', `The model "${name}" fails its self-test`, {
        details: { model: name, index, expected, actual },
      })
    }
  }
}

export type SelfTest = Manifest['selfTest'][ModelName]
