import { readFile } from 'node:fs/promises'
import { DiffiqaError, isDiffiqaError } from '../errors.ts'
import type { Manifest, TunedPreset } from '../inference/manifest.ts'
import { all, number, oneOf, optional, record, sha256, text } from '../inference/manifest-check.ts'
import { combination, knots, purposes, reference, reliabilityKnots, tuned } from '../inference/manifest-file.ts'
import { withoutHead } from '../quality/features.ts'
import type { Calibration } from './calibration.ts'

/** A calibration is a few kilobytes; anything larger is another file. */
const MAX_BYTES = 1_000_000

const calibration = all(
  record({ format: oneOf('express-diffiqa-calibration') }),
  record({ version: oneOf(1) }),
  record({
    modelVersion: text,
    models: record({ embedder: sha256, denoiser: sha256, regressor: sha256 }),
    quality: oneOf('general', 'matcher'),
    matcher: record({
      name: text,
      modelId: optional(text),
      direction: oneOf('similarity', 'distance'),
      impostorMean: number(),
      threshold: number(),
      knots: optional(reliabilityKnots),
    }),
    scoring: record({
      regressor: record({ knots: knots(number(0, 1)) }),
      tuned,
      cascade: record({ combination }),
      thresholds: record({ lenient: purposes, balanced: purposes, strict: purposes }),
      reference,
    }),
    fitted: record({}),
  }),
)

/**
 * A calibration from its file, or as it was given, checked either way.
 * @throws DiffiqaError `invalid-calibration` (details.field names what is wrong).
 */
export async function readCalibration(source: string | URL | Calibration): Promise<Calibration> {
  const value = typeof source === 'string' || source instanceof URL ? await parseFile(source) : source
  try {
    calibration(value, '')
  } catch (error) {
    if (!isDiffiqaError(error)) throw error
    const message = error.message.replace('manifest.json: ', '')
    throw new DiffiqaError('invalid-calibration', `The calibration is not usable: ${message}`, {
      details: { field: error.details.field },
    })
  }
  requireSense(value as Calibration)
  return value as Calibration
}

/**
 * Was it fitted with these very networks?
 * @throws DiffiqaError `calibration-mismatch`; `invalid-calibration` where it weighs terms that the workers do not prepare.
 */
export function requireFit(calibration: Calibration, manifest: Manifest): void {
  const { modelVersion, models } = calibration
  const other = (['embedder', 'denoiser', 'regressor'] as const).find(
    (name) => models[name] !== manifest.models[name].sha256,
  )
  if (modelVersion !== manifest.modelVersion || other !== undefined)
    throw new DiffiqaError(
      'calibration-mismatch',
      `The calibration was fitted with model version ${modelVersion}, in use is ${manifest.modelVersion}; run express-diffiqa calibrate again`,
      { details: { fittedWith: modelVersion, modelVersion: manifest.modelVersion, ...(other && { model: other }) } },
    )
  requireTerms(calibration, manifest)
}

/** With another network as E only the weights are the calibration's: noise and restoration are the package's. */
function requireTerms({ quality, scoring }: Calibration, manifest: Manifest): void {
  const listed = (terms: TunedPreset['terms']): string =>
    JSON.stringify(terms.map(({ feature, timestep, draws }) => [feature, timestep, draws]))
  if (quality === 'general' || listed(scoring.tuned.terms) === listed(withoutHead(manifest.scoring.tuned.terms))) return
  throw new DiffiqaError('invalid-calibration', 'The calibration weighs other terms than full DifFIQA has', {
    details: { field: 'scoring.tuned.terms' },
  })
}

async function parseFile(path: string | URL): Promise<unknown> {
  let json: string
  try {
    const bytes = await readFile(path)
    if (bytes.length > MAX_BYTES) throw new Error('too large')
    json = bytes.toString('utf8')
  } catch (cause) {
    throw new DiffiqaError('invalid-calibration', 'The file of the calibration cannot be read', { cause })
  }
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new DiffiqaError('invalid-calibration', 'The file of the calibration is not JSON', { cause })
  }
}

/** An impostor mean on the good side of the threshold would make down-weighting do nothing. */
function requireSense({ matcher: { direction, impostorMean, threshold } }: Calibration): void {
  const usable = direction === 'similarity' ? impostorMean < threshold : impostorMean > threshold
  if (usable) return
  throw new DiffiqaError(
    'invalid-calibration',
    'The calibration is not usable: matcher.impostorMean must be a worse score than matcher.threshold',
    { details: { field: 'matcher.impostorMean' } },
  )
}
