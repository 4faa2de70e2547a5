import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { align } from '../../src/face/align.ts'
import { decode } from '../../src/face/decode.ts'
import { createDetector } from '../../src/face/detector.ts'
import type { AlignedFace, RgbImage } from '../../src/face/types.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { combine } from '../../src/quality/calibration.ts'
import { createDiffiqa, type Diffiqa } from '../../src/quality/diffiqa.ts'
import { createRegressor, type Regressor } from '../../src/quality/diffiqa-r.ts'
import { measure } from '../../src/quality/measure.ts'
import { reasonsFor } from '../../src/quality/reasons.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { blurCrop } from './blur-crop.ts'

const NAMES = ['b', 'c', 'f'] as const
let store: ModelStore
let regressor: Regressor
let tuned: Diffiqa
let paper: Diffiqa
let photos: { image: RgbImage; aligned: AlignedFace }[]

async function open(): Promise<{ regressor: Regressor; tuned: Diffiqa; paper: Diffiqa; store: ModelStore }> {
  const models = await ModelStore.open()
  const { manifest } = models
  const networks = { embedder: await models.session('embedder'), denoiser: await models.session('denoiser'), manifest }
  return {
    store: models,
    regressor: createRegressor(await models.session('regressor'), manifest),
    tuned: createDiffiqa(networks),
    paper: createDiffiqa({ ...networks, preset: 'paper' }),
  }
}

beforeAll(async () => {
  ;({ store, regressor, tuned, paper } = await open())
  const detector = createDetector(await store.session('detector'))
  photos = await Promise.all(
    NAMES.map(async (name) => {
      const { image } = await decode(await sampleFace(name), { maxPixels: 50_000_000 })
      const [face] = await detector.detect(image)
      if (!face) throw new Error(`no face in sample ${name}`)
      return { image, aligned: align(image, face) }
    }),
  )
}, 120_000)

afterAll(() => store?.close())

const inUnit = (value: number): void => {
  expect(value).toBeGreaterThanOrEqual(0)
  expect(value).toBeLessThanOrEqual(1)
}

describe('DifFIQA(R) with the shipped network', () => {
  it('gives finite scores in 0..1 and an embedding of 128 numbers', async () => {
    const scored = await regressor.scoreAndEmbed(photos.map(({ aligned }) => aligned))
    expect(scored).toHaveLength(NAMES.length)
    for (const { score, embedding } of scored) {
      inUnit(score.value)
      inUnit(score.sigma)
      expect(score).toMatchObject({ method: 'diffiqa-r', modelVersion: store.manifest.modelVersion })
      expect(embedding).toHaveLength(128)
    }
  })

  it('scores a face in a batch as it does alone', async () => {
    const together = await regressor.score(photos.map(({ aligned }) => aligned))
    for (const [i, { aligned }] of photos.entries()) {
      const [alone] = await regressor.score([aligned])
      expect(alone?.raw).toBeCloseTo(together[i]?.raw as number, 3)
    }
  })
})

describe('full DifFIQA with the shipped networks', () => {
  it.each(['tuned', 'paper'] as const)(
    '%s: scores are finite and in 0..1, terms similarities',
    async (preset) => {
      const { aligned } = photos[0] as (typeof photos)[number]
      const { score, measures } = await (preset === 'paper' ? paper : tuned).assess(aligned)
      inUnit(score.value)
      inUnit(score.sigma)
      expect(Number.isFinite(score.raw)).toBe(true)
      for (const { similarity } of score.terms ?? []) expect(Math.abs(similarity)).toBeLessThanOrEqual(1)
      for (const value of Object.values(measures)) inUnit(value)
      const [fast] = await regressor.score([aligned])
      inUnit(combine(fast as NonNullable<typeof fast>, score, store.manifest.scoring, preset).value)
    },
    120_000,
  )

  it('gives identical scores in two runs, sessions and orders', async () => {
    const faces = photos.map(({ aligned }) => aligned)
    const first = [await regressor.score(faces), ...(await Promise.all(faces.map((face) => tuned.score(face))))]
    const again = await open()
    try {
      const full = []
      for (const face of [...faces].reverse()) full.unshift(await again.tuned.score(face))
      expect([await again.regressor.score(faces), ...full]).toEqual(first)
    } finally {
      await again.store.close()
    }
  }, 120_000)

  it('explains with pictures of the same face', async () => {
    const { aligned } = photos[0] as (typeof photos)[number]
    const { score, versions } = await tuned.explain(aligned)
    expect(score).toEqual(await tuned.score(aligned))
    expect(versions.some(({ noisy }) => noisy !== undefined)).toBe(true)
    for (const { pixels, similarity } of versions) {
      expect(pixels).toHaveLength(112 * 112 * 3)
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1)
    }
  })
})

describe('reasons for real faces', () => {
  const accepted = { value: 0.95, sigma: 0.05, method: 'diffiqa-r', raw: 1, modelVersion: 'v' } as const
  const refused = { ...accepted, value: 0.05 }
  const thresholds = { rejectBelow: 0.3, acceptFrom: 0.6 }

  it('are none for clear ones, even by the measures alone', () => {
    for (const { image, aligned } of photos) {
      expect(reasonsFor(measure(image, aligned), accepted, thresholds)).toEqual([])
      expect(reasonsFor(measure(image, aligned), undefined, thresholds)).toEqual([])
    }
  })

  it('start with blur for a Gaussian sigma of 4 on the crop', async () => {
    for (const { image, aligned } of photos) {
      const blurred = { ...aligned, pixels: await blurCrop(aligned.pixels, 4) }
      expect(reasonsFor(measure(image, blurred), refused, thresholds)[0]?.code).toBe('blur')
    }
  })
})
