import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { defineAdapter } from './define-adapter.ts'
import type { Candidate, Comparison, CompleteMatcher, Probe, ScoreScale, SubjectId } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import type {
  RekognitionComparison,
  RekognitionFace,
  RekognitionFaceDetail,
  RekognitionFilter,
  RekognitionIndexing,
  RekognitionLike,
} from './rekognition-client.ts'
import { readRekognitionError } from './rekognition-error.ts'
import { decodeSubject, encodeSubject } from './rekognition-subject.ts'
import { requirePeople } from './require-people.ts'
import { withCodes } from './sdk-error.ts'
import { type PhotoLimits, photoFor } from './sdk-photo.ts'
import { soleEnrolment } from './sole-enrolment.ts'

export interface RekognitionOptions {
  /** The collection that is searched and filled; it has to exist. Letters, digits, `_`, `.` and `-`. */
  readonly collectionId: string
  /** Rekognition's own quality filter, for every call. @default Rekognition's: none for searches and comparisons, AUTO for enrolment */
  readonly qualityFilter?: RekognitionFilter
  /**
   * Let `enrol()` add a further face to somebody who is enrolled, instead of `subject-exists`. It spares listing the collection, 4096 faces a
   * call, before each enrolment. @default false
   */
  readonly addPhotos?: boolean
  /** Metric label. @default 'rekognition' */
  readonly name?: string
}

/** What Rekognition says about the probe: how sure it is of the face and, for enrolments, brightness and sharpness, all 0..100. */
export type RekognitionMatcherQuality = Pick<RekognitionFaceDetail, 'Confidence' | 'Quality'>

/** `source` of what the adapter answers. */
export type RekognitionSource = RatedSource<unknown, RekognitionMatcherQuality>

export type RekognitionMatcher = CompleteMatcher

const FILTERS: readonly unknown[] = [undefined, 'NONE', 'AUTO', 'LOW', 'MEDIUM', 'HIGH']
const LIMITS: PhotoLimits = { maxBytes: 5 * 1024 * 1024, formats: ['jpeg', 'png'] }

/** Most faces that one search or page of a list returns, and that one deletion takes. */
const PAGE = 4096

/** The impostor mean is a guess, not measured: Rekognition gives most pairs of different people a few per cent. */
const SCALE: ScoreScale = { direction: 'similarity', min: 0, max: 100, impostorMean: 5, defaultThreshold: 80 }

/**
 * Wrap Amazon Rekognition: a collection is the gallery, `ExternalImageId` the subject. Scores are `Similarity`, 0..100, with 80 as the
 * default threshold. Similarity thresholds of 0 are sent, so that `guard()` alone decides.
 *
 * Photos over 5 MB, and others than JPEG and PNG, are sent as the face cut out of them. The signal is passed on; retries and time-outs are
 * the client's. Its errors are the `cause` of ours.
 *
 * Methods throw DiffiqaError `no-face` when Rekognition finds none, `quality-rejected` when its filter kept a photo out of the collection
 * (details `matcherReasons`), `gallery-empty`, `gallery-missing`, `subject-exists`, `subject-unknown`, `invalid-subject`, `unreadable-image`,
 * `payload-too-large`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`, `matcher-failed` and
 * `matcher-invalid-answer`.
 * @param client The aggregated client `Rekognition` of @aws-sdk/client-rekognition.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function rekognition(client: RekognitionLike, options: RekognitionOptions): RekognitionMatcher {
  requireClient(client)
  const { collectionId: CollectionId, qualityFilter, name = 'rekognition' } = readOptions(options)
  const filter = qualityFilter === undefined ? {} : { QualityFilter: qualityFilter }

  /** A search of nobody answers an empty list, as one whose filter left nobody does. */
  const isEmpty = async (signal: AbortSignal | undefined): Promise<boolean> => {
    const { Faces } = await client.listFaces({ CollectionId, MaxResults: 1 }, pass(signal))
    return Array.isArray(Faces) && Faces.length === 0
  }

  const search = async (probe: Probe, MaxFaces: number, signal: AbortSignal | undefined) => {
    const Image = { Bytes: await photoFor(probe, LIMITS) }
    const input = { CollectionId, Image, MaxFaces, FaceMatchThreshold: 0, ...filter }
    const answer = await withoutFace(() => client.searchFacesByImage(input, pass(signal)))
    if (!Array.isArray(answer.FaceMatches)) throw invalid('FaceMatches')
    if (answer.FaceMatches.length === 0) await requirePeople(() => isEmpty(signal), signal)
    const matcherQuality = { Confidence: answer.SearchedFaceConfidence }
    return answer.FaceMatches.map((match): Candidate => {
      const source: RekognitionSource = { answer: match, matcherQuality }
      return { subject: subjectOf(match.Face), score: match.Similarity as number, source }
    })
  }

  const faceIdsOf = async (subject: SubjectId, signal: AbortSignal | undefined): Promise<string[]> => {
    const found: string[] = []
    let token: string | undefined
    do {
      const page = { CollectionId, MaxResults: PAGE, ...(token && { NextToken: token }) }
      const { Faces = [], NextToken } = await client.listFaces(page, pass(signal))
      for (const face of Faces) if (face.FaceId && subjectOf(face) === subject) found.push(face.FaceId)
      token = NextToken
    } while (token)
    return found
  }
  const removeAll = async (faceIds: readonly string[], signal?: AbortSignal): Promise<void> => {
    for (let start = 0; start < faceIds.length; start += PAGE)
      await client.deleteFaces({ CollectionId, FaceIds: faceIds.slice(start, start + PAGE) }, pass(signal))
  }
  const enrolment = soleEnrolment({
    addPhotos: options.addPhotos ?? false,
    exists: async (subject, signal) => (await faceIdsOf(subject, signal)).length > 0,
    undo: async (subject) => removeAll(await faceIdsOf(subject, undefined)),
  })

  const matcher = defineAdapter<RekognitionMatcher>({
    name,
    scale: SCALE,

    identify: (probe, { limit, signal }) => search(probe, Math.min(limit, PAGE), signal),

    async verify(probe, reference, { signal }) {
      if ('probe' in reference) {
        const [source, target] = [await photoFor(probe, LIMITS), await photoFor(reference.probe, LIMITS)]
        const input = {
          SourceImage: { Bytes: source },
          TargetImage: { Bytes: target },
          SimilarityThreshold: 0,
          ...filter,
        }
        return readComparison(await withoutFace(() => client.compareFaces(input, pass(signal))))
      }
      encodeSubject(reference.subject)
      const candidates = await search(probe, PAGE, signal)
      const match = candidates.find(({ subject }) => subject === reference.subject)
      if (match) return { score: match.score, source: match.source }
      // A search leaves out the least similar faces of large collections: absent from it and enrolled means unlike.
      if ((await faceIdsOf(reference.subject, signal)).length === 0) throw new DiffiqaError('subject-unknown')
      const source: RekognitionSource = { answer: undefined, matcherQuality: undefined }
      return { score: 0, source }
    },

    async enrol(subject, probe, { signal }) {
      const ExternalImageId = encodeSubject(subject)
      const Image = { Bytes: await photoFor(probe, LIMITS) }
      return enrolment(subject, signal, async () => {
        const input = { CollectionId, Image, ExternalImageId, MaxFaces: 1, ...filter }
        const answer = await withoutFace(() => client.indexFaces(input, pass(signal)))
        return { subject, source: readIndexing(answer, name) }
      })
    },

    async remove(subject, { signal }) {
      encodeSubject(subject)
      const faceIds = await faceIdsOf(subject, signal)
      if (faceIds.length === 0) throw new DiffiqaError('subject-unknown')
      await removeAll(faceIds, signal)
    },
  })
  return withCodes(matcher, readRekognitionError)
}

/** Faces that others indexed without a name go by Rekognition's own identifier. */
function subjectOf(face: RekognitionFace | undefined): SubjectId {
  const { ExternalImageId, FaceId } = face ?? {}
  return ExternalImageId === undefined ? (FaceId as string) : decodeSubject(ExternalImageId)
}

/** Of several faces in the reference photo the largest counts, not the most similar. */
function readComparison(answer: RekognitionComparison): Comparison {
  const { FaceMatches, UnmatchedFaces = [], SourceImageFace } = answer
  if (!Array.isArray(FaceMatches)) throw invalid('FaceMatches')
  const faces = [
    ...FaceMatches.map(({ Similarity, Face }) => ({ score: Similarity as number, face: Face })),
    ...UnmatchedFaces.map((face) => ({ score: 0, face })),
  ].sort((a, b) => area(b.face) - area(a.face))
  const [largest] = faces
  if (!largest) throw new DiffiqaError('no-face', 'Rekognition found no face in the reference photo')
  const source: RekognitionSource = { answer, matcherQuality: { Confidence: SourceImageFace?.Confidence } }
  return { score: largest.score, source }
}

const area = (face: RekognitionFaceDetail | undefined): number =>
  (face?.BoundingBox?.Width ?? 0) * (face?.BoundingBox?.Height ?? 0)

/** Rekognition answers 200 also when it enrolled nobody: only the list of records tells. */
function readIndexing(answer: RekognitionIndexing, matcher: string): RekognitionSource {
  const { FaceRecords, UnindexedFaces = [] } = answer
  if (!Array.isArray(FaceRecords)) throw invalid('FaceRecords')
  const [record] = FaceRecords
  if (record) {
    const { Confidence, Quality } = record.FaceDetail ?? {}
    return { answer, matcherQuality: { Confidence, Quality } }
  }
  const matcherReasons = [...new Set(UnindexedFaces.flatMap(({ Reasons = [] }) => Reasons))]
  if (UnindexedFaces.length === 0) throw new DiffiqaError('no-face', 'Rekognition found no face to enrol')
  throw new DiffiqaError('quality-rejected', 'Rekognition enrolled nobody: its quality filter refused the photo', {
    details: { photo: 'enrolment', matcher, matcherReasons },
  })
}

/** A photo without a face is an InvalidParameterException like any other; only its text tells. */
async function withoutFace<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const { name, message } = error as Error
    if (name !== 'InvalidParameterException' || !/no faces? in/i.test(message)) throw error
    throw new DiffiqaError('no-face', 'Rekognition found no face in the photo', { cause: error })
  }
}

function readOptions(options: RekognitionOptions): RekognitionOptions {
  if (typeof options !== 'object' || options === null) throw option('options', 'must be an object')
  checkOptions(options, ['collectionId', 'qualityFilter', 'addPhotos', 'name'], {})
  if (typeof options.collectionId !== 'string' || !/^[\w.-]{1,255}$/.test(options.collectionId))
    throw option('collectionId', 'must be the name of a collection')
  if (options.addPhotos !== undefined && typeof options.addPhotos !== 'boolean')
    throw option('addPhotos', 'must be true or false')
  if (!FILTERS.includes(options.qualityFilter)) throw option('qualityFilter', 'must be NONE, AUTO, LOW, MEDIUM or HIGH')
  return options
}

function requireClient(client: RekognitionLike): void {
  const methods = ['searchFacesByImage', 'compareFaces', 'indexFaces', 'listFaces', 'deleteFaces'] as const
  if (!methods.every((method) => typeof client?.[method] === 'function'))
    throw option('client', 'must be the aggregated client `Rekognition`, not a RekognitionClient')
}

const pass = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } => (signal ? { abortSignal: signal } : {})

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `Rekognition's answer has no ${field}`)

const option = (field: string, problem: string): DiffiqaError =>
  new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
