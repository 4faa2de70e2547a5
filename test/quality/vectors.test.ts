import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { TermWeight } from '../../src/inference/manifest.ts'
import { restore, walk } from '../../src/quality/backward.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { embed } from '../../src/quality/embed.ts'
import { diffuse } from '../../src/quality/forward.ts'
import { forwardStream, gaussianNoise, noiseKey, samplerStream } from '../../src/quality/noise.ts'
import { philox4x32 } from '../../src/quality/philox.ts'
import { alphaBar } from '../../src/quality/schedule.ts'
import { mirror, toTensor } from '../../src/quality/tensor.ts'
import type { TermName } from '../../src/quality/types.ts'
import {
  alignedFace,
  analyticDenoiser,
  analyticEmbedder,
  CROP_BYTES,
  syntheticFaces,
  testManifest,
} from './stand-ins.ts'

interface Summary {
  readonly elements: readonly number[]
  readonly sum: number
  readonly sumSquares: number
}

interface Diffused extends Summary {
  readonly t: number
  readonly draw: number
  readonly mirror: boolean
}

interface FaceVectors {
  readonly key: readonly [number, number]
  readonly embedding: readonly number[]
  readonly noise: readonly (Summary & { draw: number; timestep: number; stream: number })[]
  readonly forward: readonly Diffused[]
  readonly backward: readonly (Diffused & { steps: number; eta: number })[]
  readonly paper: { readonly raw: number; readonly terms: Readonly<Record<TermName, number>> }
  readonly tuned: { readonly raw: number; readonly features: readonly number[] }
}

/** Made by models/training (step `vectors`): the Python reference on the same synthetic faces with the same formulas as networks. */
const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as {
  readonly tolerance: number
  readonly modelVersion: string
  readonly schedule: { readonly alphaBar: Readonly<Record<string, number>> }
  readonly philox: readonly {
    counter: [number, number, number, number]
    key: [number, number]
    output: readonly number[]
  }[]
  readonly times: readonly { t: number; steps: number; times: readonly number[] }[]
  readonly indices: readonly number[]
  readonly tunedPreset: { terms: readonly TermWeight[]; bias: number; steps: number; eta: number }
  readonly faces: Readonly<Record<keyof typeof syntheticFaces, FaceVectors>>
}

const { tolerance } = vectors

/** Within 1e-4, of the number itself where it is larger than one. */
function expectClose(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)))
}

/** Every listed element within the tolerance; the sums stand for the elements that are not listed. */
function expectSummary(tensor: Float32Array, { elements, sum, sumSquares }: Summary): void {
  for (const [i, element] of elements.entries())
    expect(Math.abs((tensor[vectors.indices[i] as number] as number) - element)).toBeLessThanOrEqual(tolerance)
  let [total, squares] = [0, 0]
  for (const value of tensor) {
    total += value
    squares += value * value
  }
  expectClose(squares, sumSquares)
  // A sum of signed numbers cancels: what matters is its error against their size.
  expect(Math.abs(total - sum)).toBeLessThanOrEqual(tolerance * Math.sqrt(CROP_BYTES))
}

describe('the Python reference agrees about', () => {
  it('the schedule', () => {
    for (const [t, bar] of Object.entries(vectors.schedule.alphaBar)) expect(alphaBar(Number(t))).toBeCloseTo(bar, 12)
  })

  it('the counter-based generator', () => {
    for (const { counter, key, output } of vectors.philox) {
      const out = new Uint32Array(4)
      philox4x32(counter, key, out)
      expect([...out]).toEqual(output)
    }
  })

  it('the times of the backward walk', () => {
    for (const { t, steps, times } of vectors.times) expect(walk(t, steps)).toEqual(times)
  })
})

describe.each(Object.keys(syntheticFaces) as (keyof typeof syntheticFaces)[])('on the face "%s" about', (name) => {
  const pixels = syntheticFaces[name]
  const expected = vectors.faces[name]
  const x = toTensor(pixels)
  const key = noiseKey(pixels, vectors.modelVersion)
  const noised = ({ t, draw, mirror: mirrored }: Diffused): Float32Array =>
    diffuse(
      mirrored ? mirror(x) : x,
      gaussianNoise(key, { draw, timestep: t, stream: forwardStream(mirrored) }, CROP_BYTES),
      t,
    )
  const manifest = testManifest({ tuned: { ...testManifest().scoring.tuned, ...vectors.tunedPreset } })
  const diffiqa = (preset: 'paper' | 'tuned') =>
    createDiffiqa({ embedder: analyticEmbedder(), denoiser: analyticDenoiser(), manifest, preset })

  it('the noise', () => {
    expect(key).toEqual(expected.key)
    for (const { draw, timestep, stream, ...summary } of expected.noise)
      expectSummary(gaussianNoise(key, { draw, timestep, stream }, CROP_BYTES), summary)
  })

  it('the embedding', async () => {
    const [seen] = await embed(analyticEmbedder(), [x])
    for (const [i, value] of expected.embedding.entries()) expectClose(seen?.embedding[i] as number, value)
  })

  it('the forward process', () => {
    for (const forward of expected.forward) expectSummary(noised(forward), forward)
  })

  it('the backward process', async () => {
    for (const backward of expected.backward) {
      const { t, draw, mirror: mirrored, steps, eta } = backward
      const noise = (step: number): Float32Array =>
        gaussianNoise(key, { draw, timestep: t, stream: samplerStream(mirrored, step) }, CROP_BYTES)
      const crop = { x: noised(backward), timestep: t, noise }
      const [restored] = await restore(analyticDenoiser(), [crop], { steps, eta })
      expectSummary(restored as Float32Array, backward)
    }
  })

  it("the paper's score and its five terms", async () => {
    const { raw, terms } = await diffiqa('paper').score(alignedFace(pixels))
    expect(terms).toHaveLength(5)
    for (const { term, similarity } of terms ?? []) expectClose(similarity, expected.paper.terms[term])
    expectClose(raw, expected.paper.raw)
  })

  it('the tuned score and each of its features', async () => {
    expectClose((await diffiqa('tuned').score(alignedFace(pixels))).raw, expected.tuned.raw)
    for (const [i, term] of vectors.tunedPreset.terms.entries()) {
      const tuned = { ...manifest.scoring.tuned, terms: [{ ...term, weight: 1 }], bias: 0 }
      const one = createDiffiqa({
        embedder: analyticEmbedder(),
        denoiser: analyticDenoiser(),
        manifest: testManifest({ tuned }),
      })
      expectClose((await one.score(alignedFace(pixels))).raw, expected.tuned.features[i] as number)
    }
  })
})
