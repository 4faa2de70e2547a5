import type { Face } from '../face/types.ts'
import type { MeasureName, Measures, QualityScore } from './types.ts'

/** The columns of OFIQ's CSV (OFIQSampleApp 1.0.3), in its order. */
export const OFIQ_MEASURES = [
  'UnifiedQualityScore',
  'BackgroundUniformity',
  'IlluminationUniformity',
  'LuminanceMean',
  'LuminanceVariance',
  'UnderExposurePrevention',
  'OverExposurePrevention',
  'DynamicRange',
  'Sharpness',
  'CompressionArtifacts',
  'NaturalColour',
  'SingleFacePresent',
  'EyesOpen',
  'MouthClosed',
  'EyesVisible',
  'MouthOcclusionPrevention',
  'FaceOcclusionPrevention',
  'InterEyeDistance',
  'HeadSize',
  'LeftwardCropOfTheFaceImage',
  'RightwardCropOfTheFaceImage',
  'MarginAboveOfTheFaceImage',
  'MarginBelowOfTheFaceImage',
  'HeadPoseYaw',
  'HeadPosePitch',
  'HeadPoseRoll',
  'ExpressionNeutrality',
  'NoHeadCoverings',
] as const

export type OfiqMeasure = (typeof OFIQ_MEASURES)[number]

export interface OfiqValue {
  /** The measure's own number. */
  readonly raw: number
  /** 0..100, higher is better; −1: not assessed (OFIQ's FailureToAssess). */
  readonly scalar: number
}

export interface OfiqInput {
  readonly measures: Measures
  readonly score?: QualityScore | undefined
  readonly face?: Face | undefined
  /** Upright size of the photo in pixels. */
  readonly photo?: { readonly width: number; readonly height: number } | undefined
  /** Every face of the photo, for SingleFacePresent. */
  readonly faces?: readonly Face[] | undefined
}

const NOT_ASSESSED: OfiqValue = { raw: 0, scalar: -1 }

const percent = (value: number): number => Math.min(100, Math.max(0, Math.round(value)))
const sigmoid = (x: number, x0: number, w: number): number => 1 / (1 + Math.exp((x0 - x) / w))

/**
 * The score as an ISO/IEC 29794-1 style quality: a whole number from 0 (worst) to 100 (best), round(100 · value).
 */
export function isoQuality(value: number): number {
  return percent(100 * value)
}

/** cos² of the angle, nothing for a face turned by a right angle or more. */
const poseScalar = (degrees: number): number =>
  Math.abs(degrees) >= 90 ? 0 : percent(100 * Math.cos((degrees * Math.PI) / 180) ** 2)

type Scalar = (raw: number) => number

/** OFIQ's own maps, for measures that are taken as OFIQ takes them (on another crop and mask, so numbers agree only roughly). */
const AS_OFIQ: Readonly<Partial<Record<MeasureName, readonly [OfiqMeasure, Scalar]>>> = {
  'illumination-uniformity': ['IlluminationUniformity', (raw) => percent(100 * raw ** 0.3)],
  'luminance-mean': ['LuminanceMean', (raw) => percent(100 * sigmoid(raw, 0.2, 0.05) * (1 - sigmoid(raw, 0.8, 0.05)))],
  'under-exposure': ['UnderExposurePrevention', (raw) => percent(120 * (0.832 - sigmoid(raw, 0.92, 0.05)))],
  'over-exposure': ['OverExposurePrevention', (raw) => percent(1 / (raw + 0.01))],
  'dynamic-range': ['DynamicRange', (raw) => percent(12.5 * raw)],
  'head-pose-yaw': ['HeadPoseYaw', poseScalar],
  'head-pose-pitch': ['HeadPosePitch', poseScalar],
  'head-pose-roll': ['HeadPoseRoll', poseScalar],
}

/** Measures of our own under OFIQ's names: OFIQ takes them with networks or landmarks that are not here, so the maps are ours too. */
const OUR_OWN: Readonly<Partial<Record<MeasureName, readonly [OfiqMeasure, Scalar]>>> = {
  sharpness: ['Sharpness', (raw) => percent(100 * sigmoid(raw, 0.32, 0.05))],
  'compression-artifacts': ['CompressionArtifacts', (raw) => percent(100 * sigmoid(-raw, -0.45, 0.06))],
  'eyes-open': ['EyesOpen', (raw) => percent(100 * sigmoid(raw, 0.12, 0.03))],
  'mouth-closed': ['MouthClosed', (raw) => percent(100 * sigmoid(raw, 0.6, 0.1))],
  'lower-face-occlusion': ['MouthOcclusionPrevention', (raw) => percent(100 * (1 - raw))],
  'upper-face-occlusion': ['EyesVisible', (raw) => percent(100 * (1 - raw))],
}

/** Eye distance as if the head were not turned; a yaw near the right angle says nothing about it. */
function interEye(measures: Measures): OfiqValue | undefined {
  const distance = measures['inter-eye-distance']
  if (distance === undefined) return undefined
  const yaw = Math.min(60, Math.abs(measures['head-pose-yaw'] ?? 0))
  const raw = distance / Math.cos((yaw * Math.PI) / 180)
  return { raw, scalar: percent(100 * sigmoid(raw, 70, 20)) }
}

function crops({ face, photo }: OfiqInput): Partial<Record<OfiqMeasure, OfiqValue>> {
  if (!face || !photo || !(face.interEyeDistance > 0)) return {}
  const value = (raw: number): OfiqValue => ({ raw, scalar: percent(100 * sigmoid(raw, 0.9, 0.1)) })
  const [left, right] = face.landmarks
  return {
    LeftwardCropOfTheFaceImage: value(left.x / face.interEyeDistance),
    RightwardCropOfTheFaceImage: value((photo.width - right.x) / face.interEyeDistance),
  }
}

function single(faces: readonly Face[] | undefined): OfiqValue | undefined {
  if (!faces || faces.length === 0) return undefined
  const [largest = 0, second = 0] = faces.map(({ box }) => box.width * box.height).sort((a, b) => b - a)
  const raw = largest > 0 ? Math.sqrt(second / largest) : 1
  return { raw, scalar: percent(100 * (1 - raw)) }
}

/**
 * Our measures under OFIQ's names (BSI-OFIQ/OFIQ-Project, the reference implementation of ISO/IEC 29794-5:2025).
 *
 * Scalars use OFIQ's published maps where the raw number is taken in the same way: illumination, luminance, exposure, dynamic range, eye
 * distance, pose, left and right crop, single face. UnifiedQualityScore is our calibrated value (OFIQ's is MagFace's magnitude), and
 * sharpness, compression, eyes, mouth and occlusion are ours. What is not assessed has scalar −1.
 */
export function toOfiq(input: OfiqInput): Record<OfiqMeasure, OfiqValue> {
  const { measures, score, faces } = input
  const found: Partial<Record<OfiqMeasure, OfiqValue>> = { ...crops(input) }
  for (const [measure, entry] of Object.entries({ ...AS_OFIQ, ...OUR_OWN })) {
    const raw = measures[measure as MeasureName]
    if (raw !== undefined) found[entry[0]] = { raw, scalar: entry[1](raw) }
  }
  const occlusions = [measures['lower-face-occlusion'], measures['upper-face-occlusion']].filter((v) => v !== undefined)
  if (occlusions.length > 0) {
    const raw = occlusions.reduce((sum, value) => sum + value, 0) / occlusions.length
    found.FaceOcclusionPrevention = { raw, scalar: percent(100 * (1 - raw)) }
  }
  if (score) found.UnifiedQualityScore = { raw: score.value, scalar: isoQuality(score.value) }
  const eyes = interEye(measures)
  if (eyes) found.InterEyeDistance = eyes
  const unicity = single(faces)
  if (unicity) found.SingleFacePresent = unicity
  return Object.fromEntries(OFIQ_MEASURES.map((name) => [name, found[name] ?? NOT_ASSESSED])) as Record<
    OfiqMeasure,
    OfiqValue
  >
}

/** First line of OFIQ's CSV, without the line break. */
export function ofiqHeader(): string {
  return ['Filename', ...OFIQ_MEASURES, ...OFIQ_MEASURES.map((name) => `${name}.scalar`), 'assessment_time_in_ms'].join(
    ';',
  )
}

/** A file name may hold what separates fields. */
const quote = (field: string): string => (/[;"\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

/** One line of OFIQ's CSV, without the line break: raw numbers, scalars, milliseconds. */
export function ofiqRow(
  filename: string,
  values: Readonly<Record<OfiqMeasure, OfiqValue>>,
  milliseconds: number,
): string {
  return [
    quote(filename),
    ...OFIQ_MEASURES.map((name) => values[name].raw.toFixed(6)),
    ...OFIQ_MEASURES.map((name) => String(values[name].scalar)),
    String(Math.round(milliseconds)),
  ].join(';')
}
