import { Rekognition } from '@aws-sdk/client-rekognition'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guard } from '../../src/adapters/guard.ts'
import { type RekognitionMatcher, type RekognitionOptions, rekognition } from '../../src/adapters/rekognition.ts'
import { decodeSubject, encodeSubject } from '../../src/adapters/rekognition-subject.ts'
import { assessedProbe, bareProbe, jpegOf } from '../fixtures/bare-probe.ts'
import { fakeGate } from '../fixtures/fake-gate.ts'
import { type FakeService, fakeService, type Reply } from '../fixtures/fake-service.ts'

let service: FakeService
let client: Rekognition
let matcher: RekognitionMatcher

beforeEach(async () => {
  service = await fakeService()
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  client = new Rekognition({ region: 'eu-west-1', endpoint: service.url, credentials, maxAttempts: 1 })
  matcher = rekognition(client, { collectionId: 'people' })
})

afterEach(async () => {
  client.destroy()
  await service.close()
})

const operation = (index: number): unknown => service.seen[index]?.headers['x-amz-target']
const sent = (index: number) => JSON.parse(service.seen[index]?.body.toString() ?? '')
const reply = (...bodies: unknown[]): void => {
  const left = [...bodies]
  service.answer = () => ({ body: left.shift() })
}
const fault = (status: number, type: string, message = type): Reply => ({ status, body: { __type: type, message } })
const hit = (ExternalImageId: string | undefined, Similarity: number, FaceId = 'f-1') => ({
  Similarity,
  Face: { FaceId, ...(ExternalImageId !== undefined && { ExternalImageId }) },
})

describe('rekognition().identify', () => {
  it('searches the collection and hands its matches on, with its own quality beside them', async () => {
    reply({ SearchedFaceConfidence: 99.5, FaceMatches: [hit('ada', 97.25), hit(undefined, 12, 'f-2')] })
    const candidates = await matcher.identify(bareProbe(), { limit: 5 })
    expect(candidates).toEqual([
      { subject: 'ada', score: 97.25, source: { answer: hit('ada', 97.25), matcherQuality: { Confidence: 99.5 } } },
      {
        subject: 'f-2',
        score: 12,
        source: { answer: hit(undefined, 12, 'f-2'), matcherQuality: { Confidence: 99.5 } },
      },
    ])
    expect(operation(0)).toBe('RekognitionService.SearchFacesByImage')
    expect(sent(0)).toEqual({
      CollectionId: 'people',
      Image: { Bytes: Buffer.from(jpegOf()).toString('base64') },
      MaxFaces: 5,
      FaceMatchThreshold: 0,
    })
  })

  it('says that a collection is empty', async () => {
    reply({ SearchedFaceConfidence: 99, FaceMatches: [] }, { Faces: [] })
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject({ code: 'gallery-empty' })
    expect(sent(1)).toEqual({ CollectionId: 'people', MaxResults: 1 })
  })

  it('answers nobody where its filter left nobody, or where it may not list the collection', async () => {
    reply({ FaceMatches: [] }, { Faces: [{ FaceId: 'f-1' }] })
    expect(await matcher.identify(bareProbe(), { limit: 1 })).toEqual([])
    service.answer = ({ headers }) =>
      /ListFaces/.test(String(headers['x-amz-target']))
        ? fault(400, 'AccessDeniedException')
        : { body: { FaceMatches: [] } }
    expect(await matcher.identify(bareProbe(), { limit: 1 })).toEqual([])
  })

  it('asks for no more than Rekognition gives', async () => {
    reply({ SearchedFaceConfidence: 99, FaceMatches: [] }, { Faces: [{}] })
    expect(await matcher.identify(bareProbe(), { limit: 100_000 })).toEqual([])
    expect(sent(0).MaxFaces).toBe(4096)
  })

  it.each([
    ['a photo over 5 MB', jpegOf(5 * 1024 * 1024 + 1)],
    ['a format that Rekognition does not take', Buffer.from('RIFF0000WEBPVP8 ')],
  ])('sends the face cut out of %s', async (_, photo) => {
    reply({ FaceMatches: [hit('ada', 90)] })
    await matcher.identify(bareProbe(photo, jpegOf(40, 3)), { limit: 1 })
    expect(sent(0).Image.Bytes).toBe(Buffer.from(jpegOf(40, 3)).toString('base64'))
  })

  it('does not send a face that is still too large', async () => {
    const large = jpegOf(5 * 1024 * 1024 + 1)
    await expect(matcher.identify(bareProbe(large, large), { limit: 1 })).rejects.toMatchObject({
      code: 'payload-too-large',
    })
    expect(service.seen).toHaveLength(0)
  })

  it('passes the quality filter on where one is chosen', async () => {
    reply({ FaceMatches: [] })
    await rekognition(client, { collectionId: 'people', qualityFilter: 'HIGH' }).identify(bareProbe(), { limit: 1 })
    expect(sent(0).QualityFilter).toBe('HIGH')
  })

  it('draws the scores of a mildly poor probe down, behind the gate', async () => {
    reply({ FaceMatches: [hit('ada', 82)] })
    const { candidates } = await guard(matcher, fakeGate()).identify(assessedProbe(0.55))
    expect(candidates[0]).toMatchObject({ subject: 'ada', rawScore: 82, match: false })
    expect(candidates[0]?.adjustedScore).toBeCloseTo(5 + 0.9 * 77, 6)
  })
})

describe('rekognition().verify', () => {
  const face = (Width: number) => ({ BoundingBox: { Width, Height: 0.2 } })

  it('compares two photos and counts the largest face of the reference', async () => {
    const answer = {
      SourceImageFace: { Confidence: 98 },
      FaceMatches: [
        { Similarity: 91, Face: face(0.1) },
        { Similarity: 40, Face: face(0.3) },
      ],
      UnmatchedFaces: [],
    }
    reply(answer)
    const result = await matcher.verify(bareProbe(jpegOf(20, 1)), { probe: bareProbe(jpegOf(20, 2)) }, {})
    expect(result).toMatchObject({ score: 40, source: { answer, matcherQuality: { Confidence: 98 } } })
    expect(sent(0)).toEqual({
      SourceImage: { Bytes: Buffer.from(jpegOf(20, 1)).toString('base64') },
      TargetImage: { Bytes: Buffer.from(jpegOf(20, 2)).toString('base64') },
      SimilarityThreshold: 0,
    })
  })

  it('gives 0 for an unmatched face, and says when the reference has none', async () => {
    reply({ FaceMatches: [], UnmatchedFaces: [face(0.2)] }, { FaceMatches: [], UnmatchedFaces: [] })
    const reference = { probe: bareProbe() }
    expect(await matcher.verify(bareProbe(), reference, {})).toMatchObject({ score: 0 })
    await expect(matcher.verify(bareProbe(), reference, {})).rejects.toMatchObject({ code: 'no-face' })
  })

  it('looks for an enrolled subject among the matches', async () => {
    reply({ FaceMatches: [hit('bo', 95), hit('ada', 88)] })
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 88 })
  })

  it('tells an enrolled subject that is unlike from one that nobody enrolled', async () => {
    const page = { Faces: [{ FaceId: 'f-1', ExternalImageId: 'ada' }] }
    reply({ FaceMatches: [hit('bo', 95)] }, page, { FaceMatches: [hit('bo', 95)] }, page)
    expect(await matcher.verify(bareProbe(), { subject: 'ada' }, {})).toMatchObject({ score: 0 })
    await expect(matcher.verify(bareProbe(), { subject: 'cy' }, {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })
})

describe('rekognition().enrol and remove', () => {
  it('indexes one face under the encoded subject', async () => {
    const FaceDetail = { Confidence: 99, Quality: { Brightness: 80, Sharpness: 92 } }
    const answer = { FaceRecords: [{ Face: { FaceId: 'f-1' }, FaceDetail }], UnindexedFaces: [] }
    reply({ Faces: [{ FaceId: 'f-0', ExternalImageId: 'bo' }] }, answer)
    const enrolment = await matcher.enrol('ada@example.org', bareProbe(), {})
    expect(enrolment).toMatchObject({ subject: 'ada@example.org', source: { answer, matcherQuality: FaceDetail } })
    const body = sent(1)
    expect(body).toMatchObject({ CollectionId: 'people', MaxFaces: 1 })
    expect(body.ExternalImageId).toMatch(/^:[\w-]+$/)
    expect(decodeSubject(body.ExternalImageId)).toBe('ada@example.org')
  })

  it('reports a face that Rekognition silently refused', async () => {
    const nobody = { Faces: [] }
    reply(nobody, { FaceRecords: [], UnindexedFaces: [{ Reasons: ['LOW_SHARPNESS', 'EXTREME_POSE'] }] }, nobody, {
      FaceRecords: [],
      UnindexedFaces: [],
    })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({
      code: 'quality-rejected',
      details: { photo: 'enrolment', matcher: 'rekognition', matcherReasons: ['LOW_SHARPNESS', 'EXTREME_POSE'] },
    })
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'no-face' })
  })

  it('refuses somebody who is enrolled, unless further faces are wanted', async () => {
    const record = { FaceRecords: [{ Face: { FaceId: 'f-2' } }] }
    reply({ Faces: [{ FaceId: 'f-1', ExternalImageId: 'ada' }] }, record)
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'subject-exists' })
    const adding = rekognition(client, { collectionId: 'people', addPhotos: true })
    expect(await adding.enrol('ada', bareProbe(), {})).toMatchObject({ subject: 'ada' })
    expect(service.seen.map((_, index) => operation(index))).toEqual([
      'RekognitionService.ListFaces',
      'RekognitionService.IndexFaces',
    ])
  })

  it('takes back what an enrolment without a clear answer has left', async () => {
    let indexed = false
    service.answer = ({ headers }) => {
      const target = String(headers['x-amz-target'])
      if (/DeleteFaces/.test(target)) indexed = false
      if (!/IndexFaces/.test(target))
        return { body: { Faces: indexed ? [{ FaceId: 'f-9', ExternalImageId: 'ada' }] : [] } }
      indexed = true
      return 'drop'
    }
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject({ code: 'matcher-unreachable' })
    expect(indexed).toBe(false)
  })

  it('deletes every face of a subject, over all pages of the list', async () => {
    reply(
      {
        Faces: [
          { FaceId: 'f-1', ExternalImageId: 'ada' },
          { FaceId: 'f-2', ExternalImageId: 'bo' },
        ],
        NextToken: 't',
      },
      { Faces: [{ FaceId: 'f-3', ExternalImageId: 'ada' }] },
      { DeletedFaces: ['f-1', 'f-3'] },
    )
    await matcher.remove('ada', {})
    expect(sent(1)).toMatchObject({ CollectionId: 'people', NextToken: 't' })
    expect(operation(2)).toBe('RekognitionService.DeleteFaces')
    expect(sent(2)).toEqual({ CollectionId: 'people', FaceIds: ['f-1', 'f-3'] })
    reply({ Faces: [] })
    await expect(matcher.remove('ada', {})).rejects.toMatchObject({ code: 'subject-unknown' })
  })

  it.each(['../../etc/passwd', "'; drop table people; --", 'https://x/?a=b&c', 'Åsa 李', ':ada', 'a:b', 'ada'])(
    'keeps the subject %j as it is',
    (subject) => {
      expect(decodeSubject(encodeSubject(subject))).toBe(subject)
      expect(encodeSubject(subject)).toMatch(/^[\w.:-]{1,255}$/)
    },
  )

  it('leaves identifiers of others alone, and refuses what cannot be encoded', async () => {
    for (const id of [':', ':YWRh', ':not base64', 'urn:ada']) expect(decodeSubject(id)).toBe(id)
    for (const subject of ['', '李'.repeat(128)])
      await expect(matcher.enrol(subject, bareProbe(), {})).rejects.toMatchObject({ code: 'invalid-subject' })
    expect(service.seen).toHaveLength(0)
  })
})

describe('rekognition() and faults of the service', () => {
  it.each([
    [400, 'ThrottlingException', 'matcher-throttled'],
    [400, 'ProvisionedThroughputExceededException', 'matcher-throttled'],
    [400, 'AccessDeniedException', 'matcher-unauthorised'],
    [403, 'UnrecognizedClientException', 'matcher-unauthorised'],
    [400, 'ResourceNotFoundException', 'gallery-missing'],
    [400, 'InvalidImageFormatException', 'unreadable-image'],
    [400, 'ImageTooLargeException', 'payload-too-large'],
    [503, 'SomethingNew', 'matcher-throttled'],
    [500, 'InternalServerError', 'matcher-failed'],
  ])('gives %s %s a code and hands it on as the cause', async (status, type, code) => {
    service.answer = () => fault(status, type)
    const gate = fakeGate()
    const call = guard(matcher, gate).identify(assessedProbe(0.9))
    await expect(call).rejects.toMatchObject({
      code,
      cause: { name: type, $metadata: { httpStatusCode: status } },
    })
    expect(gate.matcherEvents).toMatchObject([{ matcher: 'rekognition', outcome: 'error' }])
  })

  it('says no-face where Rekognition found none, other bad parameters stay as they are', async () => {
    service.answer = () =>
      fault(400, 'InvalidParameterException', 'There are no faces in the image. Should be at least 1.')
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject({
      code: 'no-face',
      cause: { name: 'InvalidParameterException' },
    })
    service.answer = () => fault(400, 'InvalidParameterException', 'Request has invalid parameters')
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject({
      code: 'matcher-failed',
      cause: { name: 'InvalidParameterException' },
    })
  })

  it('fails on malformed JSON and on answers without their lists', async () => {
    service.answer = () => ({ text: '{"FaceMatches": [' })
    const refused = { code: 'matcher-invalid-answer' }
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject(refused)
    reply({}, {}, { Faces: [] }, {}, { Faces: [] })
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject(refused)
    await expect(matcher.verify(bareProbe(), { probe: bareProbe() }, {})).rejects.toMatchObject(refused)
    await expect(matcher.enrol('ada', bareProbe(), {})).rejects.toMatchObject(refused)
  })

  it('refuses matches without a score', async () => {
    reply({ FaceMatches: [{ Face: { FaceId: 'f-1' } }] })
    await expect(guard(matcher, fakeGate()).identify(assessedProbe(0.9))).rejects.toMatchObject({
      code: 'matcher-invalid-answer',
    })
  })

  it('passes the signal on: a slow answer ends with it', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const call = matcher.identify(bareProbe(), { limit: 1, signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    const late = matcher.enrol('ada', bareProbe(), { signal: controller.signal })
    await expect(late).rejects.toMatchObject({ name: 'AbortError' })
    expect(service.seen).toHaveLength(1)
  })

  it('passes a dropped connection on', async () => {
    service.answer = () => 'drop'
    await expect(matcher.identify(bareProbe(), { limit: 1 })).rejects.toMatchObject({
      code: 'matcher-unreachable',
      cause: { code: 'ECONNRESET' },
    })
  })
})

it.each([
  ['client', {}, { collectionId: 'people' }],
  ['collectionId', undefined, {}],
  ['collectionId', undefined, { collectionId: 'a/b' }],
  ['qualityFilter', undefined, { collectionId: 'people', qualityFilter: 'BEST' }],
  ['addPhotos', undefined, { collectionId: 'people', addPhotos: 1 }],
  ['colection', undefined, { collectionId: 'people', colection: 'x' }],
  ['name', undefined, { collectionId: 'people', name: 'no spaces' }],
])('names %s when it is wrong', (option, given, options) => {
  const build = () => rekognition((given as unknown as Rekognition) ?? client, options as RekognitionOptions)
  expect(build).toThrow(expect.objectContaining({ code: 'invalid-option', details: { option } }))
})
