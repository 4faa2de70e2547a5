import { DiffiqaError } from '../errors.ts'
import type { AlignedFace, Photo } from '../face/types.ts'
import type { InferenceBackend } from '../inference/backend.ts'
import { toDiffiqaError } from '../inference/error-wire.ts'
import { type Manifest, MODEL_NAMES } from '../inference/manifest.ts'
import type { ServerChange } from '../inference/remote/remote-hub.ts'
import type { Explanation } from '../quality/diffiqa.ts'
import { Assessor } from './assessor.ts'
import { bestFrames } from './best-frames.ts'
import { EscalationBudget } from './budget.ts'
import type { Calibration } from './calibration.ts'
import { checkKeys, checkNumber } from './check-keys.ts'
import { Escalator } from './escalator.ts'
import { EventHub } from './event-hub.ts'
import type { GateEventName, GateEvents, GateListener, GateStats } from './events.ts'
import { type ExplainCallOptions, explainCrop } from './explain.ts'
import type { RankedFrame } from './frames.ts'
import { matcherLook, ownLook } from './full-look.ts'
import type { Gate, GateUpdate } from './gate.ts'
import { DEADLINE_RANGE, type ResolvedGateOptions } from './options.ts'
import { createPhotoKey } from './photo-key.ts'
import { PhotoScorer } from './photo-scorer.ts'
import { namedPolicy, overridePolicy } from './policy.ts'
import { RecentScores } from './recent-scores.ts'
import { ScoreCache } from './score-cache.ts'
import { applyUpdate, type Settings } from './settings.ts'
import type { SharedScores } from './shared-scores.ts'
import { sharingBy } from './sharing.ts'
import type { Assessment, AssessOptions } from './types.ts'
import type { WarmUpAnswer } from './worker-tasks.ts'

export interface GateParts {
  readonly options: ResolvedGateOptions
  /** With the calibration's numbers, where there is one. */
  readonly manifest: Manifest
  readonly calibration?: Calibration | undefined
  /** Ready. */
  readonly backend: InferenceBackend
  readonly warmUp: WarmUpAnswer
  /** @default lru-cache, when the options ask for a cache */
  readonly cache?: ScoreCache
  /** Scores that other processes make too, where the options name a store. */
  readonly shared?: SharedScores | undefined
  /** Frees what the backend does not own, after it was closed. */
  readonly dispose?: () => Promise<void>
  /** Where servers run the networks: tells how each of them is, now and whenever that changes. */
  readonly onServer?: (listener: (change: ServerChange) => void) => void
}

const CLOSE_TIMEOUT_MS = 10_000

/** The gate over a backend that is ready. */
export class GateCore implements Gate {
  readonly manifest: Manifest
  readonly #parts: GateParts
  readonly #events = new EventHub()
  readonly #cache: ScoreCache | undefined
  readonly #assessor: Assessor
  readonly #running = new Set<Promise<unknown>>()
  #settings: Settings
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  constructor(parts: GateParts) {
    const { options, manifest, backend, warmUp } = parts
    const { scoring } = manifest
    this.#parts = parts
    this.manifest = manifest
    const policy = overridePolicy(namedPolicy(scoring, options.policy), options.thresholds)
    this.#settings = Object.freeze({ mode: options.mode, policy })
    this.#cache = parts.cache ?? (options.cache && ScoreCache.create(options.cache))
    const events = this.#events
    const cache = this.#cache
    const budget = new EscalationBudget(options.escalationBudget ?? scoring.cascade.budget)
    const recent = new RecentScores(scoring.cascade.firstCut)
    const { preset, minInterEye } = options
    const sharing = sharingBy(parts.shared, options, manifest, cache)
    const { shared, share } = sharing
    const keyOf = createPhotoKey(
      { modelVersion: manifest.modelVersion, preset, minInterEye, ...sharing.key },
      sharing.secret,
    )
    const scorer = new PhotoScorer({ backend, cache, shared, share, budget, recent, events, keyOf, minInterEye })
    const look = options.matcher ? matcherLook(backend, manifest, options.matcher) : ownLook(backend)
    const escalator = new Escalator({ backend, look, budget, cache, share, firstFullMs: warmUp.fullMs })
    this.#assessor = new Assessor({ options, manifest, events, scorer, escalator, budget, recent })
    backend.onRestart((reason) => events.emit('worker-restart', { reason }))
    parts.onServer?.(({ server, usable, error }) =>
      events.emit('inference-server', { server, usable, code: error?.code }),
    )
    for (const model of MODEL_NAMES) events.emit('model-ready', { model, loadMs: warmUp.loadMs[model] })
    events.emit('thresholds', { policy: policy.name, thresholds: policy.thresholds })
  }

  get ready(): boolean {
    return this.#state === 'open' && this.#parts.backend.ready
  }

  get mode(): Gate['mode'] {
    return this.#settings.mode
  }

  get onFailure(): Gate['onFailure'] {
    return this.#parts.options.onFailure
  }

  get preset(): Gate['preset'] {
    return this.#parts.options.preset
  }

  get policy(): Gate['policy'] {
    return this.#settings.policy.name
  }

  get calibration(): Calibration | undefined {
    return this.#parts.calibration
  }

  get thresholds(): Gate['thresholds'] {
    return this.#settings.policy.thresholds
  }

  assess(photo: Photo | Uint8Array, options: AssessOptions = {}): Promise<Assessment> {
    const assessment = this.#assessor.assess(photo, options, this.#settings, () => this.#refuseWhenClosed())
    return this.#track(assessment)
  }

  async explain(crop: Pick<AlignedFace, 'pixels'>, options: ExplainCallOptions = {}): Promise<Explanation> {
    this.#refuseWhenClosed()
    const { backend, options: own } = this.#parts
    return this.#track(explainCrop(backend, crop, options, own.deadlineMs))
  }

  /** What close() waits for. */
  #track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => {},
      () => {},
    )
    this.#running.add(settled)
    void settled.then(() => this.#running.delete(settled))
    return work
  }

  best(frames: readonly (Photo | Uint8Array)[], n = 1, options: AssessOptions = {}): Promise<RankedFrame[]> {
    return bestFrames(this, frames, n, options)
  }

  update(change: GateUpdate): void {
    const before = this.#settings
    this.#settings = applyUpdate(before, change, this.manifest.scoring)
    const { policy } = this.#settings
    if (policy !== before.policy)
      this.#events.emit('thresholds', { policy: policy.name, thresholds: policy.thresholds })
  }

  on<N extends GateEventName>(name: N, listener: GateListener<N>): () => void {
    return this.#events.on(name, listener)
  }

  emit<N extends GateEventName>(name: N, event: GateEvents[N]): void {
    this.#events.emit(name, event)
  }

  stats(): GateStats {
    const { fast, full, workers } = this.#parts.backend.stats()
    return { queue: { fast, full }, workers, cacheEntries: this.#cache?.size ?? 0 }
  }

  admit(deadlineMs: number = this.#parts.options.deadlineMs): void {
    checkNumber('deadlineMs', deadlineMs, DEADLINE_RANGE)
    try {
      this.#refuseWhenClosed()
      this.#parts.backend.admit('fast', performance.now() + deadlineMs)
    } catch (thrown) {
      const error = toDiffiqaError(thrown)
      this.#assessor.turnedAway(error, this.#settings)
      throw error
    }
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#drain(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #drain(options: { readonly timeoutMs?: number }): Promise<void> {
    checkKeys('', options, ['timeoutMs'])
    const { timeoutMs = CLOSE_TIMEOUT_MS } = options
    checkNumber('timeoutMs', timeoutMs, { min: 0, max: DEADLINE_RANGE.max })
    const end = performance.now() + timeoutMs
    this.#state = 'closing'
    // The gate waits, not the backend: an assessment between its two looks has no task there.
    let timer: NodeJS.Timeout | undefined
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([Promise.all(this.#running), timeUp])
    clearTimeout(timer)
    await this.#parts.backend.close({ timeoutMs: Math.max(0, end - performance.now()) })
    this.#state = 'closed'
    await this.#parts.dispose?.()
  }

  #refuseWhenClosed(): void {
    if (this.#state === 'closing') throw new DiffiqaError('shutting-down')
    if (this.#state === 'closed') throw new DiffiqaError('gate-closed')
  }
}
