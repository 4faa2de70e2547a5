import { beforeAll, describe, expect, it, vi } from 'vitest'
import { faceApi } from '../../src/adapters/face-api.ts'
import type { FaceApiLike, FaceApiSource } from '../../src/adapters/face-api-face.ts'
import { MemoryGallery } from '../../src/adapters/gallery.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { Candidate } from '../../src/adapters/matcher.ts'
import { createProbe } from '../../src/adapters/probe.ts'
import { type RealFaceApi, realFaceApi } from '../fixtures/face-api.ts'
import { fakeAssessment, fakeGate } from '../fixtures/fake-gate.ts'
import { anotherCapture, assessmentOf, mirroredCapture, probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

let api: RealFaceApi
const tensors = (): number => (api.tf as unknown as { memory(): { numTensors: number } }).memory().numTensors

beforeAll(async () => {
  api = await realFaceApi()
})

describe('faceApi() with the real @vladmandic/face-api on WASM', () => {
  it('recognises another capture of each sample face among the seven people, the nearest first', async () => {
    const matcher = faceApi(api)
    for (const name of SAMPLE_FACES) await matcher.enrol(name, await probeOf(await sampleFace(name)), { quality: 0.9 })
    const before = tensors()
    for (const name of SAMPLE_FACES) {
      const capture = name < 'd' ? await mirroredCapture(name) : await anotherCapture(name)
      const [best, second] = (await matcher.identify(await probeOf(capture), { limit: 3 })) as [Candidate, Candidate]
      expect(best.subject).toBe(name)
      expect(best.score).toBeLessThan(0.45)
      expect(best.referenceQuality).toBe(0.9)
      expect(second.score).toBeGreaterThan(0.6)
    }
    expect(tensors()).toBe(before)
  })

  it("gives face-api's own distance, descriptor and detection score", async () => {
    const matcher = faceApi(api)
    const [a, b] = [await probeOf(await sampleFace('a')), await probeOf(await sampleFace('b'))]
    const first = ((await matcher.enrol('a', a, {})).source as FaceApiSource).answer
    const { score, source } = await matcher.verify(b, { subject: 'a' }, {})
    const { answer: second, matcherQuality } = source as FaceApiSource
    expect(score).toBe(api.euclideanDistance(first.descriptor, second.descriptor))
    expect(second.detection.score).toBeGreaterThan(0.5)
    expect(matcherQuality).toEqual({ score: second.detection.score })
    expect((await matcher.verify(b, { probe: a }, {})).score).toBe(score)
    expect((await matcher.verify(a, { probe: a }, {})).score).toBe(0)
    // The steps are those of face-api's own chain.
    const { data, width, height } = await a.rgb()
    const input = api.tf.tensor(data, [height, width, 3], 'int32') as unknown as FaceApiLike & { dispose(): void }
    const [chained] = await api
      .detectAllFaces(input as never)
      .withFaceLandmarks()
      .withFaceDescriptors()
    input.dispose()
    expect(api.euclideanDistance(first.descriptor, chained?.descriptor as Float32Array)).toBeLessThan(0.15)
  })

  it('describes the face the gate judged in a photo of several people, with another detector too', async () => {
    const gallery = new MemoryGallery()
    const matcher = faceApi(api, { gallery })
    const tiny = faceApi(api, { gallery, detector: new api.TinyFaceDetectorOptions({ inputSize: 416 }) })
    await matcher.enrol('b', await probeOf(await sampleFace('b')), {})
    const detect = vi.spyOn(api.nets.tinyFaceDetector, 'locateFaces')
    const [found] = await tiny.identify(await probeOf(await mirroredCapture('b')), { limit: 1 })
    expect(found?.score).toBeLessThan(0.5)
    expect(detect).toHaveBeenCalledTimes(1)
    detect.mockRestore()
    const assessment = await assessmentOf(samplePhoto(2))
    expect(assessment.verdicts.length).toBeGreaterThan(1)
    for (const verdict of assessment.verdicts) {
      const box = verdict.face?.box as { x: number; width: number }
      const isB = box.x > 1330 && box.x + box.width < 1330 + 440
      const [best] = await matcher.identify(createProbe(samplePhoto(2), { ...assessment, verdict }), { limit: 1 })
      if (isB) expect(best?.score).toBeLessThan(0.4)
      else expect(best?.score).toBeGreaterThan(0.5)
    }
  })

  it('keeps calls at the same time apart', async () => {
    const matcher = faceApi(api)
    const names = SAMPLE_FACES.slice(0, 3)
    for (const name of names) await matcher.enrol(name, await probeOf(await sampleFace(name)), {})
    const captures = await Promise.all(names.map(async (name) => probeOf(await anotherCapture(name))))
    const answers = await Promise.all(captures.map((probe) => matcher.identify(probe, { limit: 1 })))
    expect(answers.map(([best]) => best?.subject)).toEqual(names)
  })

  it('says no-face where face-api finds none, and enrols nobody', async () => {
    const matcher = faceApi(api)
    const probe = await probeOf(await sampleFace('c'))
    const grey = { width: 400, height: 400, data: new Uint8Array(400 * 400 * 3).fill(0x77) }
    await expect(matcher.enrol('ada', { ...probe, rgb: async () => grey }, {})).rejects.toMatchObject({
      code: 'no-face',
    })
    expect(matcher.gallery.size).toBe(0)
  })

  it('passes on what face-api throws when a network was not loaded, and does not hang', async () => {
    const matcher = faceApi(api, { tinyLandmarks: true })
    await expect(matcher.enrol('ada', await probeOf(await sampleFace('c')), {})).rejects.toMatchObject({
      code: 'matcher-failed',
      cause: { message: expect.stringMatching(/load model/) },
    })
    expect(matcher.gallery.size).toBe(0)
  })
})

const BOX = { x: 60, y: 60, width: 300, height: 300 }

/** A face-api whose descriptor is as told. */
function fakeFaceApi(descriptor: () => Promise<unknown>, box = BOX): FaceApiLike & { open: number } {
  const fake = {
    open: 0,
    tf: { tensor: () => tensor() },
    SsdMobilenetv1Options: Object,
    nets: { faceRecognitionNet: { computeFaceDescriptor: descriptor } },
    detectAllFaces: () => ({
      withFaceLandmarks: () => ({
        run: async () => [{ detection: { score: 1, box }, landmarks: { align: () => box } }],
      }),
    }),
    extractFaceTensors: async () => [tensor()],
    euclideanDistance: (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Math.hypot(...Array.from(a, (value, index) => value - (b[index] as number))),
  }
  function tensor(): { dispose(): void } {
    fake.open++
    return { dispose: () => void fake.open-- }
  }
  return fake
}

describe('faceApi() when face-api fails', () => {
  it.each([
    ['gives no descriptor', async () => undefined, 'matcher-invalid-answer'],
    ['gives NaN', async () => Float32Array.of(Number.NaN, 1), 'invalid-embedding'],
    ['gives zeros', async () => Float32Array.of(0, 0), 'invalid-embedding'],
    ['gives text', async () => 'a descriptor', 'matcher-invalid-answer'],
  ])('and %s: a typed error, nobody enrolled, all tensors freed', async (_, descriptor, code) => {
    const fake = fakeFaceApi(descriptor)
    const matcher = faceApi(fake)
    await expect(matcher.enrol('ada', await probeOf(await sampleFace('c')), {})).rejects.toMatchObject({ code })
    expect(matcher.gallery.size).toBe(0)
    expect(fake.open).toBe(0)
  })

  it('refuses descriptors of another length than those of the gallery, or than that of the other photo', async () => {
    let length = 2
    const matcher = faceApi(fakeFaceApi(async () => new Float32Array(length++).fill(1)))
    const probe = await probeOf(await sampleFace('c'))
    const refused = { code: 'embedding-mismatch' }
    await matcher.enrol('ada', probe, {})
    await expect(matcher.enrol('bo', probe, {})).rejects.toMatchObject(refused)
    await expect(matcher.identify(probe, { limit: 1 })).rejects.toMatchObject(refused)
    await expect(matcher.verify(probe, { subject: 'ada' }, {})).rejects.toMatchObject(refused)
    await expect(matcher.verify(probe, { probe }, {})).rejects.toMatchObject(refused)
    expect(matcher.gallery.size).toBe(1)
  })

  it('takes no face that lies elsewhere', async () => {
    const fake = fakeFaceApi(async () => Float32Array.of(1, 2), { x: 0, y: 0, width: 3, height: 3 })
    await expect(faceApi(fake).enrol('ada', await probeOf(await sampleFace('c')), {})).rejects.toMatchObject({
      code: 'no-face',
    })
    expect(fake.open).toBe(0)
  })

  it('gives its exceptions a code, frees the tensors, serves the next call and begins none that was aborted', async () => {
    const thrown = new Error('wasm trap')
    const descriptor = vi.fn(async () => Float32Array.of(1, 2)).mockRejectedValueOnce(thrown)
    const fake = fakeFaceApi(descriptor)
    const matcher = faceApi(fake)
    const probe = await probeOf(await sampleFace('c'))
    await expect(matcher.enrol('ada', probe, {})).rejects.toMatchObject({ code: 'matcher-failed', cause: thrown })
    expect(fake.open).toBe(0)
    const controller = new AbortController()
    const running = matcher.enrol('ada', probe, {})
    const waiting = matcher.enrol('bo', probe, { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toBe(controller.signal.reason)
    await running
    expect(descriptor).toHaveBeenCalledTimes(2)
    expect(matcher.gallery.size).toBe(1)
  })

  it('matches below 0.6 and not at it', async () => {
    const descriptor = vi.fn(async () => Float32Array.of(1, 0))
    const matcher = faceApi(fakeFaceApi(descriptor))
    const guarded = guard(matcher, fakeGate())
    const photo = await sampleFace('c')
    const probe = await probeOf(photo)
    await matcher.enrol('ada', probe, {})
    for (const [x, match] of [
      [1.5999, true],
      [1.6001, false],
    ] as const) {
      descriptor.mockResolvedValueOnce(Float32Array.of(x, 0))
      const { candidates } = await guarded.identify({ ...fakeAssessment(1), bytes: photo, probe })
      expect(candidates[0]).toMatchObject({ subject: 'ada', match })
    }
  })

  it('refuses what is no face-api, unknown options, and a gallery of another model', () => {
    const invalid = expect.objectContaining({ code: 'invalid-option' })
    expect(() => faceApi({} as FaceApiLike)).toThrow(invalid)
    expect(() => faceApi(fakeFaceApi(vi.fn()), { treshold: 1 } as object)).toThrow(invalid)
    const gallery = new MemoryGallery()
    gallery.add('ada', [1, 2], { modelId: 'sface' })
    expect(() => faceApi(fakeFaceApi(vi.fn()), { gallery })).toThrow(
      expect.objectContaining({ code: 'embedding-mismatch' }),
    )
  })
})
