import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REASON_RULES } from '../../src/quality/reason-rules.ts'
import { photoReason, reasonsFor } from '../../src/quality/reasons.ts'
import type { MeasureName, Measures, QualityScore, ReasonCode } from '../../src/quality/types.ts'

const THRESHOLDS = { rejectBelow: 0.3, acceptFrom: 0.6 }
const scored = (value: number): QualityScore => ({ value, sigma: 0.1, method: 'diffiqa-r', raw: 0, modelVersion: 'v' })

/** A sharp, frontal, evenly lit face of medium size. */
const GOOD: Measures = {
  sharpness: 0.52,
  'luminance-mean': 0.27,
  'illumination-uniformity': 0.45,
  'over-exposure': 0,
  'under-exposure': 0.1,
  'dynamic-range': 6.9,
  'compression-artifacts': 0.12,
  'inter-eye-distance': 60,
  'head-pose-yaw': -8,
  'head-pose-pitch': 10,
  'head-pose-roll': 3,
  'face-margin': 1,
  'alignment-residual': 3,
  'eyes-open': 0.3,
  'mouth-closed': 0.95,
  'lower-face-occlusion': 0.05,
  'upper-face-occlusion': 0.05,
}
const codes = (measures: Measures, value = 0.1): ReasonCode[] =>
  reasonsFor({ ...GOOD, ...measures }, scored(value), THRESHOLDS).map(({ code }) => code)

describe('a good face', () => {
  it('has no reasons', () => {
    expect(reasonsFor(GOOD, scored(0.9), THRESHOLDS)).toEqual([])
    expect(reasonsFor(GOOD, undefined, THRESHOLDS)).toEqual([])
  })

  it('has none either when its score is accepted in spite of a poor measure', () => {
    expect(reasonsFor({ ...GOOD, sharpness: 0.1 }, scored(0.6), THRESHOLDS)).toEqual([])
  })
})

describe('the first reason', () => {
  it.each([
    // Medians of validation photos degraded at levels 3 to 5.
    ['gaussian blur', { sharpness: 0.17 }, 'blur'],
    ['strong gaussian blur', { sharpness: 0.13, 'inter-eye-distance': 34, 'dynamic-range': 5.6 }, 'blur'],
    ['motion blur', { sharpness: 0.26 }, 'blur'],
    ['JPEG of quality 7', { 'compression-artifacts': 0.66 }, 'blur'],
    ['a face of 14 px between the eyes', { 'inter-eye-distance': 14, sharpness: 0.25 }, 'too_small'],
    ['low light', { 'luminance-mean': 0.009, 'under-exposure': 1, 'dynamic-range': 1.9, sharpness: 0.77 }, 'dark'],
    ['over-exposure', { 'luminance-mean': 0.93, 'over-exposure': 0.73, 'dynamic-range': 3.8 }, 'overexposed'],
    ['a profile', { 'head-pose-yaw': -75, 'alignment-residual': 9, 'illumination-uniformity': 0.01 }, 'pose'],
    ['a photo lying on its side', { 'head-pose-roll': 92 }, 'pose'],
    ['half a face in the picture', { 'face-margin': 0.5 }, 'occlusion'],
    ['a mask', { 'lower-face-occlusion': 0.7, 'alignment-residual': 4 }, 'occlusion'],
    ['closed eyes', { 'eyes-open': 0.05 }, 'occlusion'],
    ['nothing that is measured', {}, 'low_score'],
    ['hardly anything', { sharpness: 0.315 }, 'low_score'],
  ] as [string, Measures, ReasonCode][])('of %s', (_, measures, first) => {
    expect(codes(measures)[0]).toBe(first)
  })

  it('is the measure that is furthest beyond its threshold', () => {
    expect(codes({ sharpness: 0.14, 'head-pose-yaw': 45 })).toEqual(['blur', 'pose', 'low_score'])
    expect(codes({ sharpness: 0.3, 'head-pose-yaw': 80 })).toEqual(['pose', 'blur', 'low_score'])
  })
})

describe('reasons', () => {
  it('always hold the score when it is below the threshold, with the threshold that counted', () => {
    const last = (value: number) => reasonsFor({ ...GOOD, sharpness: 0.1 }, scored(value), THRESHOLDS).at(-1)
    expect(last(0.1)).toMatchObject({ code: 'low_score', measure: 'score', value: 0.1, threshold: 0.3 })
    expect(last(0.45)).toMatchObject({ code: 'low_score', measure: 'score', value: 0.45, threshold: 0.6 })
  })

  it('name one fault once', () => {
    expect(
      codes({ 'luminance-mean': 0.02, 'under-exposure': 1, 'dynamic-range': 2 }).filter((code) => code === 'dark'),
    ).toHaveLength(1)
    expect(codes({ 'head-pose-yaw': 70, 'alignment-residual': 14 }).filter((code) => code === 'pose')).toHaveLength(1)
  })

  it('come from the measures alone when there is no score', () => {
    expect(reasonsFor({ sharpness: 0.1 }, undefined, THRESHOLDS).map(({ code }) => code)).toEqual(['blur'])
  })

  it("follow the user's own limits", () => {
    const reasons = reasonsFor(GOOD, scored(0.1), THRESHOLDS, { 'inter-eye-distance': 80, sharpness: 0.05 })
    expect(reasons[0]).toMatchObject({ code: 'too_small', value: 60, threshold: 80 })
    expect(reasonsFor({ ...GOOD, sharpness: 0.1 }, scored(0.1), THRESHOLDS, { sharpness: 0.05 })).toHaveLength(1)
  })

  it('say what to do, with the numbers of the case', () => {
    const [small] = reasonsFor({ 'inter-eye-distance': 14.2 }, scored(0.1), THRESHOLDS)
    expect(small?.advice).toBe('Move closer: the eyes are 14 px apart, 30 or more is needed.')
    const [tilted] = reasonsFor({ 'head-pose-roll': -91.7 }, scored(0.1), THRESHOLDS)
    expect(tilted?.advice).toBe('Turn the photo upright: the head is tilted by about 92°.')
    const [low] = reasonsFor({}, scored(0.1234), THRESHOLDS)
    expect(low?.advice).toContain('quality 0.12, 0.30 or more is needed')
  })

  it('call missing contrast too much light in a bright face and too little in a dark one', () => {
    expect(codes({ 'dynamic-range': 2, 'luminance-mean': 0.7 })[0]).toBe('overexposed')
    expect(codes({ 'dynamic-range': 2, 'luminance-mean': 0.1 })[0]).toBe('dark')
  })

  it('are well formed for any measures: known codes, one sentence, the measure beyond its threshold', () => {
    const names = Object.keys(GOOD) as MeasureName[]
    const any = fc.record(
      Object.fromEntries(names.map((name) => [name, fc.double({ min: -200, max: 200, noNaN: true })])),
      { requiredKeys: [] },
    ) as fc.Arbitrary<Measures>
    fc.assert(
      fc.property(any, fc.double({ min: 0, max: 1, noNaN: true }), (measures, value) => {
        const reasons = reasonsFor(measures, scored(value), THRESHOLDS)
        expect(reasons.length > 0).toBe(value < THRESHOLDS.acceptFrom)
        for (const reason of reasons) {
          expect(reason.advice).toMatch(/^[A-Z][^.\n]*(\.\d[^.\n]*)*\.$/)
          expect(Number.isFinite(reason.value)).toBe(true)
          const rule = REASON_RULES.find(({ measure }) => measure === reason.measure)
          if (!rule) {
            expect(reason.code).toBe('low_score')
            continue
          }
          const size = rule.bad === 'beyond' ? Math.abs(reason.value as number) : (reason.value as number)
          expect(rule.bad === 'below' ? size < rule.threshold : size > rule.threshold).toBe(true)
        }
      }),
    )
  })
})

it('rules name each measure once, and end their scale on the bad side', () => {
  expect(new Set(REASON_RULES.map(({ measure }) => measure)).size).toBe(REASON_RULES.length)
  for (const { bad, threshold, hopeless, measure } of REASON_RULES)
    expect(bad === 'below' ? hopeless < threshold : hopeless > threshold, measure).toBe(true)
})

describe('photoReason', () => {
  it.each(['no_face', 'several_faces', 'unreadable', 'unsupported', 'too_large', 'too_small'] as const)(
    '%s',
    (code) => {
      const { advice, ...reason } = photoReason(code)
      expect(reason).toEqual(code === 'too_small' ? { code, measure: 'inter-eye-distance' } : { code })
      expect(advice).toMatch(/^[A-Z].*\.$/)
    },
  )

  it('speaks of distance and orientation when no face was found', () => {
    expect(photoReason('no_face').advice).toMatch(/upright.*closer/)
  })

  it('takes the numbers of the case', () => {
    expect(photoReason('several_faces', { value: 5, threshold: 1 })).toMatchObject({
      value: 5,
      threshold: 1,
      advice: 'Let only one person be in the picture: 5 faces were found.',
    })
    expect(photoReason('too_small', { value: 11.8, threshold: 20 }).advice).toBe(
      'Move closer: the eyes are 12 px apart, 20 or more is needed.',
    )
  })
})
