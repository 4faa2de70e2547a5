import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { type ComprefaceAnswer, comprefaceClient } from './compreface-client.ts'
import { defineAdapter } from './define-adapter.ts'
import type { Candidate, Comparison, CompleteMatcher, ScoreScale, SubjectId } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import { requirePeople } from './require-people.ts'
import { type PhotoLimits, photoFor } from './sdk-photo.ts'
import { soleEnrolment } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

export interface ComprefaceOptions {
  /** Address of CompreFace, without `/api/v1`: `http://localhost:8000`. */
  readonly url: string | URL
  /** API key of a recognition service. */
  readonly recognitionKey: string
  /** API key of a verification service. @default none: two photos cannot be compared */
  readonly verificationKey?: string
  /** Least certainty, 0..1, of faces that CompreFace looks at. @default CompreFace's own */
  readonly detProbThreshold?: number
  /** Let `enrol()` add a further photo to somebody who is enrolled, instead of `subject-exists`. @default false */
  readonly addPhotos?: boolean
  /** Milliseconds after which one request counts as failed. @default 15000 */
  readonly timeoutMs?: number
  /** Metric label. @default 'compreface' */
  readonly name?: string
}

/** How sure CompreFace is that it sees a face, 0..1: all that it says about a photo. */
export interface ComprefaceMatcherQuality {
  readonly probability: number | undefined
}

/** `source` of what the adapter answers. */
export type ComprefaceSource = RatedSource<unknown, ComprefaceMatcherQuality>

export type ComprefaceMatcher = CompleteMatcher

const KNOWN = [
  'url',
  'recognitionKey',
  'verificationKey',
  'detProbThreshold',
  'addPhotos',
  'timeoutMs',
  'name',
] as const
const LIMITS: PhotoLimits = { maxBytes: 5 * 1024 * 1024, formats: ['jpeg', 'png', 'webp'] }

/** Most photos of one subject that a verification looks at. */
const PAGE = 100

/** CompreFace scales its similarity so that 0.5 separates people; the impostor mean is a guess, not measured. */
const SCALE: ScoreScale = { direction: 'similarity', min: 0, max: 1, impostorMean: 0.1, defaultThreshold: 0.5 }

/**
 * Use a CompreFace server: its recognition service identifies, enrols and removes, its verification service compares two photos. Scores are
 * `similarity`, 0..1, from 0.5 on a match. Requests are not retried; the signal ends them.
 *
 * Photos over 5 MB, and in formats that CompreFace does not take, are sent as the face cut out of them.
 *
 * Methods throw DiffiqaError `no-face`, `gallery-empty`, `subject-exists`, `subject-unknown`, `invalid-subject`, `payload-too-large`,
 * `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`, `matcher-failed` (details `status` and CompreFace's
 * `code`; `cause` is what came) and `matcher-invalid-answer`.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function compreface(options: ComprefaceOptions): ComprefaceMatcher {
  const { url, recognitionKey, verificationKey, name = 'compreface', timeoutMs = 15_000 } = readOptions(options)
  const ask = comprefaceClient({ url: new URL(url), timeoutMs })
  const detect = options.detProbThreshold === undefined ? {} : { det_prob_threshold: `${options.detProbThreshold}` }

  const imagesOf = async (subject: SubjectId, signal: AbortSignal | undefined): Promise<string[]> => {
    const ids: string[] = []
    // Servers before 1.0 do not know the filter and list everybody, over many pages.
    for (let page = 0, pages = 1; page < pages && ids.length < PAGE; page++) {
      const query = { subject, page: `${page}`, size: `${PAGE}` }
      const answer = await ask({ method: 'GET', path: 'recognition/faces', key: recognitionKey, query, signal })
      const { faces, total_pages: all } = answer
      if (!Array.isArray(faces)) throw invalid('faces')
      for (const face of faces) if (face?.subject === subject) ids.push(face.image_id)
      pages = typeof all === 'number' && faces.length > 0 ? all : 0
    }
    return ids.slice(0, PAGE)
  }
  const removeAll = (subject: SubjectId, signal?: AbortSignal): Promise<ComprefaceAnswer> =>
    ask({ method: 'DELETE', path: 'recognition/faces', key: recognitionKey, query: { subject }, signal })
  const enrolment = soleEnrolment({
    addPhotos: options.addPhotos ?? false,
    exists: async (subject, signal) => (await imagesOf(subject, signal)).length > 0,
    undo: removeAll,
  })
  /** A search among nobody answers an empty list, as one that found nobody does. */
  const isEmpty = async (signal: AbortSignal | undefined): Promise<boolean> => {
    const query = { page: '0', size: '1' }
    const { faces } = await ask({ method: 'GET', path: 'recognition/faces', key: recognitionKey, query, signal })
    return Array.isArray(faces) && faces.length === 0
  }

  return defineAdapter<ComprefaceMatcher>({
    name,
    scale: SCALE,

    async identify(probe, { limit, signal }) {
      const photos = { file: await photoFor(probe, LIMITS) }
      const query = { limit: '1', prediction_count: `${limit}`, ...detect }
      const path = 'recognition/recognize'
      const face = firstFace(await ask({ method: 'POST', path, key: recognitionKey, query, photos, signal }))
      if (!Array.isArray(face.subjects)) throw invalid('subjects')
      if (face.subjects.length === 0) await requirePeople(() => isEmpty(signal), signal)
      const matcherQuality = qualityOf(face)
      return face.subjects.map((match): Candidate => {
        const source: ComprefaceSource = { answer: match, matcherQuality }
        return { subject: match?.subject, score: match?.similarity, source }
      })
    },

    async verify(probe, reference, { signal }) {
      const photo = await photoFor(probe, LIMITS)
      if ('probe' in reference) {
        if (!verificationKey) throw option('verificationKey', 'is needed to compare two photos')
        const photos = { source_image: photo, target_image: await photoFor(reference.probe, LIMITS) }
        const query = { limit: '1', ...detect }
        const path = 'verification/verify'
        return readVerification(await ask({ method: 'POST', path, key: verificationKey, query, photos, signal }))
      }
      requireSubject(reference.subject)
      let best: Comparison | undefined
      const ids = await imagesOf(reference.subject, signal)
      if (ids.length === 0) throw new DiffiqaError('subject-unknown')
      for (const id of ids) {
        const path = `recognition/faces/${encodeURIComponent(id)}/verify`
        const query = { limit: '1', ...detect }
        const answer = await ask({ method: 'POST', path, key: recognitionKey, query, photos: { file: photo }, signal })
        const face = firstFace(answer)
        const source: ComprefaceSource = { answer, matcherQuality: qualityOf(face) }
        const score = requireSimilarity(face.similarity)
        if (!best || score > best.score) best = { score, source }
      }
      return best as Comparison
    },

    async enrol(subject, probe, { signal }) {
      requireSubject(subject)
      const photos = { file: await photoFor(probe, LIMITS) }
      return enrolment(subject, signal, async () => {
        const query = { subject, ...detect }
        const path = 'recognition/faces'
        const answer = await ask({ method: 'POST', path, key: recognitionKey, query, photos, signal })
        if (typeof answer.image_id !== 'string') throw invalid('image_id')
        const source: ComprefaceSource = { answer, matcherQuality: undefined }
        return { subject, source }
      })
    },

    async remove(subject, { signal }) {
      // Without a subject CompreFace would delete everybody.
      requireSubject(subject)
      const { deleted } = await removeAll(subject, signal)
      if (deleted === 0) throw new DiffiqaError('subject-unknown')
    },
  })
}

interface ComprefaceFace {
  readonly box?: { readonly probability?: number }
  readonly subjects?: readonly { readonly subject: string; readonly similarity: number }[]
  readonly similarity?: unknown
  readonly source_image_face?: ComprefaceFace
  readonly face_matches?: readonly ComprefaceFace[]
}

function firstFace({ result }: ComprefaceAnswer): ComprefaceFace {
  if (!Array.isArray(result)) throw invalid('result')
  const [face] = result
  if (!face) throw new DiffiqaError('no-face', 'CompreFace found no face in the photo')
  return face
}

/** `face_matches` holds the reference photo's largest face. */
function readVerification(answer: ComprefaceAnswer): Comparison {
  const { source_image_face: face, face_matches: matches } = firstFace(answer)
  if (!Array.isArray(matches)) throw invalid('face_matches')
  const [match] = matches
  if (!match) throw new DiffiqaError('no-face', 'CompreFace found no face in the reference photo')
  const source: ComprefaceSource = { answer, matcherQuality: qualityOf(face) }
  return { score: requireSimilarity(match.similarity), source }
}

function requireSimilarity(similarity: unknown): number {
  if (typeof similarity === 'number') return similarity
  throw invalid('similarity')
}

const qualityOf = (face: ComprefaceFace | undefined): ComprefaceMatcherQuality => ({
  probability: face?.box?.probability,
})

function readOptions(options: ComprefaceOptions): ComprefaceOptions {
  if (typeof options !== 'object' || options === null) throw option('options', 'must be an object')
  checkOptions(options, KNOWN, { timeoutMs: 1 })
  const { url, recognitionKey, verificationKey, detProbThreshold: least, addPhotos } = options
  if (!URL.canParse(String(url)) || !/^https?:$/.test(new URL(url).protocol))
    throw option('url', 'must be the http(s) address of CompreFace')
  for (const [field, key] of Object.entries({ recognitionKey, verificationKey })) {
    const missing = field === 'verificationKey' && key === undefined
    if (!missing && (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key))) throw option(field, 'must be an API key')
  }
  if (least !== undefined && !(typeof least === 'number' && least >= 0 && least <= 1))
    throw option('detProbThreshold', 'must be a number from 0 to 1')
  if (addPhotos !== undefined && typeof addPhotos !== 'boolean') throw option('addPhotos', 'must be true or false')
  return options
}

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `CompreFace's answer has no ${field}`)

const option = (field: string, problem: string): DiffiqaError =>
  new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
