import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MemoryGallery } from '../../src/adapters/gallery.ts'
import type { Candidate } from '../../src/adapters/matcher.ts'
import { type OnnxMatcher, type OnnxMatcherOptions, onnxMatcher } from '../../src/adapters/onnx.ts'
import { anotherCapture, mirroredCapture, probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, sampleFace } from '../fixtures/sample-faces.ts'
import { seededWeight, tinyEmbedder } from '../fixtures/tiny-embedder.ts'

const own = {
  input: { mean: 127.5, std: 127.5 },
  scale: { impostorMean: 0, defaultThreshold: 0.5 },
} satisfies OnnxMatcherOptions
const A = tinyEmbedder(128, seededWeight(1))

const opened: OnnxMatcher[] = []
async function open(options: OnnxMatcherOptions = {}): Promise<OnnxMatcher> {
  const matcher = await onnxMatcher(options)
  opened.push(matcher)
  return matcher
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((matcher) => matcher.close()))
})

describe('onnxMatcher() with the SFace that comes with the package', () => {
  let matcher: OnnxMatcher

  beforeAll(async () => {
    matcher = await onnxMatcher()
  })
  afterAll(() => matcher.close())

  it('recognises other captures of the sample faces among the seven people', async () => {
    for (const name of SAMPLE_FACES) await matcher.enrol(name, await probeOf(await sampleFace(name)), { quality: 0.8 })
    for (const name of SAMPLE_FACES) {
      for (const capture of [await anotherCapture(name), await mirroredCapture(name)]) {
        const [best, second] = (await matcher.identify(await probeOf(capture), { limit: 2 })) as [Candidate, Candidate]
        expect(best.subject).toBe(name)
        expect(best.score).toBeGreaterThan(0.6)
        expect(best.referenceQuality).toBe(0.8)
        expect(second.score).toBeLessThan(matcher.scale.defaultThreshold)
      }
    }
  })

  it('verifies against people and against photos, with the norm beside the score', async () => {
    const [a, b] = [await probeOf(await sampleFace('a')), await probeOf(await sampleFace('b'))]
    expect(await matcher.verify(a, { probe: a }, {})).toMatchObject({
      score: 1,
      source: { matcherQuality: { norm: expect.any(Number) } },
    })
    const toSubject = await matcher.verify(a, { subject: 'b' }, {})
    expect(toSubject.score).toBeCloseTo((await matcher.verify(a, { probe: b }, {})).score, 6)
    expect(toSubject.score).toBeLessThan(matcher.scale.defaultThreshold)
  })

  it('embeds several crops in their order, the same each time', async () => {
    const crops = await Promise.all(
      (['a', 'b'] as const).map(async (name) => (await probeOf(await sampleFace(name))).aligned),
    )
    const [first, second] = await matcher.embed([...crops], {})
    expect(first).toHaveLength(matcher.dimension)
    expect(await matcher.embed([...crops].reverse(), {})).toEqual([second, first])
  })

  it('keeps the thread that serves requests free', async () => {
    const { aligned } = await probeOf(await sampleFace('a'))
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    const start = performance.now()
    await matcher.embed(
      Array.from({ length: 20 }, () => aligned),
      {},
    )
    clearInterval(timer)
    expect(longest).toBeLessThan((performance.now() - start) / 2)
  })
})

describe('onnxMatcher() with a network of one’s own', () => {
  it('reads it from bytes, a path or a file URL, and knows it by its hash', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'onnx-matcher-'))
    const path = join(folder, 'a.onnx')
    writeFileSync(path, A)
    const sha256 = createHash('sha256').update(A).digest('hex')
    for (const model of [A, path, pathToFileURL(path)]) {
      const matcher = await open({ ...own, model, sha256 })
      expect([matcher.modelId, matcher.dimension]).toEqual([sha256.slice(0, 16), 128])
    }
    rmSync(folder, { recursive: true })
  })

  it('hands the pixels over as the input contract says', async () => {
    const { aligned } = await probeOf(await sampleFace('a'))
    // One output for each channel: the mean of the top left 28 × 28 pixels.
    const model = tinyEmbedder(3, (row, column) => (row === column * 16 ? 1 : 0))
    const means = [0, 1, 2].map((channel) => {
      let sum = 0
      for (let y = 0; y < 28; y++)
        for (let x = 0; x < 28; x++) sum += aligned.pixels[(y * 112 + x) * 3 + channel] as number
      return sum / 784
    })
    const rgb = await open({ ...own, model, input: { mean: 0, std: 1 } })
    const bgr = await open({ ...own, model, input: { mean: 127.5, std: 64, channels: 'bgr' } })
    const [plain] = await rgb.embed([aligned], {})
    const [scaled] = await bgr.embed([aligned], {})
    for (const [channel, mean] of means.entries()) {
      expect(plain?.[channel]).toBeCloseTo(mean, 2)
      expect(scaled?.[2 - channel]).toBeCloseTo((mean - 127.5) / 64, 4)
    }
  })

  it.each([
    ['a file that is not there', { model: '/nowhere/a.onnx' }, 'model-missing'],
    ['a URL, which it does not fetch', { model: 'http://127.0.0.1:9/a.onnx' }, 'model-missing'],
    ['bytes that are no network', { model: new TextEncoder().encode('no network') }, 'model-incompatible'],
    ['another hash', { model: A, sha256: '0'.repeat(64) }, 'model-integrity'],
    ['an output that is not there', { model: A, output: 'nothing' }, 'model-incompatible'],
    [
      'another layout than the network has',
      { model: A, input: { ...own.input, layout: 'nhwc' } },
      'model-incompatible',
    ],
    ['a network that answers NaN', { model: tinyEmbedder(8, () => Number.NaN) }, 'model-incompatible'],
    ['a model without its input contract', { model: A, input: undefined }, 'invalid-option'],
    ['a model without its scale', { model: A, scale: undefined }, 'invalid-option'],
    ['an input contract without a model', {}, 'invalid-option'],
    ['a standard deviation of 0', { model: A, input: { mean: 0, std: 0 } }, 'invalid-option'],
    ['an unknown field of the contract', { model: A, input: { ...own.input, size: 160 } }, 'invalid-option'],
    ['an unknown option', { model: A, thresold: 1 }, 'invalid-option'],
    ['no threads', { model: A, workers: 0 }, 'invalid-option'],
  ])('refuses %s', async (_, options, code) => {
    await expect(open({ ...own, ...options } as OnnxMatcherOptions)).rejects.toMatchObject({ code })
  })

  it('is refused after close(), and its calls that wait are ended', async () => {
    const matcher = await open({ ...own, model: A })
    const probe = await probeOf(await sampleFace('a'))
    await matcher.close()
    await expect(matcher.enrol('ada', probe, {})).rejects.toMatchObject({ code: 'gate-closed' })
  })

  it('refuses more waiting photos than agreed and ends aborted ones', async () => {
    const matcher = await open({ ...own, model: A, maxQueue: 1 })
    const probe = await probeOf(await sampleFace('a'))
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => matcher.verify(probe, { probe }, {})))
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'queue-full' })
    const signal = AbortSignal.abort()
    await expect(matcher.enrol('ada', probe, { signal })).rejects.toBe(signal.reason)
    expect(matcher.gallery.size).toBe(0)
  })
})

describe('a gallery whose model changed (field case G12)', () => {
  const people = Array.from({ length: 20 }, (_, index) => `person-${index}`)

  async function filled(): Promise<MemoryGallery> {
    const matcher = await open({ ...own, model: A })
    const { aligned } = await probeOf(await sampleFace('a'))
    for (const [index, subject] of people.entries()) {
      const pixels = aligned.pixels.map((value, i) => value ^ (i % (index + 2)))
      const [embedding] = await matcher.embed([{ ...aligned, pixels }], {})
      matcher.gallery.add(subject, embedding as Float32Array, { modelId: matcher.modelId })
    }
    return matcher.gallery
  }

  it('refuses B (512 numbers) and C (128 numbers, other weights) before anything is compared, A again is fine', async () => {
    const gallery = await filled()
    const before = [...gallery]
    await expect(open({ ...own, model: tinyEmbedder(512, seededWeight(2)), gallery })).rejects.toMatchObject({
      code: 'embedding-mismatch',
      details: { galleryLength: 128, modelLength: 512 },
    })
    await expect(open({ ...own, model: tinyEmbedder(128, seededWeight(3)), gallery })).rejects.toMatchObject({
      code: 'embedding-mismatch',
      details: { galleryModel: gallery.modelId, model: expect.any(String) },
    })
    const again = await open({ ...own, model: A, gallery })
    const probe = await probeOf(await sampleFace('a'))
    expect(await again.identify(probe, { limit: 30 })).toHaveLength(20)
    expect([...gallery]).toEqual(before)
  })

  it('refuses zero embeddings and never compares across models that share a gallery', async () => {
    const gallery = new MemoryGallery()
    const probe = await probeOf(await sampleFace('a'))
    const zero = await open({ ...own, model: tinyEmbedder(8, () => 0), gallery })
    await expect(zero.enrol('ada', probe, {})).rejects.toMatchObject({ code: 'invalid-embedding' })
    expect(gallery.size).toBe(0)
    const other = await open({ ...own, model: tinyEmbedder(8, seededWeight(4)), gallery })
    await other.enrol('ada', probe, {})
    await expect(zero.identify(probe, { limit: 1 })).rejects.toMatchObject({ code: 'invalid-embedding' })
    const third = await open({ ...own, model: tinyEmbedder(8, seededWeight(4)), gallery: new MemoryGallery() })
    for (const template of gallery) third.gallery.add(template.subject, template.embedding, { modelId: other.modelId })
    expect(await third.identify(probe, { limit: 1 })).toMatchObject([{ subject: 'ada', score: expect.closeTo(1, 5) }])
    expect(gallery.size).toBe(1)
  })
})
