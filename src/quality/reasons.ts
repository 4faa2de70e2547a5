import { REASON_RULES, type ReasonRule } from './reason-rules.ts'
import type { MeasureName, Measures, QualityScore, Reason, ReasonCode } from './types.ts'

/** Other thresholds than the usual ones, by measure. */
export type MeasureLimits = Readonly<Partial<Record<MeasureName, number>>>

/** A measure that crossed its threshold by less explains less than the score itself does. */
const TELLING = 0.1

interface Weighed {
  readonly reason: Reason
  readonly severity: number
}

function weigh(rule: ReasonRule, measures: Measures, limits: MeasureLimits): Weighed[] {
  const value = measures[rule.measure]
  const threshold = limits[rule.measure] ?? rule.threshold
  if (value === undefined) return []
  const size = rule.bad === 'beyond' ? Math.abs(value) : value
  const excess = rule.bad === 'below' ? threshold - size : size - threshold
  if (!(excess > 0)) return []
  const code = typeof rule.code === 'string' ? rule.code : rule.code(measures)
  // With a threshold of the user's own beyond the usual end of the scale, only its excess can be compared.
  const scale = Math.max(Math.abs(rule.hopeless - threshold), 1e-6)
  return [
    {
      reason: { code, measure: rule.measure, value, threshold, advice: rule.advice(value, threshold) },
      severity: excess / scale,
    },
  ]
}

/** Two measures of one and the same fault are one reason: the one that shows it more clearly. */
const SAME_FAULT: readonly (readonly MeasureName[])[] = [
  ['luminance-mean', 'under-exposure', 'over-exposure', 'dynamic-range'],
  ['head-pose-yaw', 'alignment-residual'],
]

function withoutTwins(weighed: readonly Weighed[]): Weighed[] {
  return weighed.filter(({ reason }, i) => {
    const twins = SAME_FAULT.find((measures) => measures.some((measure) => measure === reason.measure))
    return !twins || !weighed.slice(0, i).some((earlier) => twins.some((measure) => measure === earlier.reason.measure))
  })
}

function lowScore(score: QualityScore, { rejectBelow, acceptFrom }: ScoreThresholds): Weighed[] {
  if (score.value >= acceptFrom) return []
  const threshold = score.value < rejectBelow ? rejectBelow : acceptFrom
  const numbers = `quality ${score.value.toFixed(2)}, ${threshold.toFixed(2)} or more is needed`
  const advice = `Take another photo, from the front and in even light: this one is hard to recognise (${numbers}).`
  return [{ reason: { code: 'low_score', measure: 'score', value: score.value, threshold, advice }, severity: TELLING }]
}

export interface ScoreThresholds {
  /** Values below are refused. */
  readonly rejectBelow: number
  /** Values from here on are accepted as they are. */
  readonly acceptFrom: number
}

/**
 * Why a face was refused or down-weighted, the most telling reason first: the measure furthest beyond its threshold; the score itself
 * where no measure explains it.
 * @param measures What was measured; what was not cannot be a reason.
 * @param score The score that the decision is made on. Without one, the measures alone speak.
 * @param thresholds Of the score, 0..1.
 * @param limits Thresholds of measures that replace the usual ones.
 * @returns an empty list for a face whose score is accepted.
 */
export function reasonsFor(
  measures: Measures,
  score: QualityScore | undefined,
  thresholds: ScoreThresholds,
  limits: MeasureLimits = {},
): Reason[] {
  if (score && score.value >= thresholds.acceptFrom) return []
  const weighed = [
    ...REASON_RULES.flatMap((rule) => weigh(rule, measures, limits)),
    ...(score ? lowScore(score, thresholds) : []),
  ].sort((a, b) => b.severity - a.severity)
  return withoutTwins(weighed).map(({ reason }) => reason)
}

/** Reasons that a photo can have before any score. */
export type PhotoReasonCode = Extract<
  ReasonCode,
  'no_face' | 'several_faces' | 'unreadable' | 'unsupported' | 'too_large' | 'too_small'
>

const needed = (threshold: number | undefined, unit: string): string =>
  threshold === undefined ? '' : `, ${Math.round(threshold)} ${unit} is needed`

const PHOTO_ADVICE: Readonly<Record<PhotoReasonCode, (value?: number, threshold?: number) => string>> = {
  no_face: () => 'Hold the photo upright, move closer and look into the camera: no face was found.',
  several_faces: (value) =>
    `Let only one person be in the picture: ${value === undefined ? 'several' : Math.round(value)} faces were found.`,
  unreadable: () => 'Send the photo again: the file is damaged or cut off.',
  unsupported: () => 'Send a JPEG, PNG or WebP photo: this type of file cannot be read.',
  too_large: () => 'Send a smaller photo: this one is larger than the service takes.',
  too_small: (value, threshold) =>
    value === undefined
      ? 'Move closer: the face is too small.'
      : `Move closer: the eyes are ${Math.round(value)} px apart${needed(threshold, 'or more')}.`,
}

/**
 * The reason of a photo that got no score.
 * @param facts Number of faces for `several_faces`; eye distance and its minimum in pixels for `too_small`.
 */
export function photoReason(
  code: PhotoReasonCode,
  facts: { readonly value?: number; readonly threshold?: number } = {},
): Reason {
  return {
    code,
    ...(code === 'too_small' && { measure: 'inter-eye-distance' as const }),
    ...facts,
    advice: PHOTO_ADVICE[code](facts.value, facts.threshold),
  }
}
