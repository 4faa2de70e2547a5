import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deepface } from '../../src/adapters/http-deepface.ts'
import { frigate } from '../../src/adapters/http-frigate.ts'
import { insightFaceRest } from '../../src/adapters/http-insightface.ts'
import type { Probe } from '../../src/adapters/matcher.ts'
import { pgvector } from '../../src/adapters/pgvector.ts'
import type { AlignedFace } from '../../src/face/types.ts'
import { bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { type FakeService, fakeService, type Reply } from '../fixtures/fake-service.ts'

let service: FakeService
beforeEach(async () => {
  service = await fakeService()
})
afterEach(() => service.close())

const reply = (...replies: Reply[]): void => {
  const left = [...replies]
  service.answer = () => left.shift() ?? { status: 500, body: {} }
}
const sent = (index = 0) => JSON.parse(service.seen[index]?.body.toString() ?? '')
const once = { limit: 1 }
const crop = { pixels: new Uint8Array(112 * 112 * 3).fill(99) } as unknown as AlignedFace
const probe = (): Probe => Object.defineProperty(bareProbe(), 'aligned', { value: crop })
const naming = (option: string) => expect.objectContaining({ code: 'invalid-option', details: { option } })

describe('deepface()', () => {
  const result = { embedding: [1, 0], facial_area: { x: 1, y: 1, w: 9, h: 9 }, face_confidence: 0.9 }

  it('embeds by /represent, always as a data URL, and keeps the certainty of the face', async () => {
    reply({ body: { results: [result] } }, { body: { results: [{ ...result, embedding: [1, 1] }] } })
    const matcher = deepface({ url: service.url, model: 'Facenet512', detector: 'retinaface' })
    const source = { answer: result, matcherQuality: { faceConfidence: 0.9 } }
    expect(await matcher.enrol('ada', bareProbe(), { quality: 0.8 })).toEqual({ subject: 'ada', source })
    const [candidate] = await matcher.identify(bareProbe(), once)
    expect(candidate).toMatchObject({ subject: 'ada', referenceQuality: 0.8 })
    expect(candidate?.score).toBeCloseTo(1 - Math.SQRT1_2)
    expect(sent()).toEqual({
      img: `data:image/jpeg;base64,${Buffer.from(jpegOf(32, 9)).toString('base64')}`,
      model_name: 'Facenet512',
      detector_backend: 'retinaface',
      enforce_detection: true,
      align: true,
      max_faces: 1,
    })
    expect(matcher.scale).toMatchObject({ direction: 'distance', defaultThreshold: 0.3, impostorMean: 0.6 })
    expect(matcher.gallery.modelId).toBe('deepface-Facenet512')
  })

  it('compares two photos by /verify', async () => {
    const answer = { verified: true, distance: 0.31, threshold: 0.68 }
    reply({ body: answer })
    const source = { answer, matcherQuality: { faceConfidence: undefined } }
    const matcher = deepface({ url: service.url })
    expect(await matcher.verify(bareProbe(), { probe: bareProbe() }, {})).toEqual({ score: 0.31, source })
    expect(service.seen[0]?.path).toBe('/verify')
    expect(sent()).toMatchObject({ model_name: 'VGG-Face', distance_metric: 'cosine' })
  })

  it.each([
    [{ error: 'Exception while representing: Face could not be detected in numpy array.' }, 'no-face'],
    [{ exception: 'No face detected' }, 'no-face'],
    [{ error: 'Exception while representing: unknown model' }, 'matcher-failed'],
  ])('reads the refusal %j', async (body, code) => {
    reply({ status: 400, body })
    await expect(deepface({ url: service.url }).enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code })
  })

  it.each([{}, { results: [] }, { results: {} }])('refuses the answer %j', async (body) => {
    reply({ body }, { body })
    const matcher = deepface({ url: service.url })
    const refused = { code: 'matcher-invalid-answer' }
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(refused)
  })

  it.each([[[Number.NaN, 1].map(String)], [[0, 0]], ['1,2'], [undefined]])(
    'enrols nobody by the embedding %j',
    async (embedding) => {
      reply({ body: { results: [{ embedding }] } })
      const matcher = deepface({ url: service.url })
      await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'invalid-embedding' })
      expect(matcher.gallery.size).toBe(0)
    },
  )

  it('never mixes networks in one gallery', async () => {
    reply({ body: { results: [result] } })
    const matcher = deepface({ url: service.url, model: 'ArcFace' })
    await matcher.enrol('ada', bareProbe(), {})
    const { gallery } = matcher
    expect(() => deepface({ url: service.url, model: 'SFace', gallery })).toThrow(
      expect.objectContaining({ code: 'embedding-mismatch' }),
    )
  })

  it('names what is wrong', () => {
    expect(() => deepface({ url: service.url, model: 'MyNet' })).toThrow(naming('scale'))
    expect(() => deepface({ url: service.url, model: 'toString' })).toThrow(naming('scale'))
    expect(() => deepface({ url: service.url, modell: 'x' } as never)).toThrow(naming('modell'))
    const scale = { impostorMean: 0.9, defaultThreshold: 0.5 }
    expect(deepface({ url: service.url, model: 'MyNet', scale }).scale).toMatchObject(scale)
  })
})

describe('insightFaceRest()', () => {
  const scale = { impostorMean: 0.02, defaultThreshold: 0.4 }
  const build = (more: object = {}) =>
    insightFaceRest({ url: service.url, modelId: 'w600k_r50', dimension: 2, scale, ...more })

  it('sends the crop that the gate judged, and does not have it searched for faces', async () => {
    const face = { vec: [3, 4], norm: 21.5 }
    reply({ body: { status: 'ok', data: [{ status: 'ok', faces: [face] }] } })
    const source = { answer: face, matcherQuality: { norm: 21.5 } }
    expect(await build().enrol('ada', probe(), {})).toEqual({ subject: 'ada', source })
    expect(service.seen[0]?.path).toBe('/extract')
    expect(sent()).toMatchObject({ embed_only: true, extract_embedding: true, images: { data: [expect.any(String)] } })
    expect(Buffer.from(sent().images.data[0], 'base64').subarray(1, 4).toString()).toBe('PNG')
  })

  it('reads the lists of older servers, and embeds several faces in one request', async () => {
    reply({ body: [[{ vec: [1, 0] }], [{ vec: [0, 1] }]] })
    const matcher = build()
    expect(await matcher.embed([crop, crop], {})).toEqual([Float32Array.of(1, 0), Float32Array.of(0, 1)])
    expect(service.seen).toHaveLength(1)
    expect(await matcher.embed([], {})).toEqual([])
    expect(service.seen).toHaveLength(1)
  })

  it('is an embedder for pgvector()', () => {
    const matcher = pgvector({ query: async () => ({ rows: [] }) }, build())
    expect(matcher.scale).toEqual({ direction: 'similarity', min: -1, max: 1, ...scale })
  })

  it.each([
    [{ data: [] }, 'matcher-invalid-answer'],
    [{ data: [{ status: 'failed', traceback: 'x' }] }, 'matcher-invalid-answer'],
    [{ data: [{ faces: [] }] }, 'matcher-invalid-answer'],
    [{}, 'matcher-invalid-answer'],
    [{ data: [{ faces: [{ vec: [1, 2, 3] }] }] }, 'embedding-mismatch'],
    [{ data: [{ faces: [{ vec: [null, 1] }] }] }, 'invalid-embedding'],
    [{ data: [{ faces: [{ vec: [0, 0] }] }] }, 'invalid-embedding'],
  ])('enrols nobody by the answer %j', async (body, code) => {
    reply({ body })
    const matcher = build()
    await expect(matcher.enrol('ada', probe(), {})).rejects.toMatchObject({ code })
    expect(matcher.gallery.size).toBe(0)
  })

  it('names what is wrong', () => {
    expect(() => build({ modelId: '' })).toThrow(naming('modelId'))
    expect(() => build({ dimension: 0 })).toThrow(naming('dimension'))
    expect(() => build({ url: 'x' })).toThrow(naming('url'))
  })
})

describe('frigate()', () => {
  const build = (more: object = {}) => frigate({ url: service.url, ...more })
  const nobody = { body: { train: ['1.webp'] } }

  it('names the person, or nobody', async () => {
    const answer = { success: true, score: 0.95, face_name: 'ada' }
    reply(
      { body: answer },
      { body: { success: true, score: 0.5, face_name: 'unknown' } },
      { body: { ada: ['1.webp'] } },
    )
    expect(await build().identify(bareProbe(), once)).toEqual([{ subject: 'ada', score: 0.95, source: answer }])
    expect(await build().identify(bareProbe(), once)).toEqual([])
    expect(service.seen[0]).toMatchObject({ method: 'POST', path: '/api/faces/recognize' })
  })

  it('says that the library is empty', async () => {
    reply({ status: 400, body: { success: false, message: 'No face was recognized.' } }, nobody)
    await expect(build().identify(bareProbe(), once)).rejects.toMatchObject({ code: 'gallery-empty' })
  })

  it.each([
    [{ success: false, message: 'No face was detected.' }, 'no-face'],
    [{ success: false, message: 'Face recognition is not enabled.' }, 'matcher-failed'],
    [{}, 'matcher-invalid-answer'],
    [{ success: true }, 'matcher-invalid-answer'],
    [{ success: true, face_name: 'ada' }, 'matcher-invalid-answer'],
  ])('reads the answer %j, with status 200 too', async (body, code) => {
    reply({ body })
    await expect(build().identify(bareProbe(), once)).rejects.toMatchObject({ code })
  })

  it('registers and deletes all photos of a person', async () => {
    reply(nobody, { body: { success: true } }, { body: { ada: ['1.webp', '2.webp'] } }, { body: { success: true } })
    await build().enrol('ada', bareProbe(), {})
    await build().remove('ada', {})
    expect(service.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/faces',
      'POST /api/faces/ada/register',
      'GET /api/faces',
      'POST /api/faces/ada/delete',
    ])
    expect(sent(3)).toEqual({ ids: ['1.webp', '2.webp'] })
    reply(nobody)
    await expect(build().remove('ada', {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })

  it('refuses somebody who is enrolled, unless further photos are wanted', async () => {
    reply({ body: { ada: ['1.webp'] } }, { body: { success: true } })
    await expect(build().enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    expect(await build({ addPhotos: true }).enrol('ada', bareProbe(), {})).toMatchObject({ subject: 'ada' })
  })

  it('does not take a refused registration for one', async () => {
    reply(nobody, { body: { success: false, message: 'No face was detected.' } })
    await expect(build().enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'no-face' })
  })

  it.each(['train', 'unknown', '../x', 'a/b', '.hidden', 'a b', 'a.', "x'; drop", ''])(
    'refuses the subject %j, which would be a folder',
    async (subject) => {
      const refused = { code: 'invalid-subject' }
      await expect(build().enrol(subject, bareProbe(), {})).rejects.toMatchObject(refused)
      await expect(build().remove(subject, {})).rejects.toMatchObject(refused)
      expect(service.seen).toHaveLength(0)
    },
  )

  it.each([{ body: [] }, { body: { ada: 'x' } }])('refuses the list %j', async (answer) => {
    reply(answer)
    await expect(build().remove('ada', {})).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
  })
})
