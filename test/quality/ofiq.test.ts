import { describe, expect, it } from 'vitest'
import { isoQuality, OFIQ_MEASURES, type OfiqMeasure, ofiqHeader, ofiqRow, toOfiq } from '../../src/quality/ofiq.ts'
import type { Measures, QualityScore } from '../../src/quality/types.ts'
import { alignedFace, CROP_BYTES } from './stand-ins.ts'

const { face } = alignedFace(new Uint8Array(CROP_BYTES))
const scalar = (measures: Measures, name: OfiqMeasure): number => toOfiq({ measures })[name].scalar

it('rounds a value to the whole numbers 0 to 100', () => {
  expect([0, 0.004, 0.005, 0.5, 0.996, 1].map(isoQuality)).toEqual([0, 0, 1, 50, 100, 100])
})

describe('scalars', () => {
  // Worked out by hand from the formulas and constants of OFIQ's configuration file.
  it.each([
    ['InterEyeDistance', { 'inter-eye-distance': 70 }, 50],
    ['InterEyeDistance', { 'inter-eye-distance': 90 }, 73],
    ['InterEyeDistance', { 'inter-eye-distance': 45, 'head-pose-yaw': -60 }, 73],
    ['LuminanceMean', { 'luminance-mean': 0.2 }, 50],
    ['LuminanceMean', { 'luminance-mean': 0.5 }, 100],
    ['LuminanceMean', { 'luminance-mean': 0.8 }, 50],
    ['UnderExposurePrevention', { 'under-exposure': 0.5 }, 100],
    ['UnderExposurePrevention', { 'under-exposure': 0.92 }, 40],
    ['UnderExposurePrevention', { 'under-exposure': 1 }, 0],
    ['OverExposurePrevention', { 'over-exposure': 0 }, 100],
    ['OverExposurePrevention', { 'over-exposure': 0.09 }, 10],
    ['OverExposurePrevention', { 'over-exposure': 1 }, 1],
    ['DynamicRange', { 'dynamic-range': 6.4 }, 80],
    ['IlluminationUniformity', { 'illumination-uniformity': 0.1 }, 50],
    ['HeadPoseYaw', { 'head-pose-yaw': 0 }, 100],
    ['HeadPoseYaw', { 'head-pose-yaw': -45 }, 50],
    ['HeadPosePitch', { 'head-pose-pitch': 60 }, 25],
    ['HeadPoseRoll', { 'head-pose-roll': 120 }, 0],
  ] as [OfiqMeasure, Measures, number][])('%s of %j is %s', (name, measures, expected) => {
    expect(scalar(measures, name)).toBe(expected)
  })

  it.each([
    ['Sharpness', 'sharpness', 0.15, 0.55],
    ['CompressionArtifacts', 'compression-artifacts', 0.7, 0.1],
    ['EyesOpen', 'eyes-open', 0.05, 0.3],
    ['MouthClosed', 'mouth-closed', 0.3, 0.95],
    ['MouthOcclusionPrevention', 'lower-face-occlusion', 0.8, 0],
    ['EyesVisible', 'upper-face-occlusion', 0.8, 0],
  ] as const)('%s tells poor from good', (name, measure, poor, good) => {
    expect(scalar({ [measure]: poor }, name)).toBeLessThan(40)
    expect(scalar({ [measure]: good }, name)).toBeGreaterThan(90)
  })

  it('take the score as the unified one', () => {
    const score: QualityScore = { value: 0.734, sigma: 0.1, method: 'combined', raw: 2, modelVersion: 'v' }
    expect(toOfiq({ measures: {}, score }).UnifiedQualityScore).toEqual({ raw: 0.734, scalar: 73 })
  })

  it('know where the face is in the photo', () => {
    const values = toOfiq({ measures: {}, face, photo: { width: 210, height: 300 } })
    expect(values.LeftwardCropOfTheFaceImage).toEqual({ raw: expect.closeTo(76.6 / 70, 9), scalar: 87 })
    expect(values.RightwardCropOfTheFaceImage).toEqual({ raw: expect.closeTo(0.9, 9), scalar: 50 })
  })

  it('know whether the face is alone', () => {
    const bystander = { ...face, box: { ...face.box, width: 80, height: 95 } }
    expect(toOfiq({ measures: {}, faces: [face] }).SingleFacePresent).toEqual({ raw: 0, scalar: 100 })
    expect(toOfiq({ measures: {}, faces: [bystander, face] }).SingleFacePresent).toEqual({ raw: 0.5, scalar: 50 })
  })

  it('are -1 for what was not assessed', () => {
    for (const { raw, scalar: value } of Object.values(toOfiq({ measures: {} }))) expect([raw, value]).toEqual([0, -1])
  })
})

describe('CSV', () => {
  it('has a file name, 28 raw numbers, 28 scalars and the time', () => {
    const header = ofiqHeader().split(';')
    expect(header).toHaveLength(1 + 28 + 28 + 1)
    expect(header.slice(0, 2)).toEqual(['Filename', 'UnifiedQualityScore'])
    expect(header[29]).toBe('UnifiedQualityScore.scalar')
    expect(header.at(-1)).toBe('assessment_time_in_ms')
  })

  it('puts each number below its name', () => {
    const row = ofiqRow('a/b.jpg', toOfiq({ measures: { sharpness: 0.25, 'dynamic-range': 6.4 } }), 12.6).split(';')
    const header = ofiqHeader().split(';')
    expect(row).toHaveLength(header.length)
    const read = (name: string): string | undefined => row[header.indexOf(name)]
    expect(read('Filename')).toBe('a/b.jpg')
    expect(read('DynamicRange')).toBe('6.400000')
    expect(read('DynamicRange.scalar')).toBe('80')
    expect(read('HeadSize')).toBe('0.000000')
    expect(read('HeadSize.scalar')).toBe('-1')
    expect(read('assessment_time_in_ms')).toBe('13')
  })

  it('quotes a file name that holds the separator', () => {
    expect(ofiqRow('a;"b".jpg', toOfiq({ measures: {} }), 0)).toMatch(/^"a;""b""\.jpg";0\.000000;/)
  })

  it("names every measure of OFIQ's, none twice", () => {
    expect(new Set(OFIQ_MEASURES).size).toBe(28)
  })
})
