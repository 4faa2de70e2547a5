import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ComprefaceMatcher, type ComprefaceOptions, compreface } from '../../src/adapters/compreface.ts'
import { guard } from '../../src/adapters/guard.ts'
import { assessedProbe, bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type SeenRequest } from '../fixtures/fake-service.ts'

let service: FakeService
let matcher: ComprefaceMatcher

const build = (options: Partial<ComprefaceOptions> = {}): ComprefaceMatcher =>
  compreface({ url: service.url, recognitionKey: 'rec', verificationKey: 'ver', ...options })

beforeEach(async () => {
  service = await fakeService()
  matcher = build()
})

afterEach(() => service.close())

const reply = (...bodies: unknown[]): void => {
  const left = [...bodies]
  service.answer = () => ({ body: left.shift() })
}
const box = { probability: 0.998, x_min: 1, y_min: 1, x_max: 9, y_max: 9 }
const request = (index = 0): SeenRequest => service.seen[index] as SeenRequest
/** The files of a multipart request, by field. */
const files = async (index = 0): Promise<Record<string, Uint8Array>> => {
  const { headers, body } = request(index)
  const type = String(headers['content-type'])
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  const parts = [...form].map(async ([field, file]) => [field, new Uint8Array(await (file as File).arrayBuffer())])
  return Object.fromEntries(await Promise.all(parts))
}
const once = { limit: 1 }

describe('compreface().identify', () => {
  it('asks for the largest face and hands its subjects on, with the certainty of the face beside them', async () => {
    const subjects = [
      { subject: 'ada', similarity: 0.97 },
      { subject: 'bo', similarity: 0.02 },
    ]
    reply({ result: [{ box, subjects }] })
    const matcherQuality = { probability: 0.998 }
    expect(await matcher.identify(bareProbe(), { limit: 2 })).toEqual([
      { subject: 'ada', score: 0.97, source: { answer: subjects[0], matcherQuality } },
      { subject: 'bo', score: 0.02, source: { answer: subjects[1], matcherQuality } },
    ])
    expect(request()).toMatchObject({ method: 'POST', headers: { 'x-api-key': 'rec' } })
    expect(request().path).toBe('/api/v1/recognition/recognize?limit=1&prediction_count=2')
    expect(await files()).toEqual({ file: jpegOf() })
  })

  it('sends the face cut out of photos that CompreFace does not take', async () => {
    reply({ result: [{ box, subjects: [] }] }, { faces: [{ image_id: 'i1', subject: 'ada' }] })
    expect(await matcher.identify(bareProbe(jpegOf(5 * 1024 * 1024 + 1), jpegOf(40, 3)), once)).toEqual([])
    expect(await files()).toEqual({ file: jpegOf(40, 3) })
  })

  it('keeps the path of the address, and passes the detection threshold on', async () => {
    reply({ result: [{ box, subjects: [{ subject: 'ada', similarity: 0.9 }] }] })
    await build({ url: `${service.url}/faces/`, detProbThreshold: 0.8 }).identify(bareProbe(), once)
    expect(request().path).toMatch(/^\/faces\/api\/v1\/recognition\/recognize\?.*&det_prob_threshold=0\.8$/)
  })
})

describe('compreface() and a service without people', () => {
  it('tells nobody enrolled from nobody found', async () => {
    reply({ result: [{ box, subjects: [] }] }, { faces: [] })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'gallery-empty' })
    expect(request(1)).toMatchObject({ method: 'GET', path: '/api/v1/recognition/faces?page=0&size=1' })
  })

  it('answers nobody where the service does not say whether anybody is enrolled', async () => {
    service.answer = ({ method }) => (method === 'GET' ? 'drop' : { body: { result: [{ box, subjects: [] }] } })
    expect(await matcher.identify(bareProbe(), once)).toEqual([])
  })
})

describe('compreface().verify', () => {
  it('compares two photos with the verification key', async () => {
    const answer = { result: [{ source_image_face: { box }, face_matches: [{ box, similarity: 0.91 }] }] }
    reply(answer)
    const [source, target] = [jpegOf(20, 1), jpegOf(20, 2)]
    expect(await matcher.verify(bareProbe(source), { probe: bareProbe(target) }, {})).toEqual({
      score: 0.91,
      source: { answer, matcherQuality: { probability: 0.998 } },
    })
    expect(request()).toMatchObject({ path: '/api/v1/verification/verify?limit=1', headers: { 'x-api-key': 'ver' } })
    expect(await files()).toEqual({ source_image: source, target_image: target })
  })

  it('cannot compare photos without a verification key', async () => {
    const call = build({ verificationKey: undefined as never }).verify(bareProbe(), { probe: bareProbe() }, {})
    await expect(call).rejects.toMatchObject({ code: 'invalid-option', details: { option: 'verificationKey' } })
    expect(service.seen).toHaveLength(0)
  })

  it('compares with every photo of a subject and takes the best', async () => {
    const faces = [
      { image_id: 'i1', subject: 'ada' },
      { image_id: 'i/2', subject: 'ada' },
      { image_id: 'i3', subject: 'somebody else' },
    ]
    const score = (similarity: number) => ({ result: [{ box, similarity }] })
    reply({ faces }, score(0.3), score(0.8))
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 0.8 })
    expect(service.seen.map(({ path }) => path)).toEqual([
      '/api/v1/recognition/faces?subject=ada&page=0&size=100',
      '/api/v1/recognition/faces/i1/verify?limit=1',
      '/api/v1/recognition/faces/i%2F2/verify?limit=1',
    ])
  })

  it('looks for the subject on every page of servers that list everybody', async () => {
    const others = Array.from({ length: 100 }, (_, index) => ({ image_id: `x${index}`, subject: `p${index}` }))
    service.answer = ({ method, path }) => {
      if (method !== 'GET') return { body: { result: [{ box, similarity: 0.7 }], image_id: 'i2' } }
      const last = path.includes('page=2')
      return { body: { faces: last ? [{ image_id: 'i1', subject: 'ada' }] : others, total_pages: 3 } }
    }
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 0.7 })
    expect(service.seen).toHaveLength(4)
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    expect(await matcher.enrol('cy', bareProbe(), {})).toMatchObject({ subject: 'cy' })
  })

  it('says when nobody enrolled the subject, or a reference has no face', async () => {
    reply({ faces: [] }, { result: [{ source_image_face: { box }, face_matches: [] }] })
    const [subject, photo] = [{ subject: 'cy' }, { probe: bareProbe() }]
    await expect(matcher.verify(bareProbe(), subject, {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(matcher.verify(bareProbe(), photo, {})).rejects.toMatchObject({ code: 'no-face' })
  })
})

describe('compreface().enrol and remove', () => {
  it.each(['ada', '../../admin', "x'; drop table faces; --", 'a&subject=bo?#', 'https://x/?a=b', 'Åsa 李 %2F'])(
    'sends the subject %j as one encoded parameter',
    async (subject) => {
      reply({ faces: [] }, { image_id: 'i1', subject }, { deleted: 1 })
      expect(await matcher.enrol(subject, bareProbe(), {})).toMatchObject({ subject, source: { answer: { subject } } })
      await matcher.remove(subject, {})
      for (const { path } of service.seen) {
        const url = new URL(path, service.url)
        expect([url.pathname, url.searchParams.get('subject')]).toEqual(['/api/v1/recognition/faces', subject])
      }
      expect(service.seen.map(({ method }) => method)).toEqual(['GET', 'POST', 'DELETE'])
    },
  )

  it.each(['', '  ', undefined, null, 'a\u0000b'])(
    'never sends %j: without a subject everybody would go',
    async (subject) => {
      const refused = { code: 'invalid-subject' }
      await expect(matcher.remove(subject as string, {})).rejects.toMatchObject(refused)
      await expect(matcher.enrol(subject as string, bareProbe(), {})).rejects.toMatchObject(refused)
      await expect(matcher.verify(bareProbe(), { subject: subject as string }, {})).rejects.toMatchObject(refused)
      expect(service.seen).toHaveLength(0)
    },
  )

  it('refuses somebody who is enrolled, unless further photos are wanted', async () => {
    const faces = [{ image_id: 'i1', subject: 'ada' }]
    reply({ faces }, { image_id: 'i2', subject: 'ada' })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    expect(await build({ addPhotos: true }).enrol('ada', bareProbe(), {})).toMatchObject({ subject: 'ada' })
    expect(service.seen.map(({ method }) => method)).toEqual(['GET', 'POST'])
  })

  it('takes back an enrolment that got no clear answer', async () => {
    for (const answer of ['drop', { text: '{' }, { status: 500, body: {} }] as const) {
      service.seen.length = 0
      service.answer = ({ method }) => (method === 'POST' ? answer : { body: { faces: [], deleted: 1 } })
      await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toThrow()
      expect(service.seen.map(({ method }) => method)).toEqual(['GET', 'POST', 'DELETE'])
    }
    service.seen.length = 0
    service.answer = ({ method }) => (method === 'POST' ? { status: 429, body: {} } : { body: { faces: [] } })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'matcher-throttled' })
    expect(service.seen.map(({ method }) => method)).toEqual(['GET', 'POST'])
  })

  it('says when there was nobody to remove', async () => {
    reply({ deleted: 0 })
    await expect(matcher.remove('cy', {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })
})

describe('compreface() and faults of the service', () => {
  const fault = (status: number, body: unknown, headers = {}) => {
    service.answer = () => ({ status, body, headers })
  }

  it.each([
    [401, undefined, 'matcher-unauthorised'],
    [403, 2, 'matcher-unauthorised'],
    [404, undefined, 'matcher-failed'],
    [400, 41, 'matcher-failed'],
    [413, undefined, 'payload-too-large'],
    [500, undefined, 'matcher-failed'],
    [504, undefined, 'matcher-timeout'],
  ])('reports %s as an error with a code and counts it', async (status, code, ours) => {
    fault(status, { message: 'secret detail', code })
    const gate = fakeGate()
    const error = await guard(matcher, gate)
      .identify(assessedProbe(0.9))
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: ours, cause: { status, body: { message: 'secret detail' } } })
    expect((error as { details: unknown }).details).toEqual({ status, ...(code !== undefined && { code }) })
    expect((error as Error).message).not.toContain('secret')
    expect(gate.matcherEvents).toMatchObject([{ matcher: 'compreface', outcome: 'error' }])
  })

  it('keeps the wait that a throttling answer asks for, and does not retry', async () => {
    fault(503, {}, { 'retry-after': '7' })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-throttled',
      retryAfterSeconds: 7,
      details: { status: 503 },
    })
    expect(service.seen).toHaveLength(1)
  })

  it('says no-face where CompreFace found none, by its code or an empty result', async () => {
    fault(400, { message: 'No face is found in the given image', code: 28 })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'no-face' })
    reply({ result: [] })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'no-face' })
  })

  it.each(['{"result": [', '', 'null', '"ok"', '<html>'])('refuses the answer %j', async (text) => {
    service.answer = () => ({ text })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'matcher-invalid-answer' })
  })

  it('refuses answers without their fields or scores', async () => {
    reply({}, {}, {}, { result: [{ box, subjects: [{ subject: 'ada' }] }] }, { result: [{ box, subjects: [null] }] })
    const refused = { code: 'matcher-invalid-answer' }
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { subject: 'ada' }, {})).rejects.toMatchObject(refused)
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject(refused)
    const guarded = guard(matcher, fakeGate())
    await expect(guarded.identify(assessedProbe(0.9))).rejects.toMatchObject(refused)
    await expect(guarded.identify(assessedProbe(0.9))).rejects.toMatchObject(refused)
  })

  it('ends a slow answer with the signal, or after its time', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const call = matcher.identify(bareProbe(), { limit: 1, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await expect(matcher.enrol('ada', bareProbe(), { signal: controller.signal })).rejects.toThrow()
    expect(service.seen).toHaveLength(1)
    await expect(build({ timeoutMs: 50 }).identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-timeout',
      message: 'CompreFace took more than 50 ms',
    })
  })

  it('reports a dropped connection, and follows no redirect', async () => {
    service.answer = () => 'drop'
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'matcher-unreachable' })
    service.seen.length = 0
    fault(302, {}, { location: `${service.url}/elsewhere` })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'matcher-unreachable' })
    expect(service.seen).toHaveLength(1)
  })
})

it.each([
  ['url', { url: 'file:///etc' }],
  ['url', { url: 'nowhere' }],
  ['recognitionKey', { recognitionKey: '' }],
  ['recognitionKey', { recognitionKey: 'a\r\nb' }],
  ['verificationKey', { verificationKey: 7 }],
  ['detProbThreshold', { detProbThreshold: 80 }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['addPhotos', { addPhotos: 'yes' }],
  ['apiKey', { apiKey: 'x' }],
])('names %s when it is wrong: %j', (option, change) => {
  expect(() => build(change as object)).toThrow(
    expect.objectContaining({ code: 'invalid-option', details: { option } }),
  )
})
