import { DiffiqaError } from '../errors.ts'
import type { Photo } from '../face/types.ts'
import { toDiffiqaError } from '../inference/error-wire.ts'
import type { Manifest, Purpose, ThresholdSet } from '../inference/manifest.ts'
import { combine } from '../quality/calibration.ts'
import type { QualityScore } from '../quality/types.ts'
import { type AssessRequest, resolveRequest } from './assess-request.ts'
import type { EscalationBudget } from './budget.ts'
import { type Doubt, deservesSecondLook, doubtAbout } from './cascade.ts'
import { degradedAssessment } from './degraded.ts'
import type { Escalator } from './escalator.ts'
import type { EventHub } from './event-hub.ts'
import { makeVerdict } from './make-verdict.ts'
import type { ResolvedGateOptions } from './options.ts'
import { classify, isPassable } from './outcome.ts'
import type { Look, LookedFace, PhotoScorer } from './photo-scorer.ts'
import { judge, PURPOSES } from './policy.ts'
import type { RecentScores } from './recent-scores.ts'
import type { Settings } from './settings.ts'
import type { SharedFace } from './shared-scores.ts'
import type { Assessment, AssessOptions, Mode, Verdict } from './types.ts'

export interface AssessorOptions {
  readonly options: ResolvedGateOptions
  readonly manifest: Manifest
  readonly events: EventHub
  readonly scorer: PhotoScorer
  readonly escalator: Escalator
  readonly budget: EscalationBudget
  readonly recent: RecentScores
}

type Teller = Pick<EventHub, 'emit'>

/** For assessments that are not to be told of. */
const SILENT: Teller = { emit: () => {} }

/** Takes one photo through the cascade and the policy, and accounts for it: exactly one `assessed` event whatever comes of it, unless it is not to be told of. */
export class Assessor {
  readonly #parts: AssessorOptions

  constructor(parts: AssessorOptions) {
    this.#parts = parts
  }

  /**
   * @param settings As they are when the assessment begins; later changes do not reach it.
   * @param refuse Throws when the gate takes no photos.
   */
  async assess(
    photo: Photo | Uint8Array,
    given: AssessOptions,
    settings: Settings,
    refuse: () => void,
  ): Promise<Assessment> {
    const start = performance.now()
    const { onFailure, deadlineMs, maxPixels } = this.#parts.options
    const events = given?.report === false ? SILENT : this.#parts.events
    let request: AssessRequest | undefined
    try {
      refuse()
      request = resolveRequest(photo, given, { mode: settings.mode, onFailure, deadlineMs, maxPixels }, start)
      if (request.signal?.aborted) throw new DiffiqaError('aborted', undefined, { cause: request.signal.reason })
      return await this.#judge(request, settings, start, events)
    } catch (thrown) {
      const error = toDiffiqaError(thrown)
      if ((request?.onFailure ?? onFailure) === 'pass' && isPassable(error))
        return this.#pass(error, request, settings, start, events)
      accountFailure(events, error, start, purposeOf(request, given), request?.mode ?? settings.mode)
      throw error
    }
  }

  /** Accounts for a photo that was turned away before it was handed in. */
  turnedAway(error: DiffiqaError, settings: Settings): void {
    accountFailure(this.#parts.events, error, performance.now(), 'probe', settings.mode)
  }

  async #judge(request: AssessRequest, settings: Settings, start: number, events: Teller): Promise<Assessment> {
    const { scorer, recent, budget } = this.#parts
    const thresholds = settings.policy.thresholds[request.purpose]
    // Scores of other processes are shared only where the residual is no doubt.
    const doubt = ({ fast, aligned }: Pick<LookedFace, 'fast' | 'aligned'>): Doubt | undefined =>
      doubtAbout(fast, aligned.residual ?? 0, thresholds, this.#parts.manifest.scoring.cascade)
    const wants = (face: LookedFace): boolean =>
      request.full || deservesSecondLook(doubt(face), face.fast, recent, budget.share)
    const accepts = ({ fast, full }: SharedFace): boolean => {
      if (!wants({ fast, aligned: {}, measures: {}, full: undefined })) return isAccepted(fast, thresholds)
      const { manifest, options } = this.#parts
      return full !== undefined && isAccepted(combine(fast, full, manifest.scoring, options.preset), thresholds)
    }
    const look = await scorer.look(request, {
      suffices: ({ scored }) => scored.every((face) => face.full || !this.#could(face, request, wants)),
      accepts,
    })
    const [seconds, aligned] = await Promise.all([
      Promise.all(look.scored.map((face, i) => (wants(face) ? this.#secondLook(look, i, request) : undefined))),
      request.crops ? scorer.crops(look, request) : [],
    ])
    const { manifest, options } = this.#parts
    const context = {
      scoring: manifest.scoring,
      preset: options.preset,
      thresholds,
      purpose: request.purpose,
      mode: request.mode,
      totalMs: performance.now() - start,
    }
    const verdicts = look.scored.map((face, i) =>
      makeVerdict(look, face, doubt(face) !== undefined, seconds[i], context),
    )
    const verdict = verdicts[0] as Verdict
    const { group } = request
    for (const one of verdicts) events.emit('verdict', { verdict: one, ...(group !== undefined && { group }) })
    accountEnd(events, verdict.decision, start, request.purpose, look.photo && look.faces.length)
    return { verdict, verdicts, faces: look.faces, aligned, photo: look.photo }
  }

  /** Would this face get a second look now? */
  #could(face: LookedFace, request: AssessRequest, wants: (face: LookedFace) => boolean): boolean {
    return wants(face) && (request.full || this.#parts.budget.available)
  }

  #secondLook(look: Look, index: number, request: AssessRequest): ReturnType<Escalator['escalate']> {
    return this.#parts.escalator.escalate(look, index, request)
  }

  #pass(
    error: DiffiqaError,
    request: AssessRequest | undefined,
    settings: Settings,
    start: number,
    events: Teller,
  ): Assessment {
    const purpose = request?.purpose ?? 'probe'
    const mode = request?.mode ?? settings.mode
    events.emit('degraded', { code: error.code, purpose })
    accountEnd(events, 'degraded', start, purpose, undefined)
    const thresholds = settings.policy.thresholds[purpose]
    return degradedAssessment(error.code, { purpose, mode, thresholds, totalMs: performance.now() - start })
  }
}

const isAccepted = ({ value }: QualityScore, thresholds: ThresholdSet): boolean =>
  judge(value, thresholds).decision === 'accept'

function accountFailure(events: Teller, error: DiffiqaError, start: number, purpose: Purpose, mode: Mode): void {
  const failure = classify(error)
  const { faces } = error.details
  const found = typeof faces === 'number' ? faces : undefined
  if (failure.kind === 'refusal') events.emit('refusal', { reason: failure.reason, code: error.code, purpose, mode })
  else if (failure.kind === 'shed') events.emit('shed', { reason: failure.reason })
  else if (failure.kind === 'error') events.emit('failure', { code: error.code })
  accountEnd(events, failure.kind === 'refusal' ? 'reject' : failure.kind, start, purpose, found)
}

function accountEnd(
  events: Teller,
  outcome: Verdict['decision'] | 'degraded' | 'shed' | 'error' | 'aborted',
  start: number,
  purpose: Purpose,
  faces: number | undefined,
): void {
  events.emit('assessed', { outcome, totalMs: performance.now() - start, faces, purpose })
}

/** The purpose an unusable call asked for, as far as it named one. */
function purposeOf(request: AssessRequest | undefined, given: AssessOptions | undefined): Purpose {
  if (request) return request.purpose
  return PURPOSES.find((purpose) => purpose === given?.purpose) ?? 'probe'
}
