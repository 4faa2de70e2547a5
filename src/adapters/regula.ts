import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'
import { defineAdapter } from './define-adapter.ts'
import type { Candidate, CompleteMatcher, Probe, SubjectId } from './matcher.ts'
import type { RatedSource } from './rated-source.ts'
import type { RegulaLike, RegulaMatch, RegulaPerson, RegulaQuality, RegulaStatus } from './regula-client.ts'
import { readRegulaError } from './regula-error.ts'
import { requirePeople } from './require-people.ts'
import { withCodes } from './sdk-error.ts'
import { soleEnrolment } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

export interface RegulaOptions {
  /** The group that is searched and filled; it has to exist. */
  readonly groupId: string
  /** How the service gives similarities: 0..1, or 0..100. @default 'unit' */
  readonly scale?: 'unit' | 'percent'
  /** The service's own threshold of searches, passed on as it is. @default the service's */
  readonly searchThreshold?: number
  /** Have Regula assess each probe too, by this scenario (`QualityICAO`, `QualityFull`, …): one call more. @default none */
  readonly qualityScenario?: string
  /** Let `enrol()` add a further photo to somebody who is enrolled, instead of `subject-exists`. @default false */
  readonly addPhotos?: boolean
  /** Metric label. @default 'regula' */
  readonly name?: string
}

/** `source` of what the adapter answers. */
export type RegulaSource = RatedSource<unknown, RegulaQuality>

export type RegulaMatcher = CompleteMatcher

const KNOWN = ['groupId', 'scale', 'searchThreshold', 'qualityScenario', 'addPhotos', 'name'] as const

const PAGE = 100

/** Most people of one search. */
const MAX_FOUND = 1000

/** FaceSDKResultCode. */
const CODES = {
  ok: 0,
  noFace: 2,
  noLandmarks: 3,
  unreadable: 6,
  noLicence: 200,
  lowQuality: 231,
  notMatched: 237,
} as const

/**
 * Wrap Regula Face SDK's web service: a group is the gallery, `externalId` the subject (`name` where others left it out). Scores are
 * `similarity`, from 0.75 (75) on a match. The signal is passed on; retries and time-outs are the client's. Its errors are the
 * `cause` of ours.
 *
 * Each photo is sent as the face cut out of it.
 *
 * Methods throw DiffiqaError `no-face`, `quality-rejected`, `gallery-empty`, `gallery-missing`, `subject-exists`, `subject-unknown`,
 * `invalid-subject`, `unreadable-image`, `payload-too-large`, `matcher-unauthorised`, `matcher-throttled`, `matcher-unreachable`,
 * `matcher-timeout`, `matcher-failed` (details `status`, or `code`: what Regula reports with status 200) and `matcher-invalid-answer`.
 * @param sdk A `FaceSdk` of @regulaforensics/facesdk-webclient.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function regula(sdk: RegulaLike, options: RegulaOptions): RegulaMatcher {
  requireSdk(sdk)
  const { groupId, scale = 'unit', searchThreshold: threshold, qualityScenario, name = 'regula' } = readOptions(options)
  const max = scale === 'unit' ? 1 : 100

  const rate = async (image: string, signal: AbortSignal | undefined): Promise<RegulaQuality | undefined> => {
    if (qualityScenario === undefined) return undefined
    const body = { image, processParam: { scenario: qualityScenario, onlyCentralFace: true } }
    const answer = await sdk.matchingApi.detect(body as never, undefined, pass(signal))
    requireOk(answer as RegulaStatus, name)
    type Detected = { results?: { detections?: readonly { quality?: RegulaQuality }[] } }
    return (answer as Detected).results?.detections?.[0]?.quality
  }

  const search = async (content: string, limit: number, signal: AbortSignal | undefined): Promise<Candidate[]> => {
    const matcherQuality = await rate(content, signal)
    const body = { image: { content }, groupIds: [groupId], limit, ...(threshold !== undefined && { threshold }) }
    const answer = await sdk.searchApi.search(body, undefined, pass(signal))
    requireOk(answer, name)
    if (!Array.isArray(answer.persons)) throw invalid('persons')
    const candidates = (answer.persons as RegulaPerson[]).map((person): Candidate => {
      const source: RegulaSource = { answer: person, matcherQuality }
      const scores = (person.images ?? []).map(({ similarity }) => similarity as number)
      return {
        subject: subjectOf(person) as string,
        score: scores.length > 0 ? Math.max(...scores) : Number.NaN,
        source,
      }
    })
    return candidates.sort((a, b) => b.score - a.score)
  }

  const personsOf = async (subject: SubjectId, signal: AbortSignal | undefined): Promise<string[]> => {
    const found: string[] = []
    for (let page = 1, pages = 1; page <= pages; page++) {
      const answer = await sdk.groupApi.getAllPersonsByGroupId(page, PAGE, groupId, undefined, pass(signal))
      if (!Array.isArray(answer?.items)) throw invalid('items')
      for (const person of answer.items) if (person?.id && subjectOf(person) === subject) found.push(person.id)
      pages = answer.totalPages ?? 1
    }
    return found
  }

  const isEmpty = async (signal: AbortSignal | undefined): Promise<boolean> => {
    const { items } = await sdk.groupApi.getAllPersonsByGroupId(1, 1, groupId, undefined, pass(signal))
    return Array.isArray(items) && items.length === 0
  }
  const addPhotos = options.addPhotos ?? false
  const enrolment = soleEnrolment({
    addPhotos,
    exists: async (subject, signal) => (await personsOf(subject, signal)).length > 0,
    // The answer that told the person's identifier may have been lost.
    undo: async (subject) => {
      for (const id of await personsOf(subject, undefined)) await sdk.personApi.deletePerson(id, undefined, {})
    },
  })

  const matcher = defineAdapter<RegulaMatcher>({
    name,
    // The impostor mean is a guess, not measured.
    scale: { direction: 'similarity', min: 0, max, impostorMean: 0.2 * max, defaultThreshold: 0.75 * max },

    async identify(probe, { limit, signal }) {
      const candidates = await search(await base64Of(probe), Math.min(limit, MAX_FOUND), signal)
      if (candidates.length === 0) await requirePeople(() => isEmpty(signal), signal)
      return candidates
    },

    async verify(probe, reference, { signal }) {
      if ('subject' in reference) requireSubject(reference.subject)
      const image = await base64Of(probe)
      if ('probe' in reference) {
        const images = [image, await base64Of(reference.probe)].map((data, index) => ({ index, data }))
        const matcherQuality = await rate(image, signal)
        const answer = await sdk.matchingApi.match({ images }, undefined, pass(signal))
        const source: RegulaSource = { answer, matcherQuality }
        return { score: readMatch(answer, name), source }
      }
      const candidates = await search(image, MAX_FOUND, signal)
      const match = candidates.find(({ subject }) => subject === reference.subject)
      if (match) return { score: match.score, source: match.source }
      // Large groups hold people that a search does not list: absent from it and enrolled means unlike.
      if ((await personsOf(reference.subject, signal)).length === 0) throw new DiffiqaError('subject-unknown')
      const source: RegulaSource = { answer: undefined, matcherQuality: undefined }
      return { score: 0, source }
    },

    async enrol(subject, probe, { signal }) {
      requireSubject(subject)
      const content = await base64Of(probe)
      const matcherQuality = await rate(content, signal)
      return enrolment(subject, signal, async () => {
        const [known] = addPhotos ? await personsOf(subject, signal) : []
        signal?.throwIfAborted()
        const person = { name: subject, externalId: subject, groups: [groupId] }
        const id = known ?? (await sdk.personApi.createPerson(person, undefined, pass(signal)))?.id
        if (typeof id !== 'string') throw invalid('id')
        try {
          const answer = await sdk.personApi.addImageToPerson(id, { image: { content } }, undefined, pass(signal))
          if (typeof answer?.id !== 'string') throw invalid('id')
          const source: RegulaSource = { answer: { personId: id, image: answer }, matcherQuality }
          return { subject, source }
        } catch (error) {
          // The first error is the one to tell. The signal must not stop the clearing up, which nobody waits for once it is aborted.
          const undo = known === undefined ? sdk.personApi.deletePerson(id, undefined, {}) : undefined
          const cleared = Promise.resolve(undo).catch(() => {})
          if (!signal?.aborted) await cleared
          throw error
        }
      })
    },

    async remove(subject, { signal }) {
      requireSubject(subject)
      const ids = await personsOf(subject, signal)
      if (ids.length === 0) throw new DiffiqaError('subject-unknown')
      for (const id of ids) await sdk.personApi.deletePerson(id, undefined, pass(signal))
    },
  })
  return withCodes(matcher, readRegulaError)
}

/** Regula takes the most central face of a photo, which need not be the one that was judged: it gets only that one to see. */
const base64Of = async (probe: Probe): Promise<string> => Buffer.from(await probe.jpeg()).toString('base64')

const subjectOf = (person: RegulaPerson): SubjectId | undefined => person.externalId ?? person.name

/** Regula reports most failures with status 200 and a code. A search without a code found what it lists. */
function requireOk(answer: RegulaStatus, matcher: string): void {
  if (typeof answer !== 'object' || answer === null) throw invalid('JSON')
  const { code = CODES.ok } = answer
  if (code === CODES.ok || code === CODES.notMatched) return
  if (code === CODES.noFace || code === CODES.noLandmarks) throw new DiffiqaError('no-face', 'Regula found no face')
  const details = { matcher, code }
  if (code === CODES.lowQuality)
    throw new DiffiqaError('quality-rejected', 'Regula refused the photo for its quality', { details })
  if (code === CODES.unreadable) throw new DiffiqaError('unreadable-image', undefined, { details })
  if (code === CODES.noLicence) throw new DiffiqaError('matcher-unauthorised', undefined, { details })
  throw new DiffiqaError('matcher-failed', `Regula reported the code ${code}`, { details })
}

function readMatch(answer: RegulaMatch, matcher: string): number {
  requireOk(answer, matcher)
  for (const { status } of answer.detections ?? []) requireOk({ code: status }, matcher)
  const similarity = answer.results?.[0]?.similarity
  if (typeof similarity !== 'number') throw invalid('similarity')
  return similarity
}

function readOptions(options: RegulaOptions): RegulaOptions {
  if (typeof options !== 'object' || options === null) throw option('options', 'must be an object')
  checkOptions(options, KNOWN, {})
  const { groupId, scale, qualityScenario, searchThreshold, addPhotos } = options
  if (typeof groupId !== 'string' || !/^[\w-]{1,128}$/.test(groupId))
    throw option('groupId', 'must be the id of a group')
  if (scale !== undefined && scale !== 'unit' && scale !== 'percent')
    throw option('scale', "must be 'unit' or 'percent'")
  if (searchThreshold !== undefined && !Number.isFinite(searchThreshold))
    throw option('searchThreshold', 'must be a number')
  if (qualityScenario !== undefined && !/^\w+$/.test(String(qualityScenario)))
    throw option('qualityScenario', 'must be the name of a scenario')
  if (addPhotos !== undefined && typeof addPhotos !== 'boolean') throw option('addPhotos', 'must be true or false')
  return options
}

function requireSdk(sdk: RegulaLike): void {
  const apis = ['matchingApi', 'searchApi', 'personApi', 'groupApi'] as const
  if (!apis.every((api) => typeof sdk?.[api] === 'object')) throw option('sdk', 'must be a `FaceSdk`')
}

const pass = (signal: AbortSignal | undefined): { signal?: AbortSignal } => (signal ? { signal } : {})

const invalid = (field: string): DiffiqaError =>
  new DiffiqaError('matcher-invalid-answer', `Regula's answer has no ${field}`)

const option = (field: string, problem: string): DiffiqaError =>
  new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
