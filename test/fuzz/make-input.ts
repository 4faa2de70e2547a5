import type { Base } from './bases.ts'
import { CONTAINERS } from './containers.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateChunks } from './mutate-chunks.ts'
import { mutateTiff } from './mutate-tiff.ts'
import { fuzzRandom } from './random.ts'

export interface FuzzInput {
  readonly base: string
  readonly bytes: Buffer
}

/** The input of a seed and a number: the same on every machine that encodes the bases alike. */
export function makeInput(bases: readonly Base[], seed: number, index: number): FuzzInput {
  const random = fuzzRandom(`${seed}/${index}`)
  const base = random.pick(bases)
  const container = CONTAINERS[base.format]
  let { bytes } = base
  if (random.chance(0.03)) {
    const other = random.pick(bases).bytes
    bytes = Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))])
  }
  for (let left = random.chance(0.7) ? 1 : 3; left > 0; left--) {
    if (random.chance(0.25)) bytes = mutateBytes(bytes, random)
    else if (container) bytes = mutateChunks(bytes, container, random)
    else bytes = mutateTiff(bytes, random)
  }
  return { base: base.name, bytes }
}
