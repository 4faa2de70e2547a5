import type { AlignedFace } from '../../src/face/types.ts'
import type { Manifest, ScoringManifest } from '../../src/inference/manifest.ts'
import type { Tensor, TensorModel } from '../../src/inference/tensor-model.ts'

export const CROP_BYTES = 112 * 112 * 3

/** Bit for bit the same numbers; vitest's own comparison takes seconds for a crop. */
export function identical(a: Float32Array | undefined, b: Float32Array | undefined): boolean {
  if (!a || !b) return false
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
}

/** A model that computes `answer` and remembers how many crops each call had. */
export function countingModel(
  answer: (feeds: Readonly<Record<string, Tensor>>) => Record<string, Tensor>,
): TensorModel & { readonly calls: number[] } {
  const calls: number[] = []
  return {
    inputs: [],
    outputs: [],
    calls,
    run: async (feeds) => {
      calls.push(Object.values(feeds)[0]?.dims[0] as number)
      return answer(feeds)
    },
    dispose: async () => {},
  }
}

/** x0 = tanh(1.1 x)(1 − t/2000) + 0.02, as in the Python vectors. */
export const analyticDenoiser = () =>
  countingModel(({ x, t }) => {
    const data = (x as Tensor).data.map((value, i) => {
      const time = (t as Tensor).data[Math.floor(i / CROP_BYTES)] as number
      return Math.tanh(1.1 * value) * (1 - time / 2000) + 0.02
    })
    return { x0: { data, dims: (x as Tensor).dims } }
  })

/** 128 sums of the pixels, each with weights of its own, as in the Python vectors. */
export const analyticEmbedder = () =>
  countingModel(({ data }) => {
    const { data: pixels, dims } = data as Tensor
    const count = dims[0] as number
    const fc1 = new Float32Array(count * 128)
    for (let n = 0; n < count; n++) {
      const sums = new Float64Array(128)
      for (let k = 0; k < CROP_BYTES; k++) {
        const value = (pixels[n * CROP_BYTES + k] as number) / 127.5 - 1
        sums[k % 128] = (sums[k % 128] as number) + value * (((k * 7919) % 1009) / 1009 - 0.5)
      }
      fc1.set(sums, n * 128)
    }
    const head = Float32Array.from(
      { length: count },
      (_, n) => fc1.slice(n * 128, n * 128 + 4).reduce((a, b) => a + b) / 10,
    )
    return { fc1: { data: fc1, dims: [count, 128] }, head: { data: head, dims: [count, 1] } }
  })

/** The vectors' two faces. */
export const syntheticFaces = {
  ramp: Uint8Array.from({ length: CROP_BYTES }, (_, k) => (k * 37) % 256),
  smooth: Uint8Array.from({ length: CROP_BYTES }, (_, k) => {
    const [y, x, c] = [Math.floor(k / 336), Math.floor((k % 336) / 3), k % 3]
    return Math.floor(127.5 + 80 * Math.sin(x / 9 + c) * Math.cos(y / 13) + 0.5)
  }),
} as const

/** A frontal face of 90 × 110 px whose crop is `pixels`; the transform doubles it into the crop. */
export function alignedFace(pixels: Uint8Array, interEyeDistance = 70): AlignedFace {
  return {
    pixels,
    transform: [0.5, 0, 0, 0, 0.5, 0],
    residual: 1,
    face: {
      box: { x: 30, y: 20, width: 160, height: 190 },
      confidence: 0.9,
      landmarks: [
        { x: 76.6, y: 103.4 },
        { x: 147, y: 103 },
        { x: 112, y: 143.5 },
        { x: 83, y: 184.7 },
        { x: 141.5, y: 184.4 },
      ],
      interEyeDistance,
      pose: { yaw: 2, pitch: 3, roll: 0 },
    },
  }
}

const LINE = [
  [-10, 0],
  [10, 1],
] as const

const thresholds = { rejectBelow: 0.3, acceptFrom: 0.6, minWeight: 0.5 }

/** A manifest that calibrates raw scores −10..10 to 0..1 on a straight line. */
export function testManifest(scoring: Partial<ScoringManifest> = {}): Manifest {
  const policy = { probe: thresholds, enrolment: thresholds }
  return {
    modelVersion: 'vectors-1',
    models: {},
    selfTest: {},
    provenance: {},
    scoring: {
      regressor: { knots: LINE, sigmaScale: 2 },
      tuned: { terms: [], bias: 0.5, steps: 1, eta: 0, knots: LINE, sigma: 0.5 },
      paper: { timestep: 5, draws: 10, steps: 6, eta: 1, knots: LINE, sigma: 0.1 },
      cascade: {
        firstCut: 1.4,
        residualCap: 6,
        budget: 0.15,
        combination: { regressor: 0.5, full: 0.25, knots: LINE, sigma: 0.4 },
      },
      thresholds: { lenient: policy, balanced: policy, strict: policy },
      downWeighting: {},
      reference: { 'diffiqa-r': LINE, diffiqa: LINE, combined: LINE },
      ...scoring,
    },
  } as unknown as Manifest
}
