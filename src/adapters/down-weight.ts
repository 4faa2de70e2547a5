import { DiffiqaError } from '../errors.ts'
import type { Gate } from '../gate/gate.ts'
import type { Verdict } from '../gate/types.ts'
import { checkOptions } from '../inference/backend-options.ts'
import type { Knots } from '../inference/manifest.ts'
import { applyKnots } from '../quality/calibration.ts'
import type { DownWeighting } from './guard-types.ts'
import type { Matcher, ScoreScale } from './matcher.ts'

/** Weight at `rejectBelow` for matchers that nobody has calibrated yet. */
const RAMP_START = 0.8

export interface Adjusted {
  readonly adjustedScore: number
  readonly weight: number
}

/**
 * The score drawn towards the mean impostor score m by the weight w: m + w · (r − m) where r is better than m, unchanged where it is not
 * (Kelley's regressed score, one-sided). Never better than r; the order of scores of one weight stays.
 */
export function shrink(
  raw: number,
  weight: number,
  { direction, impostorMean }: Pick<ScoreScale, 'direction' | 'impostorMean'>,
): number {
  const better = direction === 'similarity' ? raw > impostorMean : raw < impostorMean
  // The plain formula may round past `raw` when the weight is 1.
  if (!better || weight === 1) return raw
  const drawn = impostorMean + weight * (raw - impostorMean)
  return direction === 'similarity' ? Math.min(raw, drawn) : Math.max(raw, drawn)
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
  const fitted = gate.manifest.scoring.downWeighting[matcher.name]
  const knots = own.knots ?? fitted?.knots
  const impostorMean = own.impostorMean ?? fitted?.impostorMean ?? matcher.scale.impostorMean
  const scale = { direction: matcher.scale.direction, impostorMean }

  return (raw, { score, thresholds }, referenceQuality = 1) => {
    const quality = Math.min(score?.value ?? 1, referenceQuality)
    const weight = quality >= thresholds.acceptFrom ? 1 : applyKnots(knots ?? ramp(thresholds), quality)
    return { adjustedScore: shrink(raw, weight, scale), weight }
  }
}

function ramp({ rejectBelow, acceptFrom }: Verdict['thresholds']): Knots {
  return [
    [rejectBelow, RAMP_START],
    [acceptFrom, 1],
  ]
}

function requireDownWeighting(option: DownWeighting, { min, max }: ScoreScale): DownWeighting {
  if (typeof option !== 'object' || option === null) throw invalid('downWeight', 'must be an object or false')
  checkOptions(option, ['impostorMean', 'knots'], {})
  const { impostorMean, knots } = option
  if (impostorMean !== undefined && !(impostorMean >= min && impostorMean <= max))
    throw invalid('downWeight.impostorMean', `must be a number from ${min} to ${max}`)
  if (knots !== undefined) requireKnots(knots)
  return option
}

/** What makes the promise hold: weights above 0, at most 1, never falling with quality, 1 at the end. */
function requireKnots(knots: Knots): void {
  const valid =
    Array.isArray(knots) &&
    knots.length > 0 &&
    knots.every(([quality, weight], index) => {
      const [before, weightBefore] = knots[index - 1] ?? [Number.NEGATIVE_INFINITY, 0]
      return quality > before && weight >= weightBefore && weight > 0 && weight <= 1
    }) &&
    knots.at(-1)?.[1] === 1
  if (!valid)
    throw invalid('downWeight.knots', 'must be pairs of rising quality and rising weight, 0 < weight <= 1, the last 1')
}

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
}
