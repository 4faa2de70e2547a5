import { DiffiqaError } from '../errors.ts'
import { type MatcherCalibration, requireMatcher } from '../gate/calibration.ts'
import { checkKeys, invalidOption } from '../gate/check-keys.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import { adjustScore, pairQuality, reliability } from '../gate/weighting.ts'
import type { Knots } from '../inference/manifest.ts'
import type { DownWeighting } from './guard-types.ts'
import type { Matcher, ScoreScale } from './matcher.ts'

/** Weight at `rejectBelow` for matchers that nobody has calibrated yet. */
const RAMP_START = 0.8

export interface Adjusted {
  readonly adjustedScore: number
  readonly weight: number
}

/**
 * How a guarded matcher's scores are adjusted. q is the lower quality of probe and reference, the probe's alone where the reference's is
 * unknown; r(q) is read from the knots; a q that the policy accepts (from `acceptFrom` on) keeps its score.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function downWeighting(
  matcher: Matcher,
  gate: Gate,
  option: DownWeighting | false | undefined,
): (raw: number, verdict: Verdict, referenceQuality?: number) => Adjusted {
  if (option === false) return (raw) => ({ adjustedScore: raw, weight: 1 })
  const own = option === undefined ? {} : requireDownWeighting(option, matcher.scale)
  const fitted = gate.calibration ? fittedFor(matcher, gate) : shippedFor(matcher, gate)
  const knots = own.knots ?? fitted?.knots
  const impostorMean = own.impostorMean ?? fitted?.impostorMean ?? matcher.scale.impostorMean
  const scale = { direction: matcher.scale.direction, impostorMean }

  return (raw, { score, thresholds }, referenceQuality) => {
    const quality = pairQuality(score?.value ?? 1, referenceQuality)
    const weight = quality >= thresholds.acceptFrom ? 1 : reliability(knots ?? ramp(thresholds), quality)
    return { adjustedScore: adjustScore(raw, weight, scale), weight }
  }
}

/**
 * What the gate's calibration holds for this matcher; undefined where it was made for another one.
 * @throws DiffiqaError `calibration-mismatch` when it was made for the same adapter over another network or scale.
 */
export function fittedFor(matcher: Matcher, { calibration }: Gate): MatcherCalibration | undefined {
  if (calibration?.matcher.name !== matcher.name) return undefined
  requireMatcher(calibration, matcher)
  if (calibration.matcher.direction === matcher.scale.direction) return calibration.matcher
  throw new DiffiqaError('calibration-mismatch', 'The calibration was fitted for a matcher with another scale', {
    details: { fittedFor: calibration.matcher.direction, matcher: matcher.scale.direction },
  })
}

/** The manifest's r(q) is fitted on the manifest's scale of values: beside a calibration it would be read wrongly. */
function shippedFor(
  { calibration }: Matcher,
  gate: Gate,
): Pick<MatcherCalibration, 'impostorMean' | 'knots'> | undefined {
  return calibration === undefined ? undefined : gate.manifest.scoring.downWeighting[calibration]
}

function ramp({ rejectBelow, acceptFrom }: Verdict['thresholds']): Knots {
  return [
    [rejectBelow, RAMP_START],
    [acceptFrom, 1],
  ]
}

function requireDownWeighting(option: DownWeighting, { min, max }: ScoreScale): DownWeighting {
  checkKeys('downWeight', option, ['impostorMean', 'knots'])
  const { impostorMean, knots } = option
  if (impostorMean !== undefined && !(impostorMean >= min && impostorMean <= max))
    throw invalidOption('downWeight.impostorMean', `downWeight.impostorMean must be a number from ${min} to ${max}`)
  if (knots !== undefined) requireKnots(knots)
  return option
}

/** What makes the promise hold: weights above 0, at most 1, never falling with quality, 1 at the end. */
function requireKnots(knots: Knots): void {
  const valid =
    Array.isArray(knots) &&
    knots.length > 0 &&
    knots.every((knot, index) => {
      const [quality, weight] = Array.isArray(knot) ? knot : []
      const [before, weightBefore] = knots[index - 1] ?? [Number.NEGATIVE_INFINITY, 0]
      return quality > before && weight >= weightBefore && weight > 0 && weight <= 1
    }) &&
    knots.at(-1)?.[1] === 1
  if (!valid)
    throw invalidOption(
      'downWeight.knots',
      'downWeight.knots must be pairs of rising quality and weight, 0 < weight <= 1, the last 1',
    )
}
