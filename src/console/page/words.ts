import { REASON_RULES, type ReasonRule } from '../../quality/reason-rules.ts'
import type { MeasureName, QualityScore, ReasonCode, TermName } from '../../quality/types.ts'
import type { Outcome } from './rows.ts'

export const OUTCOME: Readonly<Record<Outcome, { readonly word: string; readonly sign: string }>> = {
  accept: { word: 'Accepted', sign: '✓' },
  'down-weight': { word: 'Weighed down', sign: '≈' },
  reject: { word: 'Refused', sign: '✕' },
  refused: { word: 'Not usable', sign: '✕' },
  failed: { word: 'Not scored', sign: '!' },
  working: { word: 'Scoring …', sign: '…' },
}

export const METHOD: Readonly<Record<QualityScore['method'], string>> = {
  'diffiqa-r': 'DifFIQA(R)',
  diffiqa: 'DifFIQA',
  combined: 'DifFIQA(R) + DifFIQA',
}

export const REASON: Readonly<Record<ReasonCode, string>> = {
  low_score: 'hard to recognise',
  blur: 'blurred',
  too_small: 'too small',
  dark: 'too dark',
  overexposed: 'too bright',
  pose: 'turned away',
  occlusion: 'covered',
  no_face: 'no face',
  several_faces: 'several faces',
  unreadable: 'damaged file',
  unsupported: 'not a photo',
  too_large: 'too large',
}

export const TERM: Readonly<Record<TermName, string>> = {
  forward: 'With noise',
  backward: 'Restored',
  'forward-mirror': 'Mirrored, with noise',
  'backward-mirror': 'Mirrored, restored',
  mirror: 'Mirrored',
}

export const fixed = (value: number): string => value.toFixed(2)
const plain =
  (digits: number, unit = '') =>
  (value: number): string =>
    `${value.toFixed(digits)}${unit}`
const percent = (value: number): string => `${Math.round(value * 100)} %`

export const MEASURE: Readonly<Record<MeasureName, readonly [name: string, show: (value: number) => string]>> = {
  sharpness: ['Sharpness', plain(2)],
  'luminance-mean': ['Brightness', plain(2)],
  'illumination-uniformity': ['Evenness of light', plain(2)],
  'over-exposure': ['Burnt out', percent],
  'under-exposure': ['Nearly black', percent],
  'dynamic-range': ['Contrast', plain(1, ' bit')],
  'compression-artifacts': ['Compression', plain(2)],
  'inter-eye-distance': ['Eye distance', plain(0, ' px')],
  'head-pose-yaw': ['Turned', plain(0, '°')],
  'head-pose-pitch': ['Nodding', plain(0, '°')],
  'head-pose-roll': ['Tilted', plain(0, '°')],
  'face-margin': ['Inside the picture', percent],
  'alignment-residual': ['Off the template', plain(1, ' px')],
  'eyes-open': ['Eyes open', plain(2)],
  'mouth-closed': ['Mouth closed', plain(2)],
  'lower-face-occlusion': ['Mouth and nose covered', percent],
  'upper-face-occlusion': ['Eyes and forehead covered', percent],
}

const RULES = new Map<MeasureName, ReasonRule>(REASON_RULES.map((rule) => [rule.measure, rule]))

/** The measure's usual limit in words, and whether the value keeps to it. */
export function limitOf(measure: MeasureName, value: number): { readonly text: string; readonly kept: boolean } {
  const rule = RULES.get(measure)
  if (!rule) return { text: '', kept: true }
  const shown = MEASURE[measure][1](rule.threshold)
  if (rule.bad === 'below') return { text: `at least ${shown}`, kept: value >= rule.threshold }
  const size = rule.bad === 'beyond' ? Math.abs(value) : value
  return { text: `at most ${rule.bad === 'beyond' ? '±' : ''}${shown}`, kept: size <= rule.threshold }
}
