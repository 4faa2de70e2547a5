import { FaceSdk } from '@regulaforensics/facesdk-webclient'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { type RegulaMatcher, type RegulaOptions, regula } from '../../src/adapters/regula.ts'
import { assessedProbe, bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type Reply } from '../fixtures/fake-service.ts'

let service: FakeService
let matcher: RegulaMatcher

const build = (options: Partial<RegulaOptions> = {}): RegulaMatcher =>
  regula(new FaceSdk(undefined, service.url), { groupId: 'g1', ...options })

beforeEach(async () => {
  service = await fakeService()
  matcher = build()
})

afterEach(() => service.close())

/** Answers by method and path, without the query; an entry with `status` or a word is the reply itself. */
const routes = (table: Record<string, unknown>): void => {
  service.answer = ({ method, path }): Reply => {
    const entry = table[`${method} ${path.replace(/\?.*/, '')}`]
    if (entry === undefined) return { status: 404, body: { statusCode: 404 } }
    const ready = typeof entry === 'string' || (typeof entry === 'object' && entry !== null && 'status' in entry)
    return ready ? (entry as Reply) : { body: entry }
  }
}
const calls = (): string[] => service.seen.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`)
const sent = (index = 0) => JSON.parse(service.seen[index]?.body.toString() ?? '')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const person = (id: string, externalId: string, ...scores: number[]) => ({
  id,
  name: 'somebody',
  externalId,
  images: scores.map((similarity) => ({ similarity, distance: 1 - similarity })),
})
const SEARCH = 'POST /api/search'
const MATCH = 'POST /api/match'
const PERSONS = 'GET /api/groups/g1/persons'
const refused = { code: 'matcher-invalid-answer' }
const once = { limit: 1 }

describe('regula().identify', () => {
  it('searches the group: best first, the best photo of each person counts', async () => {
    const persons = [person('p2', 'bo', 0.2), person('p1', 'ada', 0.4, 0.93)]
    routes({ [SEARCH]: { code: 0, persons } })
    expect(await matcher.identify(bareProbe(), { limit: 5 })).toEqual([
      { subject: 'ada', score: 0.93, source: { answer: persons[1], matcherQuality: undefined } },
      { subject: 'bo', score: 0.2, source: { answer: persons[0], matcherQuality: undefined } },
    ])
    expect(sent()).toEqual({ image: { content: base64(jpegOf(32, 9)) }, groupIds: ['g1'], limit: 5 })
  })

  it('keeps the quality that Regula measures by the chosen scenario', async () => {
    const quality = { score: 0.7, nonCompliant: ['BlurLevel'] }
    const results = { detections: [{ roi: [], landmarks: [], quality }] }
    routes({ 'POST /api/detect': { code: 0, results }, [SEARCH]: { code: 0, persons: [person('p1', 'ada', 0.9)] } })
    const [candidate] = await build({ qualityScenario: 'QualityICAO' }).identify(bareProbe(), once)
    expect(candidate?.source).toMatchObject({ matcherQuality: quality })
    expect(sent()).toEqual({
      image: base64(jpegOf(32, 9)),
      processParam: { scenario: 'QualityICAO', onlyCentralFace: true },
    })
  })

  it('reads percents where it is told so, and refuses them where not', async () => {
    routes({ [SEARCH]: { code: 0, persons: [person('p1', 'ada', 80)] } })
    const guarded = guard(build({ scale: 'percent' }), fakeGate())
    expect((await guarded.identify(assessedProbe(0.9))).candidates[0]).toMatchObject({ rawScore: 80, match: true })
    await expect(guard(matcher, fakeGate()).identify(assessedProbe(0.9))).rejects.toMatchObject(refused)
  })

  it('passes a threshold of searches on', async () => {
    routes({ [SEARCH]: { code: 0, persons: [] }, [PERSONS]: { items: [person('p1', 'ada')] } })
    expect(await build({ searchThreshold: 0.5 }).identify(bareProbe(), once)).toEqual([])
    expect(sent().threshold).toBe(0.5)
  })
})

it('says that the group is empty', async () => {
  routes({ [SEARCH]: { code: 0, persons: [] }, [PERSONS]: { items: [] } })
  await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'gallery-empty' })
})

describe('regula().verify', () => {
  it('compares two photos', async () => {
    const answer = { code: 0, results: [{ firstIndex: 0, secondIndex: 1, similarity: 0.81, score: 0.1 }] }
    routes({ [MATCH]: answer })
    const [first, second] = [jpegOf(20, 1), jpegOf(20, 2)]
    const result = await matcher.verify(bareProbe(jpegOf(), first), { probe: bareProbe(jpegOf(), second) }, {})
    expect(result).toEqual({ score: 0.81, source: { answer, matcherQuality: undefined } })
    expect(sent().images).toMatchObject([
      { index: 0, data: base64(first) },
      { index: 1, data: base64(second) },
    ])
  })

  it('finds an enrolled subject, one that is unlike, and none', async () => {
    const items = [person('p1', 'ada'), person('p2', 'bo')]
    routes({ [SEARCH]: { code: 0, persons: [person('p1', 'ada', 0.9)] }, [PERSONS]: { items, totalPages: 1 } })
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 0.9 })
    expect(await matcher.verify(bareProbe(), { subject: 'bo' }, {})).toMatchObject({ score: 0 })
    await expect(matcher.verify(bareProbe(), { subject: 'cy' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })
})

describe('regula().enrol and remove', () => {
  const IMAGES = 'POST /api/persons/p1/images'
  const people = {
    [PERSONS]: { items: [], totalPages: 1 },
    'POST /api/persons': { id: 'p1' },
    [IMAGES]: { id: 'i1' },
    'DELETE /api/persons/p1': {},
  }

  it.each(['ada', '../../admin', "x'; drop table", 'https://x/?a=b', 'Åsa 李'])('enrols %j', async (subject) => {
    routes(people)
    const source = { answer: { personId: 'p1', image: { id: 'i1' } }, matcherQuality: undefined }
    expect(await matcher.enrol(subject, bareProbe(), {})).toEqual({ subject, source })
    expect(calls()).toEqual([PERSONS, 'POST /api/persons', IMAGES])
    expect(sent(1)).toMatchObject({ name: subject, externalId: subject, groups: ['g1'] })
    expect(sent(2)).toEqual({ image: { content: base64(jpegOf(32, 9)) } })
  })

  it.each([
    [
      'the photo is refused',
      { status: 400, body: { statusCode: 400 } },
      { code: 'matcher-failed', cause: { response: { status: 400 } } },
    ],
    ['the answer has no id', {}, refused],
    ['the connection drops', 'drop', { code: 'matcher-unreachable', cause: { code: 'ECONNRESET' } }],
  ])('leaves nobody half enrolled when %s', async (_, reply, error) => {
    routes({ ...people, [IMAGES]: reply })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject(error)
    expect(calls()).toContain('DELETE /api/persons/p1')
  })

  it('refuses somebody who is enrolled', async () => {
    routes({ ...people, [PERSONS]: { items: [person('p1', 'ada')] } })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    expect(calls()).toEqual([PERSONS])
  })

  it('adds a photo to a person who is known where that is wanted; the person stays when that fails', async () => {
    matcher = build({ addPhotos: true })
    routes({ ...people, [PERSONS]: { items: [person('p1', 'ada')] }, [IMAGES]: { status: 500, body: {} } })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ details: { status: 500 } })
    expect(calls()).toEqual([PERSONS, IMAGES])
  })

  it('removes everybody of that subject, over all pages', async () => {
    routes(people)
    const rest = service.answer
    service.answer = (request) => {
      if (request.method !== 'GET') return rest(request)
      const second = request.path.includes('page=2')
      return { body: { items: second ? [person('p1', 'ada')] : [person('p0', 'bo')], totalPages: 2 } }
    }
    await matcher.remove('ada', {})
    expect(calls()).toEqual([PERSONS, PERSONS, 'DELETE /api/persons/p1'])
    await expect(matcher.remove('cy', {})).rejects.toMatchObject({ code: 'subject-unknown' })
    await expect(matcher.remove('', {})).rejects.toMatchObject({ code: 'invalid-subject' })
  })
})

describe('regula() and faults of the service', () => {
  it.each([
    [401, 'matcher-unauthorised'],
    [404, 'gallery-missing'],
    [413, 'payload-too-large'],
    [429, 'matcher-throttled'],
    [500, 'matcher-failed'],
    [503, 'matcher-throttled'],
  ])('gives %s a code, hands the error of the client on as the cause, and counts it', async (status, code) => {
    service.answer = () => ({ status, body: {}, headers: { 'retry-after': '3' } })
    const gate = fakeGate()
    const call = guard(matcher, gate).identify(assessedProbe(0.9))
    await expect(call).rejects.toMatchObject({
      code,
      retryAfterSeconds: 3,
      details: { matcher: 'regula', status },
      cause: { name: 'AxiosError', response: { status } },
    })
    expect(service.seen).toHaveLength(1)
    expect(gate.matcherEvents).toMatchObject([{ matcher: 'regula', outcome: 'error' }])
  })

  it.each([
    [2, 'no-face', {}],
    [231, 'quality-rejected', { matcher: 'regula', code: 231 }],
    [6, 'unreadable-image', { matcher: 'regula', code: 6 }],
    [200, 'matcher-unauthorised', { matcher: 'regula', code: 200 }],
    [7, 'matcher-failed', { matcher: 'regula', code: 7 }],
  ])('reads the code %s of an answer with status 200 as %s', async (code, expected, details) => {
    routes({ [SEARCH]: { code, persons: [] }, [MATCH]: { code: 0, results: [], detections: [{ status: code }] } })
    const error = { code: expected, details }
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(error)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(error)
  })

  it('refuses malformed JSON and answers without their fields or scores', async () => {
    service.answer = () => ({ text: '{"persons": [' })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    routes({ [SEARCH]: { code: 0 }, [MATCH]: { code: 0, results: [] }, [PERSONS]: {} })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(refused)
    await expect(matcher.remove('ada', {})).rejects.toMatchObject(refused)
    routes({ [SEARCH]: { code: 0, persons: [person('p1', 'ada')] } })
    await expect(guard(matcher, fakeGate()).identify(assessedProbe(0.9))).rejects.toMatchObject(refused)
  })

  it('passes the signal on: a slow answer ends with it', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const call = matcher.identify(bareProbe(), { limit: 1, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED' })
  })
})

it.each([
  ['sdk', {}, { groupId: 'g1' }],
  ['groupId', undefined, { groupId: '../x' }],
  ['scale', undefined, { groupId: 'g1', scale: 'auto' }],
  ['searchThreshold', undefined, { groupId: 'g1', searchThreshold: '1' }],
  ['qualityScenario', undefined, { groupId: 'g1', qualityScenario: '' }],
  ['addPhotos', undefined, { groupId: 'g1', addPhotos: 1 }],
  ['group', undefined, { groupId: 'g1', group: 'x' }],
])('names %s when it is wrong', (option, given, options) => {
  const make = () => regula((given as never) ?? new FaceSdk(undefined, service.url), options as RegulaOptions)
  expect(make).toThrow(expect.objectContaining({ code: 'invalid-option', details: { option } }))
})
