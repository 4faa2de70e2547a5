import { DiffiqaError } from '../errors.ts'
import type { CalibratedScoring, MatcherCalibration } from '../gate/calibration.ts'
import type { Knots, ScoringManifest } from '../inference/manifest.ts'
import { applyKnots } from '../quality/calibration.ts'
import { withoutHead } from '../quality/features.ts'
import type { CalibrationFace, CalibrationMatcher } from './calibration-face.ts'
import { fitPolicies } from './fit-policies.ts'
import { fitReliability } from './fit-reliability.ts'
import { impostorScores, impostorScoresWithQuality } from './impostor-scores.ts'
import { distribution, fitKnots } from './isotonic.ts'
import { nonNegativeLogistic } from './logistic.ts'
import { mildestThreshold } from './matcher-threshold.ts'
import { quantile } from './quantile.ts'

export interface FitOptions {
  readonly matcher: CalibrationMatcher
  readonly scoring: ScoringManifest
  /** Is E the matcher's own network? Then the terms' weights are fitted too. */
  readonly ownFeatures: boolean
  /** False match rate of the threshold, where it is fitted. */
  readonly fmr: number
}

export interface Fit {
  readonly scoring: CalibratedScoring
  readonly matcher: Pick<MatcherCalibration, 'direction' | 'impostorMean' | 'threshold' | 'knots'>
  readonly facts: Readonly<Record<string, number>>
}

/** A photo is good enough to compare others with from this share of the photos on. */
const GOOD = 0.25
/** Fewer say nothing. */
const [MIN_PEOPLE, MIN_FACES, MIN_FAILING] = [10, 100, 8]
const [MAX_BINS, PER_BIN] = [16, 20]

interface Outcome {
  readonly face: CalibrationFace
  /** Share of its comparisons with good photos of the same person that pass. */
  readonly passing: number
  /** Mean of their scores, higher is better. */
  readonly likeness: number
}

/**
 * Fit everything that a calibration holds.
 * @throws DiffiqaError `invalid-option` when there is too little to fit it on; details tell how much there is.
 */
export function fitCalibration(faces: readonly CalibrationFace[], options: FitOptions): Fit {
  const { matcher, scoring, ownFeatures } = options
  const sign = matcher.direction === 'similarity' ? 1 : -1
  const seen = faces.filter(({ embedding }) => embedding !== undefined)
  const natural = seen.filter((face) => face.natural)
  const impostors = impostorScores(natural, matcher)
  if (impostors.length === 0) throw tooFew({ people: new Set(seen.map(({ person }) => person)).size })
  const impostorMean = mean(impostors)
  const threshold = matcher.threshold ?? fittedThreshold(impostors, matcher.direction, options.fmr)
  const passes = (score: number): boolean => (sign > 0 ? score >= threshold : score < threshold)
  const fmr = impostors.filter(passes).length / impostors.length

  const outcomes = outcomesOf(seen, matcher, sign, passes)
  requireEnough(outcomes)
  const passing = outcomes.map((one) => one.passing)
  const likeness = outcomes.map((one) => one.likeness)
  const bins = Math.max(2, Math.min(MAX_BINS, Math.floor(outcomes.length / PER_BIN)))
  const map = (raw: readonly number[]): Knots => fitKnots(raw, passing, bins)

  const fast = outcomes.map(({ face }) => face.fast.raw)
  const terms = ownFeatures
    ? reweigh(
        withoutHead(scoring.tuned.terms),
        nonNegativeLogistic(
          outcomes.map(({ face }) => face.features),
          passing,
        ),
      )
    : scoring.tuned.terms
  const bias = ownFeatures ? 0 : scoring.tuned.bias
  const fullOf = ({ features }: CalibrationFace): number =>
    terms.reduce((sum, { weight }, i) => sum + weight * (features[i] as number), bias)
  const full = outcomes.map(({ face }) => fullOf(face))
  const { combination } = scoring.cascade
  const [byFast, byFull] = ownFeatures
    ? unitSum(
        nonNegativeLogistic(
          fast.map((raw, i) => [raw, full[i] as number]),
          passing,
        ),
      )
    : [combination.regressor, combination.full]
  const bothOf = (face: CalibrationFace): number => byFast * face.fast.raw + byFull * fullOf(face)
  const both = outcomes.map(({ face }) => bothOf(face))

  const maps = { fast: map(fast), full: map(full), both: map(both) }
  const quality = ({ fast: { raw } }: CalibrationFace): number => applyKnots(maps.fast, raw)
  const usable = outcomes.filter((one) => one.face.natural && one.passing >= 0.5).map(({ face }) => quality(face))
  const thresholds = fitPolicies(usable.length > 0 ? usable : natural.map(quality), scoring.thresholds)
  const reliability = fitReliability(impostorScoresWithQuality(seen, matcher, quality), {
    direction: matcher.direction,
    impostorMean,
    threshold,
    fmr,
  })
  return {
    scoring: {
      regressor: { knots: maps.fast },
      tuned: {
        ...scoring.tuned,
        terms,
        bias,
        knots: maps.full,
        sigma: ownFeatures ? rawSigma(full, likeness) : scoring.tuned.sigma,
      },
      cascade: {
        combination: {
          regressor: byFast,
          full: byFull,
          knots: maps.both,
          sigma: ownFeatures ? rawSigma(both, likeness) : combination.sigma,
        },
      },
      thresholds,
      reference: {
        'diffiqa-r': distribution(natural.map(quality)),
        diffiqa: distribution(natural.map((face) => applyKnots(maps.full, fullOf(face)))),
        combined: distribution(natural.map((face) => applyKnots(maps.both, bothOf(face)))),
      },
    },
    matcher: {
      direction: matcher.direction,
      impostorMean: significant(impostorMean),
      threshold,
      ...(reliability && { knots: reliability }),
    },
    facts: {
      people: new Set(natural.map(({ person }) => person)).size,
      photos: natural.length,
      copies: seen.length - natural.length,
      withoutFaceForMatcher: faces.length - seen.length,
      impostorComparisons: impostors.length,
      falseMatchRate: significant(fmr),
      falseNonMatchRate: significant(1 - mean(outcomes.filter(({ face }) => face.natural).map((one) => one.passing))),
      falseNonMatchRateOfCopies: significant(
        1 - mean(outcomes.filter(({ face }) => !face.natural).map((one) => one.passing)) || 0,
      ),
    },
  }
}

function outcomesOf(
  seen: readonly CalibrationFace[],
  matcher: CalibrationMatcher,
  sign: number,
  passes: (score: number) => boolean,
): Outcome[] {
  const raws = seen.filter((face) => face.natural).map(({ fast }) => fast.raw)
  const good = quantile(
    raws.sort((a, b) => a - b),
    GOOD,
  )
  const partners = new Map<string, CalibrationFace[]>()
  for (const face of seen) {
    if (!face.natural || face.fast.raw < good) continue
    partners.set(face.person, [...(partners.get(face.person) ?? []), face])
  }
  return seen.flatMap((face): Outcome[] => {
    const scores = (partners.get(face.person) ?? [])
      .filter(({ photo }) => photo !== face.photo)
      .map(({ embedding }) => matcher.compare(face.embedding as Float32Array, embedding as Float32Array))
    if (scores.length === 0) return []
    return [{ face, passing: scores.filter(passes).length / scores.length, likeness: sign * mean(scores) }]
  })
}

function requireEnough(outcomes: readonly Outcome[]): void {
  const people = new Set(outcomes.map(({ face }) => face.person)).size
  const failing = outcomes.reduce((sum, { passing }) => sum + 1 - passing, 0)
  if (people >= MIN_PEOPLE && outcomes.length >= MIN_FACES && failing >= MIN_FAILING) return
  throw tooFew({ people, faces: outcomes.length, failing: Math.round(failing) })
}

function tooFew(details: Readonly<Record<string, number>>): DiffiqaError {
  return new DiffiqaError(
    'invalid-option',
    `Too little to calibrate on: at least ${MIN_PEOPLE} people with two good photos or more, ${MIN_FACES} faces with a partner to be compared with and ${MIN_FAILING} that fail are needed; there are ${JSON.stringify(details)}`,
    { details },
  )
}

/** @throws DiffiqaError `invalid-option` where not one impostor is expected beyond the threshold: it would be a guess. */
function fittedThreshold(
  impostors: readonly number[],
  direction: CalibrationMatcher['direction'],
  fmr: number,
): number {
  const needed = Math.ceil(1 / fmr)
  if (impostors.length < needed)
    throw new DiffiqaError(
      'invalid-option',
      `A false match rate of ${fmr} takes at least ${needed} comparisons of different people; these photos give ${impostors.length}`,
      { details: { option: 'fmr', needed, impostorComparisons: impostors.length } },
    )
  const exact = mildestThreshold(impostors, { direction, fmr })
  const rounded = significant(exact)
  // What is written is what was counted.
  const passing = (threshold: number): number =>
    impostors.filter((score) => (direction === 'similarity' ? score >= threshold : score < threshold)).length
  return passing(rounded) <= fmr * impostors.length ? rounded : exact
}

function reweigh(
  terms: ScoringManifest['tuned']['terms'],
  weights: readonly number[],
): ScoringManifest['tuned']['terms'] {
  // One network's terms may all be useless; a sum of none would not vary.
  const usable = weights.some((weight) => weight > 0) ? weights : weights.map(() => 1)
  return terms.map((term, i) => ({ ...term, weight: significant(usable[i] as number) }))
}

function unitSum([a, b]: readonly number[]): [number, number] {
  const sum = (a as number) + (b as number)
  return sum > 0 ? [significant((a as number) / sum), significant((b as number) / sum)] : [1, 0]
}

/** 68 % of the raw score's errors against a line through the likeness lie within it, in raw units. */
function rawSigma(raw: readonly number[], likeness: readonly number[]): number {
  const [mr, ml] = [mean(raw), mean(likeness)]
  const covariance = mean(raw.map((value, i) => (value - mr) * ((likeness[i] as number) - ml)))
  const variance = mean(raw.map((value) => (value - mr) ** 2))
  const slope = Math.max(covariance / Math.max(variance, 1e-12), 1e-6)
  const errors = raw.map((value, i) => Math.abs((likeness[i] as number) - ml - slope * (value - mr)) / slope)
  return significant(
    quantile(
      errors.sort((a, b) => a - b),
      0.68,
    ),
  )
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const significant = (value: number): number => Number(value.toPrecision(6))
