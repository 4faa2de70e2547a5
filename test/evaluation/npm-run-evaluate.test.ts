import { describe, expect, test } from 'vitest'
import { columns, escalated, fastScore } from '../../models/evaluation/columns.ts'
import { utkLabels } from '../../models/evaluation/groups.ts'
import { imageBaselines } from '../../models/evaluation/image-baselines.ts'
import type { Looked } from '../../models/evaluation/job.ts'
import { calibrationError, goodNorm, passRates } from '../../models/evaluation/outcomes.ts'
import { seededRandom } from '../../src/evaluation/seeded-random.ts'
import { loadManifest, modelsUrl } from '../../src/inference/manifest-file.ts'

const { scoring } = await loadManifest(modelsUrl(undefined))
const random = seededRandom('faces')

const face = (embedding: readonly number[], mean = random.between(-2, 2)): Looked => ({
  confidence: 0.9,
  interEye: 40,
  residual: 1,
  fast: { mean, deviation: 0.2 },
  paper: undefined,
  features: scoring.tuned.terms.map(() => 1 + mean),
  embeddings: [Float32Array.from(embedding)],
  norm: 10 + mean,
  mirror: 0.9,
  peer: undefined,
  image: undefined,
})

describe('what npm run evaluate compares', () => {
  const answers = [...Array.from({ length: 200 }, () => face([1, 0])), undefined]

  test('DifFIQA(R) comes first; a photo without a face has no score; what was not measured is left out', () => {
    const all = columns(answers, ['j'], scoring, '1')
    const names = all.map(({ name }) => name)
    expect(names[0]).toBe('DifFIQA(R)')
    expect(names).toContain('norm of j')
    expect(names).not.toContain('qualityface')
    for (const { name, quality } of all) if (name !== 'random') expect(quality.at(-1), name).toBeNaN()
  })

  test('a part of the full score is the sum of the features that are left', () => {
    const [one] = [face([1, 0], 0.5)]
    const all = columns([one], ['j'], scoring, '1')
    const of = (wanted: string): number => all.find(({ name }) => name === wanted)?.quality[0] as number
    const { terms, bias } = scoring.tuned
    const sum = (counts: (feature: string) => boolean): number =>
      terms.reduce((total, { feature, weight }) => total + (counts(feature) ? weight * 1.5 : 0), bias)
    expect(of('full DifFIQA, tuned')).toBeCloseTo(
      sum(() => true),
      9,
    )
    expect(of('full without the quality head')).toBeCloseTo(
      sum((feature) => !feature.startsWith('head')),
      9,
    )
    expect(of('full without any diffusion')).toBeCloseTo(
      sum((feature) => !/forward|backward|residual/.test(feature)),
      9,
    )
  })

  test('the cascade looks twice at photos in doubt only, within the budget, and keeps the fast order of all others', () => {
    const twice = escalated(answers, scoring, '1')
    const count = twice.filter(Boolean).length
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThanOrEqual(Math.round(scoring.cascade.budget * answers.length))
    expect(twice.at(-1)).toBe(false)
    const cascade = columns(answers, ['j'], scoring, '1').find(({ name }) => name === 'cascade')
      ?.quality as Float64Array
    const once = answers.flatMap((one, k) => (one && !twice[k] ? [k] : []))
    const by = (of: (k: number) => number): number[] => [...once].sort((a, b) => of(a) - of(b))
    expect(by((k) => cascade[k] as number)).toEqual(by((k) => answers[k]?.fast.mean as number))
    expect(
      Math.abs((cascade[once[0] as number] as number) - fastScore(answers[once[0] as number] as Looked, scoring).value),
    ).toBeLessThan(1e-5)
  })
})

describe('what a value stands for', () => {
  test('is how often a photo passes against other good photos of the same person, never against itself', () => {
    const photo = (person: string, file: string) => ({ person, file: `${person}/${file}`, path: '', name: '' })
    const photos = [photo('a', '1'), photo('a', '2'), photo('a', '3'), photo('b', '1')]
    const gallery = [face([1, 0], 1), face([0.8, 0.6], 1), face([0, 1], 1), face([1, 0], 1)]
    const probes = photos.map((one, k) => ({ photo: one, answer: gallery[k] }))
    // Cosines of a's photos: .8, 0 and .6; b has no other photo.
    expect(passRates(probes, { photos, answers: gallery }, 0, [0.7])).toEqual([[0.5], [0.5], [0], undefined])
    expect(passRates(probes, { photos, answers: gallery }, 99, [0.7])).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(goodNorm(gallery)).toBe(11)
  })

  test('the calibration error is 0 for a true scale and the offset for a shifted one', () => {
    const points = Array.from({ length: 1000 }, (_, k) => ({ value: k / 1000, outcome: k / 1000 }))
    expect(calibrationError(points)).toBeCloseTo(0, 9)
    expect(calibrationError(points.map(({ value, outcome }) => ({ value: value + 0.1, outcome })))).toBeCloseTo(0.1, 9)
  })
})

describe('image baselines', () => {
  const crop = (of: (x: number, y: number) => number) =>
    Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => of(Math.floor(i / 3) % 112, Math.floor(i / 336)))

  test('of a plain crop are 0, of a ramp its slope, of noise high', () => {
    const plain = imageBaselines(crop(() => 90))
    for (const value of Object.values(plain)) expect(value).toBeCloseTo(0, 9)
    const ramp = imageBaselines(crop((x) => 2 * x))
    expect(ramp.gradient).toBeCloseTo(2, 9)
    expect(ramp.laplacian).toBeCloseTo(0, 9)
    const noise = imageBaselines(crop(() => Math.floor(random.between(0, 256))))
    expect(noise.laplacian).toBeGreaterThan(1000)
    expect(noise.contrast).toBeGreaterThan(ramp.contrast / 2)
  })
})

test('UTKFace names tell age, gender and ethnicity, unless one is missing', () => {
  expect(utkLabels('26_1_3_20170104.jpg')).toEqual({ 'age band': '20 to 29', gender: 'female', ethnicity: 'Indian' })
  expect(utkLabels('116_0_0_2.jpg')).toMatchObject({ 'age band': '75 to 116' })
  expect(utkLabels('39_1_20170116174525125.jpg')).toBeUndefined()
})
