import { DiffiqaError, type ErrorCode } from '../errors.ts'
import { checkKeys } from '../gate/check-keys.ts'
import { defineAdapter } from './define-adapter.ts'
import { type HttpRefusal, httpClient } from './http-client.ts'
import { type HttpServiceOptions, readService, type ScaleNumbers } from './http-options.ts'
import type { Candidate, Matcher, SubjectId } from './matcher.ts'
import { requirePeople } from './require-people.ts'
import { withCodes } from './sdk-error.ts'
import { soleEnrolment } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

export interface FrigateOptions extends HttpServiceOptions {
  /** Frigate's `recognition_threshold`, and an assumed mean of different people. @default 0.9 and 0.5 */
  readonly scale?: ScaleNumbers
  /** Let `enrol()` add a further photo to somebody who is enrolled, instead of `subject-exists`. @default false */
  readonly addPhotos?: boolean
  /** Metric label. @default 'frigate' */
  readonly name?: string
}

/** Frigate cannot compare two photos. */
export type FrigateMatcher = Pick<Matcher, 'name' | 'scale'> & Required<Pick<Matcher, 'identify' | 'enrol' | 'remove'>>

const OPTIONS = ['url', 'headers', 'timeoutMs', 'scale', 'addPhotos', 'name']

/** Frigate's default threshold; the impostor mean is a guess, not measured. */
const SCALE: ScaleNumbers = { impostorMean: 0.5, defaultThreshold: 0.9 }

/** Names that Frigate keeps for itself: the folder of photos to sort, and the answer for strangers. */
const RESERVED = ['train', 'unknown']

/**
 * Use the face library of Frigate, with face recognition enabled in its configuration. Scores are its `score`, 0..1, from 0.9 on a match. It
 * names one person at most, and nobody below its own `unknown_score`.
 *
 * Each photo is sent as the face cut out of it. Subjects become names of folders: only letters, digits, `_`, `.` and `-` are taken.
 * Requests are not retried; the signal ends them.
 *
 * Methods throw DiffiqaError `no-face`, `gallery-empty`, `subject-exists`, `subject-unknown`, `invalid-subject`, `matcher-unauthorised`,
 * `matcher-throttled`, `matcher-unreachable`, `matcher-timeout`, `matcher-failed` and `matcher-invalid-answer`.
 * @param options `url` is Frigate's address without `/api`.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function frigate(options: FrigateOptions): FrigateMatcher {
  checkKeys('', options, OPTIONS)
  const { name = 'frigate', scale = SCALE, addPhotos = false } = options
  const ask = httpClient({ name: 'Frigate', ...readService(options), error: readRefusal })

  const photosOf = async (signal: AbortSignal | undefined): Promise<ReadonlyMap<SubjectId, readonly string[]>> => {
    const answer = await ask({ method: 'GET', path: ['api', 'faces'] }, signal)
    const people = Object.entries((answer ?? {}) as Record<string, readonly string[]>)
    if (Array.isArray(answer) || !people.every(([, photos]) => Array.isArray(photos))) throw invalid('list of faces')
    return new Map(people.filter(([person, photos]) => !RESERVED.includes(person) && photos.length > 0))
  }
  const remove = async (subject: SubjectId, signal?: AbortSignal): Promise<void> => {
    const ids = (await photosOf(signal)).get(subject)
    if (!ids) throw new DiffiqaError('subject-unknown')
    requireSuccess(await ask({ path: ['api', 'faces', subject, 'delete'], json: { ids } }, signal))
  }
  const enrolment = soleEnrolment({
    addPhotos,
    exists: async (subject, signal) => (await photosOf(signal)).has(subject),
    undo: remove,
  })

  const matcher = defineAdapter<FrigateMatcher>({
    name,
    scale: { direction: 'similarity', min: 0, max: 1, ...scale },

    async identify(probe, { signal }) {
      const form = { file: await probe.jpeg() }
      const answer = await ask({ path: ['api', 'faces', 'recognize'], form }, signal).catch((error: unknown) => {
        if (error instanceof DiffiqaError && error.code === 'subject-unknown') return undefined
        throw error
      })
      const { face_name: subject, score } = requireSuccess(answer ?? { success: true, face_name: 'unknown' })
      if (typeof subject !== 'string') throw invalid('face_name')
      if (subject === 'unknown') {
        await requirePeople(async () => (await photosOf(signal)).size === 0, signal)
        return []
      }
      if (typeof score !== 'number') throw invalid('score')
      const candidate: Candidate = { subject, score, source: answer }
      return [candidate]
    },

    async enrol(subject, probe, { signal }) {
      requireName(subject)
      const form = { file: await probe.jpeg() }
      return enrolment(subject, signal, async () => {
        const answer = await ask({ path: ['api', 'faces', subject, 'register'], form }, signal)
        requireSuccess(answer)
        return { subject, source: answer }
      })
    },

    async remove(subject, { signal }) {
      requireName(subject)
      await remove(subject, signal)
    },
  })
  return withCodes(matcher)
}

interface FrigateAnswer {
  readonly success?: unknown
  readonly message?: unknown
  readonly face_name?: unknown
  readonly score?: unknown
}

/** Frigate's refusals, also in answers of 200. */
function requireSuccess(answer: unknown): FrigateAnswer {
  const given = (answer ?? {}) as FrigateAnswer
  if (given.success === true) return given
  if (given.success !== false) throw invalid('success')
  const code = readRefusal({ status: 400, body: given }) ?? 'matcher-failed'
  throw new DiffiqaError(code, undefined, { cause: new Error(String(given.message)) })
}

/** Only the text tells what Frigate refused; a face that it can name nothing for is told apart from a photo without a face. */
function readRefusal({ status, body }: HttpRefusal): ErrorCode | undefined {
  if (status !== 400) return undefined
  const text = String(body?.message ?? '')
  if (/no face was detected/i.test(text)) return 'no-face'
  return /no face was recognized/i.test(text) ? 'subject-unknown' : undefined
}

/** @throws DiffiqaError `invalid-subject`. */
function requireName(subject: SubjectId): void {
  requireSubject(subject)
  const plain = /^[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u.test(subject) && !subject.endsWith('.')
  if (!plain || RESERVED.includes(subject))
    throw new DiffiqaError('invalid-subject', 'Frigate cannot keep this subject identifier as the name of a folder')
}

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `Frigate's answer has no ${field}`)
