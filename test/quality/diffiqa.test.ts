import { describe, expect, it, vi } from 'vitest'
import type { TermWeight } from '../../src/inference/manifest.ts'
import type { Tensor } from '../../src/inference/tensor-model.ts'
import { MAX_BATCH } from '../../src/quality/batch.ts'
import { createDiffiqa } from '../../src/quality/diffiqa.ts'
import { spread } from '../../src/quality/features.ts'
import {
  alignedFace,
  analyticDenoiser,
  analyticEmbedder,
  CROP_BYTES,
  countingModel,
  syntheticFaces,
  testManifest,
} from './stand-ins.ts'

const face = alignedFace(syntheticFaces.smooth)
const term = (feature: TermWeight['feature'], timestep = 20, draws = 1, weight = 1): TermWeight => ({
  feature,
  timestep,
  draws,
  weight,
})

function setUp(terms: readonly TermWeight[], { steps = 1, eta = 0, bias = 0 } = {}) {
  const [embedder, denoiser] = [analyticEmbedder(), analyticDenoiser()]
  const manifest = testManifest()
  const tuned = { ...manifest.scoring.tuned, terms, steps, eta, bias }
  const diffiqa = createDiffiqa({ embedder, denoiser, manifest: testManifest({ tuned }) })
  const count = (model: { calls: number[] }): number => model.calls.reduce((sum, n) => sum + n, 0)
  return { diffiqa, embeddings: () => count(embedder), evaluations: () => count(denoiser), embedder, denoiser }
}

function paper() {
  const [embedder, denoiser] = [analyticEmbedder(), analyticDenoiser()]
  return {
    diffiqa: createDiffiqa({ embedder, denoiser, manifest: testManifest(), preset: 'paper' }),
    embedder,
    denoiser,
  }
}

describe("the paper's preset", () => {
  it('is the plain mean of five similarities', async () => {
    const score = await paper().diffiqa.score(face)
    expect(score.terms?.map(({ term: name, timestep }) => [name, timestep])).toEqual([
      ['forward', 5],
      ['backward', 5],
      ['forward-mirror', 5],
      ['backward-mirror', 5],
      ['mirror', 0],
    ])
    const sum = score.terms?.reduce((total, { similarity }) => total + similarity, 0) as number
    expect(score.raw).toBeCloseTo(sum / 5, 12)
    expect(score.value).toBeCloseTo((score.raw + 10) / 20, 12)
    expect(score.sigma).toBeCloseTo(0.1 / 20, 12)
    expect(score.method).toBe('diffiqa')
  })

  it('takes 120 denoiser evaluations and 42 embeddings: E(x) and E(x^f) only once', async () => {
    const { diffiqa, embedder, denoiser } = paper()
    await diffiqa.score(face)
    const sum = (calls: number[]): number => calls.reduce((total, n) => total + n, 0)
    expect(sum(denoiser.calls)).toBe(2 * 10 * 6)
    expect(sum(embedder.calls)).toBe(2 + 4 * 10)
    expect(Math.max(...denoiser.calls, ...embedder.calls)).toBe(MAX_BATCH)
  })
})

describe('the tuned preset', () => {
  it('adds up bias, weights and features', async () => {
    const terms = [
      term('forward', 20, 2, 0.3),
      term('backward', 250, 1, 0.15),
      term('mirror', 0, 1, 0.2),
      term('log-norm', 0, 1, 0.5),
      term('head', 0, 1, 0.4),
      term('head-forward', 20, 2, 0.2),
      term('head-mirror', 0, 1, 0.1),
      term('log-norm-forward', 20, 1, 0.3),
      term('log-norm-mirror', 0, 1, 0.2),
      term('pixel-residual', 250, 1, 0.1),
    ]
    const alone = async (one: TermWeight): Promise<number> =>
      (await setUp([{ ...one, weight: 1 }]).diffiqa.score(face)).raw
    const parts = await Promise.all(terms.map(alone))
    const { raw } = await setUp(terms, { bias: -2 }).diffiqa.score(face)
    expect(raw).toBeCloseTo(
      terms.reduce((sum, { weight }, i) => sum + weight * (parts[i] as number), -2),
      9,
    )
  })

  it('spreads the mean similarity of a term over its draws', async () => {
    const { raw, terms } = await setUp([term('forward', 20, 3)]).diffiqa.score(face)
    expect(raw).toBeCloseTo(spread(terms?.[0]?.similarity as number), 9)
  })

  it('lists a version of the face once, however many features are read from it', async () => {
    const { terms } = await setUp([term('forward', 20), term('head-forward', 20), term('head-mirror')]).diffiqa.score(
      face,
    )
    expect(terms?.map(({ term, timestep }) => [term, timestep])).toEqual([
      ['forward', 20],
      ['mirror', 0],
    ])
  })

  it.each([
    ['log-norm', [term('log-norm')], 0, 1],
    ['the head', [term('head')], 0, 1],
    ['the head on noised faces', [term('head-forward', 20, 2)], 0, 3],
    ['length and head of the mirror image', [term('log-norm-mirror'), term('head-mirror')], 0, 2],
    ['forward', [term('forward', 20, 2)], 0, 3],
    [
      'what is read from noised faces',
      [term('forward', 20), term('head-forward', 20), term('log-norm-forward', 20)],
      0,
      2,
    ],
    ['mirror', [term('mirror')], 0, 2],
    ['backward', [term('backward', 90, 2)], 2, 3],
    ['pixel-residual', [term('pixel-residual', 90, 2)], 2, 1],
    ['terms that share draws', [term('forward', 90, 4), term('backward', 90, 2), term('pixel-residual', 90, 3)], 3, 7],
    ['both flips', [term('forward', 20, 2), term('forward-mirror', 20, 2), term('backward-mirror', 20, 1)], 1, 6],
  ])('computes nothing but what %s needs', async (_, terms, evaluations, embeddings) => {
    const run = setUp(terms)
    await run.diffiqa.score(face)
    expect([run.evaluations(), run.embeddings()]).toEqual([evaluations, embeddings])
  })

  it('sends all timesteps and flips through each network as one batch', async () => {
    const run = setUp([
      term('backward', 90, 2),
      term('backward-mirror', 250, 1),
      term('forward', 20, 2),
      term('mirror'),
    ])
    await run.diffiqa.score(face)
    expect(run.denoiser.calls).toEqual([3])
    expect(run.embedder.calls).toEqual([7])
  })

  it('notices what the network does to the face', async () => {
    const broken = countingModel(({ x }) => ({
      x0: { data: (x as Tensor).data.map((value, i) => (i % 7 === 0 ? -value : value)), dims: (x as Tensor).dims },
    }))
    const tuned = { ...testManifest().scoring.tuned, terms: [term('backward', 90)] }
    const diffiqa = createDiffiqa({ embedder: analyticEmbedder(), denoiser: broken, manifest: testManifest({ tuned }) })
    const good = await setUp([term('backward', 90)]).diffiqa.score(face)
    expect((await diffiqa.score(face)).raw).toBeLessThan(good.raw)
  })
})

describe('determinism', () => {
  const terms = [term('forward', 20, 2), term('backward', 90, 2), term('backward-mirror', 250, 2)]

  it('gives the same crop the same score: again, in another instance, and between other faces', async () => {
    const first = setUp(terms, { steps: 3, eta: 1 }).diffiqa
    const score = await first.score(face)
    const [, between] = await Promise.all(
      [alignedFace(syntheticFaces.ramp), face, alignedFace(syntheticFaces.ramp)].map((one) => first.score(one)),
    )
    expect(between).toEqual(score)
    expect(await setUp(terms, { steps: 3, eta: 1 }).diffiqa.score(face)).toEqual(score)
  })

  it('draws other noise for another model version', async () => {
    const noisy: Uint8Array[] = []
    for (const modelVersion of ['1', '2']) {
      const manifest = { ...testManifest(), modelVersion }
      const diffiqa = createDiffiqa({ embedder: analyticEmbedder(), denoiser: analyticDenoiser(), manifest })
      noisy.push((await diffiqa.explain(face)).versions[0]?.pixels as Uint8Array)
    }
    expect(Buffer.compare(noisy[0] as Uint8Array, noisy[1] as Uint8Array)).not.toBe(0)
  })
})

describe('cancelling', () => {
  it('stops before the next call of a network', async () => {
    const { diffiqa, embedder, denoiser } = paper()
    const cancelled = vi.fn(() => denoiser.calls.length === 4)
    await expect(diffiqa.score(face, { cancelled })).rejects.toMatchObject({ code: 'aborted' })
    expect(denoiser.calls).toHaveLength(4)
    expect(embedder.calls).toHaveLength(0)
  })

  it('asks once per call', async () => {
    const { diffiqa, embedder, denoiser } = paper()
    const cancelled = vi.fn(() => false)
    await diffiqa.score(face, { cancelled })
    expect(cancelled).toHaveBeenCalledTimes(denoiser.calls.length + embedder.calls.length)
  })

  it('works for explain too', async () => {
    await expect(paper().diffiqa.explain(face, { cancelled: () => true })).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('explain', () => {
  const distance = (a: Uint8Array): number =>
    a.reduce((sum, v, i) => sum + Math.abs(v - (face.pixels[i] as number)), 0) / CROP_BYTES

  it('shows each version that the score compares, and its similarity', async () => {
    const { diffiqa } = setUp([
      term('forward', 90, 2),
      term('backward', 250),
      term('backward-mirror', 90),
      term('mirror'),
    ])
    const score = await diffiqa.score(face)
    const { score: explained, versions } = await diffiqa.explain(face)
    expect(explained).toEqual(score)
    expect(versions.map(({ term, timestep, similarity }) => ({ term, timestep, similarity }))).toEqual(score.terms)
    for (const { pixels, counts } of versions) {
      expect(pixels).toHaveLength(CROP_BYTES)
      expect(counts).toBe(true)
    }
    const [noised, restored, , mirrored] = versions
    expect(noised?.noisy).toBeUndefined()
    expect(distance(restored?.pixels as Uint8Array)).toBeLessThan(distance(restored?.noisy as Uint8Array))
    expect(Array.from(mirrored?.pixels.slice(0, 3) ?? [])).toEqual(Array.from(face.pixels.slice(333, 336)))
  })

  it('restores the face to be looked at where the preset restores none, and says that it does not count', async () => {
    const { diffiqa } = setUp([term('log-norm'), term('forward', 400)])
    const { score, versions } = await diffiqa.explain(face)
    expect(versions.map(({ term, timestep, counts }) => [term, timestep, counts])).toEqual([
      ['forward', 400, true],
      ['backward', 400, false],
    ])
    expect(score).toEqual(await diffiqa.score(face))
  })
})

describe('occlusion', () => {
  /** A network that paints the rows of mouth and chin anew. */
  const painter = countingModel(({ x }) => ({
    x0: {
      data: (x as Tensor).data.map((value, i) => (Math.floor((i % 12544) / 112) >= 75 ? value + 0.9 : value)),
      dims: (x as Tensor).dims,
    },
  }))
  const grey = alignedFace(new Uint8Array(CROP_BYTES).fill(100))

  it('is the share of each half that the backward process painted anew', async () => {
    const tuned = { ...testManifest().scoring.tuned, terms: [term('backward', 20, 2)] }
    const manifest = testManifest({ tuned })
    const { measures } = await createDiffiqa({ embedder: analyticEmbedder(), denoiser: painter, manifest }).assess(grey)
    expect(measures['lower-face-occlusion']).toBeGreaterThan(0.8)
    expect(measures['upper-face-occlusion']).toBeLessThan(0.05)
  })

  it('is not mistaken for a change of light', async () => {
    const brighter = countingModel(({ x }) => ({
      x0: { data: (x as Tensor).data.map((value) => 0.7 * value + 0.3), dims: (x as Tensor).dims },
    }))
    const tuned = { ...testManifest().scoring.tuned, terms: [term('backward', 20)] }
    const manifest = testManifest({ tuned })
    const { measures } = await createDiffiqa({ embedder: analyticEmbedder(), denoiser: brighter, manifest }).assess(
      face,
    )
    expect(measures['lower-face-occlusion']).toBeLessThan(0.05)
    expect(measures['upper-face-occlusion']).toBeLessThan(0.05)
  })

  it('is not assessed where nothing is restored', async () => {
    expect((await setUp([term('forward')]).diffiqa.assess(grey)).measures).toEqual({})
  })
})

it.each([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
])('reports %s from the embedder', async (_, value) => {
  const embedder = countingModel(({ data }) => {
    const count = data?.dims[0] as number
    return {
      fc1: { data: new Float32Array(count * 128).fill(value), dims: [count, 128] },
      head: { data: new Float32Array(count), dims: [count, 1] },
    }
  })
  const diffiqa = createDiffiqa({ embedder, denoiser: analyticDenoiser(), manifest: testManifest(), preset: 'paper' })
  await expect(diffiqa.score(face)).rejects.toMatchObject({ code: 'invalid-model-output' })
})

it('refuses an unknown preset', () => {
  const options = { embedder: analyticEmbedder(), denoiser: analyticDenoiser(), manifest: testManifest() }
  expect(() => createDiffiqa({ ...options, preset: 'best' as 'paper' })).toThrow(
    expect.objectContaining({ code: 'invalid-option' }),
  )
})
