import type { AlignedFace } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import type { AssessRequest } from './assess-request.ts'
import type { EscalationBudget } from './budget.ts'
import type { EventHub } from './event-hub.ts'
import type { PhotoKey } from './photo-key.ts'
import { type RememberedFace, type RememberedPhoto, remember, type ScoreCache } from './score-cache.ts'
import { SingleFlight } from './single-flight.ts'
import {
  type AssessAnswer,
  type AssessInput,
  type CropAnswer,
  type CropInput,
  type StageTimes,
  TASKS,
} from './worker-tasks.ts'

/** A face with its fast score; without pixels where it comes from the cache. */
export interface LookedFace extends Omit<RememberedFace, 'aligned'> {
  readonly aligned: RememberedFace['aligned'] & { readonly pixels?: Uint8Array }
}

/** A photo after the fast score. */
export interface Look {
  readonly key: string
  readonly photo: AssessAnswer['photo']
  readonly faces: AssessAnswer['faces']
  readonly scored: readonly LookedFace[]
  readonly stages: StageTimes
  readonly queueMs: number
  readonly cached: boolean
}

export interface PhotoScorerOptions {
  readonly backend: InferenceBackend
  readonly cache: ScoreCache | undefined
  readonly budget: EscalationBudget
  readonly events: EventHub
  readonly keyOf: PhotoKey
  readonly minInterEye: number
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
   * @param suffices Is a remembered photo enough for this request, or does it lack a full score that would be wanted now?
   * @throws DiffiqaError whatever the worker's task or the backend throws, `aborted`, `deadline-exceeded`.
   */
  async look(request: AssessRequest, suffices: (photo: RememberedPhoto) => boolean): Promise<Look> {
    const { cache, events, keyOf } = this.#options
    const key = keyOf(request)
    const found = cache?.get(key)
    const remembered = found && suffices(found) ? found : undefined
    if (cache && request.report) events.emit('cache', { result: remembered ? 'hit' : 'miss', entries: cache.size })
    if (remembered) return { key, ...remembered, stages: NO_STAGES, queueMs: 0, cached: true }
    const { answer, queueMs } = await this.#flights.join(key, request, (signal) => this.#score(key, request, signal))
    const scored = answer.scored.map((face) => ({ ...face, full: undefined }))
    return { key, photo: answer.photo, faces: answer.faces, scored, stages: answer.stages, queueMs, cached: false }
  }

  /** The crops of a look, each caller's own copy. */
  async crops({ scored }: Look, request: AssessRequest): Promise<AlignedFace[]> {
    const aligned = scored.map((face) => face.aligned)
    if (aligned.every((one) => one.pixels !== undefined))
      return aligned.map((one) => ({ ...one, pixels: new Uint8Array(one.pixels as Uint8Array) }))
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

  async #score(
    key: string,
    { bytes, deadline, faces, maxPixels, detected }: AssessRequest,
    signal: AbortSignal,
  ): Promise<{ answer: AssessAnswer; queueMs: number }> {
    const { backend, cache, budget, minInterEye } = this.#options
    // A copy of just these bytes: views drag their whole buffer along, and the caller's stays usable.
    const input: AssessInput = { bytes: new Uint8Array(bytes), maxPixels, minInterEye, selection: faces, detected }
    const { value, queueMs } = await backend.run<AssessAnswer>(
      { name: TASKS.assess, input },
      { kind: 'fast', deadline, signal, transfer: [input.bytes.buffer as ArrayBuffer] },
    )
    budget.earn(value.scored.length)
    cache?.set(key, remember(value))
    return { answer: value, queueMs }
  }
}
