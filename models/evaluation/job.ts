import type { Damage } from '../../src/evaluation/degraded-set.ts'
import type { ImageBaselines } from './image-baselines.ts'

/** A change that should not matter, or that an attacker hopes does. */
export const EDITS = [
  'jpeg-95',
  'shift-left',
  'shift-up',
  'scale-98',
  'scale-102',
  'mirror',
  'sharpen',
  'sharpen-twice',
  'noise-5',
  'noise-15',
  'contrast-1.3',
  'contrast-1.6',
] as const

export type Edit = (typeof EDITS)[number]

/** One photo to look at. */
export interface Job {
  readonly path: string
  /** The photo's name in the data folder: decides, with the seed, what a damage does to it. */
  readonly name: string
  readonly damage?: Damage | undefined
  readonly edit?: Edit | undefined
  /** Besides DifFIQA(R). */
  readonly with: { readonly full: boolean; readonly judges: boolean; readonly baselines: boolean }
}

/** What the networks say of one face. */
export interface Looked {
  readonly confidence: number
  readonly interEye: number
  readonly residual: number
  /** The regressor's mean and deviation, before calibration. */
  readonly fast: { readonly mean: number; readonly deviation: number }
  /** The tuned score's features, in the manifest's order. */
  readonly features: readonly number[] | undefined
  /** Raw score of the paper's preset with as many of its draws as were asked for. */
  readonly paper: number | undefined
  /** Per judge. */
  readonly embeddings: readonly Float32Array[] | undefined
  /** ‖E(x)‖ and cos(E(x), E(x^f)). */
  readonly norm: number | undefined
  readonly mirror: number | undefined
  readonly peer: number | undefined
  readonly image: ImageBaselines | undefined
}

/** Undefined where no face was found. */
export type Answer = Looked | undefined

export interface WorkerData {
  readonly judgesFolder: string
  readonly modelsFolder: string
  readonly cacheFolder: string
  readonly hasPeer: boolean
  readonly paperDraws: number
}
