import type { Human } from '@vladmandic/human'
import sharp from 'sharp'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { MemoryGallery } from '../../src/adapters/gallery.ts'
import { human } from '../../src/adapters/human.ts'
import type { HumanLike, HumanSource } from '../../src/adapters/human-face.ts'
import type { Candidate } from '../../src/adapters/matcher.ts'
import { createProbe } from '../../src/adapters/probe.ts'
import { realHuman } from '../fixtures/human.ts'
import { anotherCapture, assessmentOf, mirroredCapture, probeOf } from '../fixtures/probes.ts'
import { SAMPLE_FACES, sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

let instance: Human

beforeAll(async () => {
  instance = await realHuman()
})

describe('human() with the real @vladmandic/human on WASM', () => {
  it('recognises another capture of each sample face among the seven people', async () => {
    const matcher = human(instance)
    for (const name of SAMPLE_FACES) await matcher.enrol(name, await probeOf(await sampleFace(name)), { quality: 0.9 })
    expect(matcher.gallery.size).toBe(7)
    for (const name of SAMPLE_FACES) {
      const capture = name < 'd' ? await mirroredCapture(name) : await anotherCapture(name)
      const [best, second] = (await matcher.identify(await probeOf(capture), { limit: 3 })) as [Candidate, Candidate]
      expect(best.subject).toBe(name)
      expect(best.score).toBeGreaterThan(0.7)
      expect(best.referenceQuality).toBe(0.9)
      expect(second.score).toBeLessThan(0.5)
    }
  })

  it("gives Human's own similarity, and its face result as source", async () => {
    const matcher = human(instance)
    const [a, b] = [await probeOf(await sampleFace('a')), await probeOf(await sampleFace('b'))]
    const first = await matcher.enrol('a', a, {})
    const { score, source } = await matcher.verify(b, { subject: 'a' }, {})
    const [x, y] = [first.source, source].map((one) => [...((one as HumanSource).answer.embedding as number[])])
    expect(score).toBe(instance.match.similarity(y as number[], x as number[]))
    expect(score).toBe(
      instance.match.similarity(y as number[], x as number[], {
        order: 2,
        threshold: 0,
        multiplier: 25,
        min: 0.2,
        max: 0.8,
      }),
    )
    expect((source as HumanSource).matcherQuality).toMatchObject({
      boxScore: expect.any(Number),
      faceScore: expect.any(Number),
    })
    expect((await matcher.verify(b, { probe: a }, {})).score).toBe(score)
    expect((await matcher.verify(a, { probe: a }, {})).score).toBe(1)
  })

  it('describes the face the gate judged in a photo of several people', async () => {
    const matcher = human(instance)
    await matcher.enrol('b', await probeOf(await sampleFace('b')), {})
    // Sample 2 holds b and two others; the probe is about the one whose box lies over b's crop.
    const assessment = await assessmentOf(samplePhoto(2))
    const scores = new Map<boolean, number[]>()
    for (const verdict of assessment.verdicts) {
      const box = verdict.face?.box as { x: number; width: number }
      const isB = box.x > 1330 && box.x + box.width < 1330 + 440
      const [best] = await matcher.identify(createProbe(samplePhoto(2), { ...assessment, verdict }), { limit: 1 })
      scores.set(isB, [...(scores.get(isB) ?? []), best?.score as number])
    }
    expect(scores.get(true)?.[0]).toBeGreaterThan(0.8)
    for (const score of scores.get(false) as number[]) expect(score).toBeLessThan(0.5)
  })

  it('keeps calls at the same time apart and leaves no tensors behind', async () => {
    const matcher = human(instance)
    const names = SAMPLE_FACES.slice(0, 4)
    for (const name of names) await matcher.enrol(name, await probeOf(await sampleFace(name)), {})
    const before = instance.tf.memory().numTensors
    const captures = await Promise.all(names.map(async (name) => probeOf(await anotherCapture(name))))
    const answers = await Promise.all(captures.map((probe) => matcher.identify(probe, { limit: 1 })))
    expect(answers.map(([best]) => best?.subject)).toEqual(names)
    expect(instance.tf.memory().numTensors).toBe(before)
  })

  it('says so when Human finds no face, and enrols nobody', async () => {
    const matcher = human(instance)
    const grey = await sharp({ create: { width: 400, height: 400, channels: 3, background: '#777' } })
      .jpeg()
      .toBuffer()
    const probe = await probeOf(await sampleFace('c'))
    const { data, info } = await sharp(grey).raw().toBuffer({ resolveWithObject: true })
    const faceless = { ...probe, rgb: async () => ({ width: info.width, height: info.height, data }) }
    await expect(matcher.enrol('ada', faceless, {})).rejects.toMatchObject({ code: 'no-face' })
    expect(matcher.gallery.size).toBe(0)
  })

  it('refuses people who are enrolled, unknown or unnameable before it computes anything', async () => {
    const matcher = human(instance)
    const probe = await probeOf(await sampleFace('a'))
    await matcher.enrol('ada', probe, {})
    const detect = vi.spyOn(instance, 'detect')
    await expect(matcher.enrol('ada', probe, {})).rejects.toMatchObject({ code: 'subject-exists' })
    await expect(matcher.enrol('a\0b', probe, {})).rejects.toMatchObject({ code: 'invalid-subject' })
    await expect(matcher.verify(probe, { subject: 'bo' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(matcher.remove('bo', {})).rejects.toMatchObject({ code: 'subject-unknown' })
    expect(detect).not.toHaveBeenCalled()
    detect.mockRestore()
    await matcher.remove('ada', {})
    expect(matcher.gallery.size).toBe(0)
  })
})

/** A Human whose detection answers as told. */
function fakeHuman(detect: HumanLike['detect']): HumanLike & { disposed: number } {
  const fake = {
    disposed: 0,
    detect,
    match: { similarity: () => 0.5 },
    tf: { tensor: () => ({ dispose: () => void fake.disposed++ }) },
  }
  return fake
}

describe('human() when Human fails', () => {
  it.each([
    ['reports an error', async () => ({ error: 'backend gone', face: [] }), 'matcher-failed'],
    ['finds a face elsewhere only', async () => ({ face: [{ box: [0, 0, 3, 3], embedding: [1] }] }), 'no-face'],
    ['gives no embedding', async () => ({ face: [{ box: [60, 60, 300, 300] }] }), 'matcher-invalid-answer'],
    [
      'gives NaN',
      async () => ({ face: [{ box: [60, 60, 300, 300], embedding: [Number.NaN, 1] }] }),
      'invalid-embedding',
    ],
    ['gives zeros', async () => ({ face: [{ box: [60, 60, 300, 300], embedding: [0, 0] }] }), 'invalid-embedding'],
    ['never answers', () => new Promise<never>(() => {}), 'matcher-timeout'],
  ])('and %s: a typed error, nobody enrolled, the input freed, the next call served', async (what, detect, code) => {
    let working = false
    const good = { face: [{ box: [60, 60, 300, 300], embedding: [1, 2] }] }
    const fake = fakeHuman(async (): Promise<typeof good> => (working ? good : (detect() as Promise<typeof good>)))
    const matcher = human(fake, { timeoutMs: 100 })
    const probe = await probeOf(await sampleFace('c'))
    await expect(matcher.enrol('ada', probe, {})).rejects.toMatchObject({ code })
    expect(matcher.gallery.size).toBe(0)
    expect(fake.disposed).toBe(what === 'never answers' ? 0 : 1)
    working = true
    await matcher.enrol('ada', probe, {})
    expect(matcher.gallery.size).toBe(1)
  })

  it('refuses embeddings of another length than those of the gallery, or than that of the other photo', async () => {
    let length = 2
    const detect = vi.fn(async () => ({
      face: [{ box: [60, 60, 300, 300], embedding: Array.from({ length: length++ }, () => 1) }],
    }))
    const matcher = human(fakeHuman(detect))
    const probe = await probeOf(await sampleFace('c'))
    const refused = { code: 'embedding-mismatch' }
    await matcher.enrol('ada', probe, {})
    await expect(matcher.enrol('bo', probe, {})).rejects.toMatchObject(refused)
    await expect(matcher.identify(probe, { limit: 1 })).rejects.toMatchObject(refused)
    await expect(matcher.verify(probe, { subject: 'ada' }, {})).rejects.toMatchObject(refused)
    await expect(matcher.verify(probe, { probe }, {})).rejects.toMatchObject(refused)
    expect(() => matcher.embeddings.compare(Float32Array.of(1, 2), Float32Array.of(1))).toThrow(
      expect.objectContaining({ ...refused, details: { lengths: [2, 1] } }),
    )
    expect(matcher.gallery.size).toBe(1)
  })

  it("gives Human's own exceptions a code and keeps them as the cause", async () => {
    const thrown = new Error('wasm trap')
    const matcher = human(
      fakeHuman(async () => {
        throw thrown
      }),
    )
    await expect(matcher.enrol('ada', await probeOf(await sampleFace('c')), {})).rejects.toMatchObject({
      code: 'matcher-failed',
      cause: thrown,
    })
  })

  it('does not begin what was aborted while it waited, and enrols nobody when aborted on the way', async () => {
    let release = (): void => {}
    const detect = vi.fn(async () => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return { face: [{ box: [60, 60, 300, 300], embedding: [1, 2] }] }
    })
    const matcher = human(fakeHuman(detect))
    const probe = await probeOf(await sampleFace('c'))
    const controller = new AbortController()
    const running = matcher.enrol('ada', probe, { signal: controller.signal })
    const waiting = matcher.enrol('bo', probe, { signal: controller.signal })
    await vi.waitFor(() => expect(detect).toHaveBeenCalledTimes(1))
    controller.abort()
    release()
    await expect(running).rejects.toBe(controller.signal.reason)
    await expect(waiting).rejects.toBe(controller.signal.reason)
    expect(detect).toHaveBeenCalledTimes(1)
    expect(matcher.gallery.size).toBe(0)
  })

  it("passes all of Human's similarity options and turns its frame cache off", async () => {
    const detect = vi.fn(async () => ({ face: [{ box: [60, 60, 300, 300], embedding: [1, 2] }] }))
    const fake = fakeHuman(detect)
    const similarity = vi.spyOn(fake.match, 'similarity')
    const matcher = human(fake)
    const probe = await probeOf(await sampleFace('c'))
    await matcher.verify(probe, { probe }, {})
    expect(similarity).toHaveBeenCalledWith([1, 2], [1, 2], {
      order: 2,
      threshold: 0,
      multiplier: 25,
      min: 0.2,
      max: 0.8,
    })
    expect(detect).toHaveBeenCalledWith(expect.anything(), { cacheSensitivity: 0 })
  })

  it('refuses what is no Human, unknown options, and a gallery of another model', () => {
    const invalid = expect.objectContaining({ code: 'invalid-option' })
    expect(() => human({} as HumanLike)).toThrow(invalid)
    expect(() => human(fakeHuman(vi.fn()), { galery: new MemoryGallery() } as object)).toThrow(invalid)
    expect(() => human(fakeHuman(vi.fn()), { timeoutMs: 0 })).toThrow(invalid)
    const gallery = new MemoryGallery()
    gallery.add('ada', [1, 2], { modelId: 'sface' })
    expect(() => human(fakeHuman(vi.fn()), { gallery })).toThrow(
      expect.objectContaining({ code: 'embedding-mismatch' }),
    )
  })
})
