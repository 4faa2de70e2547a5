import { DiffiqaError, type ErrorCode } from '../../src/errors.ts'
import type { Face } from '../../src/face/types.ts'
import type { GateEventName, GateEvents } from '../../src/gate/events.ts'
import { GateCore } from '../../src/gate/gate-core.ts'
import { type GateOptions, resolveOptions } from '../../src/gate/options.ts'
import type { ScoreCache } from '../../src/gate/score-cache.ts'
import { SharedScores } from '../../src/gate/shared-scores.ts'
import type { AssessAnswer, FullAnswer, ScoredFace } from '../../src/gate/worker-tasks.ts'
import type { InferenceBackend, RestartReason, RunOptions, RunResult, TaskKind } from '../../src/inference/backend.ts'
import type { ScoringManifest } from '../../src/inference/manifest.ts'
import type { Task } from '../../src/inference/task-handler.ts'
import type { QualityScore } from '../../src/quality/types.ts'
import { alignedFace, CROP_BYTES, testManifest } from '../quality/stand-ins.ts'

/** A backend that does what the test says, when it says so; no threads, no networks. */
export class PuppetBackend implements InferenceBackend {
  readonly runs: { readonly task: Task; readonly options: RunOptions }[] = []
  /** Answers a task, at once or later. */
  answer: (task: Task, options: RunOptions) => unknown
  refuse: ((kind: TaskKind) => DiffiqaError | undefined) | undefined
  ready = true
  closed = false
  readonly #restart = new Set<(reason: RestartReason) => void>()

  constructor(answer: PuppetBackend['answer']) {
    this.answer = answer
  }

  async run<T>(task: Task, options: RunOptions): Promise<RunResult<T>> {
    this.runs.push({ task, options })
    const value = (await this.answer(task, options)) as T
    return { value, queueMs: 3, serviceMs: 7 }
  }

  admit(kind: TaskKind): void {
    const error = this.refuse?.(kind)
    if (error) throw error
  }

  async whenReady(): Promise<void> {}

  stats(): ReturnType<InferenceBackend['stats']> {
    const none = { depth: 0, capacity: 8 }
    return { fast: none, full: none, workers: { busy: 0, idle: 1, starting: 0 } }
  }

  onRestart(listener: (reason: RestartReason) => void): () => void {
    this.#restart.add(listener)
    return () => this.#restart.delete(listener)
  }

  restart(reason: RestartReason): void {
    for (const listener of this.#restart) listener(reason)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  /** Names of the tasks that were run. */
  get names(): string[] {
    return this.runs.map(({ task }) => task.name)
  }
}

/** A score of the test manifest: its knots carry raw −10..10 to 0..1. */
export const score = (value: number, method: QualityScore['method'] = 'diffiqa-r', sigma = 0.05): QualityScore => ({
  value,
  sigma,
  raw: value * 20 - 10,
  method,
  modelVersion: 'vectors-1',
})

export function scoredFace(value: number, changes: Partial<ScoredFace> = {}): ScoredFace {
  return {
    aligned: alignedFace(new Uint8Array(CROP_BYTES).fill(Math.round(value * 100))),
    fast: score(value),
    measures: { sharpness: 0.9 },
    ...changes,
  }
}

/** What a worker says about a photo with faces of these fast values. */
export function answerOf(...values: (number | ScoredFace)[]): AssessAnswer {
  const scored = values.map((value) => (typeof value === 'number' ? scoredFace(value) : value))
  return {
    photo: { width: 640, height: 480, format: 'jpeg' },
    faces: scored.map(({ aligned }) => aligned.face) as Face[],
    scored,
    stages: { decodeMs: 1, detectMs: 2, alignMs: 3, diffiqaRMs: 4 },
  }
}

export const fullAnswerOf = (value: number): FullAnswer => ({
  full: score(value, 'diffiqa'),
  measures: { 'lower-face-occlusion': 0.01 },
})

export interface PuppetSetup {
  readonly options?: GateOptions
  readonly scoring?: Partial<ScoringManifest>
  readonly answer?: PuppetBackend['answer']
  readonly cache?: ScoreCache
  /** What a full score took at the start. */
  readonly fullMs?: number
}

const LOAD_MS = { detector: 1, embedder: 2, denoiser: 3, regressor: 4 }

/** A real gate over a puppet; by default every photo has one face that is certain and good. */
export function puppetGate(setup: PuppetSetup = {}): { gate: GateCore; backend: PuppetBackend } {
  const backend = new PuppetBackend(setup.answer ?? (() => answerOf(0.9)))
  const options = resolveOptions(setup.options, 2)
  const manifest = testManifest(setup.scoring)
  const store = options.cache?.shared
  const gate = new GateCore({
    options,
    manifest,
    backend,
    shared: store && new SharedScores({ ...store, modelVersion: manifest.modelVersion }),
    warmUp: { loadMs: LOAD_MS, fullMs: setup.fullMs ?? 10 },
    ...(setup.cache && { cache: setup.cache }),
  })
  return { gate, backend }
}

/** Everything the gate tells under some names, in order. */
export function record<N extends GateEventName>(gate: GateCore, ...names: N[]): { name: N; event: GateEvents[N] }[] {
  const told: { name: N; event: GateEvents[N] }[] = []
  for (const name of names) gate.on(name, (event) => told.push({ name, event }))
  return told
}

export const failWith = (code: ErrorCode, details: Record<string, unknown> = {}): never => {
  throw new DiffiqaError(code, undefined, { details })
}

/** A promise and its handles. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

export const photo = (text = 'photo'): Uint8Array => new TextEncoder().encode(text)
