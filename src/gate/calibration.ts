import { DiffiqaError } from '../errors.ts'
import type {
  Knots,
  Manifest,
  PolicyName,
  Purpose,
  ScoringManifest,
  ThresholdSet,
  TunedPreset,
} from '../inference/manifest.ts'

/** What `express-diffiqa calibrate` fitted for one matcher on somebody's own people; a JSON file, see docs/calibration.md. */
export interface Calibration {
  readonly format: 'express-diffiqa-calibration'
  readonly version: 1
  /** Of the package's networks that it was fitted with; others refuse it. */
  readonly modelVersion: string
  /** Hex SHA-256 of their files. */
  readonly models: { readonly embedder: string; readonly denoiser: string; readonly regressor: string }
  /** Whose embedding is E of full DifFIQA: the package's own, or the matcher's. */
  readonly quality: 'general' | 'matcher'
  readonly matcher: MatcherCalibration
  /** What takes the place of the manifest's. */
  readonly scoring: CalibratedScoring
  /** What it was fitted on, and how well the matcher did there. For people to read. */
  readonly fitted: Readonly<Record<string, unknown>>
}

export interface MatcherCalibration {
  /** Name of the adapter, the metric label. */
  readonly name: string
  /** Which network, where the adapter tells: another one refuses the calibration. */
  readonly modelId?: string
  readonly direction: 'similarity' | 'distance'
  /** Mean score of different people's photos, on the matcher's scale. */
  readonly impostorMean: number
  /** What counts as a match, on the matcher's scale. */
  readonly threshold: number
  /** Reliability r(q), knots of [value, r]; absent where there were too few comparisons to fit it. */
  readonly knots?: Knots
}

export interface CalibratedScoring {
  readonly regressor: { readonly knots: Knots }
  readonly tuned: TunedPreset
  readonly cascade: Pick<ScoringManifest['cascade'], 'combination'>
  readonly thresholds: Readonly<Record<PolicyName, Readonly<Record<Purpose, ThresholdSet>>>>
  readonly reference: ScoringManifest['reference']
}

/** The manifest with the fitted numbers in place of its own. */
export function calibrated(manifest: Manifest, calibration: Calibration | undefined): Manifest {
  if (!calibration) return manifest
  const { scoring } = manifest
  const { regressor, tuned, cascade, thresholds, reference } = calibration.scoring
  return {
    ...manifest,
    scoring: {
      ...scoring,
      regressor: { ...scoring.regressor, ...regressor },
      tuned,
      cascade: { ...scoring.cascade, combination: cascade.combination },
      thresholds,
      reference,
    },
  }
}

/**
 * Was it fitted for this matcher's network?
 * @throws DiffiqaError `calibration-mismatch`.
 */
export function requireMatcher(
  { matcher: fitted }: Calibration,
  matcher: { readonly name: string; readonly modelId?: string },
): void {
  const sameNetwork =
    fitted.modelId === undefined || matcher.modelId === undefined || fitted.modelId === matcher.modelId
  if (fitted.name === matcher.name && sameNetwork) return
  throw new DiffiqaError('calibration-mismatch', 'The calibration was fitted for another matcher', {
    details: { fittedFor: fitted.name, matcher: matcher.name },
  })
}
