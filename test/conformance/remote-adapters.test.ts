import { Rekognition } from '@aws-sdk/client-rekognition'
import { AzureKeyCredential } from '@azure/core-auth'
import createFaceClient from '@azure-rest/ai-vision-face'
import { FaceSdk } from '@regulaforensics/facesdk-webclient'
import { describe, it } from 'vitest'
import { azureFace } from '../../src/adapters/azure-face.ts'
import { compreface } from '../../src/adapters/compreface.ts'
import { deepface } from '../../src/adapters/http-deepface.ts'
import { frigate } from '../../src/adapters/http-frigate.ts'
import { insightFaceRest } from '../../src/adapters/http-insightface.ts'
import { regula } from '../../src/adapters/regula.ts'
import { rekognition } from '../../src/adapters/rekognition.ts'
import { decodeSubject } from '../../src/adapters/rekognition-subject.ts'
import { ServiceRefusal } from '../../src/adapters/service-client.ts'
import { describeMatcher } from '../../src/conformance/describe-matcher.ts'
import type { MatcherCapabilities } from '../../src/conformance/types.ts'
import { clearPhotos, testPhotos } from '../fixtures/likeness.ts'
import { azureFaceService } from '../fixtures/services/azure-face.ts'
import { comprefaceService } from '../fixtures/services/compreface.ts'
import { deepfaceService } from '../fixtures/services/deepface.ts'
import { frigateService } from '../fixtures/services/frigate.ts'
import { DIMENSION, insightFaceService } from '../fixtures/services/insightface-rest.ts'
import { People } from '../fixtures/services/people.ts'
import { regulaService } from '../fixtures/services/regula.ts'
import { rekognitionService } from '../fixtures/services/rekognition.ts'
import { assessedOnce } from './assessed-once.ts'
import { remote } from './remote.ts'

const complete: MatcherCapabilities = {
  methods: ['identify', 'verify', 'enrol', 'remove'],
  photos: testPhotos,
  assess: assessedOnce,
}
const runner = { describe, it: (name: string, body: () => Promise<void>) => it(name, body, 60_000) }
const refused = (error: unknown): boolean => error instanceof ServiceRefusal && error.status === 500
const named = (name: string) => (error: unknown) => error instanceof Error && error.name === name

describeMatcher(
  'rekognition',
  async () => {
    const people = new People()
    return remote({
      route: rekognitionService(people),
      open: (endpoint) => {
        const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
        const client = new Rekognition({ region: 'eu-west-1', endpoint, credentials, maxAttempts: 1 })
        return rekognition(client, { collectionId: 'people' })
      },
      enrolled: () => people.subjects.map(decodeSubject),
      failure: { status: 500, body: { __type: 'InternalServerError', message: 'no' } },
      isOwn: named('InternalServerError'),
    })
  },
  complete,
  runner,
)

describeMatcher(
  'azure-face',
  async () => {
    const service = azureFaceService(new People())
    return remote({
      route: service,
      open: (url) => {
        const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } }
        const client = createFaceClient(url, new AzureKeyCredential('key'), options)
        return azureFace(client, { largePersonGroupId: 'people' })
      },
      enrolled: service.subjects,
      isOwn: refused,
    })
  },
  complete,
  runner,
)

describeMatcher(
  'compreface',
  async () => {
    const people = new People()
    return remote({
      route: comprefaceService(people),
      open: (url) => compreface({ url, recognitionKey: 'rec', verificationKey: 'ver' }),
      enrolled: () => people.subjects,
      isOwn: refused,
    })
  },
  complete,
  runner,
)

describeMatcher(
  'regula',
  async () => {
    const service = regulaService(new People())
    return remote({
      route: service,
      open: (url) => regula(new FaceSdk(undefined, url), { groupId: 'g1' }),
      enrolled: service.subjects,
      isOwn: named('AxiosError'),
    })
  },
  complete,
  runner,
)

describeMatcher(
  'deepface',
  async () => {
    const subjects: { list: () => string[] } = { list: () => [] }
    return remote({
      route: deepfaceService,
      open: (url) => {
        const matcher = deepface({ url })
        subjects.list = () => [...matcher.gallery].map(({ subject }) => subject)
        return matcher
      },
      enrolled: () => subjects.list(),
      isOwn: refused,
    })
  },
  complete,
  runner,
)

describeMatcher(
  'insightface-rest',
  async () => {
    const subjects: { list: () => string[] } = { list: () => [] }
    return remote({
      route: insightFaceService,
      open: (url) => {
        const scale = { impostorMean: 0.1, defaultThreshold: 0.5 }
        const matcher = insightFaceRest({ url, modelId: 'w600k_r50', dimension: DIMENSION, scale })
        subjects.list = () => [...matcher.gallery].map(({ subject }) => subject)
        return matcher
      },
      enrolled: () => subjects.list(),
      isOwn: refused,
    })
  },
  { ...complete, methods: [...complete.methods, 'embed'] },
  runner,
)

describeMatcher(
  'frigate',
  async () => {
    const people = new People()
    return remote({
      route: frigateService(people),
      open: (url) => frigate({ url }),
      enrolled: () => people.subjects,
      isOwn: refused,
    })
  },
  {
    ...complete,
    methods: ['identify', 'enrol', 'remove'],
    // Frigate's threshold is so near to 1 that a down-weighted photo of the same person stays below it: this one is not.
    photos: clearPhotos,
  },
  runner,
)
