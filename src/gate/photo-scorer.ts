import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import type { AssessRequest } from './assess-request.ts'
import type { EscalationBudget } from './budget.ts'
import type { EventHub } from './event-hub.ts'
import type { PhotoKey } from './photo-key.ts'
import type { RecentScores } from './recent-scores.ts'
import { type RememberedFace, type RememberedPhoto, remember, type ScoreCache } from './score-cache.ts'
import type { SharedAnswer, SharedFace, SharedScores } from './shared-scores.ts'
import { SingleFlight } from './single-flight.ts'
import {
  type AssessAnswer,
  type AssessInput,
  type CropAnswer,
  type CropInput,
  type StageTimes,
  TASKS,
} from './worker-tasks.ts'

/** A face with its fast score; without pixels where it comes from the cache, and without a place where it comes from another process. */
export interface LookedFace extends Omit<RememberedFace, 'aligned'> {
  readonly aligned: Partial<AlignedFace>
}

/** A photo after the fast score. */
export interface Look {
  readonly key: string
  /** Undefined where another process looked at it. */
  readonly photo: AssessAnswer['photo'] | undefined
  readonly faces: AssessAnswer['faces']
  readonly scored: readonly LookedFace[]
  readonly stages: StageTimes
  readonly queueMs: number
  readonly cached: boolean
}

export interface PhotoScorerOptions {
  readonly backend: InferenceBackend
  readonly cache: ScoreCache | undefined
  readonly shared: SharedScores | undefined
  /** Tell other processes of a photo that was just remembered. */
  readonly share: (key: string) => void
  readonly budget: EscalationBudget
  readonly recent: RecentScores
  readonly events: EventHub
  readonly keyOf: PhotoKey
  readonly minInterEye: number
}

/** What a request makes of scores that are known already. */
export interface KnownScores {
  /** Is a remembered photo enough, or does it lack a full score that would be wanted now? */
  suffices(photo: RememberedPhoto): boolean
  /** Would this face be accepted on these scores? Then nothing is missing of an answer that only the photo tells, such as reasons. */
  accepts(face: SharedFace): boolean
}

const NO_STAGES: StageTimes = { decodeMs: 0, detectMs: 0, alignMs: 0, diffiqaRMs: 0 }

/** The first, fast look at photos: from the cache, from a look at the same photo that is under way, or by a worker. */
export class PhotoScorer {
  readonly #options: PhotoScorerOptions
  readonly #flights = new SingleFlight<{ readonly answer: AssessAnswer; readonly queueMs: number }>()

  constructor(options: PhotoScorerOptions) {
    this.#options = options
  }

  /**
   * @throws DiffiqaError whatever the worker's task or the backend throws, `aborted`, `deadline-exceeded`.
   */
  async look(given: AssessRequest, { suffices, accepts }: KnownScores): Promise<Look> {
    const { cache, events, keyOf, shared } = this.#options
    // The caller's bytes are the caller's again as soon as anything is waited for.
    const request = shared ? { ...given, bytes: new Uint8Array(given.bytes) } : given
    const key = keyOf(request)
    const found = cache?.get(key)
    const remembered = found && suffices(found) ? found : undefined
    if (cache && request.report) events.emit('cache', { result: remembered ? 'hit' : 'miss', entries: cache.size })
    if (remembered) return { key, ...remembered, stages: NO_STAGES, queueMs: 0, cached: true }
    const others = shared && (await this.#ask(shared, key, request))
    if (others && !request.crops && others.every(accepts)) return sharedLook(key, others)
    const { answer, queueMs } = await this.#flights.join(key, request, (signal) =>
      this.#score(key, request, signal, others === undefined),
    )
    const scored = answer.scored.map((face, i) => ({ ...face, full: fullOf(face, others?.[i], accepts) }))
    return { key, photo: answer.photo, faces: answer.faces, scored, stages: answer.stages, queueMs, cached: false }
  }

  /** The crops of a look, each caller's own copy. */
  async crops({ scored }: Look, request: AssessRequest): Promise<AlignedFace[]> {
    const aligned = scored.map((face) => face.aligned as AlignedFace)
    if (aligned.every((one) => one.pixels !== undefined))
      return aligned.map((one) => ({ ...one, pixels: new Uint8Array(one.pixels) }))
    const input: CropInput = {
      bytes: new Uint8Array(request.bytes),
      maxPixels: request.maxPixels,
      faces: aligned.map(({ face }) => face),
    }
    const { deadline, signal } = request
    const { value } = await this.#options.backend.run<CropAnswer>(
      { name: TASKS.crop, input },
      { kind: 'fast', deadline, transfer: [input.bytes.buffer as ArrayBuffer], ...(signal && { signal }) },
    )
    return [...value]
  }

  /** What other processes know of the photo. */
  async #ask(shared: SharedScores, key: string, { deadline, report }: AssessRequest): Promise<SharedAnswer['faces']> {
    const { result, faces } = await shared.get(key, deadline - performance.now())
    if (report) this.#options.events.emit('shared-cache', { result })
    return faces
  }

  async #score(
    key: string,
    { bytes, deadline, faces, maxPixels, detected }: AssessRequest,
    signal: AbortSignal,
    isNews: boolean,
  ): Promise<{ answer: AssessAnswer; queueMs: number }> {
    const { backend, cache, budget, recent, minInterEye, share } = this.#options
    // A copy of just these bytes: views drag their whole buffer along, and the caller's stays usable.
    const input: AssessInput = { bytes: new Uint8Array(bytes), maxPixels, minInterEye, selection: faces, detected }
    const { value, queueMs } = await backend.run<AssessAnswer>(
      { name: TASKS.assess, input },
      { kind: 'fast', deadline, signal, transfer: [input.bytes.buffer as ArrayBuffer] },
    )
    budget.earn(value.scored.length)
    for (const { fast } of value.scored) recent.add(fast.raw)
    cache?.set(key, remember(value))
    // What the others know may hold a full score.
    if (isNews) share(key)
    return { answer: value, queueMs }
  }
}

const NOWHERE: LookedFace['aligned'] = {}

/** All that another process tells of a photo. */
const sharedLook = (key: string, faces: readonly SharedFace[]): Look => ({
  key,
  photo: undefined,
  faces: [],
  scored: faces.map(({ fast, full }) => ({
    aligned: NOWHERE,
    fast,
    measures: {},
    full: full && { full, measures: {} },
  })),
  stages: NO_STAGES,
  queueMs: 0,
  cached: true,
})

/** Another process's full score, where it is about this very face and spares the second look here. */
function fullOf(
  { fast }: Pick<LookedFace, 'fast'>,
  other: SharedFace | undefined,
  accepts: KnownScores['accepts'],
): LookedFace['full'] {
  if (!other?.full || other.fast.raw !== fast.raw || !accepts({ fast, full: other.full })) return undefined
  return { full: other.full, measures: {} }
}
