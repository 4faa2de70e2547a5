import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fitCalibration } from '../evaluation/fit-calibration.ts'
import type { Calibration } from '../gate/calibration.ts'
import { readCalibration } from '../gate/calibration-file.ts'
import type { ModelStore } from '../inference/model-store.ts'
import { type FacesOptions, type ReadFaces, readFaces } from './calibrate-faces.ts'
import { type OpenedMatcher, openMatcher } from './calibrate-matcher.ts'
import { type CalibrateOptions, calibrateHelp, parseCalibrateOptions } from './calibrate-options.ts'
import { EXIT } from './exit-codes.ts'
import { Interrupt } from './interrupt.ts'
import { Output } from './output.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** False match rate of a threshold that is fitted because the network has none of its own. */
const USUAL_FMR = 1e-3

/**
 * `express-diffiqa calibrate`.
 * @returns the exit code
 * @throws UsageError, DiffiqaError of the models, the matcher or a file, errors of reading and writing
 */
export async function calibrate(args: readonly string[]): Promise<number> {
  const options = parseCalibrateOptions(args)
  const interrupt = new Interrupt()
  const output = new Output(process.stdout, () => interrupt.stop())
  try {
    if (!options) {
      await output.write(calibrateHelp())
      return EXIT.ok
    }
    await requirePlace(options.out)
    const calibration = await make(options, interrupt.signal).catch((error) => {
      if (interrupt.exitCode === undefined) throw error
    })
    if (!calibration) return interrupt.exitCode ?? EXIT.ok
    await writeFile(options.out, `${JSON.stringify(calibration, null, 2)}\n`)
    await output.write(summary(calibration, options.out))
    await output.flush()
    return EXIT.ok
  } finally {
    interrupt.release()
  }
}

/** Hours of work should not end with a file that cannot be written. */
async function requirePlace(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined)
  if (there?.isDirectory()) throw new UsageError(`${out} is a folder: name the file to write`)
  await access(there ? out : dirname(resolve(out)), constants.W_OK).catch(() => {
    throw new UsageError(
      `${out} cannot be written: ${there ? 'no permission' : 'its folder is not there, or not writable'}`,
    )
  })
}

/** @returns undefined when the signal fired */
async function make(options: CalibrateOptions, signal: AbortSignal): Promise<Calibration | undefined> {
  const { ModelStore } = await import('../inference/model-store.ts')
  const { modelsDir } = options
  const matcher = await openMatcher(options)
  let store: ModelStore | undefined
  try {
    if (options.quality === 'matcher' && !matcher.embed)
      throw new UsageError(`the matcher ${matcher.name} has no embed(): its embedding cannot be E of full DifFIQA`)
    store = await ModelStore.open(modelsDir === undefined ? {} : { modelsDir })
    const progress = createProgress(process.stderr)
    const faces = await readFaces(options.folder, {
      store,
      matcher,
      ownFeatures: options.quality === 'matcher',
      copies: options.copies,
      signal,
      onPhoto: () => progress.advance(),
    } satisfies FacesOptions).finally(() => progress.clear())
    return signal.aborted ? undefined : await assemble(options, store, matcher, faces)
  } finally {
    await store?.close()
    await matcher.close()
  }
}

async function assemble(
  options: CalibrateOptions,
  { manifest }: ModelStore,
  matcher: OpenedMatcher,
  { faces, withoutFace }: ReadFaces,
): Promise<Calibration> {
  const { name, modelId, direction } = matcher
  const fit = fitCalibration(faces, {
    matcher: {
      direction,
      threshold: options.fmr === undefined ? matcher.threshold : undefined,
      compare: matcher.compare,
    },
    scoring: manifest.scoring,
    ownFeatures: options.quality === 'matcher',
    fmr: options.fmr ?? USUAL_FMR,
  })
  const { embedder, denoiser, regressor } = manifest.models
  // Through the reader: what is written can be read.
  return readCalibration({
    format: 'express-diffiqa-calibration',
    version: 1,
    modelVersion: manifest.modelVersion,
    models: { embedder: embedder.sha256, denoiser: denoiser.sha256, regressor: regressor.sha256 },
    quality: options.quality,
    matcher: { name, ...(modelId !== undefined && { modelId }), ...fit.matcher },
    scoring: fit.scoring,
    fitted: { date: new Date().toISOString().slice(0, 10), ...fit.facts, withoutFace },
  })
}

function summary({ matcher, scoring, fitted }: Calibration, out: string): string {
  const { probe, enrolment } = scoring.thresholds.balanced
  const lines: [string, string][] = [
    ['people, photos', `${fitted.people}, ${fitted.photos} and ${fitted.copies} degraded copies`],
    ['no face found', `${fitted.withoutFace}, and ${fitted.withoutFaceForMatcher} by the matcher`],
    ['matcher', `${matcher.name}, threshold ${matcher.threshold}, mean of different people ${matcher.impostorMean}`],
    ['false matches', `${fitted.falseMatchRate} of ${fitted.impostorComparisons}`],
    ['false non-matches', `${fitted.falseNonMatchRate}, of the copies ${fitted.falseNonMatchRateOfCopies}`],
    ['balanced, probe', `reject below ${probe.rejectBelow}, accept from ${probe.acceptFrom}`],
    ['balanced, enrolment', `reject below ${enrolment.rejectBelow}, accept from ${enrolment.acceptFrom}`],
    [
      'down-weighting',
      matcher.knots
        ? `from ${matcher.knots[0]?.[1]}`
        : 'too few false matches to fit it: the uncalibrated ramp is used',
    ],
    ['written to', out],
  ]
  return lines.map(([what, value]) => `${what.padEnd(21)}${value}\n`).join('')
}
