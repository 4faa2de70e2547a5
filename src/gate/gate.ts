import type { AlignedFace, Photo } from '../face/types.ts'
import type { Manifest, PolicyName, Purpose, ThresholdSet } from '../inference/manifest.ts'
import type { Explanation, PresetName } from '../quality/diffiqa.ts'
import type { Calibration } from './calibration.ts'
import type { GateEventName, GateEvents, GateListener, GateStats } from './events.ts'
import type { ExplainCallOptions } from './explain.ts'
import type { RankedFrame } from './frames.ts'
import type { Assessment, AssessOptions, Mode, OnFailure } from './types.ts'

export interface GateUpdate {
  /** Replace the thresholds by those of a named policy … */
  readonly policy?: PolicyName
  /** … or change single ones; merged over the current. */
  readonly thresholds?: Partial<Readonly<Record<Purpose, Partial<ThresholdSet>>>>
  readonly mode?: Mode
}

/** The quality gate: scores photos and decides. Made by `createGate()`. */
export interface Gate extends AsyncDisposable {
  /**
   * Score the faces of one photo.
   * @throws DiffiqaError no-face, several-faces, face-too-small, unreadable-image, unsupported-media-type, too-many-pixels, empty-body, queue-full,
   * deadline-exceeded, worker-crashed, aborted, gate-closed, shutting-down. A low quality is not an error: see `verdict.decision`.
   */
  assess(photo: Photo | Uint8Array, options?: AssessOptions): Promise<Assessment>
  /**
   * What full DifFIQA sees in a crop that `assess()` gave with `crops: true`: its score and the noisy, restored and mirrored faces it
   * compares. For people who look into a score; nothing is counted.
   * @throws DiffiqaError invalid-option, queue-full, deadline-exceeded, worker-crashed, aborted, gate-closed, shutting-down.
   */
  explain(crop: Pick<AlignedFace, 'pixels'>, options?: ExplainCallOptions): Promise<Explanation>
  /**
   * The best of several photos of one person, such as the frames of a video: assesses them all, leaves out those that are rejected or refused
   * (`no-face` and the like), and answers at most `n`, the best first. The deadline counts for each frame.
   * @param frames 1 to 100 photos.
   * @param n @default 1
   * @throws DiffiqaError `quality-rejected` when no frame is good enough (reasons of the best one, `details.frames` with a code for each);
   * the refusal of the first where no frame had a face to judge; `invalid-option`; what `assess()` throws for failures of the service.
   */
  best(frames: readonly (Photo | Uint8Array)[], n?: number, options?: AssessOptions): Promise<RankedFrame[]>
  /** True between the end of the warm-up and `close()`. */
  readonly ready: boolean
  readonly mode: Mode
  /** Of assessments that do not name their own. */
  readonly onFailure: OnFailure
  readonly preset: PresetName
  readonly policy: PolicyName | 'custom'
  readonly thresholds: Readonly<Record<Purpose, ThresholdSet>>
  /** With the calibration's numbers in place of its own, where there is one. */
  readonly manifest: Manifest
  /** What the gate was created with. */
  readonly calibration?: Calibration | undefined
  /** Change thresholds, policy or mode while running; assessments that have begun keep the ones they began with. */
  update(change: GateUpdate): void
  on<N extends GateEventName>(name: N, listener: GateListener<N>): () => void
  /** For `guard()` and other parts of the package that report through the gate. */
  emit<N extends GateEventName>(name: N, event: GateEvents[N]): void
  stats(): GateStats
  /**
   * Would a photo be taken now? Throws the same queue-full, worker-crashed, shutting-down or gate-closed error as assess(), without reading
   * a body. A refusal counts as an assessment (events `shed` or `failure`, and `assessed`), since the photo is never handed in.
   */
  admit(deadlineMs?: number): void
  /** Refuse new photos, finish the running ones (at most timeoutMs, default 10000), stop the workers. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>
}
