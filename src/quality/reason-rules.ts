import type { MeasureName, Measures, ReasonCode } from './types.ts'

/** When a measure is a reason. */
export interface ReasonRule {
  readonly measure: MeasureName
  readonly code: ReasonCode | ((measures: Measures) => ReasonCode)
  /** Which side of the threshold is bad; `beyond`: the size of the number counts, not its sign. */
  readonly bad: 'below' | 'above' | 'beyond'
  readonly threshold: number
  /** Where nothing can be recognised any more: how far a value is from threshold to here is how much it explains. */
  readonly hopeless: number
  /** One sentence in plain words. */
  advice(value: number, threshold: number): string
}

const whole = (value: number): string => String(Math.round(value))
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Mid-grey in linear light: above it, a face without contrast has too much light, not too little. */
const BRIGHT = 0.4

/**
 * Measures, thresholds and advice. Thresholds were chosen on training and validation photos, untouched and degraded: those of sharpness,
 * compression and light are crossed by about 1 in 100 untouched photos at most and by most that were degraded in that way from level 3
 * on. A reason explains a poor score; it never refuses a photo by itself.
 */
export const REASON_RULES: readonly ReasonRule[] = [
  {
    measure: 'inter-eye-distance',
    code: 'too_small',
    bad: 'below',
    threshold: 30,
    hopeless: 10,
    advice: (value, threshold) =>
      `Move closer: the eyes are ${whole(value)} px apart, ${whole(threshold)} or more is needed.`,
  },
  {
    measure: 'sharpness',
    code: 'blur',
    bad: 'below',
    threshold: 0.32,
    hopeless: 0.12,
    advice: () => 'Hold the camera still and let it focus on the face: the picture is blurred.',
  },
  {
    measure: 'compression-artifacts',
    code: 'blur',
    bad: 'above',
    threshold: 0.45,
    hopeless: 0.8,
    advice: () => 'Send the photo with less compression: its blocks hide the details of the face.',
  },
  {
    measure: 'luminance-mean',
    code: 'dark',
    bad: 'below',
    threshold: 0.06,
    hopeless: 0.01,
    advice: () => 'Turn on a light or turn towards the window: the face is too dark.',
  },
  {
    measure: 'under-exposure',
    code: 'dark',
    bad: 'above',
    threshold: 0.92,
    hopeless: 1.05,
    advice: (value) => `Turn on a light or turn towards the window: ${percent(value)} of the face is nearly black.`,
  },
  {
    measure: 'over-exposure',
    code: 'overexposed',
    bad: 'above',
    threshold: 0.2,
    hopeless: 0.7,
    advice: (value) => `Turn away from the light or use less of it: ${percent(value)} of the face is burnt out.`,
  },
  {
    measure: 'dynamic-range',
    code: (measures) => ((measures['luminance-mean'] ?? 0) > BRIGHT ? 'overexposed' : 'dark'),
    bad: 'below',
    threshold: 4,
    hopeless: 1,
    advice: () => 'Find better light: the face shows hardly any contrast.',
  },
  {
    measure: 'illumination-uniformity',
    code: 'dark',
    bad: 'below',
    threshold: 0.02,
    hopeless: -0.2,
    advice: () => 'Light the face from the front: one side is much darker than the other.',
  },
  {
    measure: 'head-pose-yaw',
    code: 'pose',
    bad: 'beyond',
    threshold: 40,
    hopeless: 80,
    advice: (value) => `Turn to the camera: the face looks about ${whole(Math.abs(value))}° to the side.`,
  },
  {
    measure: 'head-pose-pitch',
    code: 'pose',
    bad: 'beyond',
    threshold: 35,
    hopeless: 70,
    advice: (value) => `Hold the head level: the face looks too far ${value > 0 ? 'down' : 'up'}.`,
  },
  {
    measure: 'head-pose-roll',
    code: 'pose',
    bad: 'beyond',
    threshold: 45,
    hopeless: 120,
    advice: (value) => `Turn the photo upright: the head is tilted by about ${whole(Math.abs(value))}°.`,
  },
  {
    measure: 'alignment-residual',
    code: 'pose',
    bad: 'above',
    threshold: 8,
    hopeless: 16,
    advice: () => 'Look straight into the camera: eyes, nose and mouth are not where a frontal face has them.',
  },
  {
    measure: 'face-margin',
    code: 'occlusion',
    bad: 'below',
    threshold: 0.8,
    hopeless: 0.4,
    advice: (value) => `Move to the middle of the picture: ${percent(1 - value)} of the head lies outside it.`,
  },
  {
    measure: 'lower-face-occlusion',
    code: 'occlusion',
    bad: 'above',
    threshold: 0.35,
    hopeless: 0.9,
    advice: () => 'Uncover mouth and nose: something hides the lower part of the face.',
  },
  {
    measure: 'upper-face-occlusion',
    code: 'occlusion',
    bad: 'above',
    threshold: 0.35,
    hopeless: 0.9,
    advice: () => 'Uncover eyes and forehead: something hides the upper part of the face.',
  },
  {
    measure: 'eyes-open',
    code: 'occlusion',
    bad: 'below',
    threshold: 0.12,
    hopeless: -0.2,
    advice: () => 'Open the eyes and keep them open.',
  },
  {
    measure: 'mouth-closed',
    code: 'pose',
    bad: 'below',
    threshold: 0.6,
    hopeless: -1,
    advice: () => 'Close the mouth and keep a neutral face.',
  },
]
