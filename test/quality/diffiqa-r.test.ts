import { describe, expect, it } from 'vitest'
import { createRegressor } from '../../src/quality/diffiqa-r.ts'
import { alignedFace, countingModel, syntheticFaces, testManifest } from './stand-ins.ts'

const faces = [alignedFace(syntheticFaces.ramp), alignedFace(syntheticFaces.smooth)]

/** μ = the first pixel, log σ² = 2, embedding = the index of the face. */
const model = (answer?: Record<string, number[]>) =>
  countingModel(({ face }) => {
    const count = face?.dims[0] as number
    const first = Array.from({ length: count }, (_, n) => face?.data[n * 37632] as number)
    const own = {
      mean: first,
      log_variance: first.map(() => 2),
      embedding: first.flatMap((_, n) => new Array<number>(128).fill(n)),
      ...answer,
    }
    return Object.fromEntries(
      Object.entries(own).map(([name, data]) => [name, { data: Float32Array.from(data), dims: [count] }]),
    )
  })

describe('createRegressor', () => {
  it('scores several faces in one call, in order', async () => {
    const network = model()
    const scores = await createRegressor(network, testManifest()).score(faces)
    expect(network.calls).toEqual([2])
    const expected = [-1, (syntheticFaces.smooth[0] as number) / 127.5 - 1]
    for (const [i, raw] of expected.entries()) {
      expect(scores[i]).toEqual({
        raw: expect.closeTo(raw, 6),
        value: expect.closeTo((raw + 10) / 20, 6),
        // exp(2/2) · the manifest's scale of 2, on a line of slope 1/20.
        sigma: expect.closeTo((Math.E * 2) / 20, 6),
        method: 'diffiqa-r',
        modelVersion: 'vectors-1',
      })
    }
  })

  it('gives the embeddings only to who asks, each with memory of its own', async () => {
    const [, second] = await createRegressor(model(), testManifest()).scoreAndEmbed(faces)
    expect(second?.embedding).toEqual(new Float32Array(128).fill(1))
    expect(second?.embedding.buffer.byteLength).toBe(512)
    expect(Object.keys(second?.score ?? {})).not.toContain('embedding')
  })

  it('asks the network nothing for no faces', async () => {
    const network = model()
    expect(await createRegressor(network, testManifest()).score([])).toEqual([])
    expect(network.calls).toEqual([])
  })

  it.each([
    ['a mean that is not a number', { mean: [Number.NaN, 1] }],
    ['an infinite variance', { log_variance: [1, Number.POSITIVE_INFINITY] }],
    ['an embedding of another length', { embedding: [1, 2, 3] }],
  ])('refuses %s', async (_, answer) => {
    const regressor = createRegressor(model(answer as Record<string, number[]>), testManifest())
    await expect(regressor.score(faces)).rejects.toMatchObject({ code: 'invalid-model-output' })
  })
})
