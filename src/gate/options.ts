import { availableParallelism } from 'node:os'
import type { AlignedFace } from '../face/types.ts'
import type { PolicyName } from '../inference/manifest.ts'
import { isRemoteInference, type RemoteInference } from '../inference/remote/open-inference.ts'
import type { PresetName } from '../quality/diffiqa.ts'
import { type CacheOptions, type ResolvedCacheOptions, resolveCacheOptions } from './cache-options.ts'
import type { Calibration } from './calibration.ts'
import { checkKeys, checkNumber, checkOneOf, invalidOption, type NumberRange } from './check-keys.ts'
import { checkOverrides, POLICY_NAMES, type ThresholdOverrides } from './policy.ts'
import type { Mode, OnFailure } from './types.ts'

export interface GateOptions {
  /** Thresholds, fitted on validation people and kept in the models' manifest. @default 'balanced' */
  readonly policy?: PolicyName | undefined
  /** Single thresholds that replace the policy's, 0..1. @default {} */
  readonly thresholds?: ThresholdOverrides | undefined
  /** `shadow` and `annotate` judge and count, and keep nothing from the matcher. @default 'enforce' */
  readonly mode?: Mode | undefined
  /**
   * What a photo gets that could not be scored (crash, deadline, full queue): an error, or with `pass` a verdict marked `degraded`.
   * Refusals of the photo itself (no face, unreadable) and a closed gate are errors either way. @default 'reject'
   */
  readonly onFailure?: OnFailure | undefined
  /** Full DifFIQA as published, or as fitted for this package. @default 'tuned' */
  readonly preset?: PresetName | undefined
  /**
   * What `express-diffiqa calibrate` fitted on photos of your own people: its file, or the parsed JSON. Scores, policies and `guard()` then
   * speak of them and of your matcher. Goes with preset 'tuned'. @default none: what comes with the package
   */
  readonly calibration?: string | URL | Calibration | undefined
  /**
   * Whose embedding is E of full DifFIQA: the package's, or that of `matcher`, with a `calibration` that was fitted with
   * `--quality matcher`. @default 'general'
   */
  readonly quality?: 'general' | 'matcher' | undefined
  /** With quality 'matcher': what embeds the noisy and restored crops, in this thread or in threads of its own. */
  readonly matcher?: EmbeddingSource | undefined
  /** Milliseconds for a whole assessment, waiting included. @default 2000 */
  readonly deadlineMs?: number | undefined
  /**
   * Width × height above which a photo is refused before it is decoded. Pixels that take longer to decode than those of a plain JPEG
   * (AVIF, 16 bits, CMYK, many scans) count more than once. @default 50,000,000
   */
  readonly maxPixels?: number | undefined
  /**
   * Faces whose eyes are closer together in the photo, in pixels, are refused or, beside a larger one, not counted (turned heads are
   * measured as if they looked into the camera). The default refuses every face of 30 pixels height or less. @default 13
   */
  readonly minInterEye?: number | undefined
  /**
   * Share of scored faces that may get the slower second look, 0..1; 0 turns it off. It goes to uncertain faces whose fast score is among
   * the lowest of the traffic's by this share. @default the manifest's
   */
  readonly escalationBudget?: number | undefined
  /** Keep scores of photos seen lately, never pixels or embeddings: `true` for the defaults. @default false */
  readonly cache?: boolean | CacheOptions | undefined
  /**
   * `in-process` computes on the calling thread: for tools and tests, never for a server. `openInference()` lets another machine run the
   * networks of the scores, fed by worker threads here. @default 'workers'
   */
  readonly inference?: 'workers' | 'in-process' | RemoteInference | undefined
  /** Worker threads; each holds its own copy of the networks. @default the number of cores; twice that with `openInference()`, since they wait */
  readonly workers?: number | undefined
  /** Photos that may wait while all workers are busy. @default 32 × workers */
  readonly maxQueue?: number | undefined
  /** Full scores at once; the last worker is always left to the fast score. @default workers - 1, at least 1 */
  readonly maxFull?: number | undefined
  /** A task that runs longer is ended together with its worker, which is then replaced. @default 10000; 60000 with preset 'paper' */
  readonly watchdogMs?: number | undefined
  /** A worker that has not loaded its networks by then has failed. @default 30000 */
  readonly startTimeoutMs?: number | undefined
  /** JavaScript heap of each worker in MiB; networks and pixels are outside of it. @default Node's own */
  readonly maxWorkerHeapMb?: number | undefined
  /** Folder with manifest.json and the networks: a path or a `file:` URL. @default the one that comes with the package */
  readonly modelsDir?: URL | string | undefined
}

/** A matcher that can embed 112×112 crops, such as `onnxMatcher()`. */
export interface EmbeddingSource {
  readonly name: string
  readonly modelId?: string
  /** One embedding per face, in order, of any length above 0. */
  embed(faces: readonly AlignedFace[], options: { readonly signal?: AbortSignal }): Promise<Float32Array[]>
}

export interface ResolvedGateOptions {
  readonly policy: PolicyName
  readonly thresholds: ThresholdOverrides
  readonly mode: Mode
  readonly onFailure: OnFailure
  readonly preset: PresetName
  /** Not read or checked yet. */
  readonly calibration: string | URL | Calibration | undefined
  /** Undefined: the package's own embedder. */
  readonly matcher: EmbeddingSource | undefined
  readonly deadlineMs: number
  readonly maxPixels: number
  readonly minInterEye: number
  /** Undefined: the manifest's. */
  readonly escalationBudget: number | undefined
  /** Undefined: no cache. */
  readonly cache: ResolvedCacheOptions | undefined
  readonly inference: 'workers' | 'in-process' | RemoteInference
  readonly workers: number
  readonly maxQueue: number
  readonly maxFull: number
  readonly watchdogMs: number
  readonly startTimeoutMs: number
  readonly maxWorkerHeapMb: number | undefined
  readonly modelsDir: URL | string | undefined
}

export const MODES: readonly Mode[] = ['enforce', 'shadow', 'annotate']
export const ON_FAILURE: readonly OnFailure[] = ['reject', 'pass']
/** An hour; timers of Node end at about 24 days. */
export const DEADLINE_RANGE: NumberRange = { min: 1, max: 3_600_000 }
export const PIXELS_RANGE: NumberRange = { min: 1, max: 1e9, integer: true }

const KEYS = [
  'policy',
  'thresholds',
  'mode',
  'onFailure',
  'preset',
  'calibration',
  'quality',
  'matcher',
  'deadlineMs',
  'maxPixels',
  'minInterEye',
  'escalationBudget',
  'cache',
  'inference',
  'workers',
  'maxQueue',
  'maxFull',
  'watchdogMs',
  'startTimeoutMs',
  'maxWorkerHeapMb',
  'modelsDir',
] as const satisfies readonly (keyof GateOptions)[]

const CHOICES = {
  policy: POLICY_NAMES,
  mode: MODES,
  onFailure: ON_FAILURE,
  preset: ['tuned', 'paper'],
  quality: ['general', 'matcher'],
} as const

const RANGES = {
  deadlineMs: DEADLINE_RANGE,
  maxPixels: PIXELS_RANGE,
  minInterEye: { min: 2, max: 1000 },
  escalationBudget: { min: 0, max: 1 },
  workers: { min: 1, max: 256, integer: true },
  maxQueue: { min: 0, max: 100_000, integer: true },
  maxFull: { min: 1, max: 256, integer: true },
  watchdogMs: { min: 1, max: 3_600_000, integer: true },
  startTimeoutMs: { min: 1, max: 3_600_000, integer: true },
  maxWorkerHeapMb: { min: 32, max: 65_536, integer: true },
} as const satisfies Record<string, NumberRange>

/**
 * Complete and check the options; pure, and the result is frozen.
 * @param cores Of the machine, for the default of `workers`.
 * @throws DiffiqaError `invalid-option`, details.option names the field.
 */
export function resolveOptions(options: GateOptions = {}, cores: number = availableParallelism()): ResolvedGateOptions {
  checkKeys('', options, KEYS)
  for (const [key, allowed] of Object.entries(CHOICES)) {
    const value = options[key as keyof typeof CHOICES]
    if (value !== undefined) checkOneOf(key, value, allowed)
  }
  for (const [key, range] of Object.entries(RANGES)) {
    const value = options[key as keyof typeof RANGES]
    if (value !== undefined) checkNumber(key, value, range)
  }
  const { modelsDir, thresholds = {}, preset = 'tuned' } = options
  checkOverrides(thresholds)
  if (modelsDir !== undefined && typeof modelsDir !== 'string' && !(modelsDir instanceof URL))
    throw invalidOption('modelsDir', 'modelsDir must be a path or a file: URL')
  requireQuality(options, preset)
  const { inference = 'workers' } = options
  if (!isRemoteInference(inference)) checkOneOf('inference', inference, ['workers', 'in-process'])
  const workers = options.workers ?? (isRemoteInference(inference) ? 2 * cores : cores)
  return Object.freeze({
    policy: options.policy ?? 'balanced',
    thresholds: Object.freeze({ ...thresholds }),
    mode: options.mode ?? 'enforce',
    onFailure: options.onFailure ?? 'reject',
    preset,
    calibration: options.calibration,
    matcher: options.quality === 'matcher' ? options.matcher : undefined,
    deadlineMs: options.deadlineMs ?? 2000,
    maxPixels: options.maxPixels ?? 50_000_000,
    minInterEye: options.minInterEye ?? 13,
    escalationBudget: options.escalationBudget,
    cache: resolveCacheOptions(options.cache ?? false),
    inference,
    workers,
    maxQueue: options.maxQueue ?? 32 * workers,
    maxFull: options.maxFull ?? Math.max(1, workers - 1),
    watchdogMs: options.watchdogMs ?? (preset === 'paper' ? 60_000 : 10_000),
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    maxWorkerHeapMb: options.maxWorkerHeapMb,
    modelsDir,
  })
}

/** Which of calibration, quality and matcher go together. */
function requireQuality({ calibration, quality, matcher }: GateOptions, preset: PresetName): void {
  if (calibration !== undefined && preset === 'paper')
    throw invalidOption('calibration', "calibration is for preset 'tuned': the paper's score has a scale of its own")
  if (quality !== 'matcher') {
    if (matcher === undefined) return
    throw invalidOption('matcher', "matcher goes with quality: 'matcher'; to protect a matcher, use guard()")
  }
  if (typeof matcher?.embed !== 'function' || typeof matcher.name !== 'string')
    throw invalidOption('matcher', "quality: 'matcher' needs a matcher with embed()")
  if (calibration === undefined)
    throw invalidOption(
      'calibration',
      "quality: 'matcher' needs a calibration for that matcher: express-diffiqa calibrate --quality matcher",
    )
}
