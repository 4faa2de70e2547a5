import { Rekognition } from '@aws-sdk/client-rekognition'
import { AzureKeyCredential } from '@azure/core-auth'
import createFaceClient from '@azure-rest/ai-vision-face'
import { FaceSdk } from '@regulaforensics/facesdk-webclient'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { azureFace } from '../../src/adapters/azure-face.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { GuardedMethods } from '../../src/adapters/guard-types.ts'
import type { Matcher } from '../../src/adapters/matcher.ts'
import type { FaceQuality } from '../../src/adapters/probe.ts'
import { createProbe } from '../../src/adapters/probe.ts'
import { regula } from '../../src/adapters/regula.ts'
import { rekognition } from '../../src/adapters/rekognition.ts'
import { isDiffiqaError } from '../../src/errors.ts'
import { assessedOnce } from '../conformance/assessed-once.ts'
import { bareProbe } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type Reply } from '../fixtures/fake-service.ts'
import { clearPhotos } from '../fixtures/likeness.ts'
import { REMOTE_MATCHERS, type RemoteMatcher } from '../fixtures/services/remote-matchers.ts'

/** More calls than this no method makes. */
const MOST_CALLS = 12

let photos: Record<'person' | 'again' | 'other', FaceQuality>
beforeAll(async () => {
  const bytes = await clearPhotos()
  const assess = async (photo: Uint8Array): Promise<FaceQuality> => {
    const assessment = await assessedOnce(photo)
    return { ...assessment, bytes: photo, probe: createProbe(photo, assessment) }
  }
  photos = { person: await assess(bytes.person), again: await assess(bytes.again), other: await assess(bytes.other) }
})

describe.each(Object.entries(REMOTE_MATCHERS))('%s and bad input', (name, make) => {
  let remote: RemoteMatcher
  let server: FakeService
  let matcher: Matcher
  let guarded: GuardedMethods
  /** Each method that it has, of somebody who is enrolled; `enrol` of somebody new. */
  let calls: Record<string, () => Promise<unknown>>
  /** These ask the service for nothing: the people are in this process. */
  const local = ['deepface', 'insightface-rest'].includes(name) ? ['remove'] : []

  beforeEach(async () => {
    remote = make()
    server = await fakeService()
    server.answer = remote.service
    matcher = remote.open(server.url)
    guarded = guard(matcher, fakeGate()) as never
    await guarded.enrol('ada', photos.person)
    const all: Record<string, () => Promise<unknown>> = {
      identify: () => guarded.identify(photos.again),
      'verify a subject': () => guarded.verify(photos.again, { subject: 'ada' }),
      'verify two photos': () => guarded.verify(photos.again, { photo: photos.other }),
      enrol: () => guarded.enrol('bo', photos.other),
      remove: () => guarded.remove('ada'),
    }
    const able = Object.entries(all).filter(([method]) => guarded[method.split(' ')[0] as keyof GuardedMethods])
    calls = Object.fromEntries(able)
  })
  afterEach(() => server.close().catch(() => {}))

  const codeOf = async (call: () => Promise<unknown>): Promise<unknown> =>
    call().then(
      () => 'no error',
      (error: unknown) => (isDiffiqaError(error) ? error.code : error),
    )
  const assertOnly = (...subjects: string[]) => vi.waitFor(() => expect(remote.enrolled().sort()).toEqual(subjects))

  it('wrong credentials: matcher-unauthorised from each method, nobody enrolled or removed', async () => {
    server.answer = () => remote.unauthorised ?? { status: 401, body: {} }
    for (const [method, call] of Object.entries(calls)) {
      if (local.includes(method)) continue
      await expect(call(), method).rejects.toMatchObject({
        code: 'matcher-unauthorised',
        status: 502,
        retryable: false,
        cause: expect.any(Error),
      })
    }
    expect(remote.enrolled()).toEqual(['ada'])
  })

  it('a service that goes away between enrol and identify: matcher-unreachable, and all goes on when it is back', async () => {
    server.answer = () => 'drop'
    for (const [method, call] of Object.entries(calls)) {
      if (local.includes(method)) continue
      const lost = { code: 'matcher-unreachable', status: 503, retryable: true, cause: expect.any(Error) }
      await expect(call(), method).rejects.toMatchObject(lost)
    }
    server.answer = remote.service
    expect(await guarded.identify(photos.again)).toMatchObject({ candidates: [{ subject: 'ada' }] })
    await server.close()
    for (const [method, call] of Object.entries(calls))
      if (!local.includes(method)) expect(await codeOf(call), method).toBe('matcher-unreachable')
    expect(remote.enrolled()).toEqual(['ada'])
  })

  it.each<[string, (reply: Reply) => Reply, readonly string[]]>([
    ['is lost', () => 'drop', ['matcher-unreachable']],
    ['is cut off', () => ({ text: '{"FaceRecords": [{' }), ['matcher-invalid-answer']],
    ['is a page of HTML', () => ({ text: '<html>sign in</html>' }), ['matcher-invalid-answer', 'no-face']],
  ])('the answer to any one call of an enrolment %s: nobody is half enrolled', async (_, spoil, codes) => {
    for (let spoiled = 0; spoiled < MOST_CALLS; spoiled++) {
      let call = 0
      server.answer = async (request) => {
        const reply = await remote.service(request)
        return call++ === spoiled ? spoil(reply) : reply
      }
      const code = await codeOf(() => guarded.enrol('bo', photos.other))
      if (call <= spoiled) {
        expect(code).toBe('no error')
        expect(spoiled).toBeGreaterThan(0)
        await assertOnly('ada', 'bo')
        return
      }
      // Where an answer without a body is as good as any, the enrolment is whole.
      if (code === 'no error') {
        await assertOnly('ada', 'bo')
        await guarded.remove('bo')
      } else expect(codes, `call ${spoiled + 1}: ${code}`).toContain(code)
      await assertOnly('ada')
    }
    expect.unreachable(`an enrolment makes more than ${MOST_CALLS} calls`)
  })

  it('answers without scores: a typed error from each comparison', async () => {
    const SCORES = /^(similarity|confidence|score|distance|embedding|vec)$/i
    const without = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(without)
      if (typeof value !== 'object' || value === null) return value
      const kept = Object.entries(value).filter(([key]) => !SCORES.test(key))
      return Object.fromEntries(kept.map(([key, inner]) => [key, without(inner)]))
    }
    server.answer = async (request) => {
      const reply = await remote.service(request)
      return typeof reply === 'object' && 'body' in reply ? { ...reply, body: without(reply.body) } : reply
    }
    for (const [method, call] of Object.entries(calls)) {
      if (!/identify|verify/.test(method)) continue
      const expected = name === 'deepface' && method !== 'verify two photos' ? 'invalid-embedding' : undefined
      expect(await codeOf(call), method).toBe(expected ?? 'matcher-invalid-answer')
    }
  })

  it('too many calls: matcher-throttled, with the wait that the service asks for', async () => {
    const reply: Reply =
      name === 'rekognition'
        ? { status: 400, body: { __type: 'ThrottlingException', message: 'slow down' } }
        : { status: 429, body: {}, headers: { 'retry-after': '7' } }
    server.answer = () => reply
    for (const [method, call] of Object.entries(calls)) {
      if (local.includes(method)) continue
      const wait = name === 'rekognition' ? {} : { retryAfterSeconds: 7 }
      await expect(call(), method).rejects.toMatchObject({ code: 'matcher-throttled', status: 503, ...wait })
    }
    expect(remote.enrolled()).toEqual(['ada'])
  })
})

describe('retries and time-outs are those of the client', () => {
  let server: FakeService
  beforeEach(async () => {
    server = await fakeService()
  })
  afterEach(() => server.close())
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const once = { limit: 1 }

  it('Rekognition: a throttled call is made again by it, and by nobody else', async () => {
    const client = new Rekognition({ region: 'eu-west-1', endpoint: server.url, credentials })
    const hit = { Similarity: 90, Face: { FaceId: 'f-1', ExternalImageId: 'ada' } }
    server.answer = () =>
      server.seen.length < 2
        ? { status: 400, body: { __type: 'ThrottlingException', message: 'slow down' } }
        : { body: { FaceMatches: [hit] } }
    const matcher = rekognition(client, { collectionId: 'people' })
    expect(await matcher.identify(bareProbe(), once)).toMatchObject([{ subject: 'ada' }])
    expect(server.seen).toHaveLength(2)
    client.destroy()
  })

  it('Rekognition: its time-out is matcher-timeout, missing credentials are matcher-unauthorised', async () => {
    server.answer = () => 'hang'
    const impatient = new Rekognition({
      region: 'eu-west-1',
      endpoint: server.url,
      credentials,
      maxAttempts: 1,
      requestHandler: { requestTimeout: 100, throwOnRequestTimeout: true },
    })
    const late = rekognition(impatient, { collectionId: 'people' }).identify(bareProbe(), once)
    await expect(late).rejects.toMatchObject({ code: 'matcher-timeout', cause: { name: 'TimeoutError' } })
    impatient.destroy()
    const nobody = async (): Promise<never> => {
      throw Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' })
    }
    const anonymous = new Rekognition({ region: 'eu-west-1', endpoint: server.url, credentials: nobody })
    const refused = rekognition(anonymous, { collectionId: 'people' }).identify(bareProbe(), once)
    await expect(refused).rejects.toMatchObject({
      code: 'matcher-unauthorised',
      cause: { name: 'CredentialsProviderError' },
    })
    anonymous.destroy()
  })

  it('Azure: a throttled call is made again by it, and by nobody else', async () => {
    const options = { allowInsecureConnection: true, retryOptions: { retryDelayInMs: 1 } }
    const client = createFaceClient(server.url, new AzureKeyCredential('key'), options)
    server.answer = () => (server.seen.length < 3 ? { status: 503, body: {} } : { body: [] })
    const matcher = azureFace(client, { largePersonGroupId: 'people' })
    await expect(matcher.identify(bareProbe(), once)).rejects.toMatchObject({ code: 'no-face' })
    expect(server.seen).toHaveLength(3)
  })

  it('Regula: its time-out is matcher-timeout', async () => {
    server.answer = () => 'hang'
    const sdk = new FaceSdk({ basePath: server.url, baseOptions: { timeout: 100 } } as never)
    await expect(regula(sdk, { groupId: 'g1' }).identify(bareProbe(), once)).rejects.toMatchObject({
      code: 'matcher-timeout',
      cause: { name: 'AxiosError', code: 'ECONNABORTED' },
    })
    expect(server.seen).toHaveLength(1)
  })
})
