import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { defineAdapter } from '../../src/adapters/define-adapter.ts'
import { guard } from '../../src/adapters/guard.ts'
import { type HttpMatcherOptions, http } from '../../src/adapters/http.ts'
import type { Candidate, ScoreScale } from '../../src/adapters/matcher.ts'
import { DiffiqaError } from '../../src/errors.ts'
import { assessedProbe, bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type Reply, type SeenRequest } from '../fixtures/fake-service.ts'
import { readForm } from '../fixtures/services/read-form.ts'

const scale: ScoreScale = { direction: 'similarity', min: 0, max: 100, impostorMean: 10, defaultThreshold: 80 }
let service: FakeService

beforeEach(async () => {
  service = await fakeService()
})
afterEach(() => service.close())

const identify = {
  request: async (probe: { jpeg(): Promise<Uint8Array> }, { limit }: { limit: number }) => ({
    path: ['search'],
    form: { image: await probe.jpeg(), limit: `${limit}` },
  }),
  answer: ({ hits }: { hits: { who: string; percent: number }[] }): Candidate[] =>
    hits.map((hit) => ({ subject: hit.who, score: hit.percent, source: hit })),
}
const build = <const O extends Partial<HttpMatcherOptions>>(options: O) =>
  http({ url: service.url, name: 'acme', scale, ...options })
const reply = (...replies: Reply[]): void => {
  const left = [...replies]
  service.answer = () => left.shift() ?? { status: 500, body: {} }
}
const request = (index = 0): SeenRequest => service.seen[index] as SeenRequest
const once = { limit: 1 }

describe('http()', () => {
  it('asks and reads as configured', async () => {
    const hit = { who: 'ada', percent: 91, more: { kept: true } }
    reply({ body: { hits: [hit] } })
    const matcher = build({ url: `${service.url}/v1/`, headers: { 'x-api-key': 'k' }, identify })
    expect(await matcher.identify(bareProbe(), { limit: 3 })).toEqual([{ subject: 'ada', score: 91, source: hit }])
    expect(request()).toMatchObject({ method: 'POST', path: '/v1/search', headers: { 'x-api-key': 'k' } })
    expect(await readForm(request())).toEqual({ image: jpegOf(32, 9), limit: '3' })
  })

  it('sends JSON, bytes, queries and other methods', async () => {
    reply({ body: { percent: 7 } }, { body: { id: 1 } }, { status: 204, body: undefined })
    const matcher = build({
      verify: {
        request: (_, reference) => ({
          method: 'PUT',
          path: ['compare'],
          query: { with: 'subject' in reference ? reference.subject : '', strict: true },
          json: { a: [1] },
        }),
        answer: ({ percent }) => ({ score: percent, source: percent }),
      },
      enrol: { request: (subject, { photo }) => ({ path: ['people', subject], bytes: photo }) },
      remove: { request: (subject) => ({ method: 'DELETE', path: ['people', subject] }) },
    })
    expect(await matcher.verify(bareProbe(), { subject: 'a&b=c' }, {})).toEqual({ score: 7, source: 7 })
    expect(await matcher.enrol('Åsa 李', bareProbe(), {})).toEqual({ subject: 'Åsa 李', source: { id: 1 } })
    await matcher.remove('ada', {})
    expect(service.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /compare?with=a%26b%3Dc&strict=true',
      `POST /people/${encodeURIComponent('Åsa 李')}`,
      'DELETE /people/ada',
    ])
    expect(request(0).body.toString()).toBe('{"a":[1]}')
    expect(new Uint8Array(request(1).body)).toEqual(jpegOf())
  })

  it('has the methods that were configured, also in its type', () => {
    const matcher = build({ identify })
    expect(Object.keys(matcher).sort()).toEqual(['identify', 'name', 'scale'])
    expectTypeOf(matcher).toHaveProperty('identify')
    expectTypeOf(matcher).not.toHaveProperty('enrol')
    expectTypeOf(guard(matcher, fakeGate())).toHaveProperty('identify')
    expectTypeOf(guard(matcher, fakeGate())).not.toHaveProperty('remove')
    expect(defineAdapter(matcher)).toBe(matcher)
  })

  it.each(['..', '.', 'a/b', '../../admin', 'a\\b', 'https://x/?a=b'])(
    'never makes the subject %j part of an address',
    async (subject) => {
      const matcher = build({ enrol: { request: (id) => ({ path: ['people', id] }) } })
      await expect(matcher.enrol(subject, bareProbe(), {})).rejects.toMatchObject({ code: 'invalid-subject' })
      expect(service.seen).toHaveLength(0)
    },
  )

  it.each(['%2e%2e', "x'; drop table people", 'a?b#c', 'a b'])('encodes the subject %j', async (subject) => {
    reply({ body: {} })
    await build({ enrol: { request: (id) => ({ path: ['people', id] }) } }).enrol(subject, bareProbe(), {})
    expect(request().path).toBe(`/people/${encodeURIComponent(subject)}`)
  })
})

describe('http() and people enrolled twice', () => {
  const people = {
    exists: {
      request: (subject: string) => ({ method: 'GET' as const, path: ['people', subject] }),
      answer: ({ photos }: { photos: number }) => photos > 0,
    },
    enrol: { request: (subject: string) => ({ path: ['people', subject] }) },
    remove: { request: (subject: string) => ({ method: 'DELETE' as const, path: ['people', subject] }) },
  }
  const methods = () => service.seen.map(({ method }) => method)

  it('asks first; a 404 is a no', async () => {
    const matcher = build(people)
    reply({ body: { photos: 1 } }, { status: 404, body: {} }, { body: {} }, { body: { photos: 0 } }, { body: {} })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    await matcher.enrol('bo', bareProbe(), {})
    await matcher.enrol('cy', bareProbe(), {})
    expect(methods()).toEqual(['GET', 'GET', 'POST', 'GET', 'POST'])
  })

  it.each<[string, Reply]>([
    ['the connection is cut', 'drop'],
    ['the service fails', { status: 500, body: {} }],
  ])('takes an enrolment back when %s', async (_, answer) => {
    reply({ status: 404, body: {} }, answer, { body: {} })
    await expect(build(people).enrol('ada', bareProbe(), {})).rejects.toThrow()
    expect(methods()).toEqual(['GET', 'POST', 'DELETE'])
  })

  it('takes back what an aborted enrolment may leave, and lets nobody wait for it', async () => {
    const controller = new AbortController()
    service.answer = ({ method }) => {
      if (method === 'GET') return { status: 404, body: {} }
      if (method === 'POST') setTimeout(() => controller.abort(), 20)
      return 'hang'
    }
    await expect(build(people).enrol('ada', bareProbe(), { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await vi.waitFor(() => expect(methods()).toEqual(['GET', 'POST', 'DELETE']))
  })

  it('removes nothing where it did not ask first: earlier photos of the person would go too', async () => {
    reply('drop')
    const { exists, ...others } = people
    await expect(build(others).enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'matcher-unreachable' })
    expect(methods()).toEqual(['POST'])
  })
})

describe('http() and faults of the service', () => {
  it.each([
    [401, 'matcher-unauthorised'],
    [403, 'matcher-unauthorised'],
    [413, 'payload-too-large'],
    [429, 'matcher-throttled'],
    [503, 'matcher-throttled'],
    [504, 'matcher-timeout'],
    [404, 'matcher-failed'],
    [500, 'matcher-failed'],
  ])('gives %s a code and counts it', async (status, code) => {
    reply({ status, body: { secret: 'detail' }, headers: { 'retry-after': '4' } })
    const gate = fakeGate()
    const error = await guard(build({ identify }), gate)
      .identify(assessedProbe(0.9))
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, retryAfterSeconds: 4, cause: { status, body: { secret: 'detail' } } })
    expect((error as Error).message).not.toContain('detail')
    expect(service.seen).toHaveLength(1)
    expect(gate.matcherEvents).toMatchObject([{ matcher: 'acme', outcome: 'error' }])
  })

  it('believes `error` first', async () => {
    const error = vi.fn(({ body }) => (body?.reason === 'no face' ? ('no-face' as const) : undefined))
    const matcher = build({ identify, error })
    reply({ status: 422, body: { reason: 'no face' } }, { status: 422, body: { reason: 'other' } })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'no-face',
      details: { status: 422 },
    })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'matcher-failed' })
    expect(error).toHaveBeenCalledWith({ status: 422, body: { reason: 'other' } })
  })

  it.each<[string, Reply]>([
    ['malformed JSON', { text: '{"hits": [' }],
    ['a page of HTML', { text: '<html>' }],
    ['another shape', { body: { results: [] } }],
    ['nothing', { status: 200, body: undefined }],
    ['holes', { body: { hits: [null] } }],
  ])('refuses %s', async (_, answer) => {
    reply(answer)
    await expect(build({ identify }).identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-invalid-answer',
    })
  })

  it('refuses an answer without scores', async () => {
    reply({ body: { hits: [{ who: 'ada' }] } })
    await expect(guard(build({ identify }), fakeGate()).identify(assessedProbe(0.9))).rejects.toMatchObject({
      code: 'matcher-invalid-answer',
    })
  })

  it('lets typed errors of the configuration through, others are failures', async () => {
    reply({ body: {} })
    const missing = new DiffiqaError('subject-unknown')
    const answer = () => {
      throw missing
    }
    await expect(build({ identify: { ...identify, answer } }).identify(bareProbe(), once)).rejects.toBe(missing)
    const bug = new TypeError('bug')
    const failing = () => {
      throw bug
    }
    await expect(
      build({ identify: { ...identify, request: failing } }).identify(bareProbe(), once),
    ).rejects.toMatchObject({ code: 'matcher-failed', cause: bug })
  })

  it('ends a slow answer with the signal, or after its time', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const call = build({ identify }).identify(bareProbe(), { limit: 1, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await expect(build({ identify, timeoutMs: 50 }).identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-timeout',
    })
  })

  it('reports a dropped connection and a server that is not there, and follows no redirect', async () => {
    const lost = { code: 'matcher-unreachable' }
    reply('drop', { status: 307, body: {}, headers: { location: `${service.url}/elsewhere` } })
    await expect(build({ identify }).identify(bareProbe(), once)).rejects.toMatchObject(lost)
    await expect(build({ identify }).identify(bareProbe(), once)).rejects.toMatchObject(lost)
    expect(service.seen).toHaveLength(2)
    await expect(build({ identify, url: 'http://127.0.0.1:1' }).identify(bareProbe(), once)).rejects.toMatchObject(lost)
  })
})

it.each([
  ['url', { url: 'file:///etc' }],
  ['url', { url: 'nowhere' }],
  ['headers', { headers: { 'a b': 'c' } }],
  ['headers', { headers: { a: 'b\r\nc: d' } }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['identify', { identify: { request: () => ({ path: [] }) } }],
  ['verify', { verify: {} }],
  ['exists', { exists: { request: () => ({ path: [] }) } }],
  ['enrol', { enrol: null }],
  ['error', { error: 'no' }],
  ['name', { name: 'no spaces' }],
  ['scale', { scale: undefined }],
  ['indentify', { indentify: identify }],
])('names %s when it is wrong', (option, change) => {
  expect(() => build({ identify, ...(change as object) })).toThrow(
    expect.objectContaining({ code: 'invalid-option', details: { option } }),
  )
})

it('needs at least one method', () => {
  expect(() => build({})).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})
