import type { AlignedFace, Face } from '../face/types.ts'
import type { ModelName } from '../inference/manifest.ts'
import type { RemoteModelName } from '../inference/remote/remote-models.ts'
import type { PreparedFace, PresetName } from '../quality/diffiqa.ts'
import type { Measures, QualityScore } from '../quality/types.ts'
import type { Calibration } from './calibration.ts'
import type { FaceSelection } from './face-selection.ts'

/** Names of the tasks a scoring worker does. */
export const TASKS = {
  assess: 'assess',
  crop: 'crop',
  full: 'full',
  explain: 'explain',
  prepare: 'prepare',
  warmUp: 'warm-up',
} as const

/** What a worker needs to know at its start; crosses by structured clone. */
export interface ScorerData {
  /** A path or the text of a `file:` URL. */
  readonly modelsDir: string | undefined
  readonly preset: PresetName
  /** Networks that the thread which started this one runs, by way of the worker's port. */
  readonly remote: readonly RemoteModelName[]
  readonly calibration?: Calibration
}

/** Task `assess`: one photo through everything but full DifFIQA. */
export interface AssessInput {
  readonly bytes: Uint8Array
  readonly maxPixels: number
  readonly minInterEye: number
  readonly selection: FaceSelection
  /** Faces found already; nothing is detected then. */
  readonly detected: readonly Face[] | undefined
}

/** A face that counts, with its fast score. */
export interface ScoredFace {
  readonly aligned: AlignedFace
  readonly fast: QualityScore
  readonly measures: Measures
}

export interface StageTimes {
  readonly decodeMs: number
  readonly detectMs: number
  readonly alignMs: number
  readonly diffiqaRMs: number
}

export interface AssessAnswer {
  readonly photo: { readonly width: number; readonly height: number; readonly format: string }
  /** Every face found, largest first. */
  readonly faces: readonly Face[]
  /** Those that count, largest first. */
  readonly scored: readonly ScoredFace[]
  readonly stages: StageTimes
}

/** Task `crop`: cut known faces out of a photo that was scored before. */
export interface CropInput {
  readonly bytes: Uint8Array
  readonly maxPixels: number
  readonly faces: readonly Face[]
}

export type CropAnswer = readonly AlignedFace[]

/** Task `full`: full DifFIQA of one crop. */
export interface FullInput {
  readonly aligned: AlignedFace
}

export interface FullAnswer {
  readonly full: QualityScore
  /** What only the restored face tells. */
  readonly measures: Measures
}

/** Task `prepare`: all of full DifFIQA but E; its input is that of `full`. */
export type PrepareAnswer = PreparedFace

/** Task `explain`: what full DifFIQA compares for one crop; 112 × 112 × 3 bytes, interleaved RGB. Answered with an `Explanation`. */
export interface ExplainInput {
  readonly pixels: Uint8Array
}

/** Task `warm-up`: what the start of this worker took. */
export interface WarmUpAnswer {
  readonly loadMs: Readonly<Record<ModelName, number>>
  /** One full DifFIQA on this machine. */
  readonly fullMs: number
}
