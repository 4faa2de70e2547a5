import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { type AzureFaceLike, azureCalls, readAzureError } from './azure-face-client.ts'
import { azurePeople } from './azure-people.ts'
import { defineAdapter } from './define-adapter.ts'
import type { Candidate, Comparison, CompleteMatcher, Probe, ScoreScale } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import { requirePeople } from './require-people.ts'
import { withCodes } from './sdk-error.ts'
import { type PhotoLimits, photoFor } from './sdk-photo.ts'
import { soleEnrolment } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

export interface AzureFaceOptions {
  /** The group that is searched and filled; it has to exist, with the same recognition model. */
  readonly largePersonGroupId: string
  /** @default 'recognition_04' */
  readonly recognitionModel?: string
  /** @default 'detection_03' */
  readonly detectionModel?: string
  /** Let `enrol()` add a further face to somebody who is enrolled, instead of `subject-exists`. @default false */
  readonly addPhotos?: boolean
  /** Start training after each enrolment and removal; before it ends, `identify()` does not know of them. @default true */
  readonly train?: boolean
  /** Metric label. @default 'azure-face' */
  readonly name?: string
}

/** Whether Azure finds the probe good enough: 'low', 'medium' or 'high'. */
export interface AzureMatcherQuality {
  readonly qualityForRecognition: string | undefined
}

/** `source` of what the adapter answers. */
export type AzureSource = RatedSource<unknown, AzureMatcherQuality>

export type AzureFaceMatcher = CompleteMatcher

const KNOWN = ['largePersonGroupId', 'recognitionModel', 'detectionModel', 'addPhotos', 'train', 'name'] as const
const LIMITS: PhotoLimits = { maxBytes: 6 * 1024 * 1024, formats: ['jpeg', 'png'] }
const MAX_CANDIDATES = 100
const JSON_TYPE = 'application/json'

/** The impostor mean is a guess, not measured. */
const SCALE: ScoreScale = { direction: 'similarity', min: 0, max: 1, impostorMean: 0.1, defaultThreshold: 0.5 }

/**
 * Wrap Azure AI Face: a large person group is the gallery, the name of a person the subject. Scores are `confidence`, 0..1, from 0.5 on a
 * match. Each photo is detected first, the largest face counts. The signal is passed on; retries and time-outs are the client's.
 *
 * Photos over 6 MB, and others than JPEG and PNG, are sent as the face cut out of them.
 *
 * Methods throw DiffiqaError `no-face`, `several-faces`, `gallery-empty`, `gallery-missing`, `embedding-mismatch` (the group has another
 * recognition model), `subject-exists`, `subject-unknown`, `invalid-subject`, `unreadable-image`, `payload-too-large`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`,
 * `matcher-failed` (details `status` and Azure's `code`) and `matcher-invalid-answer`; what the client throws is their `cause`.
 * @param client Made by `createFaceClient()` of @azure-rest/ai-vision-face.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function azureFace(client: AzureFaceLike, options: AzureFaceOptions): AzureFaceMatcher {
  if (typeof client?.path !== 'function') throw option('client', 'must be made by createFaceClient()')
  const {
    largePersonGroupId,
    recognitionModel = 'recognition_04',
    detectionModel = 'detection_03',
    train = true,
    name = 'azure-face',
  } = readOptions(options)
  const call = azureCalls(client)
  const people = azurePeople(call, largePersonGroupId)

  const detect = async (body: Uint8Array, signal: AbortSignal | undefined): Promise<AzureFace> => {
    const queryParameters = {
      detectionModel,
      recognitionModel,
      returnFaceId: true,
      returnFaceAttributes: 'qualityForRecognition',
      faceIdTimeToLive: 60,
    }
    const request = { body, contentType: 'application/octet-stream', queryParameters }
    const faces = await call('post', ['/detect'], request, signal)
    if (!Array.isArray(faces)) throw invalid('faces')
    if (faces.length === 0) throw new DiffiqaError('no-face', 'Azure Face found no face in the photo')
    const [largest] = [...faces].sort((a, b) => area(b) - area(a))
    if (typeof largest?.faceId !== 'string') throw invalid('faceId')
    return largest
  }
  const detectProbe = async (probe: Probe, signal: AbortSignal | undefined) =>
    detect(await photoFor(probe, LIMITS), signal)

  const addPhotos = options.addPhotos ?? false
  const enrolment = soleEnrolment({
    addPhotos,
    exists: async (subject, signal) => (await people.named(subject, signal)).length > 0,
    // The answer that told the person's identifier may have been lost.
    undo: async (subject) => {
      for (const personId of await people.named(subject)) await people.remove(personId)
    },
  })

  const matcher = defineAdapter<AzureFaceMatcher>({
    name,
    scale: SCALE,

    async identify(probe, { limit, signal }) {
      const face = await detectProbe(probe, signal)
      const body = {
        faceIds: [face.faceId],
        largePersonGroupId,
        maxNumOfCandidatesReturned: Math.min(limit, MAX_CANDIDATES),
        confidenceThreshold: 0,
      }
      const answer = await call('post', ['/identify'], { body, contentType: JSON_TYPE }, signal).catch(
        async (error: unknown) => {
          // A group without people cannot be trained, and one that is not trained cannot be searched.
          if (isUntrained(error)) await requirePeople(() => people.isEmpty(signal), signal)
          throw error
        },
      )
      const candidates = Array.isArray(answer) ? answer[0]?.candidates : undefined
      if (!Array.isArray(candidates)) throw invalid('candidates')
      if (candidates.length === 0) await requirePeople(() => people.isEmpty(signal), signal)
      const named = await Promise.all(
        candidates.map(async (candidate): Promise<Candidate | undefined> => {
          const subject = await people.nameOf(candidate?.personId, signal)
          const source: AzureSource = { answer: candidate, matcherQuality: qualityOf(face) }
          return subject === undefined ? undefined : { subject, score: candidate.confidence, source }
        }),
      )
      return named.filter((candidate) => candidate !== undefined)
    },

    async verify(probe, reference, { signal }) {
      if ('subject' in reference) requireSubject(reference.subject)
      const face = await detectProbe(probe, signal)
      const ask = async (body: object): Promise<Comparison> => {
        const answer = await call('post', ['/verify'], { body, contentType: JSON_TYPE }, signal)
        const { confidence } = answer as { confidence?: unknown }
        if (typeof confidence !== 'number') throw invalid('confidence')
        const source: AzureSource = { answer, matcherQuality: qualityOf(face) }
        return { score: confidence, source }
      }
      if ('probe' in reference) {
        const other = await detectProbe(reference.probe, signal)
        return ask({ faceId1: face.faceId, faceId2: other.faceId })
      }
      const [personId] = await people.named(reference.subject, signal)
      if (personId === undefined) throw new DiffiqaError('subject-unknown')
      return ask({ faceId: face.faceId, largePersonGroupId, personId })
    },

    async enrol(subject, probe, { signal }) {
      requireSubject(subject)
      const photo = await photoFor(probe, LIMITS)
      const face = await detect(photo, signal)
      return enrolment(subject, signal, async () => {
        const [known] = addPhotos ? await people.named(subject, signal) : []
        signal?.throwIfAborted()
        const personId = known ?? (await people.create(subject, signal))
        let faceId: string | undefined
        try {
          const { left, top, width, height } = face.faceRectangle
          const query = { detectionModel, targetFace: [left, top, width, height].join(',') }
          faceId = await people.addFace(personId, photo, query, signal)
          if (train) await people.train(signal)
        } catch (error) {
          // The first error is the one to tell. The signal must not stop the clearing up, which nobody waits for once it is aborted.
          const undo = known === undefined ? people.remove(personId) : faceId && people.removeFace(personId, faceId)
          const cleared = Promise.resolve(undo).catch(() => {})
          if (!signal?.aborted) await cleared
          throw error
        }
        const source: AzureSource = { answer: { personId, persistedFaceId: faceId }, matcherQuality: qualityOf(face) }
        return { subject, source }
      })
    },

    async remove(subject, { signal }) {
      requireSubject(subject)
      const personIds = await people.named(subject, signal)
      if (personIds.length === 0) throw new DiffiqaError('subject-unknown')
      for (const personId of personIds) await people.remove(personId, signal)
      if (train) await people.train(signal)
    },
  })
  return withCodes(matcher, readAzureError)
}

const isUntrained = (error: unknown): boolean =>
  error instanceof DiffiqaError && error.details.code === 'LargePersonGroupNotTrained'

interface AzureFace {
  readonly faceId: string
  readonly faceRectangle: {
    readonly left: number
    readonly top: number
    readonly width: number
    readonly height: number
  }
  readonly faceAttributes?: { readonly qualityForRecognition?: string }
}

const area = (face: AzureFace | null): number => (face?.faceRectangle?.width ?? 0) * (face?.faceRectangle?.height ?? 0)

const qualityOf = (face: AzureFace): AzureMatcherQuality => ({
  qualityForRecognition: face.faceAttributes?.qualityForRecognition,
})

function readOptions(options: AzureFaceOptions): AzureFaceOptions {
  if (typeof options !== 'object' || options === null) throw option('options', 'must be an object')
  checkOptions(options, KNOWN, {})
  if (typeof options.largePersonGroupId !== 'string' || !/^[a-z0-9_-]{1,64}$/.test(options.largePersonGroupId))
    throw option('largePersonGroupId', 'must have 1 to 64 lower-case letters, digits, `_` or `-`')
  for (const field of ['recognitionModel', 'detectionModel'] as const) {
    const model = options[field]
    if (model !== undefined && !/^[a-z]+_\d+$/.test(String(model))) throw option(field, 'must be the name of a model')
  }
  for (const field of ['train', 'addPhotos'] as const)
    if (options[field] !== undefined && typeof options[field] !== 'boolean')
      throw option(field, 'must be true or false')
  return options
}

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `Azure's answer has no ${field}`)

const option = (field: string, problem: string): DiffiqaError =>
  new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
