import type { ModelName } from './manifest.ts'
import type { Tensor } from './tensor-model.ts'

export interface ModelContract {
  readonly inputs: readonly string[]
  /** The self-test looks at the first. */
  readonly outputs: readonly string[]
  /** The tensors of the self-test; see `Manifest.selfTest`. */
  selfTestFeeds(): Record<string, Tensor>
}

const STRIDES = [8, 16, 32]

const unit = (k: number) => ((k * 37) % 255) / 127.5 - 1
const byte = (k: number) => (k * 37) % 255

/** What the code relies on in each network, whatever the manifest says. */
export const MODEL_CONTRACTS: Readonly<Record<ModelName, ModelContract>> = {
  detector: {
    inputs: ['input'],
    outputs: ['cls', 'obj', 'bbox', 'kps'].flatMap((name) => STRIDES.map((stride) => `${name}_${stride}`)),
    selfTestFeeds: () => ({ input: image(64, unit) }),
  },
  embedder: {
    inputs: ['data'],
    outputs: ['fc1', 'head'],
    selfTestFeeds: () => ({ data: image(112, byte) }),
  },
  denoiser: {
    inputs: ['x', 't'],
    outputs: ['x0'],
    selfTestFeeds: () => ({ x: image(112, unit), t: { data: Float32Array.of(20), dims: [1] } }),
  },
  regressor: {
    inputs: ['face'],
    outputs: ['mean', 'log_variance', 'embedding'],
    selfTestFeeds: () => ({ face: image(112, unit) }),
  },
}

function image(side: number, element: (k: number) => number): Tensor {
  return { data: Float32Array.from({ length: 3 * side * side }, (_, k) => element(k)), dims: [1, 3, side, side] }
}
