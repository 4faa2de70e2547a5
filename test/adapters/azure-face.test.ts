import { AzureKeyCredential } from '@azure/core-auth'
import createFaceClient from '@azure-rest/ai-vision-face'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AzureFaceMatcher, type AzureFaceOptions, azureFace } from '../../src/adapters/azure-face.ts'
import { guard } from '../../src/adapters/guard.ts'
import { assessedProbe, bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type Reply, type SeenRequest } from '../fixtures/fake-service.ts'

let service: FakeService
let matcher: AzureFaceMatcher

const client = () =>
  createFaceClient(service.url, new AzureKeyCredential('key'), {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  })

beforeEach(async () => {
  service = await fakeService()
  matcher = azureFace(client(), { largePersonGroupId: 'people' })
})

afterEach(() => service.close())

const GROUP = '/face/v1.2/largepersongroups/people'
/** Answers by method and path (without `/face/v1.2` and the query); a function gets the request. */
const routes = (table: Record<string, unknown>): void => {
  service.answer = (request): Reply => {
    const path = request.path.replace('/face/v1.2', '').replace(/\?.*/, '')
    const entry = table[`${request.method} ${path}`]
    if (entry === undefined) return { status: 404, body: { error: { code: 'NotFound', message: path } } }
    if (typeof entry === 'string') return entry as 'hang'
    return entry !== null && typeof entry === 'object' && 'body' in entry ? (entry as Reply) : { body: entry }
  }
}
const calls = (): string[] => service.seen.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`)
const bodyOf = (path: string): unknown => {
  const found = service.seen.find((request) => request.path.replace(/\?.*/, '') === `/face/v1.2${path}`) as SeenRequest
  return JSON.parse(found.body.toString())
}
const faceOf = (faceId: string, width = 100) => ({
  faceId,
  faceRectangle: { left: 1, top: 2, width, height: width },
  faceAttributes: { qualityForRecognition: 'high' },
})
const DETECT = { 'POST /detect': [faceOf('small', 10), faceOf('f1')] }
const PERSONS = '/largepersongroups/people/persons'
const matcherQuality = { qualityForRecognition: 'high' }
const once = { limit: 1 }

describe('azureFace().identify', () => {
  it('detects, identifies the largest face and names the people', async () => {
    const candidates = [
      { personId: 'p1', confidence: 0.92 },
      { personId: 'gone', confidence: 0.4 },
      { personId: 'p2', confidence: 0.1 },
    ]
    routes({
      ...DETECT,
      'POST /identify': [{ faceId: 'f1', candidates }],
      [`GET ${PERSONS}/p1`]: { personId: 'p1', name: 'ada' },
      [`GET ${PERSONS}/p2`]: { personId: 'p2', name: 'bo' },
    })
    expect(await matcher.identify(bareProbe(), { limit: 500 })).toEqual([
      { subject: 'ada', score: 0.92, source: { answer: candidates[0], matcherQuality } },
      { subject: 'bo', score: 0.1, source: { answer: candidates[2], matcherQuality } },
    ])
    const [detect] = service.seen as [SeenRequest]
    expect(detect.headers).toMatchObject({ 'ocp-apim-subscription-key': 'key' })
    expect(detect.headers['content-type']).toMatch('application/octet-stream')
    expect(new Uint8Array(detect.body)).toEqual(jpegOf())
    expect(Object.fromEntries(new URL(detect.path, service.url).searchParams)).toEqual({
      detectionModel: 'detection_03',
      recognitionModel: 'recognition_04',
      returnFaceId: 'true',
      returnFaceAttributes: 'qualityForRecognition',
      faceIdTimeToLive: '60',
    })
    expect(bodyOf('/identify')).toEqual({
      faceIds: ['f1'],
      largePersonGroupId: 'people',
      maxNumOfCandidatesReturned: 100,
      confidenceThreshold: 0,
    })
  })

  it('says no-face, and sends the face cut out of photos that are too large', async () => {
    routes({ 'POST /detect': [] })
    const large = bareProbe(jpegOf(6 * 1024 * 1024 + 1), jpegOf(40, 3))
    await expect(matcher.identify(large, once)).rejects.toMatchObject({ code: 'no-face' })
    expect(new Uint8Array(service.seen[0]?.body ?? [])).toEqual(jpegOf(40, 3))
  })
})

describe('azureFace().verify', () => {
  it('compares two photos', async () => {
    const answer = { isIdentical: true, confidence: 0.83 }
    routes({ ...DETECT, 'POST /verify': answer })
    const result = await matcher.verify(bareProbe(), { probe: bareProbe() }, {})
    expect(result).toEqual({ score: 0.83, source: { answer, matcherQuality } })
    expect(bodyOf('/verify')).toEqual({ faceId1: 'f1', faceId2: 'f1' })
  })

  it('compares with an enrolled subject, and says when there is none', async () => {
    const persons = [{ personId: 'p1', name: 'ada' }]
    routes({ ...DETECT, [`GET ${PERSONS}`]: persons, 'POST /verify': { confidence: 0.2 } })
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 0.2 })
    expect(bodyOf('/verify')).toEqual({ faceId: 'f1', largePersonGroupId: 'people', personId: 'p1' })
    await expect(matcher.verify(bareProbe(), { subject: 'bo' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })
})

describe('azureFace().enrol and remove', () => {
  const FACES = `${PERSONS}/p1/persistedfaces`
  const people = {
    ...DETECT,
    [`GET ${PERSONS}`]: [],
    [`POST ${PERSONS}`]: { personId: 'p1' },
    [`POST ${FACES}`]: { persistedFaceId: 'x1' },
    [`DELETE ${PERSONS}/p1`]: {},
    [`DELETE ${FACES}/x1`]: {},
    'POST /largepersongroups/people/train': { status: 202, body: undefined },
  }

  it.each(['ada', '../../admin', "x'; drop table", 'https://x/?a=b', 'Åsa 李'])(
    'makes a person named %j, adds the face and trains',
    async (subject) => {
      routes(people)
      const enrolment = await matcher.enrol(subject, bareProbe(), {})
      const answer = { personId: 'p1', persistedFaceId: 'x1' }
      expect(enrolment).toEqual({ subject, source: { answer, matcherQuality } })
      expect(calls().slice(1)).toEqual([
        `GET ${GROUP}/persons`,
        `POST ${GROUP}/persons`,
        `POST ${GROUP}/persons/p1/persistedfaces`,
        `POST ${GROUP}/train`,
      ])
      expect(JSON.parse(service.seen[2]?.body.toString() ?? '')).toEqual({ name: subject })
      const face = service.seen[3] as SeenRequest
      expect(new URL(face.path, service.url).searchParams.get('targetFace')).toBe('1,2,100,100')
      expect(new Uint8Array(face.body)).toEqual(jpegOf())
    },
  )

  it.each([`POST ${FACES}`, 'POST /largepersongroups/people/train'])(
    'leaves nobody half enrolled when %s fails',
    async (step) => {
      const failure = { status: 429, body: { error: { code: 'RateLimitExceeded' } }, headers: { 'retry-after': '9' } }
      routes({ ...people, [step]: failure })
      const refused = {
        code: 'matcher-throttled',
        details: { status: 429, code: 'RateLimitExceeded' },
        retryAfterSeconds: 9,
      }
      await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject(refused)
      expect(calls().at(-1)).toBe(`DELETE ${GROUP}/persons/p1`)
    },
  )

  it('refuses somebody who is enrolled', async () => {
    routes({ ...people, [`GET ${PERSONS}`]: [{ personId: 'p1', name: 'ada' }] })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    expect(calls().every((call) => /GET|detect/.test(call))).toBe(true)
  })

  it('adds a face to a person who is known where that is wanted, and takes only that back', async () => {
    matcher = azureFace(client(), { largePersonGroupId: 'people', addPhotos: true })
    const known = { ...people, [`GET ${PERSONS}`]: [{ personId: 'p1', name: 'ada' }] }
    routes(known)
    await matcher.enrol('ada', bareProbe(), {})
    expect(calls()).not.toContain(`POST ${GROUP}/persons`)
    routes({ ...known, 'POST /largepersongroups/people/train': { status: 500, body: {} } })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ details: { status: 500 } })
    expect(calls().at(-1)).toBe(`DELETE ${GROUP}/persons/p1/persistedfaces/x1`)
  })

  it('removes everybody of that name, over all pages, and trains', async () => {
    const page = Array.from({ length: 1000 }, (_, index) => ({ personId: `q${index}`, name: 'bo' }))
    routes(people)
    const rest = service.answer
    service.answer = (request) => {
      if (request.method !== 'GET') return rest(request)
      return { body: request.path.includes('start=q999') ? [{ personId: 'p1', name: 'ada' }] : page }
    }
    await matcher.remove('ada', {})
    expect(calls().slice(2)).toEqual([`DELETE ${GROUP}/persons/p1`, `POST ${GROUP}/train`])
    await expect(matcher.remove('cy', {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(matcher.remove(' ', {})).rejects.toMatchObject({ code: 'invalid-subject' })
  })
})

describe('azureFace() and a group without people', () => {
  it.each([
    ['finds nobody', [{ faceId: 'f1', candidates: [] }]],
    ['is not trained', { status: 400, body: { error: { code: 'LargePersonGroupNotTrained' } } }],
  ])('says so where the search %s', async (_, answer) => {
    routes({ ...DETECT, 'POST /identify': answer, [`GET ${PERSONS}`]: [] })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'gallery-empty' })
  })

  it('tells it from a group that is being trained', async () => {
    const untrained = { status: 400, body: { error: { code: 'LargePersonGroupNotTrained' } } }
    routes({ ...DETECT, 'POST /identify': untrained, [`GET ${PERSONS}`]: [{ personId: 'p1', name: 'ada' }] })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-failed',
      details: { code: 'LargePersonGroupNotTrained' },
    })
  })
})

describe('azureFace() and faults of the service', () => {
  it.each([
    [401, '401', 'matcher-unauthorised'],
    [403, 'QuotaExceeded', 'matcher-throttled'],
    [429, '429', 'matcher-throttled'],
    [404, 'LargePersonGroupNotFound', 'gallery-missing'],
    [400, 'InvalidImage', 'unreadable-image'],
    [400, 'InvalidImageSize', 'payload-too-large'],
    [400, 'BadArgument', 'matcher-failed'],
    [500, 'InternalServerError', 'matcher-failed'],
  ])('gives %s %s a code and counts it', async (status, code, ours) => {
    service.answer = () => ({ status, body: { error: { code, message: 'secret' } } })
    const gate = fakeGate()
    const call = guard(matcher, gate).identify(assessedProbe(0.9))
    await expect(call).rejects.toMatchObject({
      code: ours,
      details: { status, code },
      cause: { status, body: { error: { message: 'secret' } } },
    })
    expect(service.seen).toHaveLength(1)
    expect(gate.matcherEvents).toMatchObject([{ matcher: 'azure-face', outcome: 'error' }])
  })

  it.each([
    [400, 'InvalidImage', 'No face detected in the image.', 'no-face'],
    [400, 'InvalidImage', 'There is more than 1 face in the image.', 'several-faces'],
    [400, 'InvalidImageSize', 'Image size is too small.', 'unreadable-image'],
    [400, 'BadArgument', "'recognitionModel' is incompatible.", 'embedding-mismatch'],
    [404, 'PersonNotFound', 'Person is not found.', 'subject-unknown'],
    [409, 'LargePersonGroupTrainingNotFinished', 'Large person group is under training.', 'matcher-throttled'],
    [409, 'ConcurrentOperationConflict', 'There is a conflict operation.', 'matcher-throttled'],
    [400, 'toString', 'no such code', 'matcher-failed'],
  ])('tells by the text what %s %s %s means', async (status, code, message, ours) => {
    const refusal = { status, body: { error: { code, message } }, headers: { 'retry-after': '5' } }
    routes({ ...DETECT, 'POST /identify': refusal, 'POST /verify': refusal })
    const refused = { code: ours, details: { status, code }, retryAfterSeconds: 5 }
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(refused)
  })

  it('fails on malformed JSON and on answers without their fields or scores', async () => {
    service.answer = () => ({ text: '[{"faceId": ' })
    const refused = { code: 'matcher-invalid-answer' }
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    for (const detected of [{}, [{}], [null]]) {
      routes({ 'POST /detect': detected })
      await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    }
    routes({ ...DETECT, 'POST /identify': [], 'POST /verify': {} })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(refused)
    const candidates = [{ personId: 'p1' }]
    routes({ ...DETECT, 'POST /identify': [{ candidates }], [`GET ${PERSONS}/p1`]: { name: 'ada' } })
    await expect(guard(matcher, fakeGate()).identify(assessedProbe(0.9))).rejects.toMatchObject(refused)
  })

  it('passes the signal on, and takes an aborted enrolment back', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const call = matcher.identify(bareProbe(), { limit: 1, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    const other = new AbortController()
    routes({ ...DETECT, [`GET ${PERSONS}`]: [], [`POST ${PERSONS}`]: { personId: 'p1' }, [`DELETE ${PERSONS}/p1`]: {} })
    const rest = service.answer
    service.answer = (request) => {
      if (!request.path.includes('persistedfaces')) return rest(request)
      setTimeout(() => other.abort(), 20)
      return 'hang'
    }
    await expect(matcher.enrol('ada', bareProbe(), { signal: other.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await vi.waitFor(() => expect(calls()).toContain(`DELETE ${GROUP}/persons/p1`))
  })

  it('passes a dropped connection on', async () => {
    service.answer = () => 'drop'
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-unreachable',
      cause: { name: 'RestError', code: 'ECONNRESET' },
    })
  })
})

it.each([
  ['client', { path: 1 }, { largePersonGroupId: 'people' }],
  ['largePersonGroupId', undefined, {}],
  ['largePersonGroupId', undefined, { largePersonGroupId: '../x' }],
  ['recognitionModel', undefined, { largePersonGroupId: 'people', recognitionModel: 4 }],
  ['addPhotos', undefined, { largePersonGroupId: 'people', addPhotos: 'no' }],
  ['train', undefined, { largePersonGroupId: 'people', train: 'no' }],
  ['group', undefined, { largePersonGroupId: 'people', group: 'x' }],
])('names %s when it is wrong', (option, given, options) => {
  const build = () => azureFace((given as never) ?? client(), options as AzureFaceOptions)
  expect(build).toThrow(expect.objectContaining({ code: 'invalid-option', details: { option } }))
})
