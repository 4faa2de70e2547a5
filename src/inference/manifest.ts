/** The four networks the package ships. */
export type ModelName = 'detector' | 'embedder' | 'denoiser' | 'regressor'

export const MODEL_NAMES = ['detector', 'embedder', 'denoiser', 'regressor'] as const satisfies readonly ModelName[]

export interface ModelEntry {
  /** File name inside the models folder; no path. */
  readonly file: string
  /** Hex SHA-256 of the file's bytes. */
  readonly sha256: string
  readonly bytes: number
  readonly opset: number
  /** Element range and layout the network expects, in words. */
  readonly input: string
  readonly licence: string
  readonly source: string
}

/** A monotone piecewise linear map, at most 33 [x, y] knots with x ascending; constant outside. */
export type Knots = readonly (readonly [x: number, y: number])[]

export interface TermWeight {
  /**
   * Feature of full DifFIQA; `log-norm` is ln ‖E(x)‖, `head` what the quality head behind E answers, `-forward` and `-mirror` the same of the
   * noised face and of the mirror image. Similarity terms enter as -ln(1 - s).
   */
  readonly feature:
    | 'forward'
    | 'backward'
    | 'forward-mirror'
    | 'backward-mirror'
    | 'mirror'
    | 'log-norm'
    | 'log-norm-forward'
    | 'log-norm-mirror'
    | 'pixel-residual'
    | 'head'
    | 'head-forward'
    | 'head-mirror'
  readonly timestep: number
  readonly draws: number
  readonly weight: number
}

export interface TunedPreset {
  readonly terms: readonly TermWeight[]
  readonly bias: number
  /** 1 = the one-step form x̂ = clip(D(x_t, t)); more = DDIM steps. */
  readonly steps: number
  /** DDIM stochasticity, 0..1. */
  readonly eta: number
  readonly knots: Knots
  /** Standard deviation of the raw score's error, raw units. */
  readonly sigma: number
}

export interface PaperPreset {
  readonly timestep: number
  readonly draws: number
  readonly steps: number
  readonly eta: number
  readonly knots: Knots
  readonly sigma: number
}

export interface ThresholdSet {
  /** Below: reject. 0..1. */
  readonly rejectBelow: number
  /** At or above: accept with weight 1. 0..1, not below rejectBelow. */
  readonly acceptFrom: number
  /** Weight at rejectBelow; 0 < minWeight <= 1. */
  readonly minWeight: number
}

export type PolicyName = 'lenient' | 'balanced' | 'strict'
export type Purpose = 'probe' | 'enrolment'

export interface ScoringManifest {
  readonly regressor: { readonly knots: Knots; readonly sigmaScale: number }
  readonly tuned: TunedPreset
  readonly paper: PaperPreset
  readonly cascade: {
    /** Raw fast score at or below which a photo that is not accepted is looked at twice, until a gate knows its traffic. */
    readonly firstCut: number
    /** Crops whose landmarks miss the template by more are unlike the training data (crop pixels). */
    readonly residualCap: number
    /** Share of probes that may be escalated, 0..1. */
    readonly budget: number
    readonly combination: {
      readonly regressor: number
      readonly full: number
      readonly knots: Knots
      readonly sigma: number
    }
  }
  readonly thresholds: Readonly<Record<PolicyName, Readonly<Record<Purpose, ThresholdSet>>>>
  /** Per adapter: mean impostor score on the SDK's own scale and the fitted reliability r(q), knots of [value, r]. */
  readonly downWeighting: Readonly<Record<string, { readonly impostorMean: number; readonly knots: Knots }>>
  /** Cumulative distribution of the calibration set's values: [upper bound, share]. */
  readonly reference: Readonly<Record<'diffiqa-r' | 'diffiqa' | 'combined', Knots>>
}

/** models/manifest.json: what the models are, how they are read, and every fitted number. Written by models/training. */
export interface Manifest {
  readonly modelVersion: string
  readonly models: Readonly<Record<ModelName, ModelEntry>>
  readonly scoring: ScoringManifest
  /**
   * Answers of each network to a synthetic tensor, proving at start that this runtime computes what was trained: the input has
   * element k = ((k * 37) % 255) / 127.5 - 1 (embedder: (k * 37) % 255) in flattened order, batch 1, t = 20 for the denoiser; `values` are the
   * first eight elements of the first output. The detector (input 64 x 64) lists output cls_8.
   */
  readonly selfTest: Readonly<Record<ModelName, { readonly values: readonly number[]; readonly tolerance: number }>>
  readonly provenance: Readonly<Record<string, unknown>>
}
